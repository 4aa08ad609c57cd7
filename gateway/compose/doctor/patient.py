"""Who is examined: a state folder, what it says of itself, and the machine around it.

* What cannot be read is kept as the sentence that says why; the checks that need it pass over it,
  and the one whose matter it is says it.
* The machine is reached through `Machine` alone, so that a test can give another one.
"""

from __future__ import annotations

import ctypes
import resource
import shutil
import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from gateway.compose.config import Config
from gateway.compose.log import LogPlan, audit_plan, ledger_plan
from gateway.compose.state import Inception, SetupError, StateFolder
from gateway.ledger.lock import is_held

_MOUNTS: Final = Path("/proc/self/mountinfo")
_NOT_SYNCHRONISED: Final = 5  # TIME_ERROR, linux/timex.h
_TIMEX_BYTES: Final = 512  # struct timex has 208; room for what may be added


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A file system.

    Attributes:
        free: Bytes that the gateway may still write.
        total: Its size, in bytes.
    """

    free: int
    total: int


class Machine:
    """What the checks ask of the machine. Nothing here changes it."""

    def disk(self, path: Path) -> Disk:
        """Tell how full the file system of a path is."""
        usage = shutil.disk_usage(path)
        return Disk(free=usage.free, total=usage.total)

    def file_system(self, path: Path) -> str | None:
        """Name the type of a path's file system, as in `ext4`; None where it cannot be told."""
        try:
            lines = _MOUNTS.read_text("utf-8").splitlines()
        except OSError:
            return None
        real, found, longest = path.resolve(), None, -1
        for line in lines:
            mounted, _, described = line.partition(" - ")
            # The kernel writes blanks and the like as octal escapes.
            point = Path(mounted.split(" ")[4].encode().decode("unicode_escape"))
            # Of mounts on one another, the last is what one sees.
            if real.is_relative_to(point) and len(point.parts) >= longest:
                found, longest = described.split(" ")[0], len(point.parts)
        return found

    def clock_synchronised(self) -> bool | None:
        """Tell whether the system says that its clock is kept right; None where it says nothing."""
        if sys.platform != "linux":
            return None
        try:
            # With no modes set, adjtimex only reports.
            told: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        except (OSError, AttributeError):
            return None
        return None if told < 0 else told != _NOT_SYNCHRONISED

    def open_files(self, pid: int | None) -> int | None:
        """Tell how many files a process may open.

        Args:
            pid: The process; None for one that is yet to start from here.

        Returns:
            The number; None for any, or where it cannot be told.
        """
        if pid is None:
            # A gateway raises the soft limit up to the hard one by itself.
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            return None if hard == resource.RLIM_INFINITY else hard
        try:
            for line in Path(f"/proc/{pid}/limits").read_text("ascii").splitlines():
                if line.startswith("Max open files"):
                    return int(line.split()[3])
        except (OSError, ValueError):
            return None
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A gateway, to be looked at.

    Attributes:
        state: Its state folder.
        config: Its configuration, or the sentence that says why there is none.
        inception: What it was begun with, or likewise.
        running: Whether somebody holds the state folder's lock.
        now: The present, UTC.
        machine: The machine.
    """

    state: StateFolder
    config: Config | str
    inception: Inception | str
    running: bool
    now: datetime
    machine: Machine = field(default_factory=Machine)

    @classmethod
    def of(cls, state: StateFolder, now: datetime, machine: Machine | None = None) -> Self:
        """Read what a state folder says of itself.

        Args:
            state: The folder.
            now: The present, UTC.
            machine: The machine; this one unless given.

        Returns:
            The patient, whatever could be read.
        """
        return cls(
            state=state,
            config=_config(state),
            inception=_inception(state),
            running=is_held(state.root),
            now=now,
            machine=machine or Machine(),
        )

    @property
    def plans(self) -> list[LogPlan]:
        """Its logs; none where it is not known which they are."""
        if isinstance(self.config, str) or isinstance(self.inception, str):
            return []
        origin, limits = self.inception.origin, self.config.limits
        plans = [ledger_plan(self.state, origin, limits)]
        if self.inception.audit_log_key:
            plans.append(audit_plan(self.state, origin, limits))
        return plans


def _config(state: StateFolder) -> Config | str:
    try:
        return Config.read(state.config)
    except SetupError as error:
        return str(error)


def _inception(state: StateFolder) -> Inception | str:
    try:
        found = Inception.read(state)
    except SetupError as error:
        return str(error)
    return found or f"no ledger was begun in {state.root}"
