"""Strict parsing: one message has one encoding, and every field keeps its rule.

* What parses here re-encodes to the same bytes. Unknown fields, fields out of order or given
  twice, non-minimal numbers, spelled-out defaults and trailing bytes are refused, at any depth.
* An enum holds only numbers that its enum names. A SHA-256 has 32 bytes.
* The `rule` options of the protocol files are applied, recursively: what is required is there,
  and nothing is longer than it may be. No item of a list and no stated text is empty.
* Times, durations, absences and attachments are checked for what they mean: a time is in the
  calendar, an absence is withheld if and only if it says why, a file is that of its digest.
* The same rules serve a statement that arrives and a statement that is about to be signed.

It does not judge what a statement means, who may say it, or whether its signature is valid.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Final, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from forewarn.statement.v1 import rules_pb2, values_pb2

DEFAULT_MAX_BYTES: Final = 256
DEFAULT_MAX_ITEMS: Final = 64

_M = TypeVar("_M", bound=Message)

# Ranges of google/protobuf/timestamp.proto and duration.proto.
_TIMESTAMP_SECONDS: Final = range(-62_135_596_800, 253_402_300_800)
# Never negative: what the protocol files ask for are lengths.
_DURATION_SECONDS: Final = range(315_576_000_001)
_NANOS: Final = range(1_000_000_000)
_DIGEST_BYTES: Final = 32


class StrictError(ValueError):
    """Bytes or a message that break the rules.

    Attributes:
        reason: STATEMENT_MALFORMED, STATEMENT_NOT_CANONICAL, ENUM_UNKNOWN, FIELD_MISSING,
            FIELD_TOO_LONG or FIELD_INVALID.
        field: Path of the field, as in `header.recipients[0].member`; empty for the whole.
        description: What is wrong and what would be right; never the field's content.
    """

    def __init__(self, reason: str, field: str, description: str) -> None:
        """Keep the reason, the path and the sentence."""
        super().__init__(
            f"{reason}: {field} {description}" if field else f"{reason}: {description}"
        )
        self.reason = reason
        self.field = field
        self.description = description


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The rule of one field, read once from its descriptor.

    Attributes:
        name: Name of the field.
        required: Whether it has to be there.
        oneof: Name of the oneof that it belongs to; empty for none.
        repeated: Whether it is a list.
        max_bytes: Greatest length of a string or of bytes; None for other types.
        max_items: Greatest number of items of a list.
        enum: Numbers that its enum names; None for other types.
        sha256: Whether it is a digest, by its name.
        message: Full name of its message type; empty for other types.
    """

    name: str
    required: bool
    oneof: str
    repeated: bool
    max_bytes: int | None
    max_items: int
    enum: frozenset[int] | None
    sha256: bool
    message: str


def parse(message_type: type[_M], data: bytes, path: str = "") -> _M:
    """Parse a message and check all of its rules.

    Args:
        message_type: Class of the message.
        data: Its serialized bytes.
        path: Path of the message, put before the path of a field in an error.

    Returns:
        The message.

    Raises:
        StrictError: The first thing that is wrong with it.
    """
    message = parse_canonical(message_type, data, path)
    for violation in violations(message, path):
        raise violation
    return message


def parse_canonical(message_type: type[_M], data: bytes, path: str = "") -> _M:
    """Parse a message and check that the bytes are its one encoding, without checking its rules.

    Args:
        message_type: Class of the message.
        data: Its serialized bytes.
        path: Path of the message, for an error.

    Returns:
        The message.

    Raises:
        StrictError: STATEMENT_MALFORMED or STATEMENT_NOT_CANONICAL.
    """
    message = message_type()
    try:
        message.ParseFromString(data)
    except (DecodeError, UnicodeDecodeError):
        name = message_type.DESCRIPTOR.name
        raise StrictError("STATEMENT_MALFORMED", path, f"does not parse as {name}") from None
    # Without its unknown fields, what differs from the canonical encoding in any way differs here.
    message.DiscardUnknownFields()
    if message.SerializeToString(deterministic=True) != data:
        raise StrictError(
            "STATEMENT_NOT_CANONICAL",
            path,
            "holds an unknown or repeated field, fields out of order or trailing bytes; "
            "serialize it again with the exchange's own protocol files",
        )
    return message


def violations(message: Message, path: str = "") -> Iterator[StrictError]:
    """Check a message against the rules of its fields, recursively.

    Args:
        message: The message.
        path: Path of the message, put before the path of each field.

    Yields:
        One error for each rule that is broken, in the order of the fields.
    """
    oneofs: set[str] = set()
    for rule in rules(message.DESCRIPTOR):
        if rule.oneof:
            chosen = message.WhichOneof(rule.oneof)
            if rule.required and chosen is None and rule.oneof not in oneofs:
                oneofs.add(rule.oneof)
                yield _missing(_join(path, rule.oneof))
            if chosen != rule.name:
                continue
        yield from _field_violations(message, rule, _join(path, rule.name))
    meaning = _MEANINGS.get(message.DESCRIPTOR.full_name)
    if meaning is not None:
        yield from meaning(message, path)


