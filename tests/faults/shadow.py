"""What a folder holds if the power goes now: only what was asked to be on disk.

* A `Shadow` answers the calls that ask for it. What a file holds is on disk from its last fsync or
  fdatasync on; what is written into one that was opened with O_SYNC, at once. A sync is taken down
  and not passed on: nothing here depends on what this machine's disk is like.
* A name is on disk as its folder was when that was synced last (`Cut.BARE`), which is all that
  POSIX promises. The file systems that are in use promise more: a sync of anything takes all names
  along (`Cut.JOURNALED`), in the order in which they were made.
* What nobody asked for may be on disk as well, or half of it: `Cut.TORN` keeps all names, and of
  what was not synced some sectors, in no order.
* `freeze` takes down what each of these would leave at one moment; `Frozen.restore` makes it, of
  the whole folder or of a part.

It sees no write into memory that is mapped: SQLite's `-shm` is no state, and is left out.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path, PurePath
from typing import Final, TypeAlias

from tests.faults.calls import PASSED, Answer, Call, Done, Failed, Name, Opened, Watching

WATCHING: Final = Watching(
    names=(
        Name.FSYNC,
        Name.FDATASYNC,
        Name.SYNC,
        Name.SYNCFS,
        Name.SYNC_FILE_RANGE,
        Name.MSYNC,
    ),
    opened_with=os.O_SYNC | os.O_DSYNC,
)
_SECTOR: Final = 512
_NO_STATE: Final = "-shm"

Inode: TypeAlias = int
Tree: TypeAlias = Mapping[PurePath, Inode]
"""Every name below the root that is there, folders as well."""


@unique
class Cut(StrEnum):
    """What a loss of power leaves of what was not synced."""

    BARE = "bare"
    JOURNALED = "journaled"
    TORN = "torn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A file or folder at a moment.

    Attributes:
        mode: As `os.stat` tells it.
        synced: What of a file is on disk for certain.
        held: What it holds.
    """

    mode: int
    synced: bytes = b""
    held: bytes = b""

    def torn(self, dice: random.Random) -> bytes:
        """Keep some sectors of what was not synced."""
        if self.held == self.synced:
            return self.held
        old = self.synced.ljust(len(self.held), b"\0")
        return b"".join(
            dice.choice((old, self.held))[place : place + _SECTOR]
            for place in range(0, len(self.held), _SECTOR)
        )


