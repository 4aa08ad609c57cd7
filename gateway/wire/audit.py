"""Audit events on the wire (`forewarn.exchange.v1.AuditEvent`), and what the store indexes of them.

* An event is serialized once, then kept and shown as those bytes.
* The store's index is the ledger's: the member whose system called stands as the sender, the member
  whose statements it is about as the audience. So a member's events are found as its entries are.
* An event that concerns nobody is nobody's: the index has it under no member.
* What an event tells of deliveries is indexed as well. Numbers that no ledger has are passed over:
  whatever stands in the log, the fold goes on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from forewarn.exchange.v1 import audit_pb2, inbox_pb2
from gateway.core.audit import (
    AdminAct,
    CallsRefused,
    ContentReleased,
    Event,
    EventKind,
    GrantLookedUp,
    InboxConfirmed,
)
from gateway.core.entry import EntrySummary, Trace
from gateway.core.proof import MAX_SIZE
from gateway.core.statements import Tlp
from gateway.wire.headers import time_from


def encode(event: Event, event_time: datetime) -> bytes:
    """Serialize an event, once and for ever.

    Args:
        event: The event.
        event_time: When it was noted, UTC.

    Returns:
        A serialized `AuditEvent`.
    """
    message = audit_pb2.AuditEvent(
        event_time=_timestamp(event_time),
        rpc=event.rpc,
        system="" if event.system is None else str(event.system),
        member=event.member,
        concerned=event.concerned,
    )
    match event.happening:
        case CallsRefused() as refused:
            message.calls_refused.CopyFrom(
                audit_pb2.CallsRefused(
                    reason=refused.reason or "",
                    count=refused.count,
                    first_time=_timestamp(refused.first_time),
                    digests=refused.digests,
                )
            )
        case ContentReleased() as released:
            message.content_released.entry_indexes.extend(released.entry_indexes)
        case GrantLookedUp() as looked:
            message.grant_looked_up.case_digest = looked.case_digest
        case AdminAct() as admin:
            message.admin_act.CopyFrom(
                audit_pb2.AdminAct(
                    kind=f"ADMIN_ACT_KIND_{admin.act.name}", reason=admin.reason or ""
                )
            )
        case InboxConfirmed() as confirmed:
            span = confirmed.span
            message.inbox_confirmed.CopyFrom(
                audit_pb2.InboxConfirmed(
                    span=inbox_pb2.InboxSpan(
                        from_size=span.from_size,
                        to_size=span.to_size,
                        count=span.count,
                        root=span.root,
                    ),
                    confirmation=confirmed.confirmation,
                )
            )
    return message.SerializeToString(deterministic=True)


def summarize(body: bytes) -> EntrySummary | None:
    """Give what the store indexes of an event.

    Args:
        body: The event's bytes, as recorded.

    Returns:
        The summary; None for bytes that are no event.
    """
    message = audit_pb2.AuditEvent()
    try:
        message.ParseFromString(body)
        event_time = time_from(message.event_time)
        kind = EventKind[(message.WhichOneof("event") or "").upper()]
    except (DecodeError, UnicodeDecodeError, OverflowError, ValueError, KeyError):
        return None
    # What concerns nobody has the empty name for a sender, which is no member's.
    others = {message.concerned} - {"", message.member}
    return EntrySummary(
        digest=sha256(body).digest(),
        sender=message.member,
        statement_id="",
        kind=kind,
        case_digest=b"",
        protocol="",
        case_state="",
        tlp=Tlp.AMBER,
        audience=tuple(sorted(others)),
        directory=False,
        refers_to=(),
        received_time=event_time,
        trace=_trace(message),
    )


def confirmed_sizes(body: bytes) -> tuple[int, int]:
    """Give the sizes between which an event says that an inbox was confirmed.

    Args:
        body: The event's bytes, as recorded; an `InboxConfirmed`.

    Returns:
        Both sizes of the ledger.
    """
    span = audit_pb2.AuditEvent.FromString(body).inbox_confirmed.span
    return span.from_size, span.to_size


def _trace(message: audit_pb2.AuditEvent) -> Trace | None:
    recipient, sender = message.member, message.concerned
    if not recipient or sender in {"", recipient}:
        return None
    match message.WhichOneof("event"):
        case "content_released":
            indexes = message.content_released.entry_indexes
            known = tuple(index for index in indexes if index < MAX_SIZE)
            return Trace(recipient=recipient, sender=sender, released=known)
        case "inbox_confirmed":
            span = message.inbox_confirmed.span
            if span.from_size < span.to_size <= MAX_SIZE:
                return Trace(
                    recipient=recipient,
                    sender=sender,
                    confirmed=(span.from_size, span.to_size),
                    signed=bool(message.inbox_confirmed.confirmation),
                )
        case _:
            pass
    return None


def _timestamp(time: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(time.astimezone(UTC).replace(tzinfo=None))
    return stamp