@cache
def rules(descriptor: Descriptor) -> tuple[Rule, ...]:
    """Read the rules of a message's fields.

    Args:
        descriptor: Descriptor of the message.

    Returns:
        One rule a field, in the order of their numbers.
    """
    fields = sorted(descriptor.fields, key=lambda field: field.number)
    return tuple(_rule(field) for field in fields)


def _rule(field: FieldDescriptor) -> Rule:
    # The published types know no handle for an extension of an options message.
    extensions: Any = field.GetOptions().Extensions
    stated: rules_pb2.FieldRule = extensions[rules_pb2.rule]
    lengthy = field.type in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}
    oneof = field.containing_oneof
    return Rule(
        name=field.name,
        required=stated.required,
        oneof=oneof.name if oneof is not None else "",
        repeated=field.is_repeated,
        max_bytes=(stated.max_bytes or DEFAULT_MAX_BYTES) if lengthy else None,
        max_items=stated.max_items or DEFAULT_MAX_ITEMS,
        enum=frozenset(field.enum_type.values_by_number) if field.enum_type else None,
        sha256=field.type == FieldDescriptor.TYPE_BYTES and field.name.endswith("sha256"),
        message=field.message_type.full_name if field.message_type else "",
    )


def _field_violations(message: Message, rule: Rule, path: str) -> Iterator[StrictError]:
    value = getattr(message, rule.name)
    if rule.repeated:
        if rule.required and not value:
            yield _missing(path)
        if len(value) > rule.max_items:
            yield StrictError(
                "FIELD_TOO_LONG", path, f"has more than {rule.max_items} items; leave some out"
            )
        for number, item in enumerate(value):
            yield from _value_violations(item, rule, f"{path}[{number}]")
            if not rule.message and not item:
                yield _missing(f"{path}[{number}]")
    elif rule.message:
        if message.HasField(rule.name):
            yield from violations(value, path)
        elif rule.required:
            yield _missing(path)
    # In a oneof, zero and false are values like others; an empty text and UNSPECIFIED never are.
    elif rule.required and (value in {"", b""} if rule.oneof and rule.enum is None else not value):
        yield _missing(path)
    else:
        yield from _value_violations(value, rule, path)


def _value_violations(value: object, rule: Rule, path: str) -> Iterator[StrictError]:
    if isinstance(value, Message):
        yield from violations(value, path)
    elif rule.enum is not None:
        if value not in rule.enum:
            yield StrictError("ENUM_UNKNOWN", path, "holds a number that its enum does not name")
    elif rule.max_bytes is not None and isinstance(value, str | bytes):
        size = len(value) if isinstance(value, bytes) else len(value.encode())
        if size > rule.max_bytes:
            yield StrictError(
                "FIELD_TOO_LONG", path, f"is longer than {rule.max_bytes} bytes; shorten it"
            )
        elif rule.sha256 and value and size != _DIGEST_BYTES:
            yield StrictError("FIELD_INVALID", path, "is not 32 bytes")


def _timestamp(message: Any, path: str) -> Iterator[StrictError]:  # noqa: ANN401 - by full name
    if message.seconds not in _TIMESTAMP_SECONDS or message.nanos not in _NANOS:
        yield StrictError("FIELD_INVALID", path, "is not a time between the years 1 and 9999")


def _duration(message: Any, path: str) -> Iterator[StrictError]:  # noqa: ANN401 - by full name
    if message.seconds not in _DURATION_SECONDS or message.nanos not in _NANOS:
        yield StrictError("FIELD_INVALID", path, "is not a length of time of at most 10,000 years")


def _absence(message: Any, path: str) -> Iterator[StrictError]:  # noqa: ANN401 - by full name
    withheld = message.kind == values_pb2.ABSENCE_KIND_WITHHELD
    if withheld != bool(message.reason):
        yield _invalid(path, "reason", "says why a value is withheld, and is empty otherwise")


def _attachment(message: Any, path: str) -> Iterator[StrictError]:  # noqa: ANN401 - by full name
    name = message.file_name
    if name in {".", ".."} or any(c in "/\\" or not c.isprintable() for c in name):
        yield _invalid(path, "file_name", "is not the plain name of a file")
    if message.data and len(message.data) != message.size:
        yield _invalid(path, "size", "is not the size of the data")
    if message.data and sha256(message.data).digest() != message.sha256:
        yield _invalid(path, "sha256", "is not the digest of the data")


_MEANINGS: Final[Mapping[str, Callable[[Any, str], Iterator[StrictError]]]] = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "forewarn.statement.v1.Absence": _absence,
    "forewarn.statement.v1.Attachment": _attachment,
}


def _invalid(path: str, name: str, description: str) -> StrictError:
    return StrictError("FIELD_INVALID", _join(path, name), description)


def _missing(path: str) -> StrictError:
    return StrictError("FIELD_MISSING", path, "is required")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
