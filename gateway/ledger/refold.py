"""A store of an earlier version, folded anew into one of this version.

* Every version of the store keeps every block verbatim, in `block (sequence, message)`, and says in
  `meta` which version and whose it is. That is all that is read of an earlier one, so this is the
  way from any version to this one: nothing is ever converted.
* The new store is a file beside the old one. It takes the old one's place, in one rename, only once
  it holds every block and its tree is, at the size last signed, the tree that was signed.
* Until that rename nothing of the old store has changed; after it, the old one is kept under a name
  of its own. Killed anywhere, it is taken up where it was, or begun again.
* On any doubt it refuses.

It signs nothing, and asks no stream: the gateway compares both at its next start, as always.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gateway.core.checkpoint import Checkpoint, NoteError, NoteVerifier, open_checkpoint
from gateway.core.errors import Fault, Reason
from gateway.ledger import schema, synced
from gateway.ledger.store import Store, Summarizer
from gateway.ports.blocks import StreamMessage

Progress = Callable[[int, int], None]
"""Told how many blocks are folded, and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The log that a store belongs to.

    Attributes:
        summarize: Reads what its index keeps of an entry.
        verifier: Its key, whose name is its origin.
        mark: The checkpoint that it signed last.
    """

    summarize: Summarizer
    verifier: NoteVerifier
    mark: Checkpoint

    @property
    def origin(self) -> str:
        """The log's origin."""
        return self.verifier.name

    def open(self, path: Path) -> Store:
        """Open a store of this version, whose tiles are compared with its last block."""
        return Store.open(path, self.origin, summarize=self.summarize)


def refold(path: Path, owner: Owner, progress: Progress) -> Path | None:
    """Bring a store to this version. Nobody else may have it open.

    Args:
        path: The store.
        owner: Its log.
        progress: Told how far it is.

    Returns:
        Where the old one is kept; None where it is of this version already.

    Raises:
        Fault: It is of a newer version, another log's or damaged, does not reach what was signed,
            is open elsewhere, or there is no room. The old store is as it was.
    """
    version = schema.version(path, owner.origin)
    new = path.with_name(f"{path.name}.new")
    if version == schema.SCHEMA_VERSION:
        _remove(new)
        return None
    with _written(path):
        _settle(path)
        _check_room(path, new)
        try:
            with _blocks(path) as old:
                _fold(old, new, owner, progress)
                _prove(old, new, owner)
        except Fault as fault:
            # What is not proven is worth nothing; where only room ran out, it is gone on with.
            if fault.reason is Reason.LEDGER_NOT_PROVEN:
                _remove(new)
            raise
        kept = path.with_name(f"{path.name}.version-{version}")
        _swap(path, new, kept)
        return kept


class _Blocks:
    """The blocks of the old store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        (self.count,) = connection.execute("SELECT count(*) FROM block").fetchone()

    def after(self, sequence: int) -> Iterator[StreamMessage]:
        """Give the blocks after a sequence, in order."""
        rows = self._connection.execute(
            "SELECT sequence, message FROM block WHERE sequence > ? ORDER BY sequence", (sequence,)
        )
        return (StreamMessage(sequence=number, message=message) for number, message in rows)

    def sha256(self, sequence: int) -> bytes | None:
        """Hash a block; None where there is none."""
        for message in self.after(sequence - 1):
            return sha256(message.message).digest() if message.sequence == sequence else None
        return None

    @property
    def note(self) -> bytes | None:
        """The newest note that readers were shown."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = 'note'").fetchone()
        return row[0] if row else None


@contextmanager
def _blocks(path: Path) -> Iterator[_Blocks]:
    with schema.faults(path.name):
        connection = schema.connect_untouched(path)
        try:
            yield _Blocks(connection)
        finally:
            connection.close()


def _settle(path: Path) -> None:
    """Have SQLite write what its write-ahead log still holds into the file itself.

    The content stays what it was. A log that stood beside the file would, after the rename, be
    taken for the new store's.
    """
    with schema.faults(path.name):
        schema.settle(path)
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"somebody has {path.name} open: stop what uses it, and run this again",
        )


def _check_room(path: Path, new: Path) -> None:
    """Refuse to begin what would fill the disk."""
    wanted = path.stat().st_size - (new.stat().st_size if new.exists() else 0)
    free = shutil.disk_usage(path.parent).free
    if free < wanted:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"{path.name} is folded anew beside itself: make {wanted - free:,} more bytes of room",
        )


def _fold(old: _Blocks, new: Path, owner: Owner, progress: Progress) -> None:
    """Fold every block that the new store does not hold yet."""
    store = _begun(old, new, owner)
    try:
        # Nothing rests on it before it is whole.
        store.sync_seldom()
        last = store.last_block()
        done = last.sequence if last else 0
        progress(done, old.count)
        for message in old.after(done):
            # Killed here, the new store holds the blocks before this one: it is gone on with.
            store.fold(message)
            progress(message.sequence, old.count)
    finally:
        store.close()


def _begun(old: _Blocks, new: Path, owner: Owner) -> Store:
    """Open the new store that an earlier run has left, or an empty one."""
    if new.exists():
        with suppress(Fault):
            store = owner.open(new)
            last = store.last_block()
            if last is None or old.sha256(last.sequence) == last.sha256:
                return store
            store.close()
        # Half made, of another version, or of another store.
        _remove(new)
    Store.create(new, owner.origin)
    return owner.open(new)


def _prove(old: _Blocks, new: Path, owner: Owner) -> None:
    """Refuse a new store that does not hold all of the old one, or not what was signed."""
    # Opening compares the tiles with the root of the last block.
    store = owner.open(new)
    try:
        last, head, mark = store.last_block(), store.head(), owner.mark
        sequence = last.sequence if last else 0
        if sequence != old.count or (last and old.sha256(sequence) != last.sha256):
            raise _doubt("not every block of the old store is in the new one")
        if head.size < mark.size:
            raise _doubt(
                f"it holds {head.size} entries, {mark.size} were signed: have the gateway that "
                "wrote it fold the rest first"
            )
        if store.root_at(mark.size) != mark.root:
            raise _doubt(f"folded anew, its tree differs from the one signed at {mark.size}")
        _take_note(store, old.note, owner.verifier)
    finally:
        store.close()


def _take_note(store: Store, note: bytes | None, verifier: NoteVerifier) -> None:
    """Show readers what they were shown before, where it is the log's."""
    if note is None:
        return
    try:
        shown = open_checkpoint(note, [verifier], verifier.name)
    except NoteError:
        return  # the gateway publishes its own at the next start
    if shown.size <= store.head().size and store.root_at(shown.size) == shown.root:
        store.publish(note)


def _swap(path: Path, new: Path, kept: Path) -> None:
    """Put the new store in the place of the old one, which is kept."""
    synced.sync_file(new)
    # A second name for the old file first: killed after this, nothing has changed.
    with suppress(FileExistsError):
        os.link(path, kept)
    if not kept.samefile(path):
        raise Fault(
            Reason.LEDGER_UNAVAILABLE, f"{kept.name} is there from another time: move it away"
        )
    new.replace(path)
    # Killed from here on, the store is the new one.
    synced.sync_folder(path.parent)


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"{error.filename or path} cannot be written ({error.strerror}): mend that and run "
            "this again",
        ) from error


def _doubt(why: str) -> Fault:
    return Fault(Reason.LEDGER_NOT_PROVEN, f"{why}; everything is left as it was")
