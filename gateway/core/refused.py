"""Refusals as the audit log has them: one by itself with a place of its own, or many counted.

* A refusal that is recorded by itself has an index, which its answer carries (`OnRecord`).
* `RefusalTally` bounds what all others may cost: those of one system, call and reason are counted
  together, and of too many different ones only the number is kept. An equivocation keeps its reason
  whatever the number.

Which of the two a refusal is, is not decided here: `gateway.audit` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.core.audit import CallsRefused, Event
from gateway.core.errors import Reason
from gateway.core.identity import SystemId

MAX_DIGESTS: Final = 16
MAX_CAUSES: Final = 256
MAX_CAUSES_OF_ONE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord:
    """How a refusal is on record at the moment at which its answer leaves.

    Attributes:
        index: Index of its event in the audit log, on disk there; None where it is counted, and
            recorded later.
    """

    index: int | None = None


COUNTED: Final = OnRecord()

NAMELESS: Final = frozenset({Reason.MEMBER_UNKNOWN, Reason.SYSTEM_UNKNOWN})
"""Refusals of whom the directory does not know: there is nobody to look such an event up."""


@dataclass(slots=True, kw_only=True)
class _Count:
    """Refusals for one cause."""

    first_time: datetime
    count: int = 0
    digests: list[bytes] = field(default_factory=list)


Cause = tuple[SystemId | None, str, Reason | None]
"""What refusals have in common that are counted together: system, call, reason."""


def refusal(
    *, system: SystemId | None, rpc: str, reason: Reason, digest: bytes | None, now: datetime
) -> Event:
    """Make the event of one refusal by itself.

    Args:
        system: The system that was refused.
        rpc: The call.
        reason: The reason.
        digest: What it was about, where known.
        now: The present, UTC.

    Returns:
        The event.
    """
    digests = () if digest is None else (digest,)
    happening = CallsRefused(reason=reason, count=1, first_time=now, digests=digests)
    return Event(happening=happening, rpc=rpc, system=system)


class RefusalTally:
    """Counts refusals until they are taken."""

    def __init__(self) -> None:
        """Begin with none."""
        self._counts: dict[Cause, _Count] = {}
        self._causes: dict[SystemId | None, int] = {}

    def add(
        self,
        *,
        system: SystemId | None,
        rpc: str,
        reason: Reason,
        digest: bytes | None,
        now: datetime,
    ) -> Cause:
        """Count one refusal.

        Args:
            system: The system that was refused; None where it is not known.
            rpc: The call.
            reason: The reason.
            digest: What it was about, where known.
            now: The present, UTC.

        Returns:
            What it is counted under.
        """
        cause: Cause = (system, rpc, reason)
        # Who has said two things under one id is never lost in a crowd.
        if cause not in self._counts and reason is not Reason.EQUIVOCATION:
            if self._causes.get(system, 0) >= MAX_CAUSES_OF_ONE:
                cause = (system, "", None)
            # One system with many causes hides no other; many systems are hidden in the crowd.
            if len(self._counts) >= MAX_CAUSES and cause not in self._counts:
                cause = (None, "", None)
        if cause not in self._counts:
            self._causes[system] = self._causes.get(system, 0) + 1
        found = self._counts.setdefault(cause, _Count(first_time=now))
        found.count += 1
        if digest is not None and len(found.digests) < MAX_DIGESTS:
            found.digests.append(digest)
        return cause

    def take(self) -> dict[Cause, Event]:
        """Give what was counted, in the order in which it began, and begin anew."""
        counts, self._counts, self._causes = self._counts, {}, {}
        return {
            (system, rpc, reason): Event(
                happening=CallsRefused(
                    reason=reason,
                    count=found.count,
                    first_time=found.first_time,
                    digests=tuple(found.digests),
                ),
                rpc=rpc,
                system=system,
            )
            for (system, rpc, reason), found in counts.items()
        }
