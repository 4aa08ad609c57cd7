"""DeliveryService: that a member was shown all of its inbox, and what became of what it sent.

* What the exchange has told a member of its inbox goes into the audit log before it is answered:
  from then on it is bound to it, and cannot show another inbox later.
* A sender is told of its own statements alone, recipient by recipient. What does not exist and what
  is another's answer with the same bytes.
* All events of one answer are proven under one checkpoint of the audit log; what no checkpoint
  covers yet is not shown.
* A page ends where it has become large, or may have taken much reading: it always holds one
  recipient. Where it ends tells nothing of what others sent.

The rules of a confirmation are in `gateway.admission.inboxes`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from forewarn.exchange.v1 import audit_service_pb2
from forewarn.exchange.v1 import delivery_service_pb2 as pb
from gateway.admission.inboxes import Confirmed, Shown, confirm
from gateway.core.audit import Event, InboxConfirmed
from gateway.core.directory import Directory
from gateway.core.errors import Fault, Reason, invalid
from gateway.core.identity import MemberId
from gateway.core.inbox import MAX_ENTRIES, Tree
from gateway.core.statements import parse_member
from gateway.edge.callers import Caller, Callers
from gateway.edge.filters import check_digest
from gateway.edge.paging import PAGE_BYTES, page_size
from gateway.edge.readings import Readings
from gateway.edge.released import entry_not_found
from gateway.ports.reading import (
    Box,
    LedgerHead,
    LedgerReader,
    LedgerSnapshot,
    MemberQuery,
    SignedHead,
    StoredEntry,
)
from gateway.wire.audit import confirmed_sizes
from gateway.wire.inbox import span_from

_CONFIRM: Final = "ConfirmInbox"

MAX_READ: Final = 4 * MAX_ENTRIES
"""Most entries that may be read for the proofs of one page, beyond those of its last recipient."""

_LARGEST: Final = 64 << 10
"""More than the answer about one recipient takes: two events, and three proofs."""


class Journal(Protocol):
    """What the audit log's journal is to whoever confirms."""

    async def confirmed(self, events: Sequence[Event]) -> list[int]:
        """Record what is confirmed, and give the indexes of the events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A log, for reading.

    Attributes:
        reader: Its store.
        head: Its newest signed checkpoint.
    """

    reader: LedgerReader
    head: LedgerHead


class DeliveryService:
    """See `forewarn.exchange.v1.DeliveryService`."""

    def __init__(
        self,
        *,
        ledger: Shelf,
        audit_log: Shelf,
        callers: Callers,
        readings: Readings,
        journal: Journal,
        check_writable: Callable[[], None],
    ) -> None:
        """Keep where it reads.

        Args:
            ledger: The ledger.
            audit_log: The audit log beside it.
            callers: Has the directory, and with it the keys of members.
            readings: Where calls read the stores.
            journal: Where confirmations are recorded.
            check_writable: Raises the Fault for which the ledger is not to be relied on.
        """
        self._ledger = ledger
        self._audit = audit_log
        self._callers = callers
        self._readings = readings
        self._journal = journal
        self._check_writable = check_writable

    async def confirm_inbox(
        self, caller: Caller, request: pb.ConfirmInboxRequest
    ) -> pb.ConfirmInboxResponse:
        """Compare the caller's inbox with what it was shown, and put on record that it is so."""
        if not request.HasField("span"):
            raise invalid("span", "is missing", Reason.FIELD_MISSING)
        shown = Shown(
            member=caller.id,
            span=span_from(request.span),
            confirmations=request.confirmations,
            received_time=caller.received_time,
        )
        self._check_writable()
        directory = await self._callers.directory()
        found = await self._readings.run(caller.id, self._compare, shown, directory)
        whole, *_ = await self._journal.confirmed(_events(found, caller))
        return await self._readings.run(caller.id, self._committed, whole)

    async def list_deliveries(
        self, caller: Caller, request: pb.ListDeliveriesRequest
    ) -> pb.ListDeliveriesResponse:
        """Tell what became of a statement of the caller's member at each of its recipients."""
        check_digest("digest", request.digest)
        if request.after_recipient:
            parse_member("after_recipient", request.after_recipient)
        page_size(request.page_size)
        return await self._readings.content(
            caller, PAGE_BYTES + _LARGEST, self._page, caller.id, request
        )

    def _compare(self, shown: Shown, directory: Directory) -> Confirmed:
        head = self._ledger.head.current
        with self._ledger.reader.snapshot() as snapshot:
            return confirm(shown, snapshot=snapshot, size=head.size, directory=directory)

    def _committed(self, index: int) -> pb.ConfirmInboxResponse:
        head = self._audit.head.current
        with self._audit.reader.snapshot() as snapshot:
            record = _record(snapshot, index, head)
        if record is None:
            raise Fault(Reason.INTERNAL, "what was recorded is not covered by a checkpoint")
        return pb.ConfirmInboxResponse(record=record, checkpoint=head.note)

    def _page(
        self, member: MemberId, request: pb.ListDeliveriesRequest
    ) -> pb.ListDeliveriesResponse:
        head, audit_head = self._ledger.head.current, self._audit.head.current
        with (
            self._ledger.reader.snapshot() as ledger,
            self._audit.reader.snapshot() as audit_log,
        ):
            entry = _sent(ledger, member, request.digest, head)
            summary = entry.summary
            if summary is None:
                raise entry_not_found()
            recipients = sorted(summary.audience)
            start = bisect_right(recipients, request.after_recipient)
            end = min(start + page_size(request.page_size), len(recipients))
            trail = _Trail(
                index=entry.index, sender=member, ledger=ledger, audit=audit_log, head=audit_head
            )
            page = pb.ListDeliveriesResponse(checkpoint=audit_head.note)
            room = PAGE_BYTES
            for recipient in recipients[start:end]:
                found = trail.of(recipient)
                room -= found.ByteSize()
                page.deliveries.append(found)
                if room < 0 or trail.read > MAX_READ:
                    break
            page.more = start + len(page.deliveries) < len(recipients)
            return page


