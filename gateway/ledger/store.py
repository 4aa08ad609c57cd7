"""The store's writing side: every block of the stream, folded once, in one transaction each.

* A block is kept verbatim with its sequence, its SHA-256, the sizes before and after and a verdict
  for each entry, together with everything that follows from it: entries, tree, keys, index. All of
  it is on disk when `fold` returns, or none of it.
* Blocks come in the order of the stream, without a gap.
* What follows from a block follows from nothing else: the same messages folded into an empty store
  give the same rows and the same tree.

There is one `Store` to a file, used by one thread at a time. It signs nothing (the `keeper` does),
and knows nothing of NATS; readers use `gateway.ledger.reader`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import Final, Self

from gateway.core import fold as folding
from gateway.core import merkle
from gateway.core.commitment import entry_leaf_hash
from gateway.core.entry import EntrySummary
from gateway.core.errors import Fault, Reason
from gateway.core.inbox import MAX_ENTRIES
from gateway.ledger import schema
from gateway.ledger.projection import (
    BLOCK_COLUMNS,
    AcceptedEntry,
    Confirmed,
    Projection,
    folded_block,
    project,
)
from gateway.ledger.tiles import StoredTiles, TileCache
from gateway.ports.blocks import StreamMessage
from gateway.ports.reading import FoldedBlock
from gateway.wire.blocks import decode_block

Summarizer = Callable[[bytes], EntrySummary | None]
"""Reads what the index keeps of an entry from its body; None where it is opaque. Never raises."""

# Twice as many as a span has entries: between any two of them lies what is not of this sender.
_MOST_CONFIRMED: Final = 2 * MAX_ENTRIES
_ENTRY_VALUES: Final = ", ".join("?" * 15)


class Store:
    """The one writer of a log's store."""

    def __init__(self, connection: sqlite3.Connection, name: str, summarize: Summarizer) -> None:
        """Keep an open connection to the file of that name; use `open`."""
        self._connection = connection
        self._name = name
        self._summarize = summarize
        self._tiles = StoredTiles(connection, TileCache())

    @classmethod
    def create(cls, path: Path, origin: str) -> None:
        """Make an empty store, or check the one that is there; safe to repeat.

        Args:
            path: The file, in the state folder.
            origin: The ledger's origin.

        Raises:
            Fault: It is another ledger's, of an unknown version, or cannot be written.
        """
        schema.create(path, origin)

    @classmethod
    def open(cls, path: Path, origin: str, *, summarize: Summarizer) -> Self:
        """Open the store that `create` made.

        Args:
            path: The file.
            origin: The origin of the ledger that it must hold.
            summarize: Reads an entry's summary from its body.

        Raises:
            Fault: It is missing, another ledger's, of an unknown version, or damaged.
        """
        store = cls(schema.open_writer(path, origin), path.name, summarize)
        try:
            store._check_tree()
        except BaseException:
            store.close()
            raise
        return store

    def hasten(self) -> None:
        """Sync nothing from now on, until `settle`: for a store that nobody relies on yet."""
        with schema.faults(self._name):
            self._connection.execute("PRAGMA synchronous=OFF")

    def settle(self) -> None:
        """Have everything on disk that was hastened, in the file itself."""
        with schema.faults(self._name):
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def sync_seldom(self) -> None:
        """Sync when the write-ahead log is written home, and not with every block.

        For a store on which nothing rests yet: a crash may take its last blocks away.
        """
        with schema.faults(self._name):
            self._connection.execute("PRAGMA synchronous=NORMAL")

    def last_block(self) -> FoldedBlock | None:
        """Give the block that was folded last; None for an empty store."""
        with schema.faults(self._name):
            row = self._connection.execute(
                f"SELECT {BLOCK_COLUMNS} FROM block ORDER BY sequence DESC LIMIT 1"  # noqa: S608 - a constant
            ).fetchone()
        return None if row is None else folded_block(row)

    def head(self) -> merkle.TreeHead:
        """Give the tree after the last block."""
        with schema.faults(self._name):
            row = self._connection.execute(
                "SELECT size_after, root FROM block ORDER BY sequence DESC LIMIT 1"
            ).fetchone()
        size, root = row or (0, merkle.EMPTY_ROOT)
        return merkle.TreeHead(size=size, root=root)

    def root_at(self, size: int) -> bytes:
        """Compute the root over the first `size` entries from the tiles."""
        with schema.faults(self._name):
            return merkle.root(self._tiles, size)

    def fold(self, message: StreamMessage) -> merkle.TreeHead:
        """Fold the next message of the stream, and commit all that follows from it.

        Args:
            message: The message after the one folded last.

        Returns:
            The tree after it.

        Raises:
            Fault: A message between them is missing, or the store failed; nothing was changed.
        """
        last = self.last_block()
        expected = last.sequence + 1 if last else 1
        if message.sequence != expected:
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"the stream goes on at {message.sequence}, but the store expects {expected}: a "
                "message is missing. Stop, and run `forewarn-gateway ledger repair`",
            )
        head = self.head()
        entries = decode_block(message.message)
        with schema.faults(self._name):
            # Most entries of a block have read the same keys.
            folded = folding.fold(entries, head.size, cache(self._last_written))
            accepted = self._accepted(entries, folded)
            leaves = [entry_leaf_hash(each.entry.body, each.entry.salt) for each in accepted]
            appended = merkle.append(self._tiles, head.size, leaves)
            with self._transaction():
                self._insert_block(message, folded, head.size, appended.head.root)
                self._insert_tiles(appended)
                self._insert_keys(folded)
                self._insert_projection(project(accepted))
            # The block is durable in the store from here on; a restart goes on after it.
        return appended.head

    def publish(self, note: bytes) -> None:
        """Let readers see the newest signed note. The keeper has it on disk already.

        Raises:
            Fault: The store failed.
        """
        # Not worth an fsync of its own: after a crash the keeper's note is published again.
        self._put("note", note)

    def publish_cosigned(self, note: bytes) -> None:
        """Let readers see the newest note that enough witnesses have cosigned.

        Raises:
            Fault: The store failed.
        """
        # Nor is this: after a crash the witnesses are asked again.
        self._put("cosigned", note)

    def _put(self, key: str, note: bytes) -> None:
        with schema.faults(self._name):
            self._connection.execute("PRAGMA synchronous=NORMAL")
            try:
                self._connection.execute(
                    "INSERT INTO meta VALUES (?, ?)"
                    " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    (key, note),
                )
            finally:
                self._connection.execute("PRAGMA synchronous=FULL")

    def _check_tree(self) -> None:
        """Compare the tree's tiles with the root that the last block was committed with."""
        head = self.head()
        if self.root_at(head.size) != head.root:
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"the tiles in {self._name} do not give the root that was committed: it is "
                "damaged. Stop, and run `forewarn-gateway ledger repair`, which folds it anew",
            )

    def _last_written(self, key: str) -> int | None:
        row = self._connection.execute("SELECT idx FROM key_write WHERE key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def _accepted(
        self, entries: tuple[folding.Entry | None, ...], folded: folding.Folded
    ) -> list[AcceptedEntry]:
        return [
            AcceptedEntry(index=outcome.index, entry=entry, summary=self._summarize(entry.body))
            for entry, outcome in zip(entries, folded.outcomes, strict=True)
            if entry is not None and outcome.index is not None
        ]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _insert_block(
        self, message: StreamMessage, folded: folding.Folded, size_before: int, root: bytes
    ) -> None:
        self._connection.execute(
            "INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                message.sequence,
                sha256(message.message).digest(),
                size_before,
                folded.size,
                root,
                bytes(outcome.verdict for outcome in folded.outcomes),
                message.message,
            ),
        )

    def _insert_tiles(self, appended: merkle.Appended) -> None:
        self._connection.executemany(
            "INSERT INTO tile VALUES (?, ?, ?)"
            " ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes",
            [(level, n, hashes) for (level, n), hashes in appended.tiles.items()],
        )

    def _insert_keys(self, folded: folding.Folded) -> None:
        self._connection.executemany(
            "INSERT INTO key_write VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET idx = excluded.idx",
            folded.writes.items(),
        )

    def _insert_projection(self, rows: Projection) -> None:
        many = self._connection.executemany
        many(f"INSERT INTO entry VALUES ({_ENTRY_VALUES})", rows.entries)  # noqa: S608 - question marks
        many("INSERT OR IGNORE INTO member_entry VALUES (?, ?, ?, ?)", rows.members)
        many("INSERT OR IGNORE INTO party VALUES (?, ?)", rows.parties)
        many("INSERT OR IGNORE INTO case_row VALUES (?, ?, ?, ?, ?)", rows.openings)
        many(
            "UPDATE case_row SET state = coalesce(nullif(?, ''), state), last_idx = ?"
            " WHERE digest = ?",
            rows.moves,
        )
        many("INSERT OR IGNORE INTO released VALUES (?, ?, ?)", rows.releases)
        for confirmed in rows.confirmations:
            self._insert_confirmation(confirmed)

    def _insert_confirmation(self, confirmed: Confirmed) -> None:
        # A member that confirms as it reads has at most one for each entry of the span. Of whoever
        # makes many more, by overlapping ones, those are left out that cover so many: it harms
        # its own standing alone.
        rows = self._connection.execute(
            "SELECT from_size, to_size FROM confirmed WHERE member = ? AND sender = ?"
            " AND signed = ? AND to_size > ? ORDER BY to_size LIMIT ?",
            (
                *(confirmed.member, confirmed.sender, int(confirmed.signed)),
                *(confirmed.from_size, _MOST_CONFIRMED + 1),
            ),
        )
        # They never overlap, so either size ascends.
        known = list(takewhile(lambda sizes: sizes[0] < confirmed.to_size, rows))
        rows.close()
        if len(known) <= _MOST_CONFIRMED:
            self._connection.executemany(
                "INSERT INTO confirmed VALUES (?, ?, ?, ?, ?, ?)", confirmed.beyond(known)
            )
