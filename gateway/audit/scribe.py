"""The scribe: puts one event into the audit log, and makes sure that it stands there once.

* An event's time never runs backwards: it is that of the attempt to record it, and no earlier than
  that of any event that stood in the log when the first was written here. Two workers can record
  theirs in the other order, by no more than an attempt lasts.
* What is tried again is recorded once: each such event writes a key of its own that it also reads.

It does not decide when an event is recorded, nor what waits for it: the journal does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway.core.audit import Event
from gateway.core.errors import Fault
from gateway.core.fold import Entry, Outcome
from gateway.ports.reading import Recorder
from gateway.wire import audit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Noted:
    """An event that is to be recorded once, however often that is tried.

    Attributes:
        event: The event.
        salt: Drawn once: by it another attempt is known for the same event.
        waiting: Who waits to hear its index, or None where it has no place yet.
    """

    event: Event
    salt: bytes
    waiting: Sequence[asyncio.Future[int | None]] = field(default=())

    def tell(self, index: int | None) -> None:
        """Tell those who wait."""
        for each in self.waiting:
            if not each.done():
                each.set_result(index)


class Scribe:
    """Writes events."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        check: Callable[[], None],
        now: Callable[[], datetime],
        salt: Callable[[], bytes],
        last: Callable[[], datetime | None],
    ) -> None:
        """Keep where it writes.

        Args:
            recorder: The way into the audit log.
            check: Raises the Fault for which it cannot be written at present.
            now: The clock, UTC.
            salt: Gives 32 fresh random bytes at each call.
            last: Reads the time of the newest event in the audit log; None for none. It is asked
                when the first event is written: before that, not all may be folded.
        """
        self._recorder = recorder
        self.check = check
        self.now = now
        self._salt = salt
        self._read_last = last
        self._last: datetime | None = None

    @property
    def works(self) -> bool:
        """Whether nothing is known that speaks against writing at present."""
        try:
            self.check()
        except Fault:
            return False
        return True

    def note(self, event: Event, *waiting: asyncio.Future[int | None]) -> Noted:
        """Prepare an event that may have to be tried more than once.

        Args:
            event: The event.
            waiting: Who waits to hear its index.
        """
        return Noted(event=event, salt=self._salt(), waiting=waiting)

    async def record(self, noted: Noted) -> int | None:
        """Record an event, unless an earlier attempt came through after all.

        Args:
            noted: The event.

        Returns:
            Its index; None where an earlier attempt has it, at an index that is not known.

        Raises:
            Fault: It is not known to be recorded.
        """
        key = f"event/{noted.salt.hex()}"
        # Made anew for each attempt: its time is not from before the outage.
        outcome = await self._recorder.record(self._entry(noted.event, noted.salt, key))
        return outcome.index

    async def record_together(self, events: Sequence[Event]) -> list[Outcome]:
        """Record events in one attempt, handed on together so that they share a block.

        Args:
            events: The events.

        Returns:
            A verdict for each.

        Raises:
            Fault: One of them is not known to be recorded.
        """
        return await asyncio.gather(*map(self._record_at_once, events))

    async def _record_at_once(self, event: Event) -> Outcome:
        # Dated where it is handed on, with nothing in between that could be handed on before it.
        return await self._recorder.record(self._entry(event, self._salt()))

    def _entry(self, event: Event, salt: bytes, *keys: str) -> Entry:
        """Make an entry, with the present for its time."""
        now = self.now()
        if self._last is None:
            self._last = self._read_last() or now
        self._last = max(now, self._last)
        body = audit.encode(event, self._last)
        return Entry(body=body, salt=salt, judged_at=0, reads=keys, writes=keys)
