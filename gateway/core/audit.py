"""What the audit log records: who was refused, who was given what, what was done to the gateway.

* An event holds ids and reasons: never content, a handle or a name.
* It concerns the member whose system called, and at most one other: the one whose statements it is
  about. Where an answer holds statements of several members, there is one event for each, so that
  none learns of another's.
* `RefusalTally` bounds what refusals may cost: those of one system, call and reason are counted
  together, and of too many different ones only the number is kept.

It records nothing: `gateway.audit` does. Nor does it say who may read an event: an event's
`member` and `concerned` may, and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, unique
from typing import Final

from gateway.core.entry import EntrySummary
from gateway.core.errors import Reason
from gateway.core.identity import SystemId
from gateway.core.statements import Tlp

MAX_DIGESTS: Final = 16
MAX_CAUSES: Final = 256
MAX_CAUSES_OF_ONE: Final = 16


@unique
class EventKind(IntEnum):
    """What an event tells. The numbers are stored, and are those of the fields on the wire."""

    CALLS_REFUSED = 10
    CONTENT_RELEASED = 11
    GRANT_LOOKED_UP = 12
    ADMIN_ACT = 13


@unique
class Act(IntEnum):
    """What was done to the gateway. The numbers are those on the wire."""

    INIT = 1
    START = 2
    STOP = 3
    HALT = 4
    CERTIFICATE_RELOAD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsRefused:
    """Refusals of one system.

    Attributes:
        reason: The reason; None where several were counted together.
        count: How many.
        first_time: When the first was refused, UTC.
        digests: What they were about, where known; the first 16.
    """

    reason: Reason | None
    count: int
    first_time: datetime
    digests: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentReleased:
    """Entries above TLP:GREEN that are about to leave.

    Attributes:
        entry_indexes: Their indexes in the ledger, ascending.
    """

    entry_indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantLookedUp:
    """A look at a grant's case.

    Attributes:
        case_digest: Digest of the statement that opened it.
    """

    case_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAct:
    """An act upon the gateway.

    Attributes:
        act: What was done.
        reason: Why; None where there is no reason.
    """

    act: Act
    reason: Reason | None = None


Happening = CallsRefused | ContentReleased | GrantLookedUp | AdminAct


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event, before it has its time.

    Attributes:
        happening: What happened.
        rpc: The call, as in `ListEntries`; empty for none.
        system: The system that called; None for none.
        concerned: Id of the member whose statements it is about; empty for none.
    """

    happening: Happening
    rpc: str = ""
    system: SystemId | None = None
    concerned: str = ""

    @property
    def member(self) -> str:
        """Id of the member whose system called; empty for none."""
        return "" if self.system is None else str(self.system.member)


def must_be_recorded(summary: EntrySummary | None) -> bool:
    """Tell whether an entry may leave only once its release is on record: above TLP:GREEN.

    Args:
        summary: What the index knows of the entry.

    Returns:
        True for everything that is not known to be TLP:CLEAR or TLP:GREEN.
    """
    return summary is None or (summary.tlp > Tlp.GREEN and not summary.directory)


def origin_of(ledger: str) -> str:
    """Name the audit log of a ledger: its origin with `audit` for the last part of the path.

    Args:
        ledger: The ledger's origin, as in `exchange.example/ledger`.

    Returns:
        The audit log's origin, as in `exchange.example/audit`; another one in any case.
    """
    host, slash, path = ledger.partition("/")
    above, _, last = path.rpartition("/")
    if not slash or last == "audit":
        return f"{ledger}/audit"
    return "/".join(part for part in (host, above, "audit") if part)


@dataclass(slots=True, kw_only=True)
class _Count:
    """Refusals for one cause."""

    first_time: datetime
    count: int = 0
    digests: list[bytes] = field(default_factory=list)


_Cause = tuple[SystemId | None, str, Reason | None]


class RefusalTally:
    """Counts refusals until they are taken."""

    def __init__(self) -> None:
        """Begin with none."""
        self._counts: dict[_Cause, _Count] = {}
        self._causes: dict[SystemId | None, int] = {}

    def add(
        self,
        *,
        system: SystemId | None,
        rpc: str,
        reason: Reason,
        digest: bytes | None,
        now: datetime,
    ) -> None:
        """Count one refusal.

        Args:
            system: The system that was refused; None where it is not known.
            rpc: The call.
            reason: The reason.
            digest: What it was about, where known.
            now: The present, UTC.
        """
        cause: _Cause = (system, rpc, reason)
        if cause not in self._counts:
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

    def take(self) -> list[Event]:
        """Give what was counted, in the order in which it began, and begin anew."""
        counts, self._counts, self._causes = self._counts, {}, {}
        return [
            Event(
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
        ]


def releases(
    summaries: Iterable[tuple[int, EntrySummary | None]], *, rpc: str, system: SystemId
) -> list[Event]:
    """Make the events of one answer's releases, one for each sender.

    Args:
        summaries: Index and summary of each entry that is about to leave, in the ledger's order.
        rpc: The call.
        system: The system that called.

    Returns:
        The events; none where nothing is above TLP:GREEN.
    """
    by_sender: dict[str, list[int]] = {}
    for index, summary in summaries:
        if must_be_recorded(summary):
            by_sender.setdefault(summary.sender if summary is not None else "", []).append(index)
    return [
        Event(
            happening=ContentReleased(entry_indexes=tuple(indexes)),
            rpc=rpc,
            system=system,
            concerned=sender,
        )
        for sender, indexes in by_sender.items()
    ]
