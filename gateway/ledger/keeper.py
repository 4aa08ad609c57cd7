"""The keeper of the log key: signs a checkpoint only if it extends the last one that it signed.

* Its folder holds the log's Ed25519 key (`log.pem`, mode 0600) and the high-water mark
  (`high-water`, see `high_water`): the last note it signed, or agreed with, verbatim.
* The mark is on disk before the note is given out.
* Key and mark come into being together, in `create`; nothing else ever makes a key. On a node that
  joins, `attend` makes a mark alone: such a node agrees with what others sign. Who runs it may copy
  the key into the folder, by hand; from the next start on it can sign as well.

It trusts the caller for what the tree's root is at a size; it asks twice, at the old size and at
the new. It does not announce, and does not talk to witnesses.
"""

from __future__ import annotations

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

from gateway.core.checkpoint import Checkpoint, Note, NoteError, NoteSigner, NoteVerifier
from gateway.core.errors import Fault, Reason
from gateway.core.merkle import EMPTY_ROOT, TreeHead
from gateway.ledger import synced
from gateway.ledger.high_water import HighWater

_KEY: Final = "log.pem"
_MARK: Final = "high-water"
_OTHERS: Final = 0o077

_RESTORE: Final = (
    "restore the keeper's folder from its newest backup; without one this ledger cannot go on"
)


class Keeper:
    """The one signer of a log's checkpoints, or, without the key, the one that agrees with them."""

    def __init__(
        self, folder: Path, verifier: NoteVerifier, mark: HighWater, signer: NoteSigner | None
    ) -> None:
        """Keep what `load` or `attend` has read; use these."""
        self._folder = folder
        self._verifier = verifier
        self._mark = mark
        self._signer = signer

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
        _, first = _signed(signer, TreeHead(size=0, root=EMPTY_ROOT))
        _make(folder, {_KEY: pem, _MARK: HighWater.first(first)})
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
            signer = _read_key(folder / _KEY, origin)
            verifier = signer.verifier()
            return cls(folder, verifier, HighWater.load(folder / _MARK, verifier), signer)
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise _not_whole(folder, error) from error

    @classmethod
    def attend(cls, folder: Path, verifier: NoteVerifier, *, make: bool = False) -> Self:
        """Read the mark of a node beside others, and the key where somebody has copied it here.

        Args:
            folder: The keeper's folder.
            verifier: The log's key, as it was pinned when the node joined.
            make: Make the folder, without a key, where it is not there.

        Raises:
            Fault: LEDGER_NOT_PROVEN, the mark is missing, unreadable or another log's; or the key
                is not the pinned one, or open to others.
        """
        if make and not folder.exists():
            _make(folder, {_MARK: HighWater.first(None)})
        key = folder / _KEY
        try:
            signer = _read_key(key, verifier.name) if key.exists() else None
            if signer is not None and signer.verifier() != verifier:
                detail = f"{key} is not the key that members have pinned: copy the right one there"
                raise Fault(Reason.LEDGER_NOT_PROVEN, detail)
            return cls(folder, verifier, HighWater.load(folder / _MARK, verifier), signer)
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise _not_whole(folder, error) from error

    @property
    def verifier(self) -> NoteVerifier:
        """The public half; `str()` of it is the verifier key that members pin."""
        return self._verifier

    @property
    def can_sign(self) -> bool:
        """Whether the key is here."""
        return self._signer is not None

    @property
    def mark(self) -> Checkpoint:
        """The last checkpoint signed or agreed with; its size is 0 before the first entry."""
        return self._mark.checkpoint

    @property
    def note(self) -> bytes | None:
        """The note that is the mark; None where nothing was signed or agreed with yet."""
        return self._mark.note

    def endorse(self, head: TreeHead, root_at: Callable[[int], bytes]) -> bytes | None:
        """Sign a head; see `gateway.ledger.endorsing.Endorser`. A smaller one than the mark waits.

        Raises:
            Fault: As `sign`.
        """
        return None if head.size < self.mark.size else self.sign(head, root_at)

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
        if self._signer is None:
            raise Fault(Reason.INTERNAL, "a node without the log key was asked to sign")
        self._check_extends(head, root_at)

        # 3. Nothing new to say.
        if head.size == self.mark.size and self._mark.note is not None:
            return self._mark.note

        # 4. The mark is on disk before anyone sees the note. Killed while it is written, the same
        #    head is signed again, to the same bytes; killed after it, the note is there to be
        #    announced at the next start.
        checkpoint, note = _signed(self._signer, head)
        self._advance(checkpoint, note)
        return note

    def agree(self, checkpoint: Checkpoint, note: bytes, root_at: Callable[[int], bytes]) -> None:
        """Take a note that another signer of the log has signed as the mark.

        Args:
            checkpoint: What it says; its signature has been verified.
            note: The note, verbatim.
            root_at: Gives the root of this node's own tree at a size that it has reached.

        Raises:
            Fault: LEDGER_NOT_PROVEN, this node's tree is another; LEDGER_UNAVAILABLE, the mark
                could not be written.
        """
        self._check_extends(TreeHead(size=checkpoint.size, root=checkpoint.root), root_at)
        # On disk before anyone here is shown it: this node will sign nothing that contradicts it.
        self._advance(checkpoint, note)

    def _check_extends(self, head: TreeHead, root_at: Callable[[int], bytes]) -> None:
        """Refuse a head that does not extend the mark, or is not this tree's.

        Raises:
            Fault: LEDGER_NOT_PROVEN.
        """
        # 0. Never from a mark of which nobody knows whether it is the last one.
        doubt = self._mark.doubt
        if doubt is not None and not doubt.settled(head, self._verifier):
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"a place of the high-water mark in {self._folder} is damaged, and the ledger does "
                f"not tell whether more than {self.mark.size} entries were signed: stop, and run "
                "`forewarn-gateway ledger repair`",
            )

        # 1. Never back.
        if head.size < self.mark.size:
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"a checkpoint of size {self.mark.size} was signed, the store holds {head.size}: "
                "fold the rest of the stream first",
            )

        # 2. Never another history: at the old size it is the tree that was signed then.
        if root_at(self.mark.size) != self.mark.root or root_at(head.size) != head.root:
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"the tree differs from the one signed at size {self.mark.size}: stop, keep a "
                "copy of the state folder, and run `forewarn-gateway ledger check` on it",
            )

    def _advance(self, checkpoint: Checkpoint, note: bytes) -> None:
        try:
            self._mark.advance(checkpoint, note)
        except OSError as error:
            raise _unwritable(self._folder, error) from error


