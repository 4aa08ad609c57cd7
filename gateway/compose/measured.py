"""Parts that count what passes through them: each stands before the part itself.

The parts know nothing of it: where nothing is counted, they are used as they are.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from gateway.admission.admit import Admission
from gateway.admission.submission import Submission
from gateway.audit.journal import Journal
from gateway.core.audit import Event
from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.identity import SystemId
from gateway.core.refused import OnRecord
from gateway.ports.blocks import Appended, BlockAppender
from gateway.ports.metering import Meter

ACCEPTED: Final = "ACCEPTED"
RECORDED: Final = "RECORDED"


class MeasuredAdmission:
    """Counts statements by what became of them."""

    def __init__(self, inside: Admission, meter: Meter) -> None:
        """Stand before admission."""
        self._inside = inside
        self._meter = meter

    async def submit(self, submission: Submission) -> int:
        """See `gateway.admission.admit.Admission.submit`."""
        try:
            index = await self._inside.submit(submission)
        except (Refusal, Fault) as error:
            self._meter.submitted(error.reason)
            raise
        except Exception:
            self._meter.submitted(Reason.INTERNAL)
            raise
        self._meter.submitted(ACCEPTED)
        return index


class MeasuredJournal:
    """Counts answers whose release has to be recorded."""

    def __init__(self, inside: Journal, meter: Meter) -> None:
        """Stand before the journal."""
        self._inside = inside
        self._meter = meter

    async def released(self, events: Sequence[Event]) -> None:
        """See `gateway.audit.journal.Journal.released`."""
        try:
            await self._inside.released(events)
        except Fault as fault:
            self._meter.released(fault.reason)
            raise
        if events:
            self._meter.released(RECORDED)

    async def refused(
        self, *, system: SystemId | None, rpc: str, reason: Reason, digest: bytes | None
    ) -> OnRecord:
        """Pass on."""
        return await self._inside.refused(system=system, rpc=rpc, reason=reason, digest=digest)

    def noted(self, event: Event) -> None:
        """Pass on."""
        self._inside.noted(event)

    def delivered(self, *, system: SystemId, rpc: str, sender: str, indexes: Sequence[int]) -> None:
        """Pass on."""
        self._inside.delivered(system=system, rpc=rpc, sender=sender, indexes=indexes)


class MeasuredAppender:
    """Counts blocks; see `gateway.ports.blocks.BlockAppender`."""

    def __init__(self, inside: BlockAppender, meter: Meter) -> None:
        """Stand before the way into a stream."""
        self._inside = inside
        self._meter = meter

    async def append(self, message: bytes) -> Appended:
        """Append one block."""
        begun = time.perf_counter()
        appended = await self._inside.append(message)
        self._meter.appended(size=len(message), seconds=time.perf_counter() - begun)
        return appended
