"""What the audit log records: who was refused, who was given what, what was done to the gateway.

* An event holds ids and reasons: never content, a handle or a name.
* It concerns the member whose system called, and at most one other: the one whose statements it is
  about. Where an answer holds statements of several members, there is one event for each, so that
  none learns of another's.
* `DeliveryTally` bounds what is noted of what leaves without waiting to be recorded: entries at or
  below TLP:GREEN that are addressed to whoever is given them.

It records nothing: `gateway.audit` does. Nor does it say who may read an event: an event's
`member` and `concerned` may, and nobody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, unique
from typing import Final

from gateway.core.entry import EntrySummary
from gateway.core.errors import Reason
from gateway.core.identity import SystemId
from gateway.core.inbox import Span
from gateway.core.statements import Tlp

MAX_DELIVERIES: Final = 131_072
"""Most entries that wait to be noted as delivered; and of one system:"""
MAX_DELIVERIES_OF_ONE: Final = 32_768
MAX_INDEXES: Final = 1000
"""Most entries in one event of those that are noted."""


@unique
class EventKind(IntEnum):
    """What an event tells. The numbers are stored, and are those of the fields on the wire."""

    CALLS_REFUSED = 10
    CONTENT_RELEASED = 11
    GRANT_LOOKED_UP = 12
    ADMIN_ACT = 13
    INBOX_CONFIRMED = 14


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
    """Entries that are about to leave.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxConfirmed:
    """What a member was shown of its inbox is what the ledger holds for it.

    Attributes:
        span: What was compared: of all senders, or of the one concerned.
        confirmation: Whose entries, as the recipient signed it: a serialized envelope; empty where
            it signed nothing.
    """

    span: Span
    confirmation: bytes = b""


Happening = CallsRefused | ContentReleased | GrantLookedUp | AdminAct | InboxConfirmed


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


def deliveries(
    summaries: Iterable[tuple[int, EntrySummary | None]], *, reader: str
) -> dict[str, list[int]]:
    """Tell which entries of an answer are to be noted as delivered, and have not to be recorded.

    Args:
        summaries: Index and summary of each entry that is about to leave.
        reader: Id of the member that is given them.

    Returns:
        The indexes of those at or below TLP:GREEN that are addressed to the reader, by sender.
    """
    by_sender: dict[str, list[int]] = {}
    for index, summary in summaries:
        if summary is not None and reader in summary.audience and not must_be_recorded(summary):
            by_sender.setdefault(summary.sender, []).append(index)
    return by_sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Entries of one sender that left for one system.

    Attributes:
        system: The system.
        rpc: Its call.
        sender: Id of the member that sent them.
        indexes: Their indexes in the ledger, ascending.
    """

    system: SystemId
    rpc: str
    sender: str
    indexes: tuple[int, ...]

    def events(self) -> list[Event]:
        """Make the events that tell of it; none where there are no entries."""
        return [
            Event(
                happening=ContentReleased(entry_indexes=self.indexes[start : start + MAX_INDEXES]),
                rpc=self.rpc,
                system=self.system,
                concerned=self.sender,
            )
            for start in range(0, len(self.indexes), MAX_INDEXES)
        ]


class DeliveryTally:
    """Gathers what was delivered until it is taken."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._indexes: dict[tuple[SystemId, str, str], list[int]] = {}
        self._of: dict[SystemId, int] = {}
        self._waiting = 0
        self._lost = 0

    def add(self, *, system: SystemId, rpc: str, sender: str, indexes: Sequence[int]) -> None:
        """Add entries of one sender; of too many, those that come last are lost.

        Args:
            system: The system that they leave for.
            rpc: Its call.
            sender: Id of the member that sent them.
            indexes: Their indexes in the ledger.
        """
        of_one = self._of.get(system, 0)
        room = min(MAX_DELIVERIES_OF_ONE - of_one, MAX_DELIVERIES - self._waiting)
        taken = indexes[: max(room, 0)]
        self._lost += len(indexes) - len(taken)
        if taken:
            self._of[system] = of_one + len(taken)
            self._waiting += len(taken)
            self._indexes.setdefault((system, rpc, sender), []).extend(taken)

    def take(self) -> tuple[list[Delivery], int]:
        """Give what was gathered, in the order in which it began, and begin anew.

        Returns:
            What was delivered, and how many entries were lost.
        """
        gathered, lost = self._indexes, self._lost
        self._indexes, self._of, self._waiting, self._lost = {}, {}, 0, 0
        return [
            Delivery(system=system, rpc=rpc, sender=sender, indexes=tuple(sorted(set(indexes))))
            for (system, rpc, sender), indexes in gathered.items()
        ], lost
