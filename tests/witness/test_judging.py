"""Every status of C2SP tlog-witness, and what a witness keeps."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_client import cosignature, merkle, note
from forewarn_witness import record
from forewarn_witness.cosigning import Cosigner
from forewarn_witness.judging import SIZE, Answer, Witness
from forewarn_witness.record import Record, RecordError
from gateway.core.checkpoint import NoteSigner
from tests.witness.logs import ORIGIN, PaperLog

NAME = "witness.example/w1"
NOW = 1_790_000_000


class Place:
    """A witness for one log, on disk."""

    def __init__(self, folder: Path, log: PaperLog | None = None) -> None:
        self.log = log or PaperLog()
        self.path = folder / "cosigned.db"
        self.record = Record.create(self.path)
        self.cosigners = [
            Cosigner(name=NAME, key=Ed25519PrivateKey.generate()),
            Cosigner(name=NAME, key=MLDSA44PrivateKey.generate()),
        ]
        self.keys = [each.verifier for each in self.cosigners]

    @property
    def witness(self) -> Witness:
        """Opened anew each time, as after a restart."""
        return Witness(
            logs={ORIGIN: [note.VerifierKey.parse(self.log.key)]},
            cosigners=self.cosigners,
            record=Record(self.path),
        )

    def add(self, body: bytes, now: int = NOW) -> Answer:
        return self.witness.add_checkpoint(body, now)

    def size(self) -> int:
        return self.record.latest(ORIGIN).size


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_log_that_grows_is_cosigned_by_both_keys(place: Place) -> None:
    for leaves in (1, 4, 11):
        old = len(place.log.leaves)
        place.log.grow(leaves)
        answer = place.add(place.log.request(old), NOW + old)
        assert answer.status == 200
        assert answer.body.count(b"\n") == 2
        signed = place.log.note() + answer.body
        for keys in (place.keys, place.keys[:1], place.keys[1:]):
            assert cosignature.cosigned(signed, keys) == {NAME: NOW + old}
        assert place.size() == len(place.log.leaves)


def test_the_time_of_cosigning_never_runs_backwards(place: Place) -> None:
    """Also across a restart: each answer is a witness's that was opened anew."""
    hour = 3600
    for now, cosigned in ((NOW, NOW), (NOW + hour, NOW + hour), (NOW, NOW + hour)):
        old = len(place.log.leaves)
        place.log.grow(2)
        signed = place.log.note() + place.add(place.log.request(old), now).body
        assert cosignature.cosigned(signed, place.keys) == {NAME: cosigned}
    again = place.log.note() + place.add(place.log.request(6), NOW - hour).body
    assert cosignature.cosigned(again, place.keys) == {NAME: NOW + hour}


def test_an_empty_log_is_cosigned(place: Place) -> None:
    assert place.add(place.log.request(0)).status == 200
    assert place.size() == 0


def test_the_same_again_gets_a_cosignature_of_now(place: Place) -> None:
    place.log.grow(5)
    assert place.add(place.log.request(0)).status == 200
    answer = place.add(place.log.request(5), NOW + 60)
    assert answer.status == 200
    assert cosignature.cosigned(place.log.note() + answer.body, place.keys) == {NAME: NOW + 60}


def _other_log() -> PaperLog:
    return PaperLog(
        origin="other.example/log",
        signer=NoteSigner(name="other.example/log", key=Ed25519PrivateKey.generate()),
    )


def _flipped(data: bytes, index: int) -> bytes:
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


def _bad_signature(log: PaperLog) -> bytes:
    good = log.note()
    text = good.split(b"\n\n")[0]
    return log.request(5, note=good.replace(text, text.replace(b"\n8\n", b"\n7\n")))


def _same_size(log: PaperLog) -> bytes:
    return log.request(5, 5, note=log.note(5, root=bytes(32)))


REFUSED: list[tuple[str, int, Callable[[PaperLog], bytes]]] = [
    ("nothing", 400, lambda log: b""),
    ("no old line", 400, lambda log: b"\n\n" + log.note()),
    ("an old size with a zero before it", 400, lambda log: b"old 05\n\n" + log.note()),
    ("a negative old size", 400, lambda log: b"old -1\n\n" + log.note()),
    ("a second space", 400, lambda log: b"old  5\n\n" + log.note()),
    ("no checkpoint", 400, lambda log: b"old 5\n\n"),
    ("an unsigned checkpoint", 400, lambda log: b"old 5\n\n" + log.note().split(b"\n\n")[0]),
    ("64 lines of proof", 400, lambda log: log.request(5, proof=[bytes(32)] * 64)),
    ("a line of 31 bytes", 400, lambda log: log.request(5, proof=[bytes(31)])),
    ("a line that is no base64", 400, lambda log: b"old 5\n?\n\n" + log.note()),
    ("an old size above the new", 400, lambda log: log.request(9, 8, proof=[])),
    ("too long", 400, lambda log: log.request(5) + b"x" * (256 << 10)),
    ("a log that is not known", 404, lambda log: _other_log().request(0)),
    ("another's signature", 403, lambda log: log.request(0, note=PaperLog().note(0))),
    ("the log's name, a bad signature", 403, _bad_signature),
    ("a proof too short", 422, lambda log: log.request(5, proof=log.consistency(5, 8)[:-1])),
    (
        "a proof too long",
        422,
        lambda log: log.request(5, proof=[*log.consistency(5, 8), bytes(32)]),
    ),
    (
        "a flipped bit",
        422,
        lambda log: log.request(5, proof=[_flipped(log.consistency(5, 8)[0], 3)]),
    ),
    ("another root of the same size", 422, _same_size),
    ("a proof between equal sizes", 422, lambda log: log.request(5, 5, proof=[bytes(32)])),
]


