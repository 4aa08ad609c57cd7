"""What a refused call was about, by digest, where the request says so.

* Of a submission, the digest of what was handed in, whoever signed it and whether or not it holds.
* Of a question, the digest that it names.

It says nothing of whether such a statement or case exists.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError, Message

from forewarn.exchange.v1 import delivery_service_pb2, envelope_pb2
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.envelope import digest
from gateway.core.statements import DIGEST_BYTES
from gateway.wire.statements import MAX_STATEMENT_BYTES


def subject_of(request: Message | None) -> bytes | None:
    """Give the digest that a request is about.

    Args:
        request: The request as parsed; None where it did not come so far.

    Returns:
        32 bytes; None where it names no statement and no case.
    """
    match request:
        case pb.SubmitRequest() | pb.SubmitStreamRequest():
            return _handed_in(request.envelope)
        case pb.GetEntryRequest():
            return _named(request.digest)
        case delivery_service_pb2.ListDeliveriesRequest():
            return _named(request.digest)
        case pb.GetCaseRequest():
            return _named(request.case_digest)
        case _:
            return None


def _handed_in(data: bytes) -> bytes | None:
    envelope = envelope_pb2.Envelope()
    # What is too large is refused before anybody hashes it.
    if len(data) > MAX_STATEMENT_BYTES:
        return None
    try:
        envelope.ParseFromString(data)
    except (DecodeError, UnicodeDecodeError):
        return None
    return digest(envelope.payload) if envelope.payload else None


def _named(data: bytes) -> bytes | None:
    return data if len(data) == DIGEST_BYTES else None