class _Trail:
    """What became of one entry at its recipients."""

    def __init__(
        self,
        *,
        index: int,
        sender: MemberId,
        ledger: LedgerSnapshot,
        audit: LedgerSnapshot,
        head: SignedHead,
    ) -> None:
        """Begin with nothing read.

        Args:
            index: Index of the entry.
            sender: The member that sent it.
            ledger: The ledger.
            audit: The audit log.
            head: The newest signed checkpoint of the audit log.
        """
        self._index = index
        self._sender = sender
        self._ledger = ledger
        self._audit = audit
        self._head = head
        self.read = 0

    def of(self, recipient: str) -> pb.Delivery:
        """Tell what became of it at one recipient."""
        return pb.Delivery(
            recipient=recipient,
            released=self._released(recipient),
            received=self._received(recipient),
        )

    def _released(self, recipient: str) -> audit_service_pb2.AuditRecord | None:
        found = self._audit.first_released(recipient, self._index)
        return None if found is None else _record(self._audit, found, self._head)

    def _received(self, recipient: str) -> pb.ConfirmedDelivery | None:
        # What is folded and not signed yet would hide an earlier one that can be proven.
        found = self._audit.first_confirmed(recipient, self._sender, self._index, self._head.size)
        record = None if found is None else _record(self._audit, found, self._head)
        if record is None:
            return None
        from_size, to_size = confirmed_sizes(record.event)
        if to_size > self._ledger.size:
            raise Fault(
                Reason.LEDGER_UNAVAILABLE,
                "this gateway has not reached the size up to which a recipient has confirmed; try "
                "again shortly",
            )
        delivered = self._ledger.delivered(recipient, from_size, to_size, MAX_ENTRIES)
        # By the sizes, which the sender is told: where a page ends must not tell how many entries
        # of others lie between them.
        self.read += min(to_size - from_size, MAX_ENTRIES)
        own = [each for each in delivered if each.sender == self._sender]
        position = next((at for at, each in enumerate(own) if each.index == self._index), None)
        if position is None:
            # Nothing that this gateway records; whoever writes past it is not vouched for here.
            return None
        return pb.ConfirmedDelivery(
            record=record, position=position, inclusion_proof=Tree(own).inclusion(position)
        )


def _events(found: Confirmed, caller: Caller) -> list[Event]:
    """Make the events of a confirmation: one of the whole inbox first, then one for each sender."""

    def event(happening: InboxConfirmed, concerned: str) -> Event:
        return Event(happening=happening, rpc=_CONFIRM, system=caller.system, concerned=concerned)

    return [event(found.whole, ""), *(event(part, sender) for sender, part in found.by_sender)]


def _sent(
    snapshot: LedgerSnapshot, member: MemberId, digest: bytes, head: SignedHead
) -> StoredEntry:
    """Find an entry that a member sent; what is another's is not even read."""
    index = snapshot.index_of(digest)
    if index is None or index >= head.size:
        raise entry_not_found()
    own = MemberQuery(member=member, box=Box.SENT, after=index - 1, limit=1, before_size=index + 1)
    for entry in snapshot.member_entries(own):
        return entry
    raise entry_not_found()


def _record(
    snapshot: LedgerSnapshot, index: int, head: SignedHead
) -> audit_service_pb2.AuditRecord | None:
    """Give an event with its proof; None where no checkpoint covers it yet."""
    entry = snapshot.by_index(index) if index < head.size else None
    if entry is None:
        return None
    (proof,) = snapshot.prove([index], head.size)
    return audit_service_pb2.AuditRecord(
        event=entry.body, index=index, salt=entry.salt, inclusion_proof=proof
    )
