"""What a store does for one question does not grow with the ledger: steps of SQLite are counted.

Times say nothing on a busy machine. A walk over the ledger, or a list that grows with it, shows in
the number of steps that a store takes which is ten times as large as another.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.core.merkle import TreeHead
from gateway.ledger.keeper import Keeper
from gateway.ledger.reader import StoreReader
from gateway.ledger.snapshot import Snapshot
from gateway.ledger.store import Store
from gateway.ports.blocks import StreamMessage
from gateway.ports.reading import Box, MemberQuery
from tests.ledger.house import ORIGIN, block, digest, statement, summarize

SMALL, LARGE = 200, 2000
ENTRIES = 10
"""In a block."""


class Steps:
    """Counts the steps of every connection that is opened."""

    def __init__(self) -> None:
        self.taken = 0

    def count(self) -> int:
        self.taken += 1
        return 0

    def of(self, work: Callable[[], object]) -> int:
        before = self.taken
        work()
        return self.taken - before


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    found, connect = Steps(), sqlite3.connect

    def counting(*arguments: object, **options: object) -> sqlite3.Connection:
        # Whatever the gateway passes is passed on, so no overload can be chosen.
        connection: sqlite3.Connection = connect(*arguments, **options)  # type: ignore[call-overload]
        connection.set_progress_handler(found.count, 1)
        return connection

    monkeypatch.setattr(sqlite3, "connect", counting)
    return found


def message(number: int) -> StreamMessage:
    """Make one block: openers of cases, each with an answer; the first are of the directory."""
    names = [f"s{number * ENTRIES + each}" for each in range(ENTRIES // 2)]
    openers = [statement(name, case=name, state="NOTIFIED", directory=not number) for name in names]
    answers = [
        statement(f"{name} again", sender="civil-ai", audience=("aurora",), case=name)
        for name in names
    ]
    return StreamMessage(sequence=number + 1, message=block(*openers, *answers))


def filled(folder: Path, size: int) -> Path:
    path = folder / f"{size}.db"
    Store.create(path, ORIGIN)
    with closing(Store.open(path, ORIGIN, summarize=summarize)) as store:
        store.hasten()
        for number in range(size // ENTRIES):
            store.fold(message(number))
        store.settle()
    return path


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("work")
    return {size: filled(folder, size) for size in (SMALL, LARGE)}


def of_page(query: MemberQuery) -> Callable[[Snapshot], object]:
    return lambda snapshot: snapshot.member_entries(query)


NEAR_THE_END = SMALL - 2 * ENTRIES
QUESTIONS: dict[str, Callable[[Snapshot], object]] = {
    "statement": lambda snapshot: snapshot.statement("aurora", "s10"),
    "by_digest": lambda snapshot: snapshot.by_digest(digest("s10")),
    "by_digest, none": lambda snapshot: snapshot.by_digest(digest("none")),
    "by_index": lambda snapshot: snapshot.by_index(17),
    "case": lambda snapshot: snapshot.case(digest("s10")),
    "case_as_read": lambda snapshot: snapshot.case_as_read(digest("s10"), "aurora", SMALL),
    "case_entries": lambda snapshot: snapshot.case_entries(digest("s10")),
    "readable_in_case": lambda snapshot: snapshot.readable_in_case(digest("s10"), "aurora", -1, 9),
    "newest": lambda snapshot: snapshot.newest(digest("s10"), [80]),
    "directory_entries": lambda snapshot: snapshot.directory_entries(0, 3),
    "directory_entries, the last": lambda snapshot: snapshot.directory_entries(ENTRIES, 1000),
    "last_directory_index": lambda snapshot: snapshot.last_directory_index,
    "last_received_time": lambda snapshot: snapshot.last_received_time,
    "member_entries, a page": of_page(
        MemberQuery(member="aurora", box=Box.ALL, after=50, before_size=SMALL, limit=20)
    ),
    "member_entries, of a case": of_page(
        MemberQuery(
            member="aurora",
            box=Box.ALL,
            after=-1,
            before_size=SMALL,
            limit=20,
            case_digest=digest("s10"),
        )
    ),
    "member_cases": lambda snapshot: snapshot.member_cases("aurora", "", 50, 20),
    "boxes_touched": lambda snapshot: snapshot.boxes_touched(SMALL - 3, SMALL),
    "readable": lambda snapshot: snapshot.readable(17, "mercy-hospital"),
    "block": lambda snapshot: snapshot.block(sha256(message(3).message).digest()),
    "block_at": lambda snapshot: snapshot.block_at(3),
    "note": lambda snapshot: snapshot.note,
    "leaf_hash": lambda snapshot: snapshot.leaf_hash(NEAR_THE_END),
    "prove": lambda snapshot: snapshot.prove([NEAR_THE_END], snapshot.size),
    "consistency": lambda snapshot: snapshot.consistency(NEAR_THE_END, snapshot.size),
}


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_a_question_costs_what_it_gives(name: str, stores: dict[int, Path], steps: Steps) -> None:
    def asked(path: Path) -> int:
        with closing(StoreReader(path, ORIGIN)) as reader, reader.snapshot() as snapshot:
            return steps.of(lambda: QUESTIONS[name](snapshot))

    small, large = (asked(stores[size]) for size in (SMALL, LARGE))
    assert small > 0
    assert large <= 2 * small + 50


def test_a_start_reads_no_more_of_a_large_store(
    stores: dict[int, Path], steps: Steps, tmp_path: Path
) -> None:
    def started(size: int) -> int:
        keeper = Keeper.create(tmp_path / str(size), ORIGIN)

        def start() -> None:
            with closing(Store.open(stores[size], ORIGIN, summarize=summarize)) as store:
                last, head = store.last_block(), store.head()
                assert last is not None
                assert head.size == last.size_after == size
                # What was signed before is compared first, as at every start after a crash.
                keeper.sign(TreeHead(size=size - 7, root=store.root_at(size - 7)), store.root_at)
                keeper.sign(head, store.root_at)

        return steps.of(start)

    small, large = started(SMALL), started(LARGE)
    assert small > 0
    assert large <= 2 * small + 50


def test_a_block_costs_what_it_holds(stores: dict[int, Path], steps: Steps, tmp_path: Path) -> None:
    def folded(size: int) -> int:
        path = tmp_path / f"{size}.db"
        path.write_bytes(stores[size].read_bytes())
        with closing(Store.open(path, ORIGIN, summarize=summarize)) as store:
            return steps.of(lambda: store.fold(message(size // ENTRIES)))

    small, large = folded(SMALL), folded(LARGE)
    assert small > 0
    assert large <= 2 * small + 50
