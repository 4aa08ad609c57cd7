"""System calls of programs, as they are made: seen, answered in the kernel's place, or let pass.

* `Calls` starts programs behind a filter (`tests.faults.watched`) and asks an `Answerer` for each
  call that was asked for, theirs and those of whatever they start.
* A call waits until it was answered. Answers are given one after the other.
* What an answerer raises is raised again by `close`; the call is let pass meanwhile.

Linux on x86-64 alone; `WHY_NOT` says why it cannot be had elsewhere.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import platform
import select
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum, unique
from pathlib import Path
from typing import Any, Final, TypeAlias

_LAUNCHER: Final = Path(__file__).with_name("watched.py")
# linux/seccomp.h: _IOWR('!', 0, struct seccomp_notif) and so on.
_RECEIVE: Final = 0xC0502100
_SEND: Final = 0xC0182101
_ADD_FD: Final = 0x40182103
_NOTIFICATION: Final = struct.Struct("QIIiIQ6Q")
_RESPONSE: Final = struct.Struct("QqiI")
_GIVEN_FD: Final = struct.Struct("QIIII")
_CONTINUE: Final = 1
_ADD_FD_AND_SEND: Final = 2
_PIDFD_GETFD: Final = 438
_AT_FDCWD: Final = (1 << 32) - 100
_LONGEST_PATH: Final = 4096
_TICK_MILLISECONDS: Final = 1000


@unique
class Name(IntEnum):
    """Calls that can be asked for; their numbers on x86-64."""

    WRITE = 1
    PWRITE = 18
    WRITEV = 20
    MSYNC = 26
    FSYNC = 74
    FDATASYNC = 75
    FTRUNCATE = 77
    SYNC = 162
    OPENAT = 257
    MKDIRAT = 258
    SYNC_FILE_RANGE = 277
    FALLOCATE = 285
    PWRITEV = 296
    SYNCFS = 306


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """Which calls are told of.

    Attributes:
        names: Always.
        opened_with: `openat` is, if one of these flags is given.
    """

    names: tuple[Name, ...]
    opened_with: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that waits for its answer.

    Attributes:
        thread: Id of the thread that makes it.
        name: Which it is.
        arguments: As numbers.
    """

    thread: int
    name: Name
    arguments: tuple[int, ...]

    @property
    def path(self) -> Path | None:
        """The file that it is about; None where it is about something else than a file."""
        if self.name in (Name.OPENAT, Name.MKDIRAT):
            named = Path(os.fsdecode(self.memory(self.arguments[1], _LONGEST_PATH)))
            at = self.arguments[0] & ((1 << 32) - 1)
            base = "cwd" if at == _AT_FDCWD else f"fd/{at}"
            return named if named.is_absolute() else self._link(base) / named
        found = self._link(f"fd/{self.arguments[0]}")
        return found if found.is_absolute() else None

    def memory(self, place: int, most: int) -> bytes:
        """Read a text that ends with a zero from the caller's memory."""
        with Path(f"/proc/{self.thread}/mem").open("rb", 0) as whole:
            whole.seek(place)
            return whole.read(most).partition(b"\0")[0]

    def data(self) -> bytes:
        """Read what it would write."""
        with Path(f"/proc/{self.thread}/mem").open("rb", 0) as whole:
            whole.seek(self.arguments[1])
            return whole.read(self.arguments[2])

    def reopened(self, flags: int) -> int:
        """Open the file anew that its first argument names."""
        return os.open(f"/proc/{self.thread}/fd/{self.arguments[0]}", flags | os.O_CLOEXEC)

    def shared(self) -> int:
        """Give the open file itself, with its place in it, that its first argument names."""
        status = Path(f"/proc/{self.thread}/status").read_text()
        process = next(line for line in status.splitlines() if line.startswith("Tgid:"))
        handle = os.pidfd_open(int(process.split()[1]))
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            found = int(libc.syscall(_PIDFD_GETFD, handle, self.arguments[0], 0))
        finally:
            os.close(handle)
        if found < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        return found

    def _link(self, name: str) -> Path:
        return Path(f"/proc/{self.thread}/{name}").readlink()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """The kernel does what was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The caller is told of an error.

    Attributes:
        code: As in `errno`.
    """

    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The caller is told that it was done, and the kernel does nothing.

    Attributes:
        value: What the call returns.
    """

    value: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The caller is given an open file.

    Attributes:
        fd: A descriptor of this process, closed afterwards.
    """

    fd: int


