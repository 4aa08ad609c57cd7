"""What a witness has cosigned last, of every log: one SQLite file, synced before it answers.

* Comparing with what is stored and storing what is new are one transaction that nothing else comes
  between, whichever thread or process asks.
* The file is made once, by `create`. A witness that has lost it must not begin anew under its
  name: it would cosign a past that contradicts what it has cosigned.
* Requests that show a log contradicting itself are kept as evidence, the first of each log and
  root, up to a number for each log. Of more, the oldest gives way that proves nothing by itself:
  anybody can hand in a log's checkpoint with a wrong proof, and nobody two roots of one size.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_APPLICATION: Final = 0x46575774  # "FWWt"
_VERSION: Final = 1
_MOST_EVIDENCE: Final = 256
_SCHEMA: Final = f"""
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
CREATE TABLE latest (
  origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL,
  time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE evidence (
  origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, request BLOB NOT NULL,
  cosigned BLOB NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (origin, size, root)
) STRICT;
"""


class RecordError(Exception):
    """The record cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """The newest checkpoint of a log that was cosigned.

    Attributes:
        size: Its size; 0 where none was.
        root: Its root; empty where none was.
        note: The note, as the log signed it; empty where none was.
        time: When it was last cosigned, in seconds since 1970, UTC; 0 where it never was.
    """

    size: int = 0
    root: bytes = b""
    note: bytes = b""
    time: int = 0


class Record:
    """The record of one witness; any number of threads may use it."""

    def __init__(self, path: Path) -> None:
        """Open the record that `create` made.

        Args:
            path: The file.

        Raises:
            RecordError: There is none, or it is not one.
        """
        self._path = path
        if not path.exists():
            raise RecordError(
                f"{path} is gone: restore it. Without it this witness cannot know what it has "
                "cosigned; where there is no copy, begin anew under another name, with new keys"
            )
        try:
            with self._connected() as connection:
                found = [
                    connection.execute(f"PRAGMA {name}").fetchone()[0]
                    for name in ("application_id", "user_version")
                ]
        except sqlite3.Error:
            found = []
        if found != [_APPLICATION, _VERSION]:
            raise RecordError(f"{path} is not the record of a witness: restore it from a copy")

    @classmethod
    def create(cls, path: Path) -> "Record":
        """Make an empty record.

        Args:
            path: The file; there must be none.

        Raises:
            RecordError: There is one, or it cannot be made.
        """
        try:
            path.touch(mode=0o600, exist_ok=False)
            with closing(sqlite3.connect(path)) as connection:
                connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise RecordError(f"{path} cannot be made: {error}") from None
        return cls(path)

    def latest(self, origin: str) -> Cosigned:
        """Give the newest checkpoint of a log that was cosigned.

        Args:
            origin: Name of the log.

        Raises:
            RecordError: The record cannot be read.
        """
        try:
            with self._connected() as connection:
                return _latest(connection, origin)
        except sqlite3.Error as error:
            raise RecordError(f"{self._path} cannot be read: {error}") from None

    @contextmanager
    def deciding(self, origin: str) -> Iterator["Decision"]:
        """Decide about a log while nobody else does. What was decided is on disk once this ends.

        Args:
            origin: Name of the log.

        Raises:
            RecordError: It could not be stored, and nothing was.
        """
        try:
            with self._connected() as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield Decision(connection, origin)
                except BaseException:
                    connection.rollback()
                    raise
                connection.commit()
        except sqlite3.Error as error:
            raise RecordError(f"{self._path} cannot be written: {error}") from None

    def evidence(self) -> list[tuple[str, int, bytes, bytes]]:
        """Give what is kept against logs: origin, size, the request, and the note cosigned then."""
        with self._connected() as connection:
            return connection.execute(
                "SELECT origin, size, request, cosigned FROM evidence ORDER BY time, origin, size"
            ).fetchall()

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(
            sqlite3.connect(f"{self._path.as_uri()}?mode=rw", uri=True, isolation_level=None)
        ) as connection:
            # A rollback journal, synced: nothing is left out of the one file once a commit returns.
            connection.execute("PRAGMA synchronous = EXTRA")
            connection.execute("PRAGMA busy_timeout = 5000")
            yield connection


class Decision:
    """One log, while it is decided about."""

    def __init__(self, connection: sqlite3.Connection, origin: str) -> None:
        """Read what was cosigned last."""
        self._connection = connection
        self._origin = origin
        self.latest = _latest(connection, origin)

    def cosign(self, new: Cosigned) -> None:
        """Store a checkpoint as the newest that is cosigned."""
        self._connection.execute(
            "INSERT OR REPLACE INTO latest VALUES (?, ?, ?, ?, ?)",
            (self._origin, new.size, new.root, new.note, new.time),
        )

    def keep(self, size: int, root: bytes, request: bytes, time: int) -> None:
        """Keep a request as evidence against the log."""
        added = self._connection.execute(
            "INSERT OR IGNORE INTO evidence VALUES (?, ?, ?, ?, ?, ?)",
            (self._origin, size, root, request, self.latest.note, time),
        )
        if added.rowcount:
            self._bound()

    def _bound(self) -> None:
        """Take out what is too much."""
        rows = self._connection.execute(
            "SELECT rowid, size, cosigned FROM evidence WHERE origin = ? ORDER BY rowid",
            (self._origin,),
        ).fetchall()
        if len(rows) > _MOST_EVIDENCE:
            weak = [row for row, size, cosigned in rows if size != _size(cosigned)]
            (gone, *_) = weak or [rows[-1][0]]
            self._connection.execute("DELETE FROM evidence WHERE rowid = ?", (gone,))


def _size(cosigned: bytes) -> int:
    """Give the size that a cosigned note says; 0 for no note."""
    return int(cosigned.split(b"\n")[1]) if cosigned else 0


def _latest(connection: sqlite3.Connection, origin: str) -> Cosigned:
    row = connection.execute(
        "SELECT size, root, note, time FROM latest WHERE origin = ?", (origin,)
    ).fetchone()
    if row is None:
        return Cosigned()
    size, root, note, time = row
    return Cosigned(size=size, root=root, note=note, time=time)
