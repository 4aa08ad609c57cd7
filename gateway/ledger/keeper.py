"""The keeper of the log key: signs a checkpoint only if it extends the last one that it signed.

* Its folder holds the log's Ed25519 key (`log.pem`, mode 0600) and the high-water mark
  (`high-water`): the last note it signed, verbatim. Both stand apart from the store and from
  JetStream, so that no loss or rollback of these can make it sign a second history.
* The mark is on disk before the note is given out.
* The file has two places, written in turn: while one is written, the other holds the mark before
  it, whole. Writing in place costs one sync of one page; replacing a file costs several, of the
  file system's own records as well, and every answer waits for it.
* Key and mark come into being together, in `create`; nothing else ever makes one.

It trusts the caller for what the tree's root is at a size; it asks twice, at the old size and at
the new. It does not announce, and does not talk to witnesses.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.core.checkpoint import (
    Checkpoint,
    Note,
    NoteError,
    NoteSigner,
    NoteVerifier,
    open_checkpoint,
)
from gateway.core.errors import Fault, Reason
from gateway.core.merkle import EMPTY_ROOT, TreeHead

_KEY: Final = "log.pem"
_MARK: Final = "high-water"
_OTHERS: Final = 0o077
_PLACE_BYTES: Final = 4096

_RESTORE: Final = (
    "restore the keeper's folder from its newest backup; without one this ledger cannot go on"
)


class Keeper:
    """The one signer of a log's checkpoints."""

    def __init__(self, folder: Path, signer: NoteSigner, places: bytes) -> None:
        """Keep what `load` has read; use `load`."""
        self._folder = folder
        self._signer = signer
        self._mark, self._note, self._place = _newest(places, signer)

    @classmethod
    def create(cls, folder: Path, origin: str) -> Self:
        """Make a log's key and its first mark, the empty tree; load them if they are there.

        Args:
            folder: The keeper's folder.
            origin: The ledger's origin, which is the name of the log's key.

        Returns:
            The keeper.

        Raises:
            Fault: What is there cannot be read, or the folder cannot be written.
        """
        if folder.exists():
            return cls.load(folder, origin)
        signer = NoteSigner(name=origin, key=Ed25519PrivateKey.generate())
        pem = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        making = folder.with_name(f"{folder.name}.new")
        try:
            # What a crash left half made has signed nothing that anybody saw.
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(mode=0o700, parents=True)
            _write(making / _KEY, pem)
            _write(making / _MARK, _signed(signer, TreeHead(size=0, root=EMPTY_ROOT)))
            _sync_folder(making)
            # One rename: there is never a key without a mark, which a restart could take for new.
            making.rename(folder)
            _sync_folder(folder.parent)
        except OSError as error:
            raise _unwritable(folder, error) from error
        return cls.load(folder, origin)

    @classmethod
    def load(cls, folder: Path, origin: str) -> Self:
        """Read the key and the mark that `create` made.

        Args:
            folder: The keeper's folder.
            origin: The ledger's origin.

        Raises:
            Fault: LEDGER_NOT_PROVEN, one of them is missing, unreadable, another ledger's, not
                signed by the key, or the key is open to others.
        """
        try:
            if (folder / _KEY).stat().st_mode & _OTHERS:
                detail = f"others may read {folder / _KEY}: chmod it to 600, or replace the log"
                raise Fault(Reason.LEDGER_NOT_PROVEN, detail)
            signer = NoteSigner(name=origin, key=_parse_key((folder / _KEY).read_bytes()))
            return cls(folder, signer, (folder / _MARK).read_bytes())
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            why = error.reason if isinstance(error, NoteError) else type(error).__name__
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"the log key or its high-water mark in {folder} is not whole ({why}): {_RESTORE}",
            ) from error

    @property
    def verifier(self) -> NoteVerifier:
        """The public half; `str()` of it is the verifier key that members pin."""
        return self._signer.verifier()

    @property
    def mark(self) -> Checkpoint:
        """The last checkpoint that was signed; its size is 0 before the first entry."""
        return self._mark

    def sign(self, head: TreeHead, root_at: Callable[[int], bytes]) -> bytes:
        """Sign a tree head, if the tree extends the one signed last.

        Args:
            head: The head, which is durable in the store.
            root_at: Gives the tree's root at a smaller or equal size, computed from its tiles.

        Returns:
            The signed note; for the head that was signed last, the same bytes again.

        Raises:
            Fault: LEDGER_NOT_PROVEN, the tree is smaller than, or differs from, the one signed
                last; LEDGER_UNAVAILABLE, the mark could not be written, and nothing was signed.
        """
        # 1. Never back.
        if head.size < self._mark.size:
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"a checkpoint of size {self._mark.size} was signed, the store holds {head.size}: "
                "fold the rest of the stream first",
            )

        # 2. Never another history: at the old size it is the tree that was signed then.
        if root_at(self._mark.size) != self._mark.root or root_at(head.size) != head.root:
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"the tree differs from the one signed at size {self._mark.size}: stop, keep a "
                "copy of the state folder, and restore store and JetStream folder from before",
            )

        # 3. Nothing new to say.
        if head.size == self._mark.size:
            return self._note

        # 4. The mark is on disk before anyone sees the note. Killed while it is written, the place
        #    holds it whole or does not count, and the same head is signed again, to the same bytes;
        #    killed after it, the note is there to be announced at the next start.
        note = _signed(self._signer, head)
        place = 1 - self._place
        try:
            _write_place(self._folder / _MARK, place, note)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        self._place = place
        self._note = note
        self._mark = Checkpoint(origin=self._signer.name, size=head.size, root=head.root)
        return note


def _parse_key(pem: bytes) -> Ed25519PrivateKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("the log key is not an Ed25519 key")  # noqa: TRY004 - of the file
    return key


def _signed(signer: NoteSigner, head: TreeHead) -> bytes:
    text = Checkpoint(origin=signer.name, size=head.size, root=head.root).text()
    return Note(text=text, signatures=(signer.sign(text),)).encode()


def _newest(places: bytes, signer: NoteSigner) -> tuple[Checkpoint, bytes, int]:
    """Find the mark: the larger of those that the key signed, and in which place it stands.

    Raises:
        NoteError: There is none.
    """
    found: list[tuple[Checkpoint, bytes, int]] = []
    flaw: NoteError | None = None
    for place in range(2):
        note = places[place * _PLACE_BYTES :][:_PLACE_BYTES].rstrip(b"\0")
        try:
            checkpoint = open_checkpoint(note, [signer.verifier()], signer.name)
        except NoteError as error:
            # Empty, or cut off by a loss of power: then the other one is the mark.
            flaw = flaw or error
            continue
        found.append((checkpoint, note, place))
    if not found:
        raise flaw or AssertionError
    return max(found, key=lambda each: each[0].size)


def _write_place(path: Path, place: int, note: bytes) -> None:
    """Write one place of the mark's file, and return once it is on disk."""
    if len(note) > _PLACE_BYTES:
        raise OSError(errno.EFBIG, "a note is larger than its place")
    # Not made anew where it is gone: a mark that was lost has to be restored.
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(fd, note.ljust(_PLACE_BYTES, b"\0"), place * _PLACE_BYTES)
        os.fdatasync(fd)
    finally:
        os.close(fd)


def _write(path: Path, content: bytes) -> None:
    """Write a file anew, and return once its content is on disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Return once the names in a folder are on disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _unwritable(folder: Path, error: OSError) -> Fault:
    detail = f"{folder} cannot be written ({error.strerror}): mend that, nothing was signed"
    return Fault(Reason.LEDGER_UNAVAILABLE, detail)
