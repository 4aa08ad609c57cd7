"""Audit events on the wire (`forewarn.exchange.v1.AuditEvent`), and what the store indexes of them.

* An event is serialized once, then kept and shown as those bytes.
* The store's index is the ledger's: the member whose system called stands as the sender, the member
  whose statements it is about as the audience. So a member's events are found as its entries are.
* An event that concerns nobody is nobody's: the index has it under no member.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from forewarn.exchange.v1 import audit_pb2
from gateway.core.audit import (
    AdminAct,
    CallsRefused,
    ContentReleased,
    Event,
    EventKind,
    GrantLookedUp,
)
from gateway.core.entry import EntrySummary
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
    )


def _timestamp(time: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(time.astimezone(UTC).replace(tzinfo=None))
    return stamp
