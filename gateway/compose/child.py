"""One process of a gateway, as its supervisor has it: started, heard, and started again.

* It is told what it is over its standard input and says how far it is over its standard output;
  what it logs goes where the supervisor's own lines go.
* It ends with the supervisor, however that ends: the kernel kills it (Linux), and it ends itself
  where its standard input does.
* It inherits the state folder's lock: while one process of a gateway lives, no other gateway
  begins. Ctrl-C reaches only the supervisor, which then stops all in order.
* When it ends by itself it is started again, each time after a longer pause, with jitter; having
  run for a while makes the pause short again.

What it does is no concern of this module.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from gateway.compose.orders import MOST_BYTES, Order, Orders, Report, Verb, Word
from gateway.core.audit import AdminAct
from gateway.ledger import tether
from gateway.ledger.lock import StateLock

_log: Final = logging.getLogger(__name__)

# No folder of whoever started the gateway is looked into for a module of that name.
_PROGRAM: Final = ("-P", "-m", "gateway.compose.part")

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_STEADY_SECONDS: Final = 10.0


class Child:
    """One process, again and again."""

    def __init__(
        self,
        name: str,
        orders: Orders,
        lock: StateLock,
        due: asyncio.Event,
        heard: Callable[[Child, Report], None],
    ) -> None:
        """Prepare; `run` starts it.

        Args:
            name: What people call it, in log lines and in the list of processes.
            orders: What it is to be.
            lock: The state folder's.
            due: From when on it may be that; until then it waits for its orders.
            heard: Told what it says of itself.
        """
        self.name = name
        self._orders = orders
        self._due = due
        self._lock = lock
        self._heard = heard
        self._process: Process | None = None
        self._ready = False
        self._stopping = False

    @property
    def ready(self) -> bool:
        """Whether the process that runs now has said that it is ready."""
        return self._ready

    def tell(self, order: Order) -> None:
        """Give the running process an order; where there is none, nothing happens.

        Args:
            order: The order.
        """
        if self._process is not None:
            _write(self._process, order.line())

    async def run(self) -> None:
        """Keep it running until it is stopped; cancelled, it is killed."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        while True:
            begun = loop.time()
            try:
                status = str(await self._live())
            except OSError as error:
                status = error.strerror or type(error).__name__
            if self._stopping:
                return
            if loop.time() - begun > _STEADY_SECONDS:
                pause = _FIRST_PAUSE
            # Half to once and a half: what died together does not come back together.
            wait = pause * (0.5 + secrets.randbelow(1000) / 1000)
            _log.error(
                "a process ended by itself, starting it again in %.1f s",
                wait,
                extra={"event": "child_ended", "child": self.name, "status": status},
            )
            await asyncio.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def stop(self, farewell: Sequence[AdminAct], within: float) -> None:
        """Have the process end, and start no other.

        Args:
            farewell: What it is to record as the last thing.
            within: Seconds after which it is killed.
        """
        self._stopping = True
        process = self._process
        if process is None:
            return
        if self._ready:
            self.tell(Order(verb=Verb.STOP, acts=tuple(farewell)))
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await process.wait()
                    return
            _log.warning(
                "a process does not stop, killing it",
                extra={"event": "child_killed", "child": self.name},
            )
        # Whatever was answered is on disk: killing loses nothing of it.
        await _kill(process)

    async def _live(self) -> int:
        """Run one process from begin to end, and give its status."""
        process = await asyncio.create_subprocess_exec(
            *tether.command(signal.SIGKILL, sys.executable, *_PROGRAM, self.name),
            stdin=PIPE,
            stdout=PIPE,
            stderr=None,
            pass_fds=(self._lock.fd,),
            start_new_session=True,
            limit=MOST_BYTES,
        )
        try:
            self._process = process
            if self._stopping:
                return 0
            _log.info(
                "a process starts as %d",
                process.pid,
                extra={"event": "child_started", "child": self.name},
            )
            await self._listen(process)
            return await process.wait()
        finally:
            self._ready = False
            self._process = None
            await _kill(process)

    async def _listen(self, process: Process) -> None:
        """Give it its orders, and hear what it says until it ends."""
        if process.stdout is None:
            raise AssertionError
        await self._due.wait()
        _write(process, self._orders.line())
        while report := await self._next(process, process.stdout):
            self._ready = self._ready or report.word is Word.READY
            self._heard(self, report)

    async def _next(self, process: Process, reports: asyncio.StreamReader) -> Report | None:
        """Hear the next report; a process that says something else is ended, and no other."""
        try:
            line = await reports.readline()
            return Report.read(line) if line else None
        except (ValueError, KeyError, TypeError, RecursionError):
            _log.error(
                "a process says what none can mean, killing it",
                extra={"event": "child_killed", "child": self.name},
            )
            with suppress(ProcessLookupError):
                process.kill()
            return None


def _write(process: Process, line: bytes) -> None:
    """Give a process a line, unless it has ended already: then there is nobody to give it to."""
    if process.stdin is not None and not process.stdin.is_closing():
        process.stdin.write(line)


async def _kill(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
