"""An audit log without a stream: the real store, folded into directly, and its checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.core.fold import Entry, Outcome
from gateway.ledger.reader import StoreReader
from gateway.ledger.snapshot import Snapshot
from gateway.ledger.store import Store
from gateway.ports.blocks import StreamMessage
from gateway.ports.reading import SignedHead
from gateway.wire.audit import summarize
from gateway.wire.blocks import encode_block, encode_entry

ORIGIN = "exchange.example/audit"
_SEALED = datetime(2026, 11, 21, 12, tzinfo=UTC)


class AuditLog:
    """`gateway.ports.reading.LedgerReader`, `LedgerHead` and `Recorder` over one file.

    Attributes:
        unsigned: How many of the newest events no checkpoint covers yet.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "audit.db"
        Store.create(path, ORIGIN)
        self.store = Store.open(path, ORIGIN, summarize=summarize)
        self.unsigned = 0
        self._reader = StoreReader(path, ORIGIN)
        self._folded = 0

    def close(self) -> None:
        self._reader.close()
        self.store.close()

    def fold(self, *bodies: bytes) -> tuple[Outcome, ...]:
        """Fold events, all of them in one block."""
        return self.fold_entries(
            [
                Entry(
                    body=body,
                    salt=(self._folded << 16 | at).to_bytes(32, "big"),
                    judged_at=0,
                    reads=(),
                    writes=(),
                )
                for at, body in enumerate(bodies)
            ]
        )

    def fold_entries(self, entries: Sequence[Entry]) -> tuple[Outcome, ...]:
        self._folded += 1
        message = encode_block([encode_entry(e) for e in entries], node="", sealed_time=_SEALED)
        self.store.fold(StreamMessage(sequence=self._folded, message=message))
        with self._reader.snapshot() as snapshot:
            block = snapshot.block_at(self._folded)
        assert block is not None
        return block.outcomes

    async def record(self, entry: Entry) -> Outcome:
        return self.fold_entries([entry])[0]

    def table(self, name: str) -> list[tuple[Any, ...]]:
        """Give every row of a table."""
        found = self.store._connection.execute(f"SELECT * FROM {name}")  # noqa: S608 - ours
        return found.fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with self._reader.snapshot() as snapshot:
            yield snapshot

    def prove(self, indexes: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
        return self._reader.prove(indexes, size)

    @property
    def current(self) -> SignedHead:
        """The newest checkpoint; nobody here looks at its note."""
        return SignedHead(
            note=b"audit note %d" % self.size, size=self.size, root=self.store.root_at(self.size)
        )

    @property
    def size(self) -> int:
        return self.store.head().size - self.unsigned

    async def wait_beyond(self, size: int) -> SignedHead:
        raise AssertionError(size)
