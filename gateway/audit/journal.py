"""The journal: what one worker writes into the audit log.

* A release is recorded before the content leaves: `released` returns once its events are on disk in
  the stream and in the store, and covered by a signed checkpoint. All events of one answer share a
  block.
* Where that cannot be done, it raises LEDGER_UNAVAILABLE, and the content stays. A crash in between
  leaves an event of something that did not leave; never the reverse.
* A confirmation of an inbox is recorded in the same way, before it is answered.
* A refusal is recorded before its answer leaves, within bounds, or counted (see `refusals`): it
  never fails, and where the audit log does not work it holds up nothing.
* Everything else is noted and recorded soon: what is counted waits for a second, under a flood for
  up to 16. Administrative acts wait with it, and so does what was delivered at or below TLP:GREEN
  (see `deliveries`). None of it holds up an answer. What a crash or a long outage finds still in
  memory is lost; under an outage the counts go on.

It decides nothing about who may read an event, and makes none of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.audit.deliveries import Deliveries
from gateway.audit.refusals import Alone, Refusals
from gateway.audit.scribe import Noted, Scribe
from gateway.core.audit import AdminAct, Event
from gateway.core.errors import Fault, Reason
from gateway.core.identity import SystemId
from gateway.core.refused import OnRecord
from gateway.ports.reading import LedgerReader, Recorder

_log: Final = logging.getLogger(__name__)

_MOST_ACTS: Final = 64
# So many are handed on together: a block, and far fewer than may wait to be recorded.
_TOGETHER: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often what was noted is recorded.

    Attributes:
        shortest: Seconds for which refusals are counted together.
        longest: The same under a flood; each flooded count lasts twice as long as the one before.
        flood: So many refusals in one count are a flood.
        retry: Seconds between attempts while the audit log cannot be written.
        notes: Most events that wait, refusals and acts aside; of more, the oldest are lost.
        alone: Which refusals are recorded by themselves.
    """

    shortest: float = 1.0
    longest: float = 16.0
    flood: int = 100
    retry: float = 2.0
    notes: int = 256
    alone: Alone = field(default_factory=Alone)


