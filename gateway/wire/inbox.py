"""Spans of an inbox on the wire, and what a recipient signs of them.

* A confirmation is parsed from what was signed, strictly: it is the canonical form of a valid
  message, or refused.
* A span is checked for what every span has to be; whether it is the right one is asked further in.

It does not verify signatures: that comes before.
"""

from __future__ import annotations

from forewarn.exchange.v1 import inbox_pb2
from gateway.core.errors import Reason, invalid
from gateway.core.inbox import Confirmation, Span
from gateway.core.statements import parse_member
from gateway.wire import strict
from gateway.wire.headers import time_from


def span_from(message: inbox_pb2.InboxSpan) -> Span:
    """Give a span that a caller sent.

    Args:
        message: The span as parsed.

    Returns:
        The span.

    Raises:
        Refusal: FIELD_INVALID.
    """
    return Span(
        from_size=message.from_size,
        to_size=message.to_size,
        count=message.count,
        root=message.root,
    )


def parse_confirmation(payload: bytes) -> Confirmation:
    """Parse the payload of a verified envelope.

    Args:
        payload: The bytes that were signed.

    Returns:
        The confirmation.

    Raises:
        Refusal: Any reason of `strict.parse`; FIELD_MISSING or FIELD_INVALID.
    """
    message = strict.parse(inbox_pb2.InboxConfirmation, payload, "confirmation")
    for field in ("span", "created_time"):
        if not message.HasField(field):
            raise invalid(f"confirmation.{field}", "is required", Reason.FIELD_MISSING)
    return Confirmation(
        exchange=message.exchange,
        recipient=parse_member("confirmation.recipient", message.recipient),
        sender=parse_member("confirmation.sender", message.sender),
        span=span_from(message.span),
        created_time=time_from(message.created_time),
    )
