"""Strict parsing: bytes are either the one canonical form of a valid message, or refused.

* What parses re-encodes to the same bytes. Unknown fields, fields given twice or out of order,
  padded numbers and trailing bytes are refused.
* Enum numbers that the protos do not name are refused, and so are texts that are not UTF-8.
* The `FieldRule` of every field holds: required, greatest length, greatest number of items.
* Messages with a meaning of their own (times, absences, attachments) are checked for it, and a
  SHA-256 has 32 bytes.

It does not know the kinds of statements; `statements` does. A refusal names the field, never its
content.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from forewarn.statement.v1 import rules_pb2, values_pb2
from gateway.core.errors import Reason, Refusal, invalid

DEFAULT_MAX_BYTES: Final = 256
DEFAULT_MAX_ITEMS: Final = 64

# RFC 3339 years 0001 to 9999, as google.protobuf.Timestamp defines; up to ten thousand years, as
# google.protobuf.Duration does, but never negative: what the protos ask for are lengths.
_TIMESTAMP_SECONDS: Final = range(-62_135_596_800, 253_402_300_800)
_DURATION_SECONDS: Final = range(315_576_000_001)
_NANOS: Final = range(1_000_000_000)

_M = TypeVar("_M", bound=Message)


def parse(message_type: type[_M], data: bytes, path: str) -> _M:
    """Parse bytes that have to be the canonical form of a valid message.

    Args:
        message_type: Generated class of the message.
        data: The bytes.
        path: Name of the message in field paths, as in `header`.

    Returns:
        The message; serializing it gives `data` again.

    Raises:
        Refusal: STATEMENT_MALFORMED, STATEMENT_NOT_CANONICAL, ENUM_UNKNOWN, FIELD_MISSING,
            FIELD_TOO_LONG or FIELD_INVALID.
    """
    message = message_type()
    try:
        message.ParseFromString(data)
    except (DecodeError, UnicodeDecodeError):
        raise Refusal(
            Reason.STATEMENT_MALFORMED, f"{path} does not parse as {message.DESCRIPTOR.name}"
        ) from None
    if not is_canonical(message, data):
        raise Refusal(
            Reason.STATEMENT_NOT_CANONICAL,
            f"{path} holds unknown or repeated fields, or is not in canonical order; serialize it "
            "with the protos of this exchange",
        )
    check(message, path)
    return message


def is_canonical(message: Message, data: bytes) -> bool:
    """Tell whether a parsed message stood in the one canonical form of what it means.

    Args:
        message: What the bytes parsed as; loses its unknown fields here.
        data: The bytes.

    Returns:
        True where serializing the known fields gives the same bytes.
    """
    message.DiscardUnknownFields()
    return message.SerializeToString(deterministic=True) == data


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """What is checked of one field, compiled once from its descriptor."""

    name: str
    repeated: bool
    required: bool
    in_oneof: bool
    max_bytes: int | None
    max_items: int
    numbers: frozenset[int] | None
    sha256: bool
    message: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is checked of one message.

    Attributes:
        fields: Its fields, by number.
        required: Those that have to be set, in no oneof.
        oneofs: Those of which one has to be set.
        meaning: What the message has to mean besides.
    """

    fields: Mapping[int, _Field]
    required: Mapping[int, str]
    oneofs: tuple[str, ...]
    meaning: Callable[[Message, str], None] | None


@cache
def _plan(descriptor: Any) -> _Plan:  # noqa: ANN401 - the stubs name two classes of descriptors
    fields = {field.number: _compile(field) for field in descriptor.fields}
    required = {number: field.name for number, field in fields.items() if field.required}
    oneofs = (o for o in descriptor.oneofs if any(f.number in required for f in o.fields))
    return _Plan(
        fields=fields,
        required={n: name for n, name in required.items() if not fields[n].in_oneof},
        oneofs=tuple(oneof.name for oneof in oneofs),
        meaning=_MEANINGS.get(descriptor.full_name),
    )


def _compile(field: FieldDescriptor) -> _Field:
    options: Any = field.GetOptions()
    rule: rules_pb2.FieldRule = options.Extensions[rules_pb2.rule]
    lengthy = field.type in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}
    enum = field.enum_type
    return _Field(
        name=field.name,
        repeated=field.is_repeated,
        required=rule.required,
        in_oneof=field.containing_oneof is not None,
        max_bytes=(rule.max_bytes or DEFAULT_MAX_BYTES) if lengthy else None,
        max_items=rule.max_items or DEFAULT_MAX_ITEMS,
        numbers=frozenset(enum.values_by_number) if enum is not None else None,
        sha256=field.type == FieldDescriptor.TYPE_BYTES and field.name.endswith("sha256"),
        message=field.message_type is not None,
    )