def _read_key(path: Path, origin: str) -> NoteSigner:
    if path.stat().st_mode & _OTHERS:
        detail = f"others may read {path}: chmod it to 600, or replace the log"
        raise Fault(Reason.LEDGER_NOT_PROVEN, detail)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("the log key is not an Ed25519 key")  # noqa: TRY004 - of the file
    return NoteSigner(name=origin, key=key)


def _signed(signer: NoteSigner, head: TreeHead) -> tuple[Checkpoint, bytes]:
    checkpoint = Checkpoint(origin=signer.name, size=head.size, root=head.root)
    text = checkpoint.text()
    return checkpoint, Note(text=text, signatures=(signer.sign(text),)).encode()


def _make(folder: Path, files: dict[str, bytes]) -> None:
    """Make the keeper's folder as a whole, on disk once this returns.

    Raises:
        Fault: LEDGER_UNAVAILABLE, it cannot be written.
    """
    making = folder.with_name(f"{folder.name}.new")
    try:
        # What a crash left half made has signed nothing that anybody saw.
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700, parents=True)
        for name, content in files.items():
            synced.write(making / name, content)
        synced.sync_folder(making)
        # One rename: there is never a key without a mark, which a restart could take for new.
        making.rename(folder)
        synced.sync_folder(folder.parent)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> Fault:
    detail = f"{folder} cannot be written ({error.strerror}): mend that, nothing was signed"
    return Fault(Reason.LEDGER_UNAVAILABLE, detail)


def _not_whole(folder: Path, error: Exception) -> Fault:
    why = error.reason if isinstance(error, NoteError) else type(error).__name__
    return Fault(
        Reason.LEDGER_NOT_PROVEN,
        f"the log key or its high-water mark in {folder} is not whole ({why}): {_RESTORE}",
    )
