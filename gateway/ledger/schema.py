"""The file of a store: its tables, and connections to it that can be relied on.

* WAL and synchronous=FULL: what a commit has answered for is on disk.
* The ledger's is `ledger.db` and the audit log's `audit.db`; their tables are the same.
* The file says which version of these tables it holds and which log's they are; any other
  version or origin is refused with what to do about it.
* Nothing here creates a file but `create`, which `forewarn-gateway init` calls.
* No constraint can fail on what an entry says: only I/O may stop the fold. Where two entries claim
  the same identity, the lower index is the one that is found.

It does not read or write rows: see `store` and `snapshot`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gateway.core.errors import Fault, Reason
from gateway.ledger.synced import sync_folder

SCHEMA_VERSION: Final = "2"

_TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- One row for each message of the stream, verbatim; `verdicts` has one byte for each entry.
CREATE TABLE block (
  sequence INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL,
  size_before INTEGER NOT NULL,
  size_after INTEGER NOT NULL,
  root BLOB NOT NULL,
  verdicts BLOB NOT NULL,
  message BLOB NOT NULL
);
CREATE INDEX block_sha256 ON block (sha256);

-- The accepted entries. Body and salt are what the ledger commits to; the rest is an index made
-- from the body, null where the entry is opaque. The body stands last: rows are often read without.
CREATE TABLE entry (
  idx INTEGER PRIMARY KEY,
  salt BLOB NOT NULL,
  digest BLOB,
  sender TEXT,
  statement_id TEXT,
  kind INTEGER,
  case_digest BLOB,
  protocol TEXT,
  case_state TEXT,
  tlp INTEGER,
  audience TEXT,
  directory INTEGER,
  refers_to TEXT,
  received INTEGER,
  body BLOB NOT NULL
);
CREATE INDEX entry_digest ON entry (digest) WHERE digest IS NOT NULL;
CREATE INDEX entry_statement ON entry (sender, statement_id) WHERE sender IS NOT NULL;
CREATE INDEX entry_case ON entry (case_digest, kind) WHERE case_digest IS NOT NULL;
CREATE INDEX entry_directory ON entry (idx) WHERE directory = 1;

-- Which member finds which entry in which box, '*' standing for every member; and which of them
-- belong to a case. Parties are the members of a case's opener.
CREATE TABLE member_entry (
  member TEXT NOT NULL,
  box INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  case_digest BLOB,
  PRIMARY KEY (member, box, idx)
) WITHOUT ROWID;
CREATE INDEX member_case ON member_entry (case_digest, member, box, idx)
  WHERE case_digest IS NOT NULL;
CREATE TABLE party (
  member TEXT NOT NULL, opened_idx INTEGER NOT NULL, PRIMARY KEY (member, opened_idx)
) WITHOUT ROWID;
CREATE TABLE case_row (
  digest BLOB PRIMARY KEY,
  protocol TEXT NOT NULL,
  state TEXT NOT NULL,
  opened_idx INTEGER NOT NULL,
  last_idx INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX case_opened ON case_row (opened_idx);

-- What the events of an audit log tell of the ledger's entries; empty in the ledger itself. The
-- first event by which an entry left for a member; and the first by which a member has confirmed
-- what it received of a sender, signed or not, for each index between two sizes, which do not
-- overlap.
CREATE TABLE released (
  member TEXT NOT NULL,
  entry_idx INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  PRIMARY KEY (member, entry_idx)
) WITHOUT ROWID;
CREATE TABLE confirmed (
  member TEXT NOT NULL,
  sender TEXT NOT NULL,
  signed INTEGER NOT NULL,
  to_size INTEGER NOT NULL,
  from_size INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  PRIMARY KEY (member, sender, signed, to_size)
) WITHOUT ROWID;

-- What the fold needs: who wrote a key last. And the tree, as C2SP tlog-tiles.
CREATE TABLE key_write (key TEXT PRIMARY KEY, idx INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE tile (
  level INTEGER NOT NULL, n INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, n)
);
"""

# What may pass by itself, or be mended while the gateway runs; everything else may be damage.
_PASSING: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PRIMARY_CODE: Final = 0xFF
_READ_AND_WRITE: Final = "mode=rw"


def create(path: Path, origin: str) -> None:
    """Make the store of a ledger; where it exists already, only check it.

    Args:
        path: The file.
        origin: The ledger's origin.

    Raises:
        Fault: It is another ledger's, of an unknown version, or cannot be written.
    """
    try:
        # SQLite gives its own files beside it the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with faults(path.name):
            _fill(path, origin)
        # The name has to be on disk as well as the content.
        sync_folder(path.parent)
    except OSError as error:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"{path} cannot be written ({error.strerror}): mend that and run init again",
        ) from error


def open_writer(path: Path, origin: str) -> sqlite3.Connection:
    """Open the one connection that writes.

    Args:
        path: The file.
        origin: The origin of the ledger that it must hold.

    Returns:
        A connection in autocommit mode.

    Raises:
        Fault: It is missing, another ledger's, of an unknown version, or damaged.
    """
    # Random keys touch many pages: keep them in memory, and write them home less often.
    return _open(
        path,
        origin,
        ("PRAGMA journal_mode=WAL", "PRAGMA cache_size=-32768", "PRAGMA wal_autocheckpoint=4000"),
    )


