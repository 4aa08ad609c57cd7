"""The ledger's ports without a server: for tests of everything that stands on them.

* Passes the same contract suite as the adapters over NATS.
* What a server does to one only in bad times can be asked for here: interruptions, appends of
  unknown outcome, lost and truncated messages.

Durable it is not: it is gone with the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from enum import StrEnum, unique

from gateway.core.errors import Fault, Reason
from gateway.ledger.stream import check_block, check_bounds, missing
from gateway.ports.blocks import (
    Appended,
    AppendOutcome,
    Bounds,
    StreamInterrupted,
    StreamMessage,
)


@unique
class AppendFailure(StrEnum):
    """What becomes of a block whose append fails."""

    FAILED = "failed"
    FAILED_BUT_PERSISTED = "failed_but_persisted"


class MemoryBlockStream:
    """A stream of blocks: `gateway.ports.blocks.BlockAppender` and `BlockReader` in one."""

    def __init__(self) -> None:
        """Begin empty."""
        self._messages: dict[int, bytes] = {}
        self._known: dict[bytes, int] = {}
        self._last = 0
        self._epoch = 0
        self._changed = asyncio.Event()
        self._failures: list[AppendFailure] = []

    async def append(self, message: bytes) -> Appended:
        """Append one block; see `gateway.ports.blocks.BlockAppender.append`."""
        check_block(message)
        failure = self._failures.pop(0) if self._failures else None
        if failure is AppendFailure.FAILED:
            raise _unacknowledged()
        known = self._known.get(message)
        if known is None:
            self._last += 1
            self._messages[self._last] = message
            self._known[message] = self._last
            self._wake()
        if failure is AppendFailure.FAILED_BUT_PERSISTED:
            raise _unacknowledged()
        if known is None:
            return Appended(sequence=self._last, outcome=AppendOutcome.STORED)
        return Appended(sequence=known, outcome=AppendOutcome.ALREADY_STORED)

    async def message(self, sequence: int) -> bytes | None:
        """Return the message at one sequence; see `gateway.ports.blocks.BlockReader.message`."""
        return self._messages.get(sequence)

    async def bounds(self) -> Bounds:
        """Return the first and last sequence; see `gateway.ports.blocks.BlockReader.bounds`."""
        return Bounds(first=min(self._messages, default=self._last + 1), last=self._last)

    async def follow(self, after: int) -> AsyncGenerator[StreamMessage, None]:
        """Yield every message after a sequence; see `gateway.ports.blocks.BlockReader.follow`."""
        epoch = self._epoch
        check_bounds(await self.bounds(), after)
        expected = after + 1
        while True:
            while expected > self._last and epoch == self._epoch:
                await self._changed.wait()
            if epoch != self._epoch:
                raise StreamInterrupted("interrupted")
            message = self._messages.get(expected)
            if message is None:
                raise missing(expected)
            yield StreamMessage(sequence=expected, message=message)
            expected += 1

    def interrupt(self) -> None:
        """End every follower, as a lost connection does."""
        self._epoch += 1
        self._wake()

    def fail_appends(self, *failures: AppendFailure) -> None:
        """Have the next appends fail, one after the other."""
        self._failures.extend(failures)

    def lose(self, sequence: int) -> None:
        """Lose one message, as a damaged file does: a hole stays."""
        self._messages.pop(sequence, None)

    def truncate(self, last: int) -> None:
        """Lose everything after a sequence; the numbers are handed out again."""
        self._messages = {n: m for n, m in self._messages.items() if n <= last}
        self._known = {m: n for m, n in self._known.items() if n <= last}
        self._last = last
        self.interrupt()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _unacknowledged() -> Fault:
    return Fault(Reason.LEDGER_UNAVAILABLE, "the block was not acknowledged: retry")
