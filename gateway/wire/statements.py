"""Statements on the wire: from bytes to a header that the core can judge, and no way around it.

* A statement is header bytes and body bytes, each canonical (`strict`).
* A kind with facts carries them in the header field of the same number, a kind with a body carries
  the message named after it. By that convention a new kind needs no line here.
* The body is checked and passed on as bytes; nothing in the gateway reads it. The one thing that a
  body and its header have to agree on, how many keys sign deep access, is checked here.

It does not verify signatures: that comes before. It does not judge: that comes after.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from forewarn.statement.v1 import (
    alert_pb2,
    answers_pb2,
    breach_pb2,
    coverage_pb2,
    directory_pb2,
    grant_pb2,
    header_pb2,
    release_pb2,
)
from gateway.core.errors import Reason, Refusal, invalid
from gateway.core.facts import ModelAccessGrantFacts
from gateway.core.grants import terms_of
from gateway.core.statements import Header, Kind
from gateway.wire import strict
from gateway.wire.headers import header_from

MAX_STATEMENT_BYTES = 1_048_576

# Imported so that the pool knows every body message.
_FILES = (
    *(alert_pb2, answers_pb2, breach_pb2, coverage_pb2, directory_pb2, grant_pb2, release_pb2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement as parsed.

    Attributes:
        header: Its header.
        body: Its body's bytes, valid for its kind.
    """

    header: Header
    body: bytes


def parse(payload: bytes) -> Statement:
    """Parse the payload of a verified envelope.

    Args:
        payload: The bytes that were signed.

    Returns:
        The statement.

    Raises:
        Refusal: Any reason of `strict.parse`; TLP_MISSING; any reason for which the header's own
            constructor refuses.
    """
    statement = strict.parse(header_pb2.Statement, payload, "statement")
    message = header_pb2.Header()
    # The one rule with a reason of its own: an unmarked statement says so before anything else.
    _check_marked(message, statement.header)
    message = strict.parse(header_pb2.Header, statement.header, "header")
    kind = Kind(message.kind)
    _check_facts(message, kind)
    body = _parse_body(kind, statement.body)
    header = header_from(message)
    _check_depth(header, body)
    return Statement(header=header, body=statement.body)


@cache
def body_type(kind: Kind) -> type[Message] | None:
    """Give the message class of a kind's body.

    Args:
        kind: The kind.

    Returns:
        The generated class; None where the kind has no body.
    """
    name = "".join(word.capitalize() for word in kind.name.split("_"))
    try:
        found = descriptor_pool.Default().FindMessageTypeByName(f"forewarn.statement.v1.{name}Body")
    except KeyError:
        return None
    return message_factory.GetMessageClass(found)


def _check_marked(message: header_pb2.Header, data: bytes) -> None:
    try:
        message.ParseFromString(data)
    except (DecodeError, UnicodeDecodeError):
        return  # the strict parse that follows says so
    if message.tlp == header_pb2.TLP_LEVEL_UNSPECIFIED:
        raise invalid(
            "header.tlp", "is missing; an unmarked statement is not admitted", Reason.TLP_MISSING
        )


def _check_facts(message: header_pb2.Header, kind: Kind) -> None:
    """Refuse facts of another kind, and missing ones."""
    field = header_pb2.Header.DESCRIPTOR.fields_by_number.get(kind.value)
    expected = field.name if field is not None else None
    found = message.WhichOneof("facts")
    if found is None and expected is not None:
        raise invalid(f"header.{expected}", "is required for this kind", Reason.FIELD_MISSING)
    if found != expected:
        raise invalid("header.facts", f"are those of another kind; expected {expected or 'none'}")


def _parse_body(kind: Kind, data: bytes) -> Message | None:
    message_type = body_type(kind)
    if message_type is None:
        if data:
            raise invalid("statement.body", "is not empty, but this kind has no body")
        return None
    return strict.parse(message_type, data, "body")


def _check_depth(header: Header, body: Message | None) -> None:
    """Refuse deep access that says it needs only one of the lab's keys."""
    terms: ModelAccessGrantFacts | None = terms_of(header)
    if isinstance(body, grant_pb2.GrantNarrowingBody):
        body = body.grant
    if terms is None or not isinstance(body, grant_pb2.ModelAccessGrantBody):
        return
    deep = body.access_level == grant_pb2.ACCESS_LEVEL_AL3 or any(
        model.variant == grant_pb2.MODEL_VARIANT_SAFEGUARDS_OFF for model in body.models
    )
    if deep and terms.lab_signatures < 2:  # noqa: PLR2004 - two persons of the lab
        raise Refusal(
            Reason.SIGNATURES_INSUFFICIENT,
            "access level 3 and variants without safeguards need two keys of the lab: set "
            "lab_signatures to 2 and sign with both",
        )