Lost: TypeAlias = Callable[[PurePath], bool]
"""Tells of a path below the root whether the loss of power hits it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """One moment.

    Attributes:
        then: What is about to be synced; empty where nothing is.
        nodes: Every file and folder.
        now: The names as they are.
        trees: The names that each cut leaves.
    """

    then: str
    nodes: Mapping[Inode, Node]
    now: Tree
    trees: Mapping[Cut, Tree]

    def restore(self, into: Path, cut: Cut, *, lost: Lost, seed: int = 0) -> None:
        """Make what is left after a loss of power.

        Args:
            into: The folder to make it in.
            cut: What is left of what was not synced.
            lost: Which paths are hit; the others are as they were.
            seed: Says which sectors of it are kept.
        """
        dice = random.Random(seed)
        left = {path: inode for path, inode in self.trees[cut].items() if lost(path)}
        left |= {path: inode for path, inode in self.now.items() if not lost(path)}
        for path, inode in sorted(left.items()):
            node = self.nodes[inode]
            target = into / path
            # A folder that is not hit may stand in one that did not get to the disk.
            target.parent.mkdir(parents=True, exist_ok=True)
            if stat.S_ISDIR(node.mode):
                target.mkdir(exist_ok=True)
            elif not lost(path):
                target.write_bytes(node.held)
            else:
                target.write_bytes(node.torn(dice) if cut is Cut.TORN else node.synced)
            target.chmod(stat.S_IMODE(node.mode))


class Shadow:
    """What is on disk of a folder, kept up as calls ask for it."""

    def __init__(self, root: Path) -> None:
        """Take a folder as it is to be on disk.

        Args:
            root: The folder; it exists.
        """
        self.root = root.resolve()
        self.told: list[str] = []
        self.moments: list[Frozen] = []
        self.keeps: Callable[[str], bool] = lambda _: False
        self._synced: dict[Inode, bytes] = {}
        self._at_once: set[Inode] = set()
        self._folders: dict[Inode, dict[str, Inode]] = {}
        # Open as long as this lasts: the number of a file that is gone is not given to another.
        self._open: dict[Inode, int] = {}
        self._held: dict[Inode, tuple[int, int, bytes]] = {}
        self._journal: Tree = self._walk()
        for inode, fd in list(self._open.items()):
            if stat.S_ISDIR(os.fstat(fd).st_mode):
                self._folders[inode] = self._listing(inode)
            else:
                self._synced[inode] = _content(fd)

    def answer(self, call: Call) -> Answer:
        """Take down what a call asks to be on disk."""
        if call.name is Name.OPENAT:
            return self._open_at_once(call)
        if call.name not in (Name.FSYNC, Name.FDATASYNC):
            raise NotImplementedError(f"{call.name.name} was not expected of anybody")
        path = call.path
        if path is None or not path.is_relative_to(self.root):
            return PASSED
        inode = self._keep(call.reopened(os.O_RDONLY))
        told = str(path.relative_to(self.root))
        if self.keeps(told):
            self.moments.append(self.freeze(told))
        if stat.S_ISDIR(os.fstat(self._open[inode]).st_mode):
            self._folders[inode] = self._listing(inode)
        else:
            self._synced[inode] = _content(self._open[inode])
        self._journal = self._walk()
        self.told.append(told)
        return Done()

    def freeze(self, then: str = "") -> Frozen:
        """Take down this moment, and what is about to be synced."""
        now = self._walk()
        bare = dict(self._bare(self.root.stat().st_ino, PurePath()))
        trees = {Cut.BARE: bare, Cut.JOURNALED: self._journal, Cut.TORN: now}
        inodes = {inode for tree in trees.values() for inode in tree.values()}
        return Frozen(
            then=then,
            nodes={inode: self._node(inode) for inode in inodes},
            now=now,
            trees=trees,
        )

    def close(self) -> None:
        """Let go of every file."""
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()

    def _open_at_once(self, call: Call) -> Answer:
        """Open a file in the caller's place, to know which it is."""
        path = call.path
        if path is None or not path.is_relative_to(self.root):
            return PASSED
        flags, mode = call.arguments[2], call.arguments[3]
        try:
            fd = os.open(path, flags & ~(os.O_SYNC | os.O_DSYNC) | os.O_CLOEXEC, mode)
        except OSError as error:
            return Failed(code=error.errno or 0)
        self._at_once.add(self._keep(os.open(path, os.O_RDONLY | os.O_CLOEXEC)))
        return Opened(fd=fd)

    def _node(self, inode: Inode) -> Node:
        fd = self._open[inode]
        found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode):
            return Node(mode=found.st_mode)
        known = self._held.get(inode)
        if known is None or known[:2] != (found.st_mtime_ns, found.st_size):
            content = _content(fd)
            # One copy of what is the same.
            same = self._synced.get(inode) == content
            known = (
                found.st_mtime_ns,
                found.st_size,
                self._synced[inode] if same else content,
            )
            self._held[inode] = known
        held = _content(fd) if inode in self._at_once else known[2]
        synced = held if inode in self._at_once else self._synced.get(inode, b"")
        return Node(mode=found.st_mode, synced=synced, held=held)

    def _bare(self, folder: Inode, at: PurePath) -> Iterator[tuple[PurePath, Inode]]:
        """Give the names that are on disk for certain."""
        for name, inode in self._folders.get(folder, {}).items():
            yield at / name, inode
            if stat.S_ISDIR(os.fstat(self._open[inode]).st_mode):
                yield from self._bare(inode, at / name)

    def _walk(self) -> Tree:
        """Give the names as they are, and keep hold of what they name."""
        found: dict[PurePath, Inode] = {}
        self._keep(os.open(self.root, os.O_RDONLY | os.O_CLOEXEC))
        waiting = [(self.root, PurePath())]
        while waiting:
            folder, at = waiting.pop()
            try:
                paths = sorted(folder.iterdir())
            except FileNotFoundError:
                continue
            for path in paths:
                inode = self._keep_named(path)
                if inode is None:
                    continue
                found[at / path.name] = inode
                if stat.S_ISDIR(os.fstat(self._open[inode]).st_mode):
                    waiting.append((path, at / path.name))
        return found

    def _listing(self, folder: Inode) -> dict[str, Inode]:
        paths = Path(f"/proc/self/fd/{self._open[folder]}").iterdir()
        found = {path.name: self._keep_named(path) for path in paths}
        return {name: inode for name, inode in found.items() if inode is not None}

    def _keep_named(self, path: Path) -> Inode | None:
        """Keep hold of what a name stands for; None where it is no state, or gone already."""
        if path.name.endswith(_NO_STATE):
            return None
        try:
            found = path.lstat()
            if found.st_ino in self._open:
                return found.st_ino
            if not stat.S_ISDIR(found.st_mode) and not stat.S_ISREG(found.st_mode):
                return None
            return self._keep(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
        except FileNotFoundError:
            return None

    def _keep(self, fd: int) -> Inode:
        inode = os.fstat(fd).st_ino
        if self._open.setdefault(inode, fd) != fd:
            os.close(fd)
        return inode


def _content(fd: int) -> bytes:
    parts = []
    place = 0
    while part := os.pread(fd, 1 << 20, place):
        parts.append(part)
        place += len(part)
    return b"".join(parts)
