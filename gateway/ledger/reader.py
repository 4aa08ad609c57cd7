"""The store's reading side: `gateway.ports.reading.LedgerReader` for any number of threads.

* Each snapshot has a connection to itself, query-only, taken from a pool and given back after.
* Full tiles are kept in memory and shared by all snapshots.

Nothing here is asynchronous: call it in a worker thread (`asyncio.to_thread`).
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gateway.ledger import schema
from gateway.ledger.snapshot import Snapshot
from gateway.ledger.tiles import TileCache


class StoreReader:
    """Reads the store of a log; see `gateway.ports.reading.LedgerReader`."""

    def __init__(self, path: Path, origin: str) -> None:
        """Read the store that `Store.create` made.

        Args:
            path: The file.
            origin: The origin of the ledger that it must hold.

        Raises:
            Fault: It is missing, another ledger's, or of an unknown version.
        """
        self._path = path
        self._origin = origin
        self._cache = TileCache()
        self._idle: deque[sqlite3.Connection] = deque([schema.open_reader(path, origin)])

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open a snapshot; see `gateway.ports.reading.LedgerReader.snapshot`."""
        with schema.faults(self._path.name):
            connection = self._take()
            try:
                connection.execute("BEGIN")
                yield Snapshot(connection, self._cache)
                connection.execute("COMMIT")
            except BaseException:
                # Nothing was written: closing ends the transaction, whatever state it is in.
                connection.close()
                raise
            self._idle.append(connection)

    def prove(self, indexes: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
        """Prove entries in the tree of a size; see `gateway.ports.reading.LedgerSnapshot.prove`."""
        with self.snapshot() as snapshot:
            return snapshot.prove(indexes, size)

    def close(self) -> None:
        """Close the connections that no snapshot uses; no snapshot may be opened after."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return schema.open_reader(self._path, self._origin)
