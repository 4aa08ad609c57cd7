"""One consistent look at the ledger: `gateway.ports.reading.LedgerSnapshot` over SQLite.

* All answers come from one read transaction, so they agree with each other and with `size`.
* Where entries claim one identity twice, which admitted ones never do, the lower index counts.
* Lists are keyset reads along an index: their cost follows what they return, not what is stored.
* Who may read what is asked of the index alone, without the entry: for those that are somebody
  else's, neither their size nor that they exist shows in how long it takes.

It judges nobody's right to see an entry but in `readable`; whoever delivers asks there.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from gateway.core import merkle
from gateway.core.inbox import Delivered
from gateway.ledger.projection import (
    BLOCK_COLUMNS,
    CASE_COLUMNS,
    ENTRY_COLUMNS,
    EVERYBODY,
    Row,
    case_row,
    folded_block,
    received_time,
    stored_entry,
)
from gateway.ledger.tiles import StoredTiles, TileCache
from gateway.ports.reading import Box, CaseRow, FoldedBlock, MemberQuery, StoredEntry

_ENTRY: Final = f"SELECT {ENTRY_COLUMNS} FROM entry"  # noqa: S608 - a constant
_BLOCK: Final = f"SELECT {BLOCK_COLUMNS} FROM block"  # noqa: S608 - a constant
_CASE: Final = f"SELECT {CASE_COLUMNS} FROM case_row"  # noqa: S608 - a constant


class Snapshot:
    """A read transaction; see `gateway.ports.reading.LedgerSnapshot`."""

    def __init__(self, connection: sqlite3.Connection, cache: TileCache) -> None:
        """Look through a connection on which a transaction has begun."""
        self._connection = connection
        self._tiles = StoredTiles(connection, cache)
        self._prover: merkle.Prover | None = None
        # The first read fixes what the transaction sees.
        row = self._row("SELECT size_after FROM block ORDER BY sequence DESC LIMIT 1")
        self._size: int = row[0] if row else 0

    @property
    def size(self) -> int:
        """Number of entries."""
        return self._size

    def statement(self, sender: str, statement_id: str) -> StoredEntry | None:
        """Find an entry by sender and statement id."""
        return self._entry("WHERE sender = ? AND statement_id = ?", sender, statement_id)

    def by_digest(self, digest: bytes) -> StoredEntry | None:
        """Find an entry by its statement's digest."""
        return self._entry("WHERE digest = ?", digest)

    def index_of(self, digest: bytes) -> int | None:
        """Find the index of an entry by its statement's digest."""
        row = self._row("SELECT idx FROM entry WHERE digest = ? ORDER BY idx LIMIT 1", digest)
        return None if row is None else int(row[0])

    def by_index(self, index: int) -> StoredEntry | None:
        """Find an entry by its index."""
        # Beyond the size there is nothing, and numbers beyond 63 bits are none to SQLite.
        return self._entry("WHERE idx = ?", index) if 0 <= index < self._size else None

    def case(self, case_digest: bytes) -> CaseRow | None:
        """Find a case by its opener's digest."""
        row = self._row(f"{_CASE} WHERE digest = ?", case_digest)
        return None if row is None else case_row(row)

    def case_as_read(self, case_digest: bytes, member: str, before_size: int) -> CaseRow | None:
        """Find a case as one of its readers sees it."""
        case = self.case(case_digest)
        if case is None or case.opened_index >= before_size:
            return None
        if not self.readable(case.opened_index, member):
            return None
        last = [
            self._row(
                "SELECT max(idx) FROM member_entry"
                " WHERE case_digest = ? AND member = ? AND box = ? AND idx < ?",
                *(case_digest, reader, box, min(before_size, self._size)),
            )
            for reader, box in _shelves(member)
        ]
        index = max((row[0] for row in last if row is not None and row[0] is not None), default=-1)
        row = self._row("SELECT case_state FROM entry WHERE idx = ?", index)
        return None if row is None else replace(case, state=row[0], last_index=index)

    def case_entries(
        self,
        case_digest: bytes,
        kinds: Sequence[int] = (),
        *,
        after: int = -1,
        limit: int | None = None,
    ) -> list[StoredEntry]:
        """List a case's entries, the opener first."""
        clause, values = _among("kind", kinds)
        where = f"WHERE case_digest = ? AND idx > ?{clause} ORDER BY idx LIMIT ?"
        # A negative limit is none to SQLite.
        most = -1 if limit is None else limit
        return self._entries(where, case_digest, min(after, self._size), *values, most)

    def readable_in_case(
        self, case_digest: bytes, member: str, after: int, limit: int
    ) -> list[StoredEntry]:
        """List those of a case's entries that a member may read."""
        shelves = _shelves(member)
        one_shelf = (
            "SELECT idx FROM member_entry"
            " WHERE case_digest = ? AND member = ? AND box = ? AND idx > ?"
        )
        walk = " UNION ".join([one_shelf] * len(shelves))
        values: list[object] = []
        for shelf in shelves:
            values += [case_digest, *shelf, min(after, self._size)]
        where = f"WHERE idx IN ({walk} ORDER BY idx LIMIT ?) ORDER BY idx"
        return self._entries(where, *values, limit)

    def newest(self, case_digest: bytes, kinds: Sequence[int]) -> StoredEntry | None:
        """Find the newest of a case's entries of some kinds."""
        clause, values = _among("kind", kinds)
        where = f"WHERE idx = (SELECT max(idx) FROM entry WHERE case_digest = ?{clause})"  # noqa: S608 - question marks
        return self._entry(where, case_digest, *values)

    def directory_entries(self, from_index: int, limit: int) -> list[StoredEntry]:
        """List directory entries from an index on."""
        where = "WHERE directory = 1 AND idx >= ? ORDER BY idx LIMIT ?"
        return self._entries(where, min(from_index, self._size), limit)

    @property
    def last_directory_index(self) -> int | None:
        """Index of the newest directory entry."""
        row = self._row("SELECT max(idx) FROM entry WHERE directory = 1")
        return row[0] if row else None

    def member_entries(self, query: MemberQuery) -> list[StoredEntry]:
        """List entries that were sent by a member or delivered to it."""
        matches, kinds = _among("e.kind", query.kinds)
        match_values: list[object] = [*kinds]
        if query.sender:
            matches += " AND e.sender = ?"
            match_values.append(query.sender)
        if query.case_digest:
            matches += " AND m.case_digest = ?"
            match_values.append(query.case_digest)
        boxes = _boxes(query.box)
        one_box = (
            "SELECT m.idx AS idx FROM member_entry m CROSS JOIN entry e ON e.idx = m.idx"  # noqa: S608 - constants
            f" WHERE m.member = ? AND m.box = ? AND m.idx > ? AND m.idx < ?{matches}"
        )
        # Each box is a walk along its index; SQLite merges both in order and stops at the limit.
        walk = " UNION ".join([one_box] * len(boxes))
        after, before = min(query.after, self._size), min(query.before_size, self._size)
        values: list[object] = []
        for box in boxes:
            values += [query.member, box.value, after, before, *match_values]
        where = f"WHERE idx IN ({walk} ORDER BY idx LIMIT ?) ORDER BY idx"
        return self._entries(where, *values, query.limit)

    def member_horizon(self, query: MemberQuery, most: int) -> int | None:
        """Tell how far a look at a member's entries may go."""
        within = " AND case_digest = ?" if query.case_digest else ""
        found = [
            self._row(
                "SELECT idx FROM member_entry WHERE member = ? AND box = ? AND idx > ?"  # noqa: S608 - constants
                f" AND idx < ?{within} ORDER BY idx LIMIT 1 OFFSET ?",
                *(query.member, box.value),
                *(min(query.after, self._size), min(query.before_size, self._size)),
                *([query.case_digest] if query.case_digest else []),
                most,
            )
            for box in _boxes(query.box)
        ]
        return min((row[0] for row in found if row is not None), default=None)

    def member_cases(self, member: str, protocol: str, after: int, limit: int) -> list[CaseRow]:
        """List the cases that a member is party to, in the order of opening."""
        rows = self._rows(
            "SELECT c.digest, c.protocol, c.state, c.opened_idx, c.last_idx"
            " FROM party p CROSS JOIN case_row c ON c.opened_idx = p.opened_idx"
            " WHERE p.member = ? AND p.opened_idx > ? AND (? = '' OR c.protocol = ?)"
            " ORDER BY p.opened_idx LIMIT ?",
            member,
            min(after, self._size),
            protocol,
            protocol,
            limit,
        )
        return [case_row(row) for row in rows]

    def delivered(self, member: str, from_size: int, to_size: int, limit: int) -> list[Delivered]:
        """List what was delivered to a member between two sizes, without bodies."""
        rows = self._rows(
            "SELECT m.idx, e.sender FROM member_entry m CROSS JOIN entry e ON e.idx = m.idx"
            " WHERE m.member = ? AND m.box = ? AND m.idx >= ? AND m.idx < ? ORDER BY m.idx LIMIT ?",
            *(member, Box.RECEIVED.value),
            *(min(from_size, self._size), min(to_size, self._size), limit),
        )
        return [
            Delivered(index=index, sender=sender, leaf_hash=self.leaf_hash(index))
            for index, sender in rows
        ]

    def first_released(self, member: str, index: int) -> int | None:
        """Find the first event by which an entry left for a member."""
        row = self._row(
            "SELECT idx FROM released WHERE member = ? AND entry_idx = ?", member, index
        )
        return None if row is None else int(row[0])

    def not_released(self, member: str, indexes: Sequence[int]) -> list[int]:
        """Pick those of some entries of which no release to a member is told."""
        rows = self._rows(
            "SELECT value FROM json_each(?) WHERE NOT EXISTS"
            " (SELECT 1 FROM released WHERE member = ? AND entry_idx = value) ORDER BY key",
            *(json.dumps(list(indexes)), member),
        )
        return [int(index) for (index,) in rows]

    def first_confirmed(self, member: str, sender: str, index: int, before_size: int) -> int | None:
        """Find the first event by which a member confirmed to have an entry, signed if any is."""
        for signed in (1, 0):
            row = self._row(
                "SELECT from_size, idx FROM confirmed WHERE member = ? AND sender = ?"
                " AND signed = ? AND to_size > ? AND idx < ? ORDER BY to_size LIMIT 1",
                *(member, sender, signed, index, min(before_size, self._size)),
            )
            if row is not None and row[0] <= index:
                return int(row[1])
        return None

    def boxes_touched(self, from_size: int, to_size: int) -> set[tuple[str, Box]]:
        """Name the boxes, SENT or RECEIVED of which member, between two sizes."""
        rows = self._rows(
            "SELECT sender, audience FROM entry WHERE idx >= ? AND idx < ? AND sender IS NOT NULL",
            min(from_size, self._size),
            min(to_size, self._size),
        )
        boxes: set[tuple[str, Box]] = set()
        for sender, audience in rows:
            boxes.add((sender, Box.SENT))
            boxes.update((member, Box.RECEIVED) for member in json.loads(audience))
        return boxes

    def readable(self, index: int, member: str) -> bool:
        """Tell whether a member may read an entry."""
        if not 0 <= index < self._size:
            return False
        return any(
            self._row(
                "SELECT 1 FROM member_entry WHERE member = ? AND box = ? AND idx = ?",
                *(reader, box, index),
            )
            for reader, box in _shelves(member)
        )

    @property
    def last_received_time(self) -> datetime | None:
        """When the newest entry was received."""
        row = self._row(
            "SELECT received FROM entry WHERE received IS NOT NULL ORDER BY idx DESC LIMIT 1"
        )
        return None if row is None else received_time(row[0])

    def block(self, sha256: bytes) -> FoldedBlock | None:
        """Find what the fold made of a block the first time that it came."""
        row = self._row(f"{_BLOCK} WHERE sha256 = ? ORDER BY sequence LIMIT 1", sha256)
        return None if row is None else folded_block(row)

    def block_at(self, sequence: int) -> FoldedBlock | None:
        """Find what was folded at a sequence."""
        row = self._row(f"{_BLOCK} WHERE sequence = ?", sequence)
        return None if row is None else folded_block(row)

    @property
    def note(self) -> bytes | None:
        """The newest signed checkpoint note."""
        row = self._row("SELECT value FROM meta WHERE key = 'note'")
        return row[0] if row else None

    @property
    def cosigned(self) -> bytes | None:
        """The newest note that enough witnesses have cosigned."""
        row = self._row("SELECT value FROM meta WHERE key = 'cosigned'")
        return row[0] if row else None

    def leaf_hash(self, index: int) -> bytes:
        """Give the leaf hash of an entry."""
        if not 0 <= index < self._size:
            raise ValueError("only an entry below the ledger's size has a leaf")
        n, at = divmod(index, merkle.TILE_WIDTH)
        return self._tiles.hashes(0, n)[at]

    def tile(self, level: int, n: int) -> bytes:
        """Give a tile as it is stored: up to 256 hashes; nothing where there is none."""
        row = self._row("SELECT hashes FROM tile WHERE level = ? AND n = ?", level, n)
        return row[0] if row else b""

    def openings(self, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
        """Walk through body and salt of the entries from one index up to another, row by row."""
        rows: Iterator[tuple[bytes, bytes]] = self._connection.execute(
            "SELECT body, salt FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx", (start, end)
        )
        return rows

    def prove(self, indexes: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
        """Prove entries in the tree of a size."""
        if not 0 <= size <= self._size:
            raise ValueError("a tree beyond the ledger's size cannot be proven in")
        # Answers that share a snapshot mostly share the size, and with it most of their hashes.
        if self._prover is None or self._prover.size != size:
            self._prover = merkle.Prover(self._tiles, size)
        return [self._prover.inclusion(index) for index in indexes]

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the tree of a size begins with that of an earlier one."""
        if not 0 <= old <= new <= self._size:
            raise ValueError("a tree begins with a smaller one, and ends with the ledger")
        return merkle.consistency_proof(self._tiles, old, new)

    def _entry(self, where: str, *values: object) -> StoredEntry | None:
        row = self._row(f"{_ENTRY} {where} ORDER BY idx LIMIT 1", *values)
        return None if row is None else stored_entry(row)

    def _entries(self, where: str, *values: object) -> list[StoredEntry]:
        return [stored_entry(row) for row in self._rows(f"{_ENTRY} {where}", *values)]

    def _row(self, sql: str, *values: object) -> Row | None:
        found: Row | None = self._connection.execute(sql, values).fetchone()
        return found

    def _rows(self, sql: str, *values: object) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()


def _boxes(box: Box) -> tuple[Box, ...]:
    return (Box.RECEIVED, Box.SENT) if box is Box.ALL else (box,)


def _shelves(member: str) -> tuple[tuple[str, int], ...]:
    """Name where in `member_entry` the entries stand that a member may read."""
    return (
        (member, Box.SENT.value),
        (member, Box.RECEIVED.value),
        (EVERYBODY, Box.RECEIVED.value),
    )


def _among(column: str, values: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """Give a condition that a column is one of some values; none where there are none."""
    if not values:
        return "", ()
    return f" AND {column} IN ({', '.join('?' * len(values))})", tuple(values)
