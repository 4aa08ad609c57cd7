"""An exchange on paper that keeps an audit log: it confirms inboxes, and tells of deliveries.

Spans and proofs come from the tree as RFC 6962 writes it down; nothing here is shared with gateway
or client. It can withhold entries, forget to compare, and change any answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Any, TypeVar

import grpc
from google.rpc import error_details_pb2

from forewarn.exchange.v1 import (
    audit_pb2,
    audit_service_pb2,
    audit_service_pb2_grpc,
    delivery_service_pb2,
    delivery_service_pb2_grpc,
    envelope_pb2,
    exchange_service_pb2,
    inbox_pb2,
)
from tests.vectors.rfc6962 import Tree, leaf_hash
from tests.world.paper_exchange import Failure, PaperExchange, _caller, _uri, opened
from tests.world.paper_log import PaperLog

_Answer = TypeVar("_Answer")

AUDIT = "exchange.example/audit"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def tree_of(entries: Sequence[tuple[int, bytes]]) -> Tree:
    """The tree of a span: index and leaf hash of each entry."""
    label = b"forewarn/inbox/v1\n\0"
    leaves = [label + index.to_bytes(8, "big") + hashed for index, hashed in entries]
    return Tree(lambda position: leaf_hash(leaves[position]))


def span_of(entries: Sequence[tuple[int, bytes]], start: int, end: int) -> inbox_pb2.InboxSpan:
    """The span of some entries."""
    root = tree_of(entries).root(len(entries))
    return inbox_pb2.InboxSpan(from_size=start, to_size=end, count=len(entries), root=root)


@dataclass(slots=True, kw_only=True)
class PaperInboxes(
    PaperExchange,
    audit_service_pb2_grpc.AuditServiceServicer,
    delivery_service_pb2_grpc.DeliveryServiceServicer,
):
    """The exchange, and what it is to do next.

    Attributes:
        hides: Entries that it shows to nobody, by their indexes.
        forgets: Entries that it leaves out when it compares.
        before: What it does to the record that a call answers with, by the name of the call.
        noted: The events of the audit log, with their salts.
        asked: The requests to confirm.
    """

    hides: set[int] = field(default_factory=set)
    forgets: set[int] = field(default_factory=set)
    before: dict[str, Callable[[Any], None]] = field(default_factory=dict)
    confirm_failures: list[Failure] = field(default_factory=list)
    noted: list[tuple[bytes, bytes]] = field(default_factory=list)
    asked: list[delivery_service_pb2.ConfirmInboxRequest] = field(default_factory=list)
    audit: PaperLog = field(default_factory=lambda: PaperLog(held=[], origin=AUDIT))

    def __post_init__(self) -> None:
        self.audit_log_key = self.audit.vkey

    def offer(self, server: Any) -> None:
        PaperExchange.offer(self, server)
        audit_service_pb2_grpc.add_AuditServiceServicer_to_server(self, server)
        delivery_service_pb2_grpc.add_DeliveryServiceServicer_to_server(self, server)

    def hashed(self, index: int) -> bytes:
        """Leaf hash of an entry of the ledger."""
        entry = self.ledger.entries[index]
        commitment = hmac_digest(entry.salt, b"forewarn/commit/v1\0" + entry.body, "sha256")
        return leaf_hash(b"forewarn/leaf/v1\n\0" + commitment)

    def note(self, event: audit_pb2.AuditEvent) -> int:
        """Record an event."""
        data = event.SerializeToString(deterministic=True)
        salt = sha256(b"audit %d" % len(self.noted)).digest()
        commitment = hmac_digest(salt, b"forewarn/commit/v1\0" + data, "sha256")
        self.noted.append((data, salt))
        self.audit.held.append(b"forewarn/leaf/v1\n\0" + commitment)
        return len(self.noted) - 1

    def proven(self, index: int) -> audit_service_pb2.AuditRecord:
        """Prove an event under the newest checkpoint."""
        data, salt = self.noted[index]
        path = self._audit_tree().path(index, len(self.noted))
        return audit_service_pb2.AuditRecord(
            event=data, index=index, salt=salt, inclusion_proof=path
        )

    def confirmed(
        self, system: str, span: inbox_pb2.InboxSpan, sender: str = "", signed: bytes = b""
    ) -> audit_pb2.AuditEvent:
        """The event by which an inbox is confirmed."""
        return audit_pb2.AuditEvent(
            event_time=NOON,
            rpc="ConfirmInbox",
            system=system,
            member=system.split("/")[-2],
            concerned=sender,
            inbox_confirmed=audit_pb2.InboxConfirmed(span=span, confirmation=signed),
        )

    def inbox_of(self, member: str, start: int, end: int) -> list[tuple[int, bytes, str]]:
        """Index, leaf hash and sender of what is addressed to a member."""
        bodies = [opened(entry.body) for entry in self.ledger.entries]
        return [
            (index, self.hashed(index), header.sender)
            for index, (entry, header, _) in enumerate(bodies)
            if start <= index < end and member in entry.audience and index not in self.forgets
        ]

    async def ConfirmInbox(  # noqa: N802 - gRPC's name
        self, request: delivery_service_pb2.ConfirmInboxRequest, context: Any
    ) -> delivery_service_pb2.ConfirmInboxResponse:
        self.calls.append("ConfirmInbox")
        self.asked.append(request)
        if self.confirm_failures:
            await self.confirm_failures.pop(0).abort(context)
        given = request.span
        held = self.inbox_of(_caller(context), given.from_size, given.to_size)
        pairs = [(index, hashed) for index, hashed, _ in held]
        if given != span_of(pairs, given.from_size, given.to_size):
            info = error_details_pb2.ErrorInfo(reason="INBOX_DIFFERS", domain="forewarn")
            failed = grpc.StatusCode.FAILED_PRECONDITION
            await Failure(code=failed, text="it differs", details=(info,)).abort(context)
        whole = self.note(self.confirmed(_uri(context), given))
        senders = sorted({sender for _, _, sender in held})
        signed = list(request.confirmations) or [b""] * len(senders)
        for sender, envelope in zip(senders, signed, strict=True):
            own = [(index, hashed) for index, hashed, by in held if by == sender]
            span = span_of(own, given.from_size, given.to_size)
            self.note(self.confirmed(_uri(context), span, sender, envelope))
        answer = delivery_service_pb2.ConfirmInboxResponse(
            record=self.proven(whole), checkpoint=self.audit.note()
        )
        return self._told("ConfirmInbox", answer)

    async def ListDeliveries(  # noqa: N802 - gRPC's name
        self, request: delivery_service_pb2.ListDeliveriesRequest, context: Any
    ) -> delivery_service_pb2.ListDeliveriesResponse:
        self.calls.append("ListDeliveries")
        bodies = [opened(entry.body) for entry in self.ledger.entries]
        ((index, entry, header),) = [
            (index, entry, header)
            for index, (entry, header, digest) in enumerate(bodies)
            if digest == request.digest
        ]
        wanted = [each for each in entry.audience if each > request.after_recipient]
        answer = delivery_service_pb2.ListDeliveriesResponse(
            deliveries=[self._delivery(index, header.sender, each) for each in wanted[:1]],
            checkpoint=self.audit.note(),
            more=len(wanted) > 1,
        )
        return self._told("ListDeliveries", answer)

    async def ListAuditEvents(  # noqa: N802 - gRPC's name
        self, request: audit_service_pb2.ListAuditEventsRequest, context: Any
    ) -> audit_service_pb2.ListAuditEventsResponse:
        member, events = (
            _caller(context),
            [audit_pb2.AuditEvent.FromString(data) for data, _ in self.noted],
        )
        return audit_service_pb2.ListAuditEventsResponse(
            records=[
                self.proven(index)
                for index, event in enumerate(events)
                if member in {event.member, event.concerned}
            ],
            checkpoint=self.audit.note(),
        )

    async def GetAuditEvent(  # noqa: N802 - gRPC's name
        self, request: audit_service_pb2.GetAuditEventRequest, context: Any
    ) -> audit_service_pb2.GetAuditEventResponse:
        raise NotImplementedError

    async def GetAuditConsistencyProof(  # noqa: N802 - gRPC's name
        self, request: audit_service_pb2.GetAuditConsistencyProofRequest, context: Any
    ) -> audit_service_pb2.GetAuditConsistencyProofResponse:
        proof = self._audit_tree().proof(request.old_size, request.new_size)
        return audit_service_pb2.GetAuditConsistencyProofResponse(consistency_proof=proof)

    def _delivery(self, index: int, sender: str, recipient: str) -> delivery_service_pb2.Delivery:
        made = delivery_service_pb2.Delivery(recipient=recipient)
        for number, (data, _) in enumerate(self.noted):
            event = audit_pb2.AuditEvent.FromString(data)
            if (event.member, event.concerned) != (recipient, sender):
                continue
            if index in event.content_released.entry_indexes and not made.HasField("released"):
                made.released.CopyFrom(self.proven(number))
            span = event.inbox_confirmed.span
            if span.from_size <= index < span.to_size and not made.HasField("received"):
                held = self.inbox_of(recipient, span.from_size, span.to_size)
                own = [(at, hashed) for at, hashed, by in held if by == sender]
                if span != span_of(own, span.from_size, span.to_size):
                    continue
                position = [at for at, _ in own].index(index)
                made.received.CopyFrom(
                    delivery_service_pb2.ConfirmedDelivery(
                        record=self.proven(number),
                        position=position,
                        inclusion_proof=tree_of(own).path(position, len(own)),
                    )
                )
        return made

    def _matching(
        self, wanted: exchange_service_pb2.EntryFilter, start: int, who: str
    ) -> list[int]:
        found = PaperExchange._matching(self, wanted, start, who)
        return [index for index in found if index not in self.hides]

    def _audit_tree(self) -> Tree:
        held = list(self.audit.held)
        return Tree(lambda index: leaf_hash(held[index]))

    def _told(self, name: str, answer: _Answer) -> _Answer:
        if name in self.before:
            self.before[name](answer)
        return answer


def resigned(data: bytes, change: Callable[[inbox_pb2.InboxConfirmation], None], key: Any) -> bytes:
    """Change what a confirmation says, and sign it again with some key."""
    envelope = envelope_pb2.Envelope.FromString(data)
    message = inbox_pb2.InboxConfirmation.FromString(envelope.payload)
    change(message)
    envelope.payload = message.SerializeToString(deterministic=True)
    kind = envelope.payload_type.encode()
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(envelope.payload), envelope.payload)
    envelope.signatures[0].sig = key.sign(signed)
    return envelope.SerializeToString(deterministic=True)
