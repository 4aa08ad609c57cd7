"""A look at a store that leaves no trace, whether a gateway is using it or not.

* Nothing is written and nothing is locked for longer than one short question, so a running gateway
  notices nothing, and a stopped one's files stay as they are. (SQLite may make its own index of a
  write-ahead log, `-shm`, anew where a crash has left none.)
* A store that nobody has written since it was closed is read as it stands on disk; one with a
  write-ahead log is read with it.
* What is read is what the file says; whether it is the log's is for whoever compares it.

It serves nobody: calls are answered from `reader`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from gateway.core import merkle
from gateway.ledger import schema
from gateway.ledger.projection import Row, received_time
from gateway.ledger.tiles import StoredTiles, TileCache

_FEW_TILES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """The newest entries of a log.

    Attributes:
        entries: How many they are.
        since: When the first of them was received, UTC.
        until: When the last was.
    """

    entries: int
    since: datetime
    until: datetime


class Observer:
    """Reads one store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Look through a connection; use `opened`."""
        self._connection = connection
        self._tiles = StoredTiles(connection, TileCache(_FEW_TILES))

    @classmethod
    @contextmanager
    def opened(cls, path: Path, origin: str) -> Iterator[Self]:
        """Look at a store for a short while.

        Args:
            path: The file.
            origin: The origin of the log that it must hold.

        Raises:
            Fault: It is missing, another log's, of another version, or damaged.
        """
        with schema.faults(path.name):
            connection = schema.open_untouched(path, origin)
            try:
                # All answers from one state of it.
                connection.execute("BEGIN")
                yield cls(connection)
            finally:
                connection.close()

    @property
    def head(self) -> merkle.TreeHead:
        """The tree after the last block, as it was committed."""
        row = self._row("SELECT size_after, root FROM block ORDER BY sequence DESC LIMIT 1")
        size, root = row or (0, merkle.EMPTY_ROOT)
        return merkle.TreeHead(size=size, root=root)

    @property
    def last_sequence(self) -> int:
        """Where in the stream the last block stood; 0 for none."""
        row = self._row("SELECT sequence FROM block ORDER BY sequence DESC LIMIT 1")
        return row[0] if row else 0

    @property
    def note(self) -> bytes | None:
        """The newest signed checkpoint note that readers are shown."""
        row = self._row("SELECT value FROM meta WHERE key = 'note'")
        return row[0] if row else None

    def root_at(self, size: int) -> bytes:
        """Compute the root over the first `size` entries from the tiles."""
        return merkle.root(self._tiles, size)

    def tail(self, most: int) -> Tail | None:
        """Tell over how long the newest entries came.

        Args:
            most: How many to look at.

        Returns:
            What they are; None where there is none.
        """
        row = self._row(
            "SELECT count(*), min(received), max(received) FROM"
            " (SELECT received FROM entry WHERE received IS NOT NULL ORDER BY idx DESC LIMIT ?)",
            most,
        )
        if not row or not row[0]:
            return None
        return Tail(entries=row[0], since=received_time(row[1]), until=received_time(row[2]))

    def _row(self, sql: str, *values: object) -> Row | None:
        found: Row | None = self._connection.execute(sql, values).fetchone()
        return found
