"""The newest checkpoint that a member has verified, kept on disk between runs.

* It is the signed note as the exchange gave it, in `state/checkpoint`.
* It is replaced whole, durably, and only by whoever has compared with what stands there: two
  processes that share a folder cannot undo each other's progress.
* A file that the pinned log key did not sign is reported, never passed over: without it, a ledger
  that was rewritten would look like any other.

It compares nothing itself: `history` does.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from forewarn_client import files
from forewarn_client.errors import HomeError, VerificationError
from forewarn_client.note import Checkpoint

FILE: Final = "checkpoint"
"""Where that of the ledger is kept."""


class Notes(Protocol):
    """Whoever verifies the notes of one log."""

    def checkpoint(self, note: bytes) -> Checkpoint:
        """Verify a signed note."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCheckpoint:
    """A checkpoint whose signature holds.

    Attributes:
        note: The signed note.
        checkpoint: What it says.
    """

    note: bytes
    checkpoint: Checkpoint

    @property
    def size(self) -> int:
        """Number of entries of the ledger."""
        return self.checkpoint.size

    @property
    def root(self) -> bytes:
        """Root of its tree."""
        return self.checkpoint.root


class CheckpointFile:
    """The file that the checkpoint is kept in."""

    def __init__(self, folder: Path, verifier: Notes, name: str = FILE) -> None:
        """Take the member's state folder, what verifies a note, and the file's name."""
        self._path = folder / name
        self._verifier = verifier

    def load(self) -> SignedCheckpoint | None:
        """Load the checkpoint.

        Returns:
            It; None where none was kept.

        Raises:
            HomeError: The file is not one that the pinned log key signed.
        """
        if not self._path.exists():
            return None
        note = files.read(self._path)
        try:
            return SignedCheckpoint(note=note, checkpoint=self._verifier.checkpoint(note))
        except VerificationError:
            raise HomeError(
                f"{self._path} is not a checkpoint of this exchange, so it cannot be told whether "
                "the ledger was rewritten: restore the file from a copy; remove it only if you "
                "accept that nothing from before is compared any more"
            ) from None

    def replace(
        self, known: SignedCheckpoint | None, new: SignedCheckpoint
    ) -> SignedCheckpoint | None:
        """Keep a checkpoint, unless another process has kept one meanwhile.

        Args:
            known: What this process has compared `new` with; None where nothing was kept.
            new: The checkpoint to keep.

        Returns:
            None where it is kept; else what stands there instead, to be compared first.

        Raises:
            HomeError: The file cannot be read or written.
        """
        files.make_folder(self._path.parent)
        with _locked(self._path.with_name(f".{self._path.name}.lock")):
            found = self.load()
            if found is not None and (
                known is None or found.checkpoint != known.checkpoint or found.size > new.size
            ):
                return found
            files.write(self._path, new.note)
            return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise HomeError(f"{path} cannot be locked: {error.strerror}") from None
