"""Directory statements as the ledger holds them, read back strictly.

* An entry counts only in the one form that a worker gives it: canonical bytes, with a time, and an
  audience in order without the sender. Whoever writes past the admission cannot make two readers
  see two statements in the same bytes.
* The client reads them by the same rules, so that what one passes over the other does too.

Whether a statement is signed as it has to be, and fits, `core.chain` says.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError

from forewarn.exchange.v1 import ledger_pb2
from gateway.core.chain import SignedHeader
from gateway.core.errors import Reason, Refusal
from gateway.wire import entries, statements, strict


def signed_header(index: int, entry_body: bytes) -> SignedHeader:
    """Read a directory statement of the ledger.

    Args:
        index: Index of its entry.
        entry_body: The body's bytes, as recorded.

    Returns:
        The statement, its signatures not yet verified.

    Raises:
        Refusal: The bytes are no entry, envelope or statement in its one form.
    """
    body = ledger_pb2.EntryBody()
    try:
        body.ParseFromString(entry_body)
    except (DecodeError, UnicodeDecodeError):
        raise _malformed("does not parse") from None
    if not strict.is_canonical(body, entry_body):
        raise _malformed("is not in its one form")
    if not body.HasField("received_time"):
        raise _malformed("does not say when it was received")
    strict.check(body.received_time, "entry.received_time")
    envelope = entries.parse_envelope(body.envelope)
    header = statements.parse(envelope.payload).header
    audience = list(body.audience)
    if audience != sorted({*audience} - {header.sender}):
        raise _malformed("has an audience that is not in order")
    return SignedHeader(
        index=index, header=header, envelope=envelope, system=entries.system_of(entry_body)
    )


def _malformed(detail: str) -> Refusal:
    return Refusal(Reason.STATEMENT_MALFORMED, f"the entry {detail}")
