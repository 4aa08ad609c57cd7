"""The real SQLite store behind the ports, folded into directly: a ledger without a stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from gateway.core.fold import Entry, Outcome
from gateway.ledger.reader import StoreReader
from gateway.ledger.snapshot import Snapshot
from gateway.ledger.store import Store
from gateway.ports.blocks import StreamMessage
from gateway.wire.blocks import encode_block, encode_entry
from gateway.wire.entries import summarize
from tests.world.actors import ORIGIN

_SEALED = datetime(2026, 11, 21, tzinfo=UTC)


class StoreLedger:
    """`gateway.ports.reading.LedgerReader` and `Recorder` over one file."""

    def __init__(self, folder: Path) -> None:
        path = folder / "ledger.db"
        Store.create(path, ORIGIN)
        self._store = Store.open(path, ORIGIN, summarize=summarize)
        self._reader = StoreReader(path, ORIGIN)
        self.meanwhile: list[Callable[[], Awaitable[object]]] = []

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with self._reader.snapshot() as snapshot:
            yield snapshot

    def prove(self, indexes: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
        return self._reader.prove(indexes, size)

    async def record(self, entry: Entry) -> Outcome:
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        return self.fold([entry])[0]

    def fold(self, entries: Sequence[Entry]) -> tuple[Outcome, ...]:
        """Fold a block of entries, on the one thread that asks."""
        message = encode_block([encode_entry(e) for e in entries], node="", sealed_time=_SEALED)
        last = self._store.last_block()
        sequence = last.sequence + 1 if last is not None else 1
        self._store.fold(StreamMessage(sequence=sequence, message=message))
        with self._reader.snapshot() as snapshot:
            block = snapshot.block_at(sequence)
        assert block is not None
        assert block.sha256 == sha256(message).digest()
        return block.outcomes

    def root(self) -> bytes:
        """Give the root of the tree."""
        return self._store.head().root

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._store.close()