def check(message: Message, path: str) -> None:
    """Check every field of a message against its rule, then the message for its meaning.

    Args:
        message: The message, parsed from its canonical form.
        path: Name of the message in field paths.

    Raises:
        Refusal: ENUM_UNKNOWN, FIELD_MISSING, FIELD_TOO_LONG or FIELD_INVALID.
    """
    plan = _plan(message.DESCRIPTOR)
    for oneof in plan.oneofs:
        if message.WhichOneof(oneof) is None:
            raise _missing(f"{path}.{oneof}")
    # Most fields of most messages are not set: only what is set is looked at.
    present = message.ListFields()
    if plan.required:
        numbers = {each.number for each, _ in present}
        for number, name in plan.required.items():
            if number not in numbers:
                raise _missing(f"{path}.{name}")
    for each, value in present:
        field = plan.fields[each.number]
        at = f"{path}.{field.name}"
        if field.repeated:
            _check_items(field, value, at)
        elif field.message:
            check(value, at)
        else:
            _check_scalar(field, value, at)
    if plan.meaning is not None:
        plan.meaning(message, path)


def _check_items(field: _Field, values: Any, path: str) -> None:  # noqa: ANN401 - a repeated container of any type
    if len(values) > field.max_items:
        raise invalid(path, f"holds more than {field.max_items} items", Reason.FIELD_TOO_LONG)
    for position, value in enumerate(values):
        at = f"{path}[{position}]"
        if field.message:
            check(value, at)
        else:
            _check_value(field, value, at)
            if not value:
                raise _missing(at)


def _check_scalar(field: _Field, value: Any, path: str) -> None:  # noqa: ANN401 - a scalar of any type
    _check_value(field, value, path)
    if field.required and not value:
        # In a oneof, zero and false are values like others; an empty text and an UNSPECIFIED never.
        counts = field.in_oneof and field.numbers is None
        if not counts or value in ("", b""):
            raise _missing(path)


def _check_value(field: _Field, value: Any, path: str) -> None:  # noqa: ANN401 - a scalar of any type
    # No character takes more than four bytes.
    if field.max_bytes is not None and len(value) > field.max_bytes // 4:
        size = len(value.encode()) if isinstance(value, str) else len(value)
        if size > field.max_bytes:
            raise invalid(path, f"is longer than {field.max_bytes} bytes", Reason.FIELD_TOO_LONG)
    if field.sha256 and value and len(value) != hashlib.sha256().digest_size:
        raise invalid(path, "is not 32 bytes")
    if field.numbers is not None and value not in field.numbers:
        raise invalid(path, "holds a number that its enum does not name", Reason.ENUM_UNKNOWN)


def _missing(path: str) -> Refusal:
    return invalid(path, "is required", Reason.FIELD_MISSING)


def _check_timestamp(message: Message, path: str) -> None:
    if message.seconds not in _TIMESTAMP_SECONDS or message.nanos not in _NANOS:  # type: ignore[attr-defined]  # chosen by its full name
        raise invalid(path, "is not a time between the years 1 and 9999")


def _check_duration(message: Message, path: str) -> None:
    if message.seconds not in _DURATION_SECONDS or message.nanos not in _NANOS:  # type: ignore[attr-defined]  # chosen by its full name
        raise invalid(path, "is not a length of time of at most ten thousand years")


def _check_absence(message: Message, path: str) -> None:
    withheld = message.kind == values_pb2.ABSENCE_KIND_WITHHELD  # type: ignore[attr-defined]  # chosen by its full name
    if withheld != bool(message.reason):  # type: ignore[attr-defined]  # chosen by its full name
        raise invalid(f"{path}.reason", "says why a value is withheld, and is empty otherwise")


def _check_attachment(message: Message, path: str) -> None:
    if not isinstance(message, values_pb2.Attachment):
        return
    name = message.file_name
    if name in {".", ".."} or any(c in "/\\" or not c.isprintable() for c in name):
        raise invalid(f"{path}.file_name", "is not the plain name of a file")
    if message.data:
        if len(message.data) != message.size:
            raise invalid(f"{path}.size", "is not the size of the data")
        if not hmac.compare_digest(hashlib.sha256(message.data).digest(), message.sha256):
            raise invalid(f"{path}.sha256", "is not the digest of the data")


_MEANINGS: Final[Mapping[str, Callable[[Message, str], None]]] = {
    "google.protobuf.Timestamp": _check_timestamp,
    "google.protobuf.Duration": _check_duration,
    "forewarn.statement.v1.Absence": _check_absence,
    "forewarn.statement.v1.Attachment": _check_attachment,
}
