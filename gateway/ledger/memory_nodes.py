"""The ports between nodes without a server: for tests of what stands on them.

* Passes the same contract suite as the adapters over NATS.
* Lost answers and an unreachable place can be asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from enum import StrEnum, unique

from gateway.core.errors import Fault, Reason
from gateway.ports.nodes import Standing


class MemorySignedNotes:
    """Signed notes within one process; see `gateway.ports.nodes.SignedNotes`.

    Nodes that are given the same list of ears hear one another.
    """

    def __init__(self, ears: list[MemorySignedNotes]) -> None:
        """Join those who hear one another."""
        self._ears = ears
        self._ears.append(self)
        self.newest: bytes | None = None
        self._letters: asyncio.Queue[bytes] = asyncio.Queue()

    async def say(self, note: bytes) -> None:
        """Say a note to all, this one too: over NATS everybody hears itself."""
        self.keep(note)
        for ear in self._ears:
            ear.receive(note)

    def keep(self, note: bytes) -> None:
        """Have a note ready for whoever asks."""
        self.newest = note

    async def ask(self) -> None:
        """Have the others say their newest note again."""
        for ear in self._ears:
            if ear is not self and ear.newest is not None:
                self.receive(ear.newest)

    def receive(self, note: bytes) -> None:
        """Be told a note."""
        self._letters.put_nowait(note)

    async def heard(self) -> AsyncGenerator[bytes, None]:
        """Yield what the others say; see `gateway.ports.nodes.SignedNotes.heard`."""
        await self.ask()
        while True:
            yield await self._letters.get()


@unique
class WriteFailure(StrEnum):
    """What becomes of a write whose answer is lost."""

    FAILED = "failed"
    FAILED_BUT_WRITTEN = "failed_but_written"


class MemoryLeasePlace:
    """The place of the lease within one process; see `gateway.ports.nodes.LeasePlace`."""

    def __init__(self) -> None:
        """Begin with nothing standing there."""
        self._standing: Standing | None = None
        self._failures: list[WriteFailure] = []
        self.away = False

    def fail_writes(self, *failures: WriteFailure) -> None:
        """Have the next writes fail, one after the other."""
        self._failures.extend(failures)

    async def read(self) -> Standing | None:
        """Read what stands there."""
        self._check_there()
        return self._standing

    async def write(self, value: bytes, *, revision: int) -> int | None:
        """Write by compare-and-set."""
        self._check_there()
        failure = self._failures.pop(0) if self._failures else None
        if failure is WriteFailure.FAILED:
            raise _unanswered()
        last = self._standing.revision if self._standing else 0
        if revision != last:
            return None
        self._standing = Standing(value=value, revision=last + 1)
        if failure is WriteFailure.FAILED_BUT_WRITTEN:
            raise _unanswered()
        return last + 1

    def _check_there(self) -> None:
        if self.away:
            raise _unanswered()


def _unanswered() -> Fault:
    return Fault(Reason.LEDGER_UNAVAILABLE, "the place of the lease does not answer: retry")
