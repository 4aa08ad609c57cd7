"""The kinds of statement, and what each is made of.

* A kind has one name, `PreReleaseNotice`, made from its enum value
  `STATEMENT_KIND_PRE_RELEASE_NOTICE`.
* Its facts are the header field of the same number; its body is the message `<Kind>Body`. A kind
  that has no such field or message carries no facts or no body.
* All of it is read from the protocol files' descriptors: a new kind needs no line here.

It does not know who may say what, or when: the exchange's case tables do.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from forewarn.statement.v1 import (
    alert_pb2,
    answers_pb2,
    breach_pb2,
    directory_pb2,
    grant_pb2,
    header_pb2,
    release_pb2,
)
from forewarn_client import strict
from forewarn_client.errors import ForewarnError

# Imported so that the pool knows every body message.
_FILES = (alert_pb2, answers_pb2, breach_pb2, directory_pb2, grant_pb2, release_pb2)
_PREFIX = "STATEMENT_KIND_"
_PACKAGE = header_pb2.DESCRIPTOR.package


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of statement.

    Attributes:
        number: Its number in `StatementKind`.
        name: Its name, as in `PreReleaseNotice`.
        facts: Name of the header field that carries its facts; empty where it has none.
        body: Class of its body message; None where it has none.
    """

    number: int
    name: str
    facts: str
    body: type[Message] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A statement, parsed strictly.

    Attributes:
        kind: What it says.
        header: Its header.
        body: Its body message; None where the kind has none.
    """

    kind: Kind
    header: header_pb2.Header
    body: Message | None


class KindError(ForewarnError):
    """There is no such kind of statement; the text names the nearest."""


@cache
def kinds() -> tuple[Kind, ...]:
    """List all kinds of statement, in the order of their numbers."""
    values = sorted(header_pb2.StatementKind.DESCRIPTOR.values_by_number.items())
    return tuple(_kind(number, value.name) for number, value in values if number)


def of_number(number: int) -> Kind:
    """Find a kind by its number in `StatementKind`.

    Raises:
        KindError: No kind has that number.
    """
    for kind in kinds():
        if kind.number == number:
            return kind
    raise KindError(f"no statement kind has the number {number}")


def find(name: str) -> Kind:
    """Find a kind by its name.

    Args:
        name: `PreReleaseNotice`, `pre-release-notice` or `STATEMENT_KIND_PRE_RELEASE_NOTICE`, in
            any case.

    Returns:
        The kind.

    Raises:
        KindError: No kind has that name.
    """
    by_name = {_plain(kind.name): kind for kind in kinds()}
    wanted = _plain(name.upper().removeprefix(_PREFIX))
    if wanted in by_name:
        return by_name[wanted]
    near = get_close_matches(wanted, by_name, n=1)
    hint = f"did you mean {by_name[near[0]].name}?" if near else "`forewarn template` lists them."
    raise KindError(f"there is no statement kind {name[:64]!r}; {hint}")


def parse_statement(payload: bytes) -> Parsed:
    """Parse a statement strictly: itself, its header, its facts and its body.

    Args:
        payload: A serialized `Statement`, as it was signed.

    Returns:
        The parsed statement.

    Raises:
        strict.StrictError: The first thing that is wrong with it; paths start with `statement`,
            `header` or `body`.
    """
    statement = strict.parse(header_pb2.Statement, payload, "statement")
    header = strict.parse(header_pb2.Header, statement.header, "header")
    kind = of_number(header.kind)
    facts = header.WhichOneof("facts") or ""
    if facts != kind.facts:
        if not facts:
            raise strict.StrictError("FIELD_MISSING", f"header.{kind.facts}", "is required")
        raise strict.StrictError(
            "FIELD_INVALID", f"header.{facts}", f"does not belong in a {kind.name}"
        )
    if kind.body is None:
        if statement.body:
            raise strict.StrictError(
                "FIELD_INVALID", "statement.body", f"is empty in a {kind.name}"
            )
        return Parsed(kind=kind, header=header, body=None)
    body = strict.parse(kind.body, statement.body, "body")
    return Parsed(kind=kind, header=header, body=body)


def _kind(number: int, value_name: str) -> Kind:
    name = "".join(word.capitalize() for word in value_name.removeprefix(_PREFIX).split("_"))
    facts = header_pb2.Header.DESCRIPTOR.fields_by_number.get(number)
    facts_name = facts.name if facts is not None else ""
    return Kind(number=number, name=name, facts=facts_name, body=_body(f"{_PACKAGE}.{name}Body"))


def _body(full_name: str) -> type[Message] | None:
    try:
        descriptor: Descriptor = Default().FindMessageTypeByName(full_name)
    except KeyError:
        return None
    return GetMessageClass(descriptor)


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