@pytest.mark.parametrize(
    ("status", "body"), [(s, b) for _, s, b in REFUSED], ids=[name for name, *_ in REFUSED]
)
def test_what_is_refused_changes_nothing(
    place: Place, status: int, body: Callable[[PaperLog], bytes]
) -> None:
    place.log.grow(8)
    assert place.add(place.log.request(0, 5)).status == 200
    before = place.record.latest(ORIGIN)
    answer = place.add(body(place.log))
    assert answer.status == status
    assert "\u2014" not in answer.body.decode()
    assert place.record.latest(ORIGIN) == before
    # What the log itself signed, and contradicts what was cosigned, is kept.
    assert len(place.record.evidence()) == (1 if status == 422 else 0)


def test_an_empty_tree_with_another_root_is_unprocessable(place: Place) -> None:
    text = place.log.note(0).split(b"\n\n")[0].rpartition(b"\n")[0] + b"\n" + b"A" * 43 + b"=\n"
    signed = text + b"\n" + place.log.signer.sign(text).line()
    assert place.add(place.log.request(0, note=signed)).status == 422


def test_a_proof_from_nothing_is_unprocessable(place: Place) -> None:
    place.log.grow(3)
    assert place.add(place.log.request(0, proof=[bytes(32)])).status == 422


@pytest.mark.parametrize("old", [0, 4, 6])
def test_another_old_size_is_told_the_one_cosigned(place: Place, old: int) -> None:
    place.log.grow(8)
    assert place.add(place.log.request(0, 5)).status == 200
    answer = place.add(place.log.request(old))
    assert (answer.status, answer.body, answer.media_type) == (409, b"5\n", SIZE)


def test_a_fork_is_never_cosigned_and_both_sides_are_kept(place: Place) -> None:
    place.log.grow(8)
    cosigned = place.log.note()
    assert place.add(place.log.request(0)).status == 200
    fork = PaperLog(signer=place.log.signer)
    fork.grow(9, salt=b"other")
    request = fork.request(8)
    assert place.add(request).status == 422
    assert place.add(request).status == 422
    assert place.record.evidence() == [(ORIGIN, 9, request, cosigned)]


def test_strangers_with_wrong_proofs_do_not_push_out_a_fork(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "_MOST_EVIDENCE", 3)
    place.log.grow(8)
    assert place.add(place.log.request(0)).status == 200
    fork = PaperLog(signer=place.log.signer)
    fork.grow(8, salt=b"other")
    same_size = fork.request(8)
    assert place.add(same_size).status == 422
    # Whoever has a checkpoint that the log has published can hand it in with any proof.
    for now in range(1, 6):
        place.log.grow(1)
        assert place.add(place.log.request(8, proof=[bytes(32)]), NOW + now).status == 422
    fork.grow(20, salt=b"other")
    later = fork.request(8)
    assert place.add(later, NOW + 6).status == 422
    kept = [request for _, _, request, _ in place.record.evidence()]
    assert len(kept) == 3
    assert kept[0] == same_size
    assert kept[-1] == later


def test_extension_lines_are_cosigned_with_the_rest(place: Place) -> None:
    place.log.grow(1)
    text = place.log.note().split(b"\n\n")[0] + b"\nan extension\n"
    signed = text + b"\n" + place.log.signer.sign(text).line()
    answer = place.add(place.log.request(0, note=signed))
    assert answer.status == 200
    assert cosignature.cosigned(signed + answer.body, place.keys) == {NAME: NOW}


def test_of_many_at_once_one_goes_on_and_the_record_never_goes_back(place: Place) -> None:
    place.log.grow(40)
    assert place.add(place.log.request(0, 10)).status == 200
    bodies = [place.log.request(10, size) for size in range(11, 41)]
    answers: list[int] = []
    begin = threading.Barrier(len(bodies))

    def ask(body: bytes) -> None:
        witness = place.witness
        begin.wait()
        answers.append(witness.add_checkpoint(body, NOW).status)

    threads = [threading.Thread(target=ask, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [409] * 29
    assert place.size() > 10


def test_a_record_that_is_gone_is_not_begun_anew(place: Place) -> None:
    place.path.unlink()
    with pytest.raises(RecordError, match="restore it"):
        _ = place.witness


def test_a_damaged_record_is_refused(place: Place) -> None:
    place.path.write_bytes(b"not a database" * 100)
    with pytest.raises(RecordError, match="not the record"):
        _ = place.witness


def test_without_room_nothing_is_cosigned(place: Place) -> None:
    place.log.grow(3)
    witness = place.witness
    place.path.unlink()
    with pytest.raises(RecordError, match="cannot be written"):
        witness.add_checkpoint(place.log.request(0), NOW)


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(0, 70), min_size=1, max_size=6), data=st.data())
def test_it_cosigns_what_goes_on_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject
) -> None:
    log = PaperLog()
    log.grow(70)
    place = Place(tmp_path_factory.mktemp("witness"), log)
    latest = 0
    for size in sizes:
        old = data.draw(st.sampled_from([latest, latest, size, 0]))
        answer = place.add(log.request(min(old, size), size))
        if min(old, size) != latest:
            assert answer.status == 409
            continue
        assert answer.status == 200
        latest = size
        assert place.size() == latest
        assert merkle.tree_root(log.leaves[:latest]) == place.record.latest(ORIGIN).root
