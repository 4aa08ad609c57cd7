"""A store's file as it is: read without changing it, and without believing what it says of itself.

* Opened read-only, in one read transaction: neither a checkpoint of SQLite's log nor a repair of
  it happens, whatever state the file is in. A gateway may be writing it meanwhile.
* A file that was closed is read also where nothing can be written beside it, as on a copy that is
  mounted for reading only.
* What SQLite cannot read ends in `Unreadable`, with SQLite's own name for it.
* Rows come in the order of their keys, so that two files can be compared side by side.

It judges nothing: `gateway.care` compares what it reads with what it has to be.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

NOTES: Final[Mapping[str, str]] = MappingProxyType({"note": "published", "cosigned": "cosigned"})
"""Where a store keeps the notes that its readers are shown, and what each of them is."""

_PAGE: Final = 256
_BLOCKS: Final = 16
"""So many blocks are held at once: each may be of several megabytes."""
_FLAWS: Final = 20


class Unreadable(Exception):  # noqa: N818 - a state of the file
    """SQLite cannot read the file; the text is its name for why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRow:
    """A row of the table of blocks; see `schema`."""

    sequence: int
    sha256: bytes
    size_before: int
    size_after: int
    root: bytes
    verdicts: bytes
    message: bytes


class RawStore:
    """One file, open for reading."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Keep an open connection; use `open`."""
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file.

        Args:
            path: The file.

        Raises:
            FileNotFoundError: There is none.
            Unreadable: It is no database, or its begin is damaged.
        """
        if not path.exists():
            raise FileNotFoundError(path)
        with _reading():
            try:
                connection = _connected(path, "mode=ro")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_CANTOPEN or _is_written(path):
                    raise
                # SQLite makes two files to read along with a writer, and could not. There is none.
                connection = _connected(path, "immutable=1")
        return cls(connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def flaws(self) -> list[str]:
        """Have SQLite compare every page and index; give what it finds, at most a few.

        Raises:
            Unreadable: It cannot even do that.
        """
        found = self._all(f"PRAGMA integrity_check({_FLAWS})")
        return [str(row[0]) for row in found if row[0] != "ok"]

    def meta(self, key: str) -> bytes | None:
        """Give what the file says of itself under a key."""
        rows = self._all("SELECT value FROM meta WHERE key = ?", key)
        if not rows:
            return None
        value = rows[0][0]
        return value if isinstance(value, bytes) else str(value).encode()

    def meta_keys(self) -> frozenset[str]:
        """Give every key under which the file says something of itself."""
        return frozenset(str(key) for (key,) in self._all("SELECT key FROM meta"))

    def definitions(self) -> frozenset[str]:
        """Give every table, index and whatever else was defined, as it was written."""
        rows = self._all("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
        return frozenset(str(sql) for (sql,) in rows)

    def tables(self) -> list[str]:
        """Name the tables."""
        rows = self._all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        return [str(name) for (name,) in rows]

    @property
    def last(self) -> tuple[int, int]:
        """Sequence of the last block and the size after it; zeros where there is none."""
        rows = self._all("SELECT sequence, size_after FROM block ORDER BY sequence DESC LIMIT 1")
        return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

    def hashes(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Give sequence and recorded hash of at most so many blocks after a sequence."""
        query = "SELECT sequence, sha256 FROM block WHERE sequence > ? ORDER BY sequence LIMIT ?"
        return [(int(sequence), bytes(found)) for sequence, found in self._all(query, after, limit)]

    def blocks(self) -> Iterator[BlockRow]:
        """Give every block, in the order of their sequences.

        Raises:
            Unreadable: From here on.
        """
        columns = "sequence, sha256, size_before, size_after, root, verdicts, message"
        query = f"SELECT {columns} FROM block WHERE sequence > ? ORDER BY sequence LIMIT ?"  # noqa: S608 - constants
        after = -(1 << 63)
        while True:
            page = self._all(query, after, _BLOCKS)
            for row in page:
                yield _block(row)
            if len(page) < _BLOCKS:
                return
            after = page[-1][0]

    def after(self, sequence: int, limit: int) -> list[BlockRow]:
        """Give at most so many blocks after a sequence.

        Raises:
            Unreadable: One of them stands where SQLite cannot read.
        """
        columns = "sequence, sha256, size_before, size_after, root, verdicts, message"
        query = f"SELECT {columns} FROM block WHERE sequence > ? ORDER BY sequence LIMIT ?"  # noqa: S608 - constants
        return [_block(row) for row in self._all(query, sequence, limit)]

    def block(self, sequence: int) -> BlockRow | None:
        """Give one block.

        Raises:
            Unreadable: It stands where SQLite cannot read.
        """
        columns = "sequence, sha256, size_before, size_after, root, verdicts, message"
        rows = self._all(f"SELECT {columns} FROM block WHERE sequence = ?", sequence)  # noqa: S608 - constants
        return _block(rows[0]) if rows else None

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Give index and body of every entry, in order."""
        after = -1
        query = "SELECT idx, body FROM entry WHERE idx > ? ORDER BY idx LIMIT ?"
        while page := self._all(query, after, _PAGE):
            yield from ((int(index), bytes(body)) for index, body in page)
            after = page[-1][0]

    def entry(self, index: int) -> tuple[bytes, bytes] | None:
        """Give body and salt of an entry; None where there is none."""
        rows = self._all("SELECT body, salt FROM entry WHERE idx = ?", index)
        return (bytes(rows[0][0]), bytes(rows[0][1])) if rows else None

    def tile(self, level: int, n: int) -> bytes:
        """Give the hashes of a tile, one after the other; nothing where there is none."""
        rows = self._all("SELECT hashes FROM tile WHERE level = ? AND n = ?", level, n)
        return bytes(rows[0][0]) if rows else b""

    def first_of(self, index: int) -> int:
        """Give the lowest index that holds the same statement, or another under its id."""
        rows = self._all(
            "SELECT min(found.idx) FROM entry AS own, entry AS found WHERE own.idx = ?"
            " AND (found.digest = own.digest"
            " OR (found.sender = own.sender AND found.statement_id = own.statement_id))",
            index,
        )
        return index if rows[0][0] is None else int(rows[0][0])

    def rows(
        self, table: str, where: str = ""
    ) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Give every row of a table with its key, in the order of its key.

        Args:
            table: One of `tables`.
            where: Which of them, as SQL of this project.

        Raises:
            Unreadable: From here on.
        """
        columns = self._all(f"PRAGMA table_info({table})")
        keys = [index for index, column in enumerate(columns) if column[5]]
        order = ", ".join(str(columns[index][1]) for index in keys)
        query = f"SELECT * FROM {table} {where} ORDER BY {order}"  # noqa: S608 - names of our tables
        with _reading():
            cursor = self._connection.execute(query)
            while page := cursor.fetchmany(_PAGE):
                for row in page:
                    yield tuple(row[index] for index in keys), row

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with _reading():
            return self._connection.execute(query, values).fetchall()


def _connected(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=10,
    )
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _is_written(path: Path) -> bool:
    """Tell whether a write-ahead log holds what the file does not."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _block(row: tuple[Any, ...]) -> BlockRow:
    sequence, sha256, before, after, root, verdicts, message = row
    try:
        return BlockRow(
            sequence=int(sequence),
            sha256=bytes(sha256),
            size_before=int(before),
            size_after=int(after),
            root=bytes(root),
            verdicts=bytes(verdicts),
            message=bytes(message),
        )
    except (TypeError, ValueError):
        raise Unreadable("a row of the table of blocks is not one") from None


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unreadable(getattr(error, "sqlite_errorname", type(error).__name__)) from error
