"""Entry bodies and envelopes on the wire, and the summary by which the store finds an entry again.

* An entry body is serialized once, here; afterwards its bytes are passed on as they are.
* A summary is read leniently: whatever stands in the ledger was judged before, and a body that
  nobody can read is an opaque leaf (None), never an error. What it holds is of the domain (members,
  markings, states): whoever writes past the admission cannot make readers stumble.

The summary of a statement that continues a case leaves the protocol empty: the case has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from forewarn.exchange.v1 import envelope_pb2, ledger_pb2
from forewarn.statement.v1 import header_pb2
from gateway.core.entry import EntrySummary
from gateway.core.envelope import PAYLOAD_TYPE, Envelope, Signature, digest, unsupported
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId, SystemId
from gateway.core.statements import DIGEST_BYTES, Header, Kind, Tlp
from gateway.core.tables import OPENINGS, State
from gateway.wire import strict
from gateway.wire.headers import header_from, time_from


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What an entry commits to.

    Attributes:
        envelope: The envelope as received.
        submitting_system: SPIFFE ID of the system that submitted it; empty on the genesis entry.
        received_time: When the gateway received it, UTC, to the microsecond.
        audience: The members that it is delivered to, ascending, without the sender.
        profile_version: Policy profile and version; empty for none.
        case_state: State of the case after it; empty where there is no case.
    """

    envelope: bytes
    submitting_system: str
    received_time: datetime
    audience: tuple[MemberId, ...]
    profile_version: str
    case_state: str


def encode(body: Body) -> bytes:
    """Serialize an entry body, once and for ever.

    Args:
        body: The body.

    Returns:
        A serialized `EntryBody`.
    """
    received = Timestamp()
    received.FromDatetime(body.received_time.astimezone(UTC).replace(tzinfo=None))
    return ledger_pb2.EntryBody(
        envelope=body.envelope,
        submitting_system=body.submitting_system,
        received_time=received,
        audience=body.audience,
        profile_version=body.profile_version,
        case_state=body.case_state,
    ).SerializeToString(deterministic=True)


def parse_envelope(data: bytes, payload_type: str = PAYLOAD_TYPE) -> Envelope:
    """Parse an envelope that a caller sent.

    Args:
        data: A serialized `Envelope`.
        payload_type: What it has to hold; a statement, where nothing else is asked for.

    Returns:
        The envelope, its signatures not yet verified.

    Raises:
        Refusal: ENVELOPE_MALFORMED, or any reason for which the envelope's constructor refuses.
    """
    message = envelope_pb2.Envelope()
    try:
        message.ParseFromString(data)
    except (DecodeError, UnicodeDecodeError):
        raise Refusal(
            Reason.ENVELOPE_MALFORMED, "the bytes do not parse as a DSSE envelope"
        ) from None
    if not strict.is_canonical(message, data):
        raise Refusal(
            Reason.ENVELOPE_MALFORMED,
            "the envelope holds unknown or repeated fields, or is not in canonical order",
        )
    if message.payload_type != payload_type:
        raise unsupported(payload_type)
    return Envelope(
        payload=message.payload,
        payload_type=message.payload_type,
        signatures=tuple(Signature(keyid=s.keyid, sig=s.sig) for s in message.signatures),
    )


def summarize(entry_body: bytes) -> EntrySummary | None:
    """Give what the store indexes of an entry.

    Args:
        entry_body: The body's bytes, as recorded.

    Returns:
        The summary; None for a body that nobody can read.
    """
    read = _read(entry_body)
    if read is None:
        return None
    body, envelope, header = read
    try:
        kind, tlp = Kind(header.kind), Tlp(header.tlp)
        sender, audience = MemberId(header.sender), tuple(map(MemberId, body.audience))
        state = State(body.case_state) if body.case_state else ""
    except ValueError:
        return None
    if len(header.case_digest) not in {0, DIGEST_BYTES}:
        return None
    own = digest(envelope.payload)
    opening = None if header.case_digest else OPENINGS.get(kind)
    return EntrySummary(
        digest=own,
        sender=sender,
        statement_id=header.statement_id,
        kind=kind,
        case_digest=own if opening is not None else header.case_digest,
        protocol=opening.protocol if opening is not None else "",
        case_state=state,
        tlp=tlp,
        audience=audience,
        directory=kind.is_directory,
        refers_to=tuple(header.refers_to),
        received_time=time_from(body.received_time),
    )


def header_of(entry_body: bytes) -> Header | None:
    """Give the header of the statement that an entry holds.

    Args:
        entry_body: The body's bytes, as recorded.

    Returns:
        The header; None for a body that nobody can read.
    """
    read = _read(entry_body)
    if read is None:
        return None
    try:
        return header_from(read[2])
    except (Refusal, ValueError, OverflowError):
        return None


def envelope_of(entry_body: bytes) -> Envelope:
    """Give the envelope that an entry holds.

    Args:
        entry_body: The body's bytes, as recorded.

    Returns:
        The envelope, its signatures not yet verified.

    Raises:
        Refusal: ENVELOPE_MALFORMED, or any reason for which the envelope's constructor refuses.
    """
    return parse_envelope(envelope_bytes(entry_body))


def envelope_bytes(entry_body: bytes) -> bytes:
    """Give the bytes of the envelope that an entry holds, as they were received.

    Args:
        entry_body: The body's bytes, as recorded.

    Returns:
        A serialized `Envelope`, or whatever stands in its place.

    Raises:
        Refusal: ENVELOPE_MALFORMED, the bytes are no entry body.
    """
    body = ledger_pb2.EntryBody()
    try:
        body.ParseFromString(entry_body)
    except (DecodeError, UnicodeDecodeError):
        raise Refusal(Reason.ENVELOPE_MALFORMED, "the entry holds no envelope") from None
    return body.envelope


def system_of(entry_body: bytes) -> SystemId | None:
    """Give the system that handed in what an entry holds.

    Args:
        entry_body: The body's bytes, as recorded.

    Returns:
        The system; None where the entry names none, as the genesis entry.
    """
    body = ledger_pb2.EntryBody()
    try:
        body.ParseFromString(entry_body)
        return SystemId.parse(body.submitting_system)
    except (DecodeError, UnicodeDecodeError, Refusal):
        return None


def received_time_of(entry_body: bytes) -> datetime:
    """Give the time at which the gateway received a recorded entry, UTC.

    Args:
        entry_body: The body's bytes, as recorded.

    Returns:
        The time.

    Raises:
        DecodeError: The bytes are no entry body.
    """
    message = ledger_pb2.EntryBody()
    message.ParseFromString(entry_body)
    return time_from(message.received_time)


def _read(
    entry_body: bytes,
) -> tuple[ledger_pb2.EntryBody, envelope_pb2.Envelope, header_pb2.Header] | None:
    body = ledger_pb2.EntryBody()
    envelope = envelope_pb2.Envelope()
    statement = header_pb2.Statement()
    header = header_pb2.Header()
    chain: Iterable[tuple[Any, Any]] = (
        (body, lambda: entry_body),
        (envelope, lambda: body.envelope),
        (statement, lambda: envelope.payload),
        (header, lambda: statement.header),
    )
    try:
        for message, source in chain:
            message.ParseFromString(source())
        time_from(body.received_time)
    except (DecodeError, UnicodeDecodeError, OverflowError):
        return None
    return body, envelope, header
