"""A child process, started without anything of ours running in a forked copy of the gateway.

* A fork of a process full of gRPC threads runs gRPC's handlers in parent and child, and both then
  write to the same TLS connections: their peers read data that does not verify, and close. uvloop
  forks; the standard library, given nothing to run in between, has the kernel suspend the parent
  until the child has become its program, and no handler runs.
* It is started from the thread that asks. That thread's end is the parent's end to the kernel (see
  `tether`).

It neither watches the child nor ends it: whoever started it does.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Self


class Spawned:
    """A child that runs, or has ended."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for a child's end from here on; needs a running event loop. Use `start`."""
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        # A thread for each: it waits as long as the child lives.
        threading.Thread(target=self._wait, name=f"child {self.pid}", daemon=True).start()

    @classmethod
    def start(cls, words: Sequence[str], *, output: int, inherited: Sequence[int]) -> Self:
        """Start a program, in a session of its own.

        Args:
            words: The program and its arguments.
            output: Descriptor that it writes to; the caller closes its own copy.
            inherited: Descriptors that it keeps open; no other but its output is.

        Returns:
            The child.

        Raises:
            OSError: It cannot be started.
        """
        process = subprocess.Popen(  # noqa: S603 - no shell, and the words are the caller's own
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=inherited,
            start_new_session=True,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait until it has ended; give its exit status."""
        await self._ended.wait()
        return self._process.returncode

    def terminate(self) -> None:
        """Tell it to end; nothing happens where it has."""
        self._process.terminate()

    def kill(self) -> None:
        """Have the kernel end it; nothing happens where it has."""
        self._process.kill()

    def _wait(self) -> None:
        self._process.wait()
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._ended.set)
