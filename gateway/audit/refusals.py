"""Refusals on their way into the audit log: each by itself as long as they are few, else counted.

* The refusal of a system that the directory knows is recorded by itself, and its answer waits until
  it is on disk, so that it can carry the index. Those of one moment share a block.
* The wait is bounded. What is late is recorded all the same, and nobody waits for another until one
  is known to have come through. An audit log that cannot be written is not waited for at all.
* How many are recorded by themselves is bounded, for each system and for all of them: a flood has
  its own refusals counted, and hides nobody else's.
* An equivocation is never only counted while the audit log works: beyond the bounds its answer
  waits for the count that it is part of, and carries the index of that.

A refusal is recorded or counted, never both, and never lost but with the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from gateway.audit.scribe import Noted, Scribe
from gateway.core.allowance import Allowance
from gateway.core.errors import Fault, Reason
from gateway.core.identity import SystemId
from gateway.core.refused import COUNTED, NAMELESS, Cause, OnRecord, RefusalTally, refusal

_CROWD: Final = 16
"""So many systems may use up what is theirs before it shows to others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """How many refusals are recorded by themselves, and how long their answers wait.

    Attributes:
        per_second: Refusals of one system, on average; of all systems 16 times as many.
        burst: The same at once, after a while of rest.
        seconds: Longest wait for the record; with an equivocation as long as the audit log takes.
        count_seconds: Longest wait of an equivocation for the count that it is part of.
    """

    per_second: float = 1.0
    burst: int = 60
    seconds: float = 1.0
    count_seconds: float = 10.0


class Refusals:
    """Has refusals recorded."""

    def __init__(self, scribe: Scribe, alone: Alone, stir: Callable[[], None]) -> None:
        """Begin with none.

        Args:
            scribe: Writes events.
            alone: How many are recorded by themselves.
            stir: Called when there is something to `take`.
        """
        self._scribe = scribe
        self._alone = alone
        self._stir = stir
        self._systems = Allowance[SystemId](rate=alone.per_second, burst=alone.burst)
        self._all = Allowance[None](rate=_CROWD * alone.per_second, burst=_CROWD * alone.burst)
        self._tally = RefusalTally()
        self._under_way: set[asyncio.Task[int | None]] = set()
        self._failed: list[Noted] = []
        self._waiting: dict[Cause, list[asyncio.Future[int | None]]] = {}
        self._hurry = asyncio.Event()
        # Set by an attempt that is late or has failed, until something is recorded.
        self._doubtful = False
        self.counted = 0
        """How many were counted since the last `take`."""

    async def record(
        self, *, system: SystemId | None, rpc: str, reason: Reason, digest: bytes | None
    ) -> OnRecord:
        """Put a refusal on record.

        Args:
            system: The system that was refused; None where it is not known.
            rpc: The call.
            reason: The reason.
            digest: Digest of what was handed in or asked for, where known.

        Returns:
            Where it is on record by now.
        """
        grave = reason is Reason.EQUIVOCATION
        now = self._scribe.now()
        known = system is not None and reason not in NAMELESS
        awaited = known and (grave or not self._doubtful) and self._scribe.works
        if system is not None and awaited and self._admit(system):
            event = refusal(system=system, rpc=rpc, reason=reason, digest=digest, now=now)
            return await self._by_itself(
                self._scribe.note(event), None if grave else self._alone.seconds
            )
        cause = self._tally.add(system=system, rpc=rpc, reason=reason, digest=digest, now=now)
        self.counted += 1
        self._stir()
        return await self._with_its_count(cause) if grave and awaited else COUNTED

    def take(self) -> list[Noted]:
        """Give what is to be recorded now: what has failed by itself, and what was counted."""
        failed, self._failed = self._failed, []
        waiting, self._waiting = self._waiting, {}
        self.counted = 0
        self._hurry.clear()
        counts = self._tally.take()
        return failed + [
            self._scribe.note(event, *waiting.get(cause, ())) for cause, event in counts.items()
        ]

    def recorded(self) -> None:
        """Take note that the audit log was written: answers may wait for it again."""
        self._doubtful = False

    async def pause(self, seconds: float) -> None:
        """Wait before the next `take`, or until somebody waits for it.

        Args:
            seconds: How long.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()

    async def settled(self) -> None:
        """Wait until nothing is under way by itself."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _admit(self, system: SystemId) -> bool:
        now = asyncio.get_running_loop().time()
        # One by one: what is one system's is used up first, and keeps it from using up the others'.
        return self._systems.admit(system, now) and self._all.admit(None, now)

    async def _by_itself(self, noted: Noted, seconds: float | None) -> OnRecord:
        # A task of its own: the record goes on where the caller has gone, or waits no longer.
        task = asyncio.create_task(self._attempt(noted))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        done, _ = await asyncio.wait([task], timeout=seconds)
        if not done:
            self._doubtful = True
            return COUNTED
        return OnRecord(index=task.result())

    async def _attempt(self, noted: Noted) -> int | None:
        try:
            index = await self._scribe.record(noted)
        except Fault:
            self._doubtful = True
            self._failed.append(noted)
            self._stir()
            return None
        self._doubtful = False
        return index

    async def _with_its_count(self, cause: Cause) -> OnRecord:
        answer: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(cause, []).append(answer)
        self._hurry.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._alone.count_seconds):
                return OnRecord(index=await answer)
        return COUNTED
