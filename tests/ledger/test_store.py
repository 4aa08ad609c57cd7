"""The store keeps blocks verbatim, folds them the same way every time, and is found again."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import merkle
from gateway.core.commitment import entry_leaf_hash
from gateway.core.errors import Fault, Reason
from gateway.core.fold import Outcome, Verdict
from gateway.ledger.reader import StoreReader
from gateway.ledger.store import Store
from gateway.ports.blocks import StreamMessage
from gateway.ports.reading import Box, CaseRow, MemberQuery
from tests.ledger.house import (
    CLEAR,
    NOON,
    ORIGIN,
    block,
    body,
    digest,
    entry,
    opened,
    rows,
    statement,
    summarize,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Store.create(tmp_path / "ledger.db", ORIGIN)
    return tmp_path / "ledger.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with opened(path) as made:
        yield made


@pytest.fixture
def reader(path: Path) -> Iterator[StoreReader]:
    made = StoreReader(path, ORIGIN)
    yield made
    made.close()


def fold_all(store: Store, messages: Sequence[bytes]) -> merkle.TreeHead:
    last = store.last_block()
    for sequence, message in enumerate(messages, last.sequence + 1 if last else 1):
        store.fold(StreamMessage(sequence=sequence, message=message))
    return store.head()


def indexes(reader: StoreReader, query: MemberQuery) -> list[int]:
    with reader.snapshot() as snapshot:
        return [found.index for found in snapshot.member_entries(query)]


def test_a_block_is_kept_verbatim_with_its_verdicts(store: Store, reader: StoreReader) -> None:
    one, two = statement("one", keys=["case/a"]), statement("two", keys=["case/a"])
    message = block(one, two, entry(b""), statement("three"))
    fold_all(store, [b"\xffnonsense", message])
    with reader.snapshot() as snapshot:
        found = snapshot.block(sha256(message).digest())
        nonsense = snapshot.block_at(1)
        assert snapshot.size == 2
        assert snapshot.block(bytes(32)) is None
        assert snapshot.block_at(3) is None
    assert found is not None
    assert (found.sequence, found.size_before, found.size_after) == (2, 0, 2)
    assert found.outcomes == (
        Outcome(verdict=Verdict.ACCEPTED, index=0),
        Outcome(verdict=Verdict.STALE, index=None),
        Outcome(verdict=Verdict.VOID, index=None),
        Outcome(verdict=Verdict.ACCEPTED, index=1),
    )
    assert nonsense is not None
    assert nonsense.outcomes == ()
    kept = store._connection.execute("SELECT message FROM block ORDER BY sequence").fetchall()
    assert kept == [(b"\xffnonsense",), (message,)]


def test_the_tree_is_that_of_the_accepted_entries(store: Store, reader: StoreReader) -> None:
    entries = [statement(f"s{n}") for n in range(300)]
    head = fold_all(store, [block(*entries[:1]), block(*entries[1:257]), block(*entries[257:])])
    leaves = [entry_leaf_hash(each.body, each.salt) for each in entries]
    assert head.size == 300
    with reader.snapshot() as snapshot:
        proofs = snapshot.prove(range(300), 300)
        assert [snapshot.leaf_hash(index) for index in range(300)] == leaves
        with pytest.raises(ValueError, match="beyond"):
            snapshot.prove([0], 301)
        with pytest.raises(ValueError, match="below"):
            snapshot.leaf_hash(300)
    for index, proof in enumerate(proofs):
        merkle.verify_inclusion(leaves[index], index, 300, proof, head.root)
    [early] = reader.prove([256], 257)
    merkle.verify_inclusion(leaves[256], 256, 257, early, store.root_at(257))


def test_a_duplicate_block_is_kept_and_records_nothing_again(
    store: Store, reader: StoreReader
) -> None:
    message = block(statement("one"))
    before = fold_all(store, [message])
    assert fold_all(store, [message]) == before
    with reader.snapshot() as snapshot:
        again, first = snapshot.block_at(2), snapshot.block(sha256(message).digest())
    assert again is not None
    assert [each.verdict for each in again.outcomes] == [Verdict.STALE]
    assert first is not None
    assert first.outcomes == (Outcome(verdict=Verdict.ACCEPTED, index=0),)


def test_a_missing_message_is_a_fault_and_changes_nothing(store: Store) -> None:
    before = fold_all(store, [block(statement("one"))])
    for sequence in (1, 3):
        with pytest.raises(Fault, match="a message is missing") as raised:
            store.fold(StreamMessage(sequence=sequence, message=block(statement("two"))))
        assert raised.value.reason is Reason.LEDGER_NOT_PROVEN
    assert store.head() == before


def test_a_failed_commit_leaves_nothing_of_the_block(store: Store, reader: StoreReader) -> None:
    before = fold_all(store, [block(statement("one"))])
    store._connection.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON party BEGIN SELECT raise(ABORT, 'no'); END"
    )
    message = StreamMessage(sequence=2, message=block(statement("two", case="two", state="NEW")))
    with pytest.raises(Fault):
        store.fold(message)
    assert store.head() == before
    store._connection.execute("DROP TRIGGER full")
    assert store.fold(message).size == 2
    with reader.snapshot() as snapshot:
        assert snapshot.case(digest("two")) is not None


names = st.sampled_from("abcdef")
some = st.builds(
    statement,
    name=names,
    judged_at=st.integers(0, 6),
    keys=st.lists(st.sampled_from(["case/a", "member/x"]), max_size=2),
    case=st.sampled_from(["", "a", "b"]),
    state=st.sampled_from(["", "OPEN", "CLOSED"]),
    audience=st.lists(st.sampled_from(["civil-ai", "natsec-ai", "aurora"]), max_size=3),
    directory=st.booleans(),
)
opaque = st.builds(
    entry, st.binary(max_size=8), judged_at=st.integers(0, 3), keys=st.lists(names, max_size=1)
)
messages = st.one_of(
    st.binary(max_size=30),
    st.lists(st.one_of(some, opaque), max_size=5).map(lambda entries: block(*entries)),
)


@settings(max_examples=40)
@given(st.lists(messages, max_size=6), st.integers(0, 6))
def test_replay_gives_the_same_tree_and_the_same_rows(stream: list[bytes], restart: int) -> None:
    with TemporaryDirectory() as folder:
        live, replayed = Path(folder) / "live.db", Path(folder) / "replayed.db"
        for path in (live, replayed):
            Store.create(path, ORIGIN)
        with opened(live) as store:
            fold_all(store, stream[:restart])
        with opened(live) as store:
            head = fold_all(store, stream[restart:])
            kept = store._connection.execute("SELECT message FROM block ORDER BY sequence")
            verbatim = [message for (message,) in kept]
        assert verbatim == stream
        with opened(replayed) as store:
            assert fold_all(store, verbatim) == head
        assert rows(replayed) == rows(live)
        if head.size:
            everything = StoreReader(live, ORIGIN)
            with everything.snapshot() as snapshot:
                found = [snapshot.by_index(index) for index in range(head.size)]
            everything.close()
            leaves = [entry_leaf_hash(each.body, each.salt) for each in found if each is not None]
            assert merkle.append(NoTiles(), 0, leaves).head == head


class NoTiles:
    """An empty tree."""

    def hashes(self, level: int, n: int) -> Sequence[bytes]:
        return ()


def test_an_entry_is_found_by_each_of_its_names(store: Store, reader: StoreReader) -> None:
    fold_all(store, [block(statement("one", case="one", state="OPEN", at=3))])
    with reader.snapshot() as snapshot:
        found = snapshot.by_index(0)
        assert found is not None
        assert found.body == body("one", case="one", state="OPEN", at=3)
        assert found.salt == sha256(found.body).digest()
        assert found.summary == summarize(found.body)
        assert snapshot.by_digest(digest("one")) == found
        assert snapshot.statement("aurora", "one") == found
        assert snapshot.statement("borealis", "one") is None
        assert snapshot.by_digest(digest("two")) is None
        assert snapshot.by_index(1) is None
        assert snapshot.by_index(2**70) is None
        assert snapshot.by_index(-1) is None
        assert snapshot.last_received_time == NOON + timedelta(seconds=3)


def test_what_nobody_can_read_has_a_leaf_and_no_reader(store: Store, reader: StoreReader) -> None:
    assert fold_all(store, [block(entry(b"\x00opaque"))]).size == 1
    with reader.snapshot() as snapshot:
        found = snapshot.by_index(0)
        assert found is not None
        assert (found.body, found.summary) == (b"\x00opaque", None)
        assert not snapshot.readable(0, "aurora")
        assert snapshot.last_received_time is None
        assert snapshot.boxes_touched(0, 1) == set()


def test_a_case_follows_its_entries(store: Store, reader: StoreReader) -> None:
    fold_all(
        store,
        [
            block(statement("open", case="open", state="NOTIFIED", kind=80)),
            block(statement("ack", case="open", state="ACKNOWLEDGED", kind=64, sender="civil-ai")),
            block(statement("say", case="open", kind=68), statement("other", case="other")),
            block(statement("lost", case="nowhere", state="ODD")),
        ],
    )
    opener = digest("open")
    with reader.snapshot() as snapshot:
        assert snapshot.case(opener) == CaseRow(
            digest=opener,
            protocol="release",
            state="ACKNOWLEDGED",
            opened_index=0,
            last_index=2,
        )
        assert snapshot.case(digest("nowhere")) is None
        assert [each.index for each in snapshot.case_entries(opener)] == [0, 1, 2]
        assert [each.index for each in snapshot.case_entries(opener, kinds=(64, 68))] == [1, 2]
        cases = snapshot.member_cases("civil-ai", "", -1, 10)
        assert [case.opened_index for case in cases] == [0, 3]
        assert snapshot.member_cases("civil-ai", "release", 0, 10) == cases[1:]
        assert snapshot.member_cases("aurora", "", -1, 1) == cases[:1]
        assert snapshot.member_cases("aurora", "grant", -1, 10) == []
        assert snapshot.member_cases("natsec-ai", "", -1, 10) == []


def test_a_member_lists_what_it_sent_and_received(store: Store, reader: StoreReader) -> None:
    fold_all(
        store,
        [
            block(
                statement("0", case="0"),
                statement("1", sender="civil-ai", audience=["aurora"], kind=64, case="0"),
                statement("2", audience=["natsec-ai"]),
                statement("3", sender="natsec-ai", audience=["aurora", "civil-ai"], kind=128),
                statement("4", audience=[]),
            )
        ],
    )

    def listed(box: Box, **rest: object) -> list[int]:
        given: dict[str, object] = {"after": -1, "limit": 10, "before_size": 5, **rest}
        return indexes(reader, MemberQuery(member="aurora", box=box, **given))  # type: ignore[arg-type] # mixed

    assert listed(Box.ALL) == [0, 1, 2, 3, 4]
    assert listed(Box.SENT) == [0, 2, 4]
    assert listed(Box.RECEIVED) == [1, 3]
    assert listed(Box.ALL, after=0, limit=2) == [1, 2]
    assert listed(Box.ALL, before_size=3) == [0, 1, 2]
    assert listed(Box.ALL, kinds=(64, 128)) == [1, 3]
    assert listed(Box.ALL, sender="civil-ai") == [1]
    assert listed(Box.RECEIVED, sender="aurora") == []
    assert listed(Box.ALL, case_digest=digest("0")) == [0, 1]
    assert listed(Box.ALL, kinds=(80,), sender="aurora", case_digest=digest("0")) == [0]
    assert listed(Box.ALL, after=2**70) == []
    with reader.snapshot() as snapshot:
        sent, received = Box.SENT, Box.RECEIVED
        assert snapshot.boxes_touched(1, 3) == {
            *{("civil-ai", sent), ("aurora", received)},
            *{("aurora", sent), ("natsec-ai", received)},
        }
        assert snapshot.boxes_touched(4, 9) == {("aurora", sent)}
        assert snapshot.readable(2, "natsec-ai")
        assert not snapshot.readable(2, "civil-ai")
        assert not snapshot.readable(5, "aurora")


def test_one_who_wrote_to_itself_finds_the_entry_once(store: Store, reader: StoreReader) -> None:
    fold_all(store, [block(statement("0", audience=["aurora", "aurora"]))])
    query = MemberQuery(member="aurora", box=Box.ALL, after=-1, limit=10, before_size=1)
    assert indexes(reader, query) == [0]


def test_the_directory_and_what_is_clear_are_everybodys(store: Store, reader: StoreReader) -> None:
    genesis = statement("genesis", sender="", audience=[], kind=32, directory=True, tlp=CLEAR)
    enrolment = statement("enrol", sender="exchange-registrar", kind=33, directory=True)
    fold_all(store, [block(genesis, statement("clear", tlp=CLEAR), enrolment, statement("amber"))])
    with reader.snapshot() as snapshot:
        assert [each.index for each in snapshot.directory_entries(0, 10)] == [0, 2]
        assert [each.index for each in snapshot.directory_entries(1, 10)] == [2]
        assert [each.index for each in snapshot.directory_entries(0, 1)] == [0]
        assert snapshot.last_directory_index == 2
        readable = [snapshot.readable(index, "quay-bank") for index in range(4)]
        assert readable == [True, True, True, False]


def test_a_snapshot_stays_as_it_was(store: Store, reader: StoreReader) -> None:
    fold_all(store, [block(statement("one"))])
    with reader.snapshot() as before:
        fold_all(store, [block(statement("two"))])
        store.publish(b"note")
        assert before.size == 1
        assert before.by_index(1) is None
        assert before.statement("aurora", "two") is None
        assert before.note is None
        with reader.snapshot() as after:
            assert (after.size, after.note) == (2, b"note")


def test_a_reader_cannot_write(reader: StoreReader) -> None:
    with pytest.raises(Fault), reader.snapshot() as snapshot:
        snapshot._connection.execute("DELETE FROM block")


def test_an_empty_store_answers(store: Store, reader: StoreReader) -> None:
    assert store.last_block() is None
    assert store.head() == merkle.TreeHead(size=0, root=merkle.EMPTY_ROOT)
    with reader.snapshot() as snapshot:
        assert (snapshot.size, snapshot.note, snapshot.last_directory_index) == (0, None, None)
        assert snapshot.directory_entries(0, 10) == []


def test_the_file_is_the_owners_alone_and_made_once(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with opened(path) as store:
        head = fold_all(store, [block(statement("one"))])
    Store.create(path, ORIGIN)
    with opened(path) as store:
        assert store.head() == head


def test_nothing_but_create_makes_a_store(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="run `forewarn-gateway init`"):
        Store.open(tmp_path / "ledger.db", ORIGIN, summarize=summarize)
    with pytest.raises(Fault, match="run `forewarn-gateway init`"):
        StoreReader(tmp_path / "ledger.db", ORIGIN)
    assert list(tmp_path.iterdir()) == []


def test_a_creation_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    with pytest.raises(Fault, match="is no store"):
        Store.open(path, ORIGIN, summarize=summarize)
    Store.create(path, ORIGIN)
    with opened(path) as store:
        assert store.head().size == 0


def test_another_ledgers_store_is_refused(path: Path) -> None:
    with pytest.raises(Fault, match=r"store of exchange\.example/ledger, not of other/ledger"):
        Store.open(path, "other/ledger", summarize=summarize)
    with pytest.raises(Fault, match="not of other/ledger"):
        Store.create(path, "other/ledger")


def test_an_unknown_version_is_refused_with_what_to_do(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = '7' WHERE key = 'schema'")
    connection.commit()
    connection.close()
    with pytest.raises(Fault, match=r"newer gateway \(tables of version 7.*install that one"):
        Store.open(path, ORIGIN, summarize=summarize)


def test_a_damaged_tree_is_found_at_the_start(path: Path) -> None:
    with opened(path) as store:
        fold_all(store, [block(statement("one"), statement("two"))])
        store._connection.execute("UPDATE tile SET hashes = zeroblob(64)")
    with pytest.raises(Fault, match="damaged") as raised:
        Store.open(path, ORIGIN, summarize=summarize)
    assert raised.value.reason is Reason.LEDGER_NOT_PROVEN


def test_a_file_that_is_no_database_is_a_fault(path: Path) -> None:
    path.write_bytes(b"not a database" * 400)
    with pytest.raises(Fault, match="SQLITE_NOTADB") as raised:
        Store.open(path, ORIGIN, summarize=summarize)
    assert raised.value.reason is Reason.LEDGER_NOT_PROVEN
