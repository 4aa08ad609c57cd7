"""Standings: an open stream ends as soon as its caller may no longer call.

* Whenever the ledger has grown and with it the directory, everyone who has a stream open is asked
  for again. Whoever may no longer call is cut off: at once, whatever the stream waits for, its
  caller's next request, an entry to deliver, or a reader that takes nothing.
* A stream that opens while the directory changes is not overlooked.
* What ends a stream is the same refusal that its caller's next call would meet.

A stream without change costs nothing. What a stream may carry is not asked here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.directory import Directory
from gateway.core.errors import Fault, Refusal
from gateway.core.identity import SystemId
from gateway.edge.callers import Callers
from gateway.ports.reading import LedgerHead

_log: Final = logging.getLogger(__name__)

_AGAIN_SECONDS: Final = 0.25


@dataclass(slots=True, kw_only=True, eq=False)
class _Open:
    """A stream that is open."""

    system: SystemId
    task: asyncio.Task[Any]
    refusal: Refusal | None = None


class Standings:
    """Watches over the callers of open streams."""

    def __init__(self, *, callers: Callers, head: LedgerHead) -> None:
        """Begin without a stream; `run` does the watching.

        Args:
            callers: Tells who may call.
            head: How far the ledger has grown.
        """
        self._callers = callers
        self._head = head
        self._open: set[_Open] = set()
        self._asked: Directory | None = None

    @asynccontextmanager
    async def watched(self, system: SystemId) -> AsyncIterator[None]:
        """Do something for as long as a system may call.

        Args:
            system: The caller's.

        Raises:
            Refusal: It may no longer call; what was done is cancelled.
            Fault: The directory cannot be read.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a coroutine
        stream, cancelled = _Open(system=system, task=task), task.cancelling()
        self._open.add(stream)
        try:
            # Asked once more now that it is watched: the directory may have changed before.
            await self._callers.member(system)
            yield
        except asyncio.CancelledError:
            if stream.refusal is None or task.uncancel() > cancelled:
                raise
            raise stream.refusal from None
        finally:
            self._open.discard(stream)

    async def run(self) -> None:
        """Watch until cancelled."""
        seen = 0
        while True:
            seen = (await self._head.wait_beyond(seen)).size
            while self._open:
                if await self._look():
                    break
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _look(self) -> bool:
        """Cut off whoever may no longer call; False where that cannot be told."""
        try:
            directory = await self._callers.directory()
        except Fault as fault:
            _log.warning(
                "standings cannot be read, trying again",
                extra={"event": "standings_unread", "reason": fault.reason},
            )
            return False
        before, self._asked = self._asked, directory
        if before is not None and _same(before, directory):
            return True
        for stream in tuple(self._open):
            try:
                directory.authenticate(stream.system)
            except Refusal as refusal:
                if stream.refusal is None:
                    stream.refusal = refusal
                    stream.task.cancel()
        return True


def _same(before: Directory, after: Directory) -> bool:
    """Tell whether nothing that standings rest on has changed."""
    return before.members is after.members and before.systems is after.systems
