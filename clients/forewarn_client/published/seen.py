"""The checkpoints of a log that were seen here, kept on disk.

* Whatever the log's key signed and this folder was shown is added, once: it is what a rewritten log
  is told by, and the evidence of it.
* Once a whole log was found to agree with them, most older ones may go (`thin`): a log that goes on
  from the largest goes on from each of them, too, and one that does not is told by the largest. So
  that one always stays, and so do those of the member's receipts and whatever is not compared yet.
  Of the others every second one goes, again and again: the older, the fewer.
* What goes is counted: a place in the order in which they were seen stays a place.
* Two roots for one size are a contradiction at once, and stay one. Whether different sizes belong
  to one log, the hashes of the log have to show.
* What another process adds meanwhile is taken in before anything is added.
* A line that was being written when the power failed is dropped: nothing was said to hold by it.

In memory there are sizes and roots only; notes are read again where they are evidence.
"""

import fcntl
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from forewarn_client import files, note
from forewarn_client.checkpoint_file import SignedCheckpoint
from forewarn_client.errors import HomeError, VerificationError

FILE: Final = "checkpoints.jsonl"
MOST: Final = 4096
"""How many are kept before older ones go, beside those of the member's receipts."""

_DROPPED: Final = "dropped"


@dataclass(slots=True, kw_only=True)
class Seen:
    """The checkpoints of one log.

    Attributes:
        path: The file that they are in.
        key: The log's key.
        dropped: How many were seen and are not kept any more.
        order: The sizes of those that are kept, in the order in which they were seen.
        roots: Root by size; of two roots the one that was seen first.
        conflict: A size that was seen with two roots, and both of them; None while there is none.
    """

    path: Path
    key: note.VerifierKey
    dropped: int = 0
    order: list[int] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    conflict: tuple[int, bytes, bytes] | None = None
    _read_to: int = 0
    _begins: bytes = b""

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
    def count(self) -> int:
        """How many were ever seen."""
        return self.dropped + len(self.order)

    def since(self, place: int) -> Sequence[int]:
        """Give the sizes of those that were seen from a place in the order on."""
        return self.order[max(0, place - self.dropped) :]

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

    def thin(self, compared: int, own: Collection[int]) -> None:
        """Let older ones go, where there are many, once a log was found to agree with them.

        Args:
            compared: How many had been seen when the log was compared with all of them.
            own: Sizes that the member's receipts lead to; they stay.

        Raises:
            HomeError: What stays cannot be written.
        """
        if len(self.order) - len(own) <= MOST:
            return
        with self._locked():
            self._catch_up()
            largest, kept = self.largest, []
            for place, (data, checkpoint, _) in enumerate(self._lines(0), self.dropped):
                size = checkpoint.size
                if place >= compared or size == largest or size in own or place % 2:
                    kept.append(data)
            dropped = self.count - len(kept)
            files.write(self.path, _line({_DROPPED: dropped}) + b"".join(map(_noted, kept)))
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
        begins = self._begins_with()
        if begins != self._begins:
            # Another process has let some go, or somebody has removed the file.
            self._begins, self._read_to, self.dropped = begins, 0, _dropped(begins)
            self.order.clear()
            self.roots.clear()
        for _, checkpoint, end in self._lines(self._read_to):
            size, root = checkpoint.size, checkpoint.root
            first = self.roots.setdefault(size, root)
            if first != root:
                self.conflict = self.conflict or (size, first, root)
            self.order.append(size)
            self._read_to = end

    def _begins_with(self) -> bytes:
        """Read the first line, which stays as it is until some are let go."""
        try:
            with self.path.open("rb") as file:
                return file.readline()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise HomeError(f"{self.path} cannot be read: {error.strerror}") from None

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
                        if start == len(line) and _dropped(line):
                            continue
                        data = str(json.loads(line)["note"]).encode()
                        yield data, note.parse_checkpoint(note.parse_note(data).text), start
        except OSError as error:
            raise HomeError(f"{self.path} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, RecursionError, VerificationError):
            raise self._damaged() from None

    def _append(self, notes: Sequence[bytes]) -> None:
        """Write lines after the last whole one."""
        lines = b"".join(map(_noted, notes))
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


def _dropped(line: bytes) -> int:
    """Tell how many went before a file begins; 0 where its first line holds a note."""
    try:
        return int(json.loads(line)[_DROPPED]) if line.endswith(b"\n") else 0
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0


def _noted(data: bytes) -> bytes:
    return _line({"note": data.decode()})


def _line(value: Mapping[str, object]) -> bytes:
    return json.dumps(value).encode() + b"\n"
