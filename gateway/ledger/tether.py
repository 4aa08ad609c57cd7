"""Become another program that ends when its parent ends.

* Run as a script: `tether.py <parent pid> <signal number> <program> <argument>...`; `command`
  writes that line.
* On Linux the kernel sends the signal when the parent *thread* that started this process ends, by
  whatever signal; so it has to be started from the thread that lives as long as the gateway does.
* Set here and not between fork and exec in the gateway: that would run Python in a forked copy of
  a process full of gRPC threads.

Elsewhere than on Linux it only becomes the program; a child that outlives its parent then keeps
the state folder's lock, and the next gateway says so. It imports nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import NoReturn

_PR_SET_PDEATHSIG = 1  # linux/prctl.h; kept across execve (prctl(2))


def command(signal_number: int, program: str, *arguments: str) -> list[str]:
    """Write the command line of a program that ends when this process ends.

    Args:
        signal_number: What the kernel sends it then.
        program: Path of the program.
        arguments: Its arguments, without its name.

    Returns:
        The command line, to be run from the main thread.
    """
    # Nothing of the environment counts for it, and no package is looked for.
    own = [sys.executable, "-I", "-S", __file__]
    return [*own, str(os.getpid()), str(int(signal_number)), program, *arguments]


def become(parent: int, signal_number: int, program: str, arguments: list[str]) -> NoReturn:
    """Tie this process to its parent and replace it by a program.

    Args:
        parent: The process id that must be the parent.
        signal_number: What the kernel sends when it ends.
        program: Path of the program.
        arguments: Its arguments, without its name.

    Raises:
        OSError: The kernel refused, or the program cannot be run.
        SystemExit: The parent ended before the tie held.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    # A parent that died before the line above sends no signal any more.
    if os.getppid() != parent:
        sys.exit("the gateway that started this process has ended")
    os.execv(program, [program, *arguments])  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