Answer: TypeAlias = Passed | Failed | Done | Opened
Answerer: TypeAlias = Callable[[Call], Answer]
PASSED: Final = Passed()


class Calls:
    """Starts programs, and answers their calls."""

    def __init__(self, watching: Watching, answerer: Answerer) -> None:
        """Start nothing yet.

        Args:
            watching: Which calls.
            answerer: Answers them, one at a time, in a thread of its own.
        """
        self._numbers = ",".join(str(int(each)) for each in watching.names)
        flags = watching.opened_with
        self._masks = f"{int(Name.OPENAT)}:2:{flags}" if flags else ""
        self._answerer = answerer
        self._turn = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._raised: list[Exception] = []

    def start(self, words: Sequence[str | Path], **how: Any) -> subprocess.Popen[str]:
        """Start a program behind the filter; as `subprocess.Popen`, with text.

        Raises:
            OSError: The filter cannot be had; `WHY_NOT` says why.
        """
        here, there = socket.socketpair()
        with here, there:
            process: subprocess.Popen[str] = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", str(_LAUNCHER), str(there.fileno())),
                    *(self._numbers, self._masks, *map(str, words)),
                ],
                pass_fds=(there.fileno(),),
                text=True,
                **how,
            )
            there.close()
            _, listeners, _, _ = socket.recv_fds(here, 1, 1)
        if not listeners:
            process.wait()
            raise OSError(errno.ENOSYS, "this kernel does not tell of system calls")
        thread = threading.Thread(target=self._listen, args=listeners, daemon=True)
        self._threads.append(thread)
        thread.start()
        return process

    def close(self) -> None:
        """Wait until all programs have ended, and raise what went wrong meanwhile."""
        for thread in self._threads:
            thread.join()
        if self._raised:
            raise self._raised[0]

    def _listen(self, listener: int) -> None:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        try:
            while True:
                found = poll.poll(_TICK_MILLISECONDS)
                if found and not found[0][1] & select.POLLIN:
                    return  # the last program behind this filter has ended
                if found:
                    self._take(listener)
        finally:
            os.close(listener)

    def _take(self, listener: int) -> None:
        notification = bytearray(_NOTIFICATION.size)
        try:
            fcntl.ioctl(listener, _RECEIVE, notification)
        except OSError:
            return  # the caller was killed meanwhile
        identity, thread, _, number, _, _, *arguments = _NOTIFICATION.unpack(notification)
        call = Call(thread=thread, name=Name(number), arguments=tuple(arguments))
        with self._turn:
            try:
                answer = self._answerer(call)
            except Exception as error:  # noqa: BLE001 - told by `close`: here a program waits
                self._raised.append(error)
                answer = PASSED
        with contextlib.suppress(OSError):  # the caller was killed meanwhile
            _answer(listener, identity, answer)


def _answer(listener: int, identity: int, answer: Answer) -> None:
    match answer:
        case Opened():
            given = _GIVEN_FD.pack(identity, _ADD_FD_AND_SEND, answer.fd, 0, os.O_CLOEXEC)
            try:
                fcntl.ioctl(listener, _ADD_FD, given)
            finally:
                os.close(answer.fd)
        case Passed():
            fcntl.ioctl(listener, _SEND, _RESPONSE.pack(identity, 0, 0, _CONTINUE))
        case Failed():
            fcntl.ioctl(listener, _SEND, _RESPONSE.pack(identity, 0, -answer.code, 0))
        case Done():
            fcntl.ioctl(listener, _SEND, _RESPONSE.pack(identity, answer.value, 0, 0))


def _why_not() -> str:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "system calls are watched by their numbers on Linux on x86-64"
    seen: list[Call] = []

    def answerer(call: Call) -> Answer:
        seen.append(call)
        return Done()

    calls = Calls(Watching(names=(Name.FSYNC,)), answerer)
    tried = "import os, sys; os.fsync(sys.stdout.fileno())"
    try:
        process = calls.start(
            [sys.executable, "-I", "-S", "-c", tried],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        process.wait()
        calls.close()
    except OSError as error:
        return f"the kernel does not let an ordinary user watch system calls ({error})"
    return "" if seen else "the kernel tells of no system call"


WHY_NOT: Final = _why_not()
"""Why calls cannot be watched here; empty where they can."""
