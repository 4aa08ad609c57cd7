"""A disk that is full, or fails: what a program would write is refused in the kernel's place.

* Which files are hit, and how, can be changed while programs run.
* `Form.REFUSED`: nothing is written, and the caller is told so. `Form.WRITTEN`: all of it is, and
  the caller is told that nothing was. `Form.UNSYNCED`: writing goes well, syncing does not, as
  where a file system looks for room only then.
* A file that is there may be opened; no new one is made, and none gets longer.

Reading, renaming and removing go on, as on a disk that is full.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from enum import StrEnum, unique
from pathlib import Path, PurePath
from typing import Final

from tests.faults.calls import PASSED, Answer, Call, Failed, Name, Watching

WATCHING: Final = Watching(
    names=(
        Name.WRITE,
        Name.PWRITE,
        Name.WRITEV,
        Name.PWRITEV,
        Name.FTRUNCATE,
        Name.FALLOCATE,
        Name.FSYNC,
        Name.FDATASYNC,
        Name.MKDIRAT,
    ),
    opened_with=os.O_CREAT,
)
_WRITES: Final = frozenset({Name.WRITE, Name.PWRITE, Name.WRITEV, Name.PWRITEV})
_SYNCS: Final = frozenset({Name.FSYNC, Name.FDATASYNC})

Hit = Callable[[PurePath], bool]


@unique
class Form(StrEnum):
    """How it fails."""

    REFUSED = "refused"
    WRITTEN = "written"
    UNSYNCED = "unsynced"


class Disk:
    """A disk that has room until it is told otherwise."""

    def __init__(self, root: Path) -> None:
        """Have room.

        Args:
            root: What stands on it.
        """
        self._root = root.resolve()
        self._hit: Hit | None = None
        self._form = Form.REFUSED
        self.refused: list[str] = []

    def fill(self, hit: Hit, form: Form) -> None:
        """Have no room from now on.

        Args:
            hit: Tells which paths below the root are hit.
            form: How writing fails.
        """
        self.refused = []
        self._form = form
        self._hit = hit

    def empty(self) -> None:
        """Have room again."""
        self._hit = None

    def answer(self, call: Call) -> Answer:
        """Refuse what there is no room for."""
        hit = self._hit
        if hit is None:
            return PASSED
        path = call.path
        if (
            path is None
            or not path.is_relative_to(self._root)
            or not hit(path.relative_to(self._root))
        ):
            return PASSED
        if not self._needs_room(call, path):
            return PASSED
        if self._form is Form.WRITTEN and call.name in (Name.WRITE, Name.PWRITE):
            _write(call)
        self.refused.append(f"{call.name.name} {path.relative_to(self._root)}")
        return Failed(code=errno.ENOSPC)

    def _needs_room(self, call: Call, path: Path) -> bool:
        if self._form is Form.UNSYNCED:
            return call.name in _SYNCS
        if call.name in (Name.OPENAT, Name.MKDIRAT):
            return not path.exists()
        if call.name is Name.FTRUNCATE:
            return call.arguments[1] > path.stat().st_size
        return call.name in _WRITES or call.name is Name.FALLOCATE


def _write(call: Call) -> None:
    """Do what a write asks for, in the caller's own open file."""
    fd = call.shared()
    try:
        if call.name is Name.PWRITE:
            os.pwrite(fd, call.data(), call.arguments[3])
        else:
            os.write(fd, call.data())
    finally:
        os.close(fd)