class Journal:
    """Writes the audit log."""

    def __init__(  # noqa: PLR0913 - what it writes with, and what it asks
        self,
        *,
        recorder: Recorder,
        check: Callable[[], None],
        now: Callable[[], datetime],
        salt: Callable[[], bytes],
        reader: LedgerReader,
        last: Callable[[], datetime | None] = lambda: None,
        pace: Pace | None = None,
    ) -> None:
        """Begin with nothing noted; `run` records what is.

        Args:
            recorder: The way into the audit log.
            check: Raises the Fault for which it cannot be written at present.
            now: The clock, UTC.
            salt: Gives 32 fresh random bytes at each call.
            reader: The audit log, which tells what was delivered before.
            last: Reads the time of the newest event in the audit log; None for none.
            pace: How often what was noted is recorded.
        """
        self._scribe = Scribe(recorder=recorder, check=check, now=now, salt=salt, last=last)
        self._pace = pace or Pace()
        self._failing = False
        self._deliveries = Deliveries(reader)
        self._notes: deque[Event] = deque(maxlen=self._pace.notes)
        # Apart, so that no member's calls can push one out.
        self._acts: deque[Event] = deque(maxlen=_MOST_ACTS)
        self._stirred = asyncio.Event()
        self._refusals = Refusals(self._scribe, self._pace.alone, self._stirred.set)
        self._unsent: list[Noted] = []
        self._flushing = asyncio.Lock()

    async def released(self, events: Sequence[Event]) -> None:
        """Record what is about to leave, and return once it may.

        Args:
            events: The events of one answer; none where nothing has to be recorded.

        Raises:
            Fault: LEDGER_UNAVAILABLE, they are not known to be recorded: nothing may leave.
        """
        if events:
            await self._recorded(events, _not_released)

    async def confirmed(self, events: Sequence[Event]) -> list[int]:
        """Record what the exchange commits itself to, and return once it may be answered.

        Args:
            events: The events of one confirmation.

        Returns:
            Their indexes in the audit log.

        Raises:
            Fault: LEDGER_UNAVAILABLE, they are not known to be recorded: nothing is confirmed.
        """
        return await self._recorded(events, _not_confirmed)

    def delivered(self, *, system: SystemId, rpc: str, sender: str, indexes: Sequence[int]) -> None:
        """Note what leaves without waiting for the audit log, to be recorded soon.

        Args:
            system: The system that it leaves for.
            rpc: Its call.
            sender: Id of the member that sent it.
            indexes: Indexes of the entries in the ledger.
        """
        self._deliveries.add(system=system, rpc=rpc, sender=sender, indexes=indexes)
        self._stirred.set()

    async def refused(
        self, *, system: SystemId | None, rpc: str, reason: Reason, digest: bytes | None
    ) -> OnRecord:
        """Record a refusal, or count it to be recorded soon.

        Args:
            system: The system that was refused; None where it is not known.
            rpc: The call.
            reason: The reason.
            digest: Digest of what was handed in or asked for, where known.

        Returns:
            Where it is on record by now.
        """
        return await self._refusals.record(system=system, rpc=rpc, reason=reason, digest=digest)

    def noted(self, event: Event) -> None:
        """Note an event, to be recorded soon. Of too many, the oldest are lost.

        Args:
            event: The event.
        """
        self._notes.append(event)
        self._stirred.set()

    def acted(self, act: AdminAct) -> None:
        """Note an act upon the gateway, to be recorded soon.

        Args:
            act: The act.
        """
        self._acts.append(Event(happening=act))
        self._stirred.set()

    async def run(self) -> None:
        """Record what is noted until cancelled."""
        pause = self._pace.shortest
        while True:
            await self._stirred.wait()
            await asyncio.sleep(self._pace.shortest)
            # Cut short where an answer waits for it: so often, and no more often than without.
            await self._refusals.pause(pause - self._pace.shortest)
            flooded = self._refusals.counted >= self._pace.flood
            pause = min(pause * 2, self._pace.longest) if flooded else self._pace.shortest
            try:
                await self.flush()
            except Fault as fault:
                _log.warning(
                    "the audit log waits: %s",
                    fault.detail,
                    extra={"event": "audit_waits", "reason": fault.reason},
                )
                await asyncio.sleep(self._pace.retry)
                self._stirred.set()

    async def flush(self) -> None:
        """Record what is noted now.

        Raises:
            Fault: It is not known to be recorded; it is kept, and tried again by the next flush.
        """
        async with self._flushing:
            if not self._unsent:
                self._stirred.clear()
                delivered = await self._deliveries.take()
                noted = [self._scribe.note(event) for event in (*self._acts, *self._notes)]
                self._acts.clear()
                self._notes.clear()
                # Refusals before deliveries: somebody may wait for them.
                later = [self._scribe.note(event) for event in delivered]
                self._unsent = [*noted, *self._refusals.take(), *later]
            try:
                await self._send()
            except Fault:
                # Whoever waits is answered without an index. What it is about is kept.
                for each in self._unsent:
                    each.tell(None)
                raise

    async def _send(self) -> None:
        while self._unsent:
            self._scribe.check()
            together = self._unsent[:_TOGETHER]
            indexes = await asyncio.gather(*map(self._scribe.record, together))
            for each, index in zip(together, indexes, strict=True):
                each.tell(index)
            self._refusals.recorded()
            del self._unsent[:_TOGETHER]

    async def _recorded(self, events: Sequence[Event], fault_of: Callable[[], Fault]) -> list[int]:
        try:
            self._scribe.check()
            outcomes = await self._scribe.record_together(events)
        except Fault as fault:
            self._say_failing(fault)
            raise fault_of() from fault
        indexes = [outcome.index for outcome in outcomes if outcome.index is not None]
        if len(indexes) < len(outcomes):
            _log.error(
                "the audit log took an event for malformed", extra={"event": "audit_malformed"}
            )
            raise fault_of()
        if self._failing:
            self._failing = False
            _log.warning("releases are recorded again", extra={"event": "audit_recording"})
        return indexes

    async def finish(self) -> None:
        """Record everything, at the end.

        Raises:
            Fault: Something is not known to be recorded, and is lost.
        """
        await self._refusals.settled()
        # Twice: what was kept from an earlier attempt goes first.
        for _ in range(2):
            await self.flush()

    def _say_failing(self, fault: Fault) -> None:
        # Once for each outage: readers come back again and again while it lasts.
        if not self._failing:
            self._failing = True
            _log.error(
                "nothing above TLP:GREEN leaves, the audit log cannot be written: %s",
                fault.detail,
                extra={"event": "audit_failing", "reason": fault.reason},
            )


def _not_released() -> Fault:
    return Fault(
        Reason.LEDGER_UNAVAILABLE,
        "the audit log cannot be written, and nothing above TLP:GREEN leaves without being "
        "recorded there: try again shortly; what is TLP:CLEAR or TLP:GREEN can still be read",
    )


def _not_confirmed() -> Fault:
    return Fault(
        Reason.LEDGER_UNAVAILABLE,
        "the audit log cannot be written, and no inbox is confirmed without being recorded there: "
        "try again shortly",
    )