def open_reader(path: Path, origin: str) -> sqlite3.Connection:
    """Open a connection that can only read; otherwise like `open_writer`."""
    return _open(path, origin, ("PRAGMA query_only=ON",))


def open_untouched(path: Path, origin: str) -> sqlite3.Connection:
    """Open a connection that leaves the file and those beside it as they are.

    Args:
        path: The file.
        origin: The origin of the ledger that it must hold.

    Returns:
        A connection in autocommit mode that can only read.

    Raises:
        Fault: As for `open_writer`.
    """
    return _open(path, origin, ("PRAGMA query_only=ON",), _untouched(path))


def connect_untouched(path: Path) -> sqlite3.Connection:
    """Open a file of any version likewise, whosever it is.

    Args:
        path: The file.
    """
    return _connect(path, _untouched(path))


def settle(path: Path) -> None:
    """Have what the write-ahead log of a file holds written into the file; of any version.

    Args:
        path: The file.
    """
    connection = _connect(path)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def version(path: Path, origin: str) -> str:
    """Tell which version of the tables a store has.

    Args:
        path: The file.
        origin: The origin of the log that it must hold.

    Returns:
        SCHEMA_VERSION, or an earlier one.

    Raises:
        Fault: It is missing, of a newer version, another log's, or no store.
    """
    _check_there(path)
    with faults(path.name):
        connection = connect_untouched(path)
        try:
            found = _meta(connection)
        finally:
            connection.close()
    _check_not_newer(found, path)
    _check_origin(found, path, origin)
    return found["schema"]


@contextmanager
def faults(name: str) -> Iterator[None]:
    """Turn what SQLite raises into a `Fault`.

    Args:
        name: The file's name, for the text.

    Raises:
        Fault: LEDGER_UNAVAILABLE where it may pass (no space, busy); LEDGER_NOT_PROVEN where what
            is on disk can no longer be relied on.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY_CODE
        why = getattr(error, "sqlite_errorname", type(error).__name__)
        if code in _PASSING:
            raise Fault(
                Reason.LEDGER_UNAVAILABLE,
                f"the store {name} cannot be written ({why}): free disk space, or wait",
            ) from error
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"the store {name} failed ({why}): stop, check the disk, and start again, "
            + _fold_anew(name),
        ) from error


def _fold_anew(name: str) -> str:
    return f"or run `forewarn-gateway ledger repair`, which folds {name} anew"


def _fill(path: Path, origin: str) -> None:
    """Make the tables in an empty file, and check those in any other."""
    connection = _connect(path)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        # One transaction: a crash before its end leaves an empty file, which is begun again.
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
            for statement in _TABLES.split(";\n"):
                connection.execute(statement)
            rows = [("schema", SCHEMA_VERSION), ("origin", origin)]
            connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)
        connection.execute("COMMIT")
        _check(connection, path, origin)
    finally:
        connection.close()


def _open(
    path: Path, origin: str, pragmas: tuple[str, ...], how: str = _READ_AND_WRITE
) -> sqlite3.Connection:
    _check_there(path)
    with faults(path.name):
        connection = _connect(path, how)
        try:
            for pragma in pragmas:
                connection.execute(pragma)
            _check(connection, path, origin)
        except BaseException:
            connection.close()
            raise
        return connection


def _connect(path: Path, how: str = _READ_AND_WRITE) -> sqlite3.Connection:
    # Never `rwc`: a file that is gone is not silently made anew. Whoever holds the connection sees
    # to it that one thread at a time uses it.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=10,
    )
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _untouched(path: Path) -> str:
    log = path.with_name(f"{path.name}-wal")
    # Without a write-ahead log nobody is writing, and SQLite would make one to read along.
    beside = log.exists() and log.stat().st_size > 0
    return "mode=ro" if beside else "immutable=1"


def _meta(connection: sqlite3.Connection) -> dict[str, str]:
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").fetchone():
        return {}
    return dict(
        connection.execute("SELECT key, value FROM meta WHERE key NOT IN ('note', 'cosigned')")
    )


def _check(connection: sqlite3.Connection, path: Path, origin: str) -> None:
    """Refuse a file that holds another version or another ledger."""
    found = _meta(connection)
    _check_not_newer(found, path)
    if found["schema"] != SCHEMA_VERSION:
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"{path.name} has tables of version {found['schema']}, this gateway's are of "
            f"{SCHEMA_VERSION}: run `forewarn-gateway upgrade`, which folds it anew and keeps it",
        )
    _check_origin(found, path, origin)


def _check_there(path: Path) -> None:
    if not path.exists():
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"there is no {path.name}: run `forewarn-gateway init`, which makes an empty one; "
            "`serve` then folds it anew from the stream",
        )


def _check_not_newer(found: dict[str, str], path: Path) -> None:
    version = found.get("schema", "")
    if not version.isdecimal():
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"{path.name} is no store, it does not say which tables it has: restore it, "
            + _fold_anew(path.name),
        )
    if int(version) > int(SCHEMA_VERSION):
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"{path.name} was written by a newer gateway (tables of version {version}, this one's "
            f"are of {SCHEMA_VERSION}): install that one, or restore the copy from before it",
        )


def _check_origin(found: dict[str, str], path: Path, origin: str) -> None:
    if found.get("origin") != origin:
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"{path.name} is the store of {found.get('origin')}, not of {origin}: name the state "
            "folder of this exchange",
        )
