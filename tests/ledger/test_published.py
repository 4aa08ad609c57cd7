"""What strangers read of a store: tiles as they stand, and only leaves that hash to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core.commitment import commit, leaf
from gateway.core.errors import Fault, Reason
from gateway.core.merkle import leaf_hash
from gateway.ledger.published import StoredLog
from gateway.ledger.reader import StoreReader
from gateway.ledger.store import Store
from gateway.ports.blocks import StreamMessage
from tests.ledger.house import ORIGIN, block, opened, statement

SIZE = 300
ENTRIES = [statement(f"statement-{number}") for number in range(SIZE)]
LEAVES = [leaf(commit(each.body, each.salt)) for each in ENTRIES]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "ledger.db"
    Store.create(made, ORIGIN)
    with opened(made) as store:
        for sequence, start in enumerate(range(0, SIZE, 100), 1):
            entries = ENTRIES[start : start + 100]
            store.fold(StreamMessage(sequence=sequence, message=block(*entries)))
    return made


@pytest.fixture
def reader(path: Path) -> Iterator[StoreReader]:
    made = StoreReader(path, ORIGIN)
    yield made
    made.close()


@pytest.mark.parametrize("kept", [0, 1, 8])
def test_leaves_are_given_in_any_order_and_width(reader: StoreReader, kept: int) -> None:
    log = StoredLog(reader, kept)
    for n, width in [(0, 3), (1, 1), (0, 256), (1, 44), (0, 1), (1, 43), (0, 256)]:
        assert log.leaves(n, width) == LEAVES[n * 256 :][:width]


def test_tiles_hold_the_hashes_of_the_leaves(reader: StoreReader) -> None:
    log = StoredLog(reader)
    hashes = [leaf_hash(each) for each in LEAVES]
    assert log.tile(0, 0, 256) == b"".join(hashes[:256])
    assert log.tile(0, 1, 17) == b"".join(hashes[256:273])
    assert len(log.tile(1, 0, 1)) == 32


def test_what_is_made_once_is_not_made_again(path: Path, reader: StoreReader) -> None:
    log = StoredLog(reader)
    assert log.leaves(0, 100) == LEAVES[:100]
    with sqlite3.connect(path) as other:
        other.execute("UPDATE entry SET body = x'00' WHERE idx < 100")
    assert log.leaves(0, 200) == LEAVES[:200]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE entry SET body = x'00' WHERE idx = 7",
        "UPDATE entry SET salt = zeroblob(32) WHERE idx = 7",
        "DELETE FROM entry WHERE idx = 7",
        "UPDATE tile SET hashes = zeroblob(8192) WHERE level = 0 AND n = 0",
        "DELETE FROM tile WHERE level = 0 AND n = 0",
    ],
)
def test_a_damaged_row_is_a_fault_and_never_another_leaf(
    path: Path, reader: StoreReader, damage: str
) -> None:
    with sqlite3.connect(path) as other:
        other.execute(damage)
    log = StoredLog(reader)
    with pytest.raises(Fault, match="damaged") as caught:
        log.leaves(0, 8)
    assert caught.value.reason is Reason.LEDGER_NOT_PROVEN


def test_a_tile_that_holds_less_than_was_signed_is_a_fault(reader: StoreReader) -> None:
    with pytest.raises(Fault, match="fewer hashes"):
        StoredLog(reader).tile(0, 1, 45)
