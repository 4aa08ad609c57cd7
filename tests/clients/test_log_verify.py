"""A log read by whoever has its key: what holds, what does not, and what is remembered."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from certs.authority import SERVER_AUTH, Authority
from certs.files import write_pair
from forewarn_client import commitment, merkle, note
from forewarn_client.checkpoint_file import SignedCheckpoint
from forewarn_client.errors import (
    Flaw,
    HistoryError,
    HomeError,
    RequestError,
    UnavailableError,
    VerificationError,
)
from forewarn_client.published import seen as seen_module
from forewarn_client.published import source as sources
from forewarn_client.published import verify
from forewarn_client.published.monitor import monitor
from forewarn_client.published.own import Own
from forewarn_client.published.seen import FILE, Seen
from forewarn_client.published.source import MissingError, Source
from forewarn_client.published.verify import Log, LogVerifier, VerifiedLog
from forewarn_client.receipt import Receipt
from forewarn_client.records import Evidence
from tests.vectors.rfc6962 import Tree, leaf_hash
from tests.world.paper_log import PaperLog, leaf, leaves

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def _haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(verify, "_LOOK_SECONDS", 0.01)


@dataclass(slots=True, kw_only=True)
class Reader:
    """Somebody who reads a log, and keeps what it has seen in a folder."""

    log: PaperLog
    folder: Path
    own: Own | None = None
    told: list[tuple[int, int]] = field(default_factory=list)
    ends_after: int | None = None

    async def fetch(self, path: str, most: int) -> bytes:
        if self.ends_after is not None and len(self.log.asked) >= self.ends_after:
            raise UnavailableError("LOG_UNREACHABLE", "as the test wants it")
        try:
            return await self.log.fetch(path, most)
        except FileNotFoundError:
            raise MissingError from None

    def verifier(self) -> LogVerifier:
        log = Log(
            key=note.VerifierKey.parse(self.log.vkey),
            log_key=self.log.vkey,
            folder=self.folder / "log",
            evidence=self.folder / "evidence",
            at_once=4,
            behind=0.05,
        )
        tell: Callable[[int, int], None] = lambda *told: self.told.append(told)  # noqa: E731 - brief
        return LogVerifier(log, Source(self.fetch), own=self.own, tell=tell)

    async def whole(self) -> VerifiedLog:
        return await self.verifier().whole()

    async def onward(self) -> VerifiedLog:
        self.log.asked.clear()
        return await self.verifier().onward()

    @property
    def evidence(self) -> list[Path]:
        return sorted((self.folder / "evidence").glob("*.json"))

    def bundles(self) -> list[str]:
        return sorted({path for path in self.log.asked if "entries" in path})


def reader(folder: Path, size: int, **changed: Any) -> Reader:
    return Reader(log=PaperLog(held=list(leaves(size)), **changed), folder=folder)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 1000])
async def test_a_log_that_holds(tmp_path: Path, size: int) -> None:
    reading = reader(tmp_path, size)
    found = await reading.whole()
    assert (found.checkpoint.size, found.begun, found.compared) == (size, 0, 0)
    assert found.checkpoint.root == reading.log.root(size)
    assert reading.told[-1:] == [(size, size)] * bool(size)
    assert not reading.evidence
    # Read again, it is read from the first leaf.
    reading.log.asked.clear()
    assert (await reading.whole()).begun == 0
    assert len(reading.bundles()) == -(-size // 256)


async def test_every_tile_of_every_level_is_compared(tmp_path: Path) -> None:
    reading = reader(tmp_path, 70_000)
    await reading.whole()
    asked = [path for path in reading.log.asked if path != "checkpoint"]
    assert len(asked) == len(set(asked))
    # The example of the specification: 273 full, one of 112; one full, one of 17; one of 1.
    assert set(asked) == set(reading.log._files()) - {"checkpoint"}
    assert sum(path.startswith("tile/0/") for path in asked) == 274
    assert {"tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"} <= set(asked)


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/002.p/1", "tile/1/000.p/2"])
async def test_a_tile_that_its_leaves_do_not_give_is_found(tmp_path: Path, path: str) -> None:
    reading = reader(tmp_path, 513)
    right = reading.log.resource(path)
    assert right is not None
    reading.log.answers[path] = right[:-1] + bytes([right[-1] ^ 1])
    for _ in range(2):
        with pytest.raises(VerificationError, match=path) as caught:
            await reading.whole()
        assert caught.value.reason is Flaw.LOG_CONTRADICTORY
    del reading.log.answers[path]
    await reading.whole()


async def test_a_full_tile_above_is_compared_too(tmp_path: Path) -> None:
    reading = reader(tmp_path, 65_537)
    reading.log.answers["tile/1/000"] = bytes(8192)
    for _ in range(2):
        with pytest.raises(VerificationError, match=r"LOG_CONTRADICTORY.*tile/1/000"):
            await reading.whole()


async def test_a_leaf_that_is_not_in_the_tree_is_found(tmp_path: Path) -> None:
    reading = reader(tmp_path, 300)
    reading.log.held[7] = leaf(7, "other")
    reading.log.answers["checkpoint"] = reader(tmp_path, 300).log.note()
    with pytest.raises(VerificationError, match=r"LOG_CONTRADICTORY.*root"):
        await reading.whole()


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/0/001.p/44", "tile/1/000.p/1"])
async def test_what_is_not_there_is_found(tmp_path: Path, path: str) -> None:
    reading = reader(tmp_path, 300)
    reading.log.answers[path] = None
    with pytest.raises(VerificationError, match=path) as caught:
        await reading.whole()
    assert caught.value.reason is Flaw.LOG_INCOMPLETE


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/0/001.p/44"])
async def test_what_is_no_tile_is_refused(tmp_path: Path, path: str) -> None:
    reading = reader(tmp_path, 300)
    reading.log.answers[path] = (reading.log.resource(path) or b"")[:-1]
    with pytest.raises(VerificationError, match=path) as caught:
        await reading.whole()
    assert caught.value.reason is Flaw.LOG_MALFORMED


async def test_a_partial_tile_that_has_grown_is_cut_from_the_full_one(tmp_path: Path) -> None:
    reading = reader(tmp_path, 300)
    grown = reader(tmp_path, 512)
    for kind in ("0", "entries"):
        reading.log.answers[f"tile/{kind}/001.p/44"] = None
        reading.log.answers[f"tile/{kind}/001"] = grown.log.resource(f"tile/{kind}/001")
    assert (await reading.whole()).checkpoint.size == 300


async def test_no_log_at_all(tmp_path: Path) -> None:
    reading = reader(tmp_path, 3)
    reading.log.answers["checkpoint"] = None
    with pytest.raises(RequestError, match="no log"):
        await reading.whole()


async def test_another_key_is_not_believed(tmp_path: Path) -> None:
    reading = reader(tmp_path, 3)
    other = PaperLog(held=list(leaves(3)), origin="other.example/ledger")
    reading.log.answers["checkpoint"] = other.note()
    with pytest.raises(VerificationError, match="CHECKPOINT_UNSIGNED"):
        await reading.whole()
    assert not (tmp_path / "log" / FILE).exists()


async def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    reading = reader(tmp_path, 5000)
    reading.ends_after = 20
    with pytest.raises(UnavailableError):
        await reading.whole()
    reading.ends_after = None
    reading.log.asked.clear()
    found = await reading.whole()
    assert 0 < found.begun < 5000
    assert len(reading.bundles()) == 20 - found.begun // 256
    # Having ended, it is forgotten.
    assert (await reading.whole()).begun == 0


async def test_the_log_may_grow_between(tmp_path: Path) -> None:
    reading = reader(tmp_path, 3000)
    reading.ends_after = 15
    with pytest.raises(UnavailableError):
        await reading.whole()
    reading.ends_after = None
    reading.log.held = list(leaves(4000))
    found = await reading.whole()
    assert found.begun > 0
    assert (found.checkpoint.size, found.compared) == (4000, 1)


async def test_asked_to_begin_anew_it_does(tmp_path: Path) -> None:
    reading = reader(tmp_path, 3000)
    reading.ends_after = 15
    with pytest.raises(UnavailableError):
        await reading.whole()
    reading.ends_after = None
    verifier = reading.verifier()
    verifier.anew()
    assert (await verifier.whole()).begun == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: b"",
        lambda kept: b"[]",
        lambda kept: kept.replace(b"v1", b"v2"),
        lambda kept: kept.replace(b'"rows": [["', b'"rows": [["00'),
        lambda kept: json.dumps({**json.loads(kept), "root": "00" * 32}).encode(),
        lambda kept: json.dumps({**json.loads(kept), "size": 5}).encode(),
    ],
    ids=["empty", "list", "version", "hash", "root", "size"],
)
async def test_a_damaged_record_of_progress_is_as_good_as_none(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    reading = reader(tmp_path, 700)
    await reading.whole()
    kept = tmp_path / "log" / "verified.json"
    kept.write_bytes(damage(kept.read_bytes()))
    assert (await reading.onward()).begun == 0


async def test_a_forged_record_of_progress_blames_nobody(tmp_path: Path) -> None:
    """An edge of another tree, whole in itself: the log is read anew before anything is said."""
    other = Reader(log=PaperLog(held=[leaf(n, "other") for n in range(700)]), folder=tmp_path / "o")
    await other.whole()
    forged = (tmp_path / "o" / "log" / "verified.json").read_bytes()
    for size in (700, 900):
        reading = reader(tmp_path / str(size), size)
        await reading.whole()
        (tmp_path / str(size) / "log" / "verified.json").write_bytes(forged)
        found = await reading.onward()
        assert (found.begun, found.checkpoint.size) == (0, size)
        assert not reading.evidence


async def test_only_what_is_new_is_read_by_a_monitor(tmp_path: Path) -> None:
    reading = reader(tmp_path, 1000)
    await reading.onward()
    assert len(reading.bundles()) == 4
    reading.log.held = list(leaves(1100))
    found = await reading.onward()
    assert (found.begun, found.compared) == (1000, 1)
    assert reading.bundles() == ["tile/entries/003", "tile/entries/004.p/76"]
    found = await reading.onward()
    assert (found.begun, found.compared) == (1100, 1)
    assert reading.bundles() == []


@pytest.mark.parametrize("onward", [True, False], ids=["monitor", "verify"])
@pytest.mark.parametrize(("old", "new"), [(300, 1000), (256, 257), (1, 2), (999, 1000)])
async def test_a_rewritten_log_is_found_and_both_checkpoints_kept(
    tmp_path: Path, old: int, new: int, onward: bool
) -> None:
    reading = reader(tmp_path, old)
    await reading.whole()
    reading.log.held = [leaf(0, "other"), *leaves(new)[1:]]
    told = []
    for _ in range(2):
        with pytest.raises(HistoryError, match="HISTORY_REWRITTEN") as caught:
            await (reading.onward() if onward else reading.whole())
        told.append(caught.value.evidence)
    (kept,) = reading.evidence
    assert told == [kept, kept]
    shown = json.loads(kept.read_bytes())
    key = note.VerifierKey.parse(shown["log_key"])
    signed = [
        note.open_checkpoint(shown[which].encode(), [key], shown["origin"])
        for which in ("verified", "shown")
    ]
    assert [each.size for each in signed] == [old, new]
    proof = [bytes.fromhex(each) for each in shown["consistency_proof"]]
    with pytest.raises(VerificationError, match="root"):
        merkle.verify_consistency(old, signed[0].root, new, signed[1].root, proof)


@dataclass(slots=True, kw_only=True)
class Reluctant(Reader):
    """A reader of a log that shows each tile once, and then does as it is told."""

    instead: Exception | bytes = b""

    async def fetch(self, path: str, most: int) -> bytes:
        if path != "checkpoint" and path in self.log.asked:
            if isinstance(self.instead, Exception):
                raise self.instead
            return self.instead
        # Without arguments, `super` does not work in a class that `slots` has made anew.
        return await Reader.fetch(self, path, most)


@pytest.mark.parametrize(
    "instead", [UnavailableError("LOG_UNREACHABLE", "as the test wants it"), MissingError(), b""]
)
async def test_a_log_does_not_get_out_of_it_by_showing_no_proof(
    tmp_path: Path, instead: Exception | bytes
) -> None:
    await reader(tmp_path, 300).whole()
    reading = Reluctant(
        log=PaperLog(held=[leaf(0, "other"), *leaves(1000)[1:]]), folder=tmp_path, instead=instead
    )
    with pytest.raises(HistoryError, match="HISTORY_REWRITTEN"):
        await reading.whole()
    (kept,) = reading.evidence
    shown = json.loads(kept.read_bytes())
    assert shown["consistency_proof"] is None
    assert shown["verified"].splitlines()[1] == "300"


async def test_two_roots_for_one_size_are_found_at_once_and_for_ever(tmp_path: Path) -> None:
    reading = reader(tmp_path, 10)
    await reading.whole()
    reading.log.held[3] = leaf(3, "other")
    with pytest.raises(HistoryError, match="two different logs of 10"):
        await reading.whole()
    # Shown the first one again, it is not forgotten.
    reading.log.held = list(leaves(10))
    with pytest.raises(HistoryError, match="two different logs of 10"):
        await reading.onward()


async def test_a_log_that_was_rolled_back_is_found(tmp_path: Path) -> None:
    reading = reader(tmp_path, 10)
    await reading.whole()
    reading.log.held = list(leaves(9))
    with pytest.raises(HistoryError, match="LEDGER_ROLLED_BACK"):
        await reading.onward()
    assert [path.name.split("-")[3:5] for path in reading.evidence] == [["10", "9"]]
    reading.log.held = list(leaves(11))
    assert (await reading.onward()).compared == 2


async def test_an_old_checkpoint_of_a_cache_is_no_rollback(tmp_path: Path) -> None:
    reading = reader(tmp_path, 10)
    await reading.whole()
    reading.log.answers["checkpoint"] = reading.log.note(9)
    verifier = reading.verifier()
    verifier._log = replace(verifier._log, behind=60.0)
    late = asyncio.create_task(verifier.onward())
    while len([path for path in reading.log.asked if path == "checkpoint"]) < 3:  # noqa: ASYNC110 - a moment is watched for
        await asyncio.sleep(0.01)
    del reading.log.answers["checkpoint"]
    assert (await late).checkpoint.size == 10


async def test_a_checkpoint_seen_in_an_interrupted_run_is_compared_later(tmp_path: Path) -> None:
    """What another process of this folder has seen below the edge is proven from tiles."""
    reading = reader(tmp_path, 1000)
    await reading.whole()
    key = note.VerifierKey.parse(reading.log.vkey)
    other = Seen.load(tmp_path / "log", key)
    agreeing = reading.log.note(300)
    other.add([SignedCheckpoint(note=agreeing, checkpoint=_opened(agreeing, key))])
    reading.log.held = list(leaves(1001))
    assert (await reading.onward()).compared == 2
    assert reading.bundles() == ["tile/entries/003.p/233"]
    lying = reading.log.note(301, root=bytes(32))
    other.add([SignedCheckpoint(note=lying, checkpoint=_opened(lying, key))])
    with pytest.raises(HistoryError, match="HISTORY_REWRITTEN"):
        await reading.onward()


def _opened(data: bytes, key: note.VerifierKey) -> note.Checkpoint:
    return note.open_checkpoint(data, [key], key.name)


async def test_a_line_half_written_is_dropped_and_a_damaged_file_said(tmp_path: Path) -> None:
    reading = reader(tmp_path, 5)
    await reading.whole()
    kept = tmp_path / "log" / FILE
    whole = kept.read_bytes()
    kept.write_bytes(whole + b'{"note": "exch')
    reading.log.held = list(leaves(6))
    assert (await reading.whole()).compared == 1
    assert kept.read_bytes().startswith(whole)
    assert len(kept.read_bytes().splitlines()) == 2
    kept.write_bytes(b"junk\n" + whole)
    with pytest.raises(HomeError, match="damaged"):
        reading.verifier()


async def test_what_was_not_signed_is_no_evidence(tmp_path: Path) -> None:
    reading = reader(tmp_path, 5)
    await reading.whole()
    kept = tmp_path / "log" / FILE
    other = PaperLog(held=[leaf(n, "other") for n in range(4)])
    text = other.note().decode().replace("\u2014 ", "\u2014 x")
    kept.write_text(json.dumps({"note": text}) + "\n")
    with pytest.raises(HomeError, match="damaged"):
        await reading.whole()


def receipt(log: PaperLog, folder: Path, index: int, size: int) -> None:
    """Save a receipt for an entry of the log, and put its leaf there."""
    body, salt = b"body of %d" % index, bytes([index % 256]) * 32
    hashes = [leaf_hash(each) for each in log.held]
    Receipt(
        digest=bytes(32),
        entry=Evidence(
            entry_body=body,
            index=index,
            salt=salt,
            inclusion_proof=Tree(hashes.__getitem__).path(index, size),
            checkpoint=log.note(size),
        ),
        chain=(),
    ).save(folder)


def stated(index: int) -> bytes:
    """Give the leaf of the entry of `receipt`."""
    return commitment.leaf(commitment.commit(b"body of %d" % index, bytes([index % 256]) * 32))


def member(tmp_path: Path, size: int, *indexes: int) -> Reader:
    """Make a reader with receipts for some entries."""
    reading = reader(tmp_path, size)
    reading.log.held = [
        stated(number) if number in indexes else each
        for number, each in enumerate(reading.log.held)
    ]
    for index in indexes:
        receipt(reading.log, tmp_path / "receipts", index, index + 1)
    key = note.VerifierKey.parse(reading.log.vkey)
    reading.own = Own(folder=tmp_path / "receipts", key=key)
    return reading


async def test_a_members_own_statements_stand_where_they_have_to(tmp_path: Path) -> None:
    reading = member(tmp_path, 600, 5, 300, 599)
    found = await reading.whole()
    assert (found.own, found.compared) == (3, 2)
    # A receipt that is saved after its entry was passed is compared, too.
    receipt(reading.log, tmp_path / "receipts", 5, 400)
    reading.log.held.append(leaf(600))
    assert (await reading.onward()).own == 3


async def test_a_statement_that_is_changed_is_found(tmp_path: Path) -> None:
    reading = member(tmp_path, 600, 5, 300)
    reading.log.held[300] = leaf(300)
    with pytest.raises(HistoryError, match="your own at index 300"):
        await reading.whole()
    assert len(reading.evidence) == 1


async def test_a_statement_that_stands_there_twice_is_found(tmp_path: Path) -> None:
    reading = member(tmp_path, 600, 5)
    reading.log.held[400] = stated(5)
    for _ in range(2):
        with pytest.raises(VerificationError, match=r"index 5 .* index 400") as caught:
            await reading.whole()
        assert caught.value.reason is Flaw.STATEMENT_REPEATED


async def test_a_receipt_of_more_than_is_shown_is_a_rollback(tmp_path: Path) -> None:
    reading = member(tmp_path, 600, 599)
    reading.log.held.pop()
    with pytest.raises(HistoryError, match="LEDGER_ROLLED_BACK"):
        await reading.whole()


async def test_a_receipt_that_its_witnesses_have_not_reached_is_no_rollback(tmp_path: Path) -> None:
    reading = member(tmp_path, 600, 599)
    all_of_it = reading.log.held
    reading.log.held = all_of_it[:590]
    reading.log.beside = "\u2014 witness.example/w1 AAAAAAAAAAAA\n".encode()
    with pytest.raises(UnavailableError, match="witnesses are late, or the rest is withheld"):
        await reading.whole()
    assert reading.evidence == []
    # The witnesses come to it.
    reading.log.held = all_of_it
    assert (await reading.whole()).own == 1
    # What they have cosigned is never taken back.
    reading.log.held = all_of_it[:590]
    with pytest.raises(HistoryError, match="LEDGER_ROLLED_BACK"):
        await reading.whole()


async def test_a_receipt_that_does_not_hold_is_said(tmp_path: Path) -> None:
    reading = member(tmp_path, 600, 5)
    receipt(reading.log, tmp_path / "receipts", 6, 7)
    with pytest.raises(VerificationError, match="PROOF_INVALID"):
        await reading.whole()


async def test_a_monitor_goes_on_through_outages_and_ends_with_a_lie(tmp_path: Path) -> None:
    reading = reader(tmp_path, 10)
    seen: list[object] = []
    with suppress(HistoryError):
        async for found in monitor(reading.verifier().onward, 0.001, 60):
            seen.append(found)
            match len(seen):
                case 1:
                    reading.ends_after = 0
                case 2:
                    reading.ends_after = None
                    reading.log.held = list(leaves(12))
                case 3:
                    reading.log.held = [leaf(0, "other"), *leaves(20)[1:]]
                case _:
                    raise AssertionError(seen)
    kinds = [type(each) for each in seen]
    assert kinds == [VerifiedLog, UnavailableError, VerifiedLog]
    assert len(reading.evidence) == 1


async def test_a_monitor_ends_when_a_log_stays_unreadable(tmp_path: Path) -> None:
    reading = reader(tmp_path, 10)
    seen: list[object] = []
    looks = monitor(reading.verifier().onward, 0.001, 0.2)

    async def watch() -> None:
        async for found in looks:
            seen.append(found)
            reading.ends_after = 0

    with pytest.raises(UnavailableError, match=r"LOG_SILENT: .*as the test wants it") as caught:
        await watch()
    assert "others who watch it" in caught.value.detail
    assert type(seen[0]) is VerifiedLog
    assert {type(each) for each in seen[1:]} == {UnavailableError}


async def test_what_is_kept_of_a_log_that_is_watched_for_years_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen_module, "MOST", 20)
    reading = member(tmp_path, 3, 1)
    log = reading.log
    watching = reading.verifier()
    for size in range(4, 204):
        log.held.append(leaf(size - 1))
        found = await watching.onward()
        # Nothing is forgotten in the count.
        assert found.compared == size - 3
    path = tmp_path / "log" / FILE
    lines = path.read_bytes().splitlines()
    assert len(lines) <= 1 + 20 + 2
    anew = Seen.load(tmp_path / "log", watching._log.key)
    assert (anew.count, anew.largest) == (201, 203)
    assert {2, 203} <= anew.roots.keys()

    # What goes on is taken; another process of this folder, which has more in mind, does as well.
    log.held.append(leaf(203))
    assert (await reading.onward()).compared == 201
    log.held.append(leaf(204))
    assert (await watching.onward()).compared == 202
    # A rewrite before whatever was let go is found all the same.
    log.held[100] = leaf(100, "other")
    log.held.append(leaf(205))
    for read in (reading.onward, reading.whole, watching.onward):
        with pytest.raises(HistoryError, match="HISTORY_REWRITTEN"):
            await read()


async def test_another_root_for_a_size_that_was_let_go_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen_module, "MOST", 4)
    reading = member(tmp_path, 3, 1)
    for size in range(4, 40):
        reading.log.held.append(leaf(size - 1))
        await reading.onward()
    kept = Seen.load(tmp_path / "log", reading.verifier()._log.key).roots
    gone = next(size for size in range(4, 40) if size not in kept)
    other = PaperLog(held=[leaf(0, "other"), stated(1), stated(2), *reading.log.held[3:gone]])
    receipt(other, tmp_path / "receipts", 2, gone)
    with pytest.raises(HistoryError, match="HISTORY_REWRITTEN"):
        await reading.onward()


async def test_a_copy_in_a_folder_is_read_alike(tmp_path: Path) -> None:
    log = PaperLog(held=list(leaves(300)))
    copy = log.write(tmp_path / "copy")
    reading = Reader(log=log, folder=tmp_path)
    verifier = reading.verifier()
    verifier._source = sources.folder(copy)
    assert (await verifier.whole()).checkpoint.size == 300
    (copy / "tile" / "entries" / "000").write_bytes(bytes(20_000))
    with pytest.raises(VerificationError, match="larger than it can be"):
        await verifier.whole()


async def test_an_answer_that_only_drips_in_is_an_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority.create(tmp_path / "ca", trust_domain="exchange.example")
    files = tmp_path / "https.crt", tmp_path / "https.key"
    write_pair(*files, authority.leaf([], ips=["127.0.0.1"], usages=[SERVER_AUTH]))
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(*files)
    trust = ssl.create_default_context(cadata=authority.bundle.decode())

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)

    monkeypatch.setattr(sources, "_LONGEST_ANSWER", 0.5)
    async with await asyncio.start_server(drip, "127.0.0.1", 0, ssl=served) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/ledger"
        async with sources.web(url, tls=trust, at_once=1, patience=0.1) as log:
            with pytest.raises(UnavailableError, match="in time"):
                async with asyncio.timeout(20):
                    await log.checkpoint()
