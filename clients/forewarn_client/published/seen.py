"""Every checkpoint of a log that was ever seen here, kept on disk.

* Whatever the log's key signed and this folder was shown is added, once, and nothing is ever taken
  out: it is what a rewritten log is told by, and the evidence of it.
* Two roots for one size are a contradiction at once, and stay one. Whether different sizes belong
  to one log, the hashes of the log have to show.
* What another process adds meanwhile is taken in before anything is added.
* A line that was being written when the power failed is dropped: nothing was said to hold by it.

In memory there are sizes and roots only; notes are read again where they are evidence.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from forewarn_client import files, note
from forewarn_client.checkpoint_file import SignedCheckpoint
from forewarn_client.errors import HomeError, VerificationError

FILE: Final = "checkpoints.jsonl"


@dataclass(slots=True, kw_only=True)
class Seen:
    """The checkpoints of one log.

    Attributes:
        path: The file that they are in.
        key: The log's key.
        order: Their sizes, in the order in which they were seen.
        roots: Root by size; of two roots the one that was seen first.
        conflict: A size that was seen with two roots, and both of them; None while there is none.
    """

    path: Path
    key: note.VerifierKey
    order: list[int] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    conflict: tuple[int, bytes, bytes] | None = None
    _read_to: int = 0

    @classmethod
    def load(cls, folder: Path, key: note.VerifierKey) -> Self:
        """Read what was seen.

        Args:
            folder: The folder of the log's state; made where there is none.
            key: The log's key.

        Returns:
            What was seen.

        Raises:
            HomeError: The file is damaged.
        """
        files.make_folder(folder)
        seen = cls(path=folder / FILE, key=key)
        with seen._locked():
            seen._catch_up()
        return seen

    @property
    def largest(self) -> int:
        """The largest size that was seen; 0 for none."""
        return max(self.roots, default=0)

    def add(self, shown: Sequence[SignedCheckpoint]) -> None:
        """Keep checkpoints whose signatures hold; they are on disk after. See `conflict` then.

        Args:
            shown: The checkpoints.

        Raises:
            HomeError: They cannot be kept.
        """
        if all(self.roots.get(each.size) == each.root for each in shown):
            return
        with self._locked():
            self._catch_up()
            known = {(size, root) for size, root in self.roots.items()}
            new = {
                (each.size, each.root): each
                for each in shown
                if (each.size, each.root) not in known
            }
            self._append([each.note for each in new.values()])
            self._catch_up()

    def within(self, above: int, size: int) -> Mapping[int, bytes]:
        """Give the roots of the sizes above one, and up to another."""
        return {each: root for each, root in self.roots.items() if above < each <= size}

    def signed(self, size: int, root: bytes) -> SignedCheckpoint:
        """Read a checkpoint that was seen, its signature verified again.

        Args:
            size: Its size.
            root: Its root.

        Returns:
            The checkpoint with its note.

        Raises:
            HomeError: The file does not hold it any more, or the log's key did not sign it.
        """
        with self._locked():
            for data, checkpoint, _ in self._lines(0):
                if (checkpoint.size, checkpoint.root) == (size, root):
                    return self._verified(data)
        raise self._damaged()

    def _catch_up(self) -> None:
        for _, checkpoint, end in self._lines(self._read_to):
            size, root = checkpoint.size, checkpoint.root
            first = self.roots.setdefault(size, root)
            if first != root:
                self.conflict = self.conflict or (size, first, root)
            self.order.append(size)
            self._read_to = end

    def _lines(self, start: int) -> Iterator[tuple[bytes, note.Checkpoint, int]]:
        """Read the whole lines from a place on: note, what it says, and where its line ends."""
        if not self.path.exists():
            return
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                for line in file:
                    start += len(line)
                    if line.endswith(b"\n"):
                        data = str(json.loads(line)["note"]).encode()
                        yield data, note.parse_checkpoint(note.parse_note(data).text), start
        except OSError as error:
            raise HomeError(f"{self.path} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, RecursionError, VerificationError):
            raise self._damaged() from None

    def _append(self, notes: Sequence[bytes]) -> None:
        """Write lines after the last whole one."""
        lines = b"".join(json.dumps({"note": data.decode()}).encode() + b"\n" for data in notes)
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "r+b") as file:
                file.truncate(self._read_to)
                file.seek(self._read_to)
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise HomeError(f"{self.path} cannot be written: {error.strerror}") from None

    def _verified(self, data: bytes) -> SignedCheckpoint:
        try:
            opened = note.open_checkpoint(data, [self.key], self.key.name)
        except VerificationError:
            raise self._damaged() from None
        return SignedCheckpoint(note=data, checkpoint=opened)

    def _damaged(self) -> HomeError:
        return HomeError(
            f"{self.path} is damaged, so it cannot be told whether the log was rewritten: restore "
            "the file from a copy; remove it only if you accept that nothing from before is "
            "compared any more"
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = self.path.with_name(f".{FILE}.lock")
        try:
            with lock.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise HomeError(f"{lock} cannot be locked: {error.strerror}") from None
