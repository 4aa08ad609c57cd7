"""Valid messages of any type, made from descriptors and field rules; and ways to spoil their bytes.

It reads the rules on its own, so that it shares no mistake with the parser that it tests. All
choices come from one `random.Random`, so that a seed repeats a message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from random import Random
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from forewarn.statement.v1 import (
    alert_pb2,
    answers_pb2,
    breach_pb2,
    coverage_pb2,
    directory_pb2,
    grant_pb2,
    header_pb2,
    release_pb2,
    rules_pb2,
    values_pb2,
)

FILES = (
    alert_pb2,
    answers_pb2,
    breach_pb2,
    coverage_pb2,
    directory_pb2,
    grant_pb2,
    header_pb2,
    release_pb2,
    values_pb2,
)
TYPES: tuple[Descriptor, ...] = tuple(
    descriptor for file in FILES for descriptor in file.DESCRIPTOR.message_types_by_name.values()
)
_TEXTS = ("a", "ä", "𝄞", "two words", "\x00", "line\nline", "'; --", "%s", "‮")  # noqa: PLE2502 - on purpose


def make(descriptor: Any, random: Random) -> Any:
    """Make a valid message with random optional fields.

    Args:
        descriptor: Its descriptor.
        random: Where the choices come from.

    Returns:
        The message.
    """
    message = GetMessageClass(descriptor)()
    special = _SPECIAL.get(descriptor.full_name)
    if special is not None:
        special(message, random)
        return message
    chosen = {
        random.choice([*oneof.fields, *([] if _oneof_required(oneof) else [None])])
        for oneof in descriptor.oneofs
    }
    for field in descriptor.fields:
        if field.containing_oneof is not None:
            if field in chosen:
                _fill(message, field, random)
        elif rule_of(field).required or random.random() < 0.4:
            _fill(message, field, random)
    return message


def rule_of(field: FieldDescriptor) -> rules_pb2.FieldRule:
    options: Any = field.GetOptions()
    rule: rules_pb2.FieldRule = options.Extensions[rules_pb2.rule]
    return rule


def split(data: bytes) -> list[bytes]:
    """Split a serialized message into its fields, each with its tag."""
    fields, at = [], 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        match tag & 7:
            case 0:
                _, at = _varint(data, at)
            case 2:
                size, at = _varint(data, at)
                at += size
            case wire:
                raise AssertionError(f"no field of these protos has wire type {wire}")
        fields.append(data[start:at])
    return fields


def spoiled(message: Message, random: Random) -> Iterator[bytes]:
    """Yield bytes that say what a message says in another way, or more than it can say."""
    data = message.SerializeToString(deterministic=True)
    yield data + b"\xf8\xff\x7f\x01"  # an unknown field, a number
    yield data + b"\xfa\xff\x7f\x00"  # an unknown field, empty bytes
    yield data + b"\x00"  # field number 0
    yield data + b"\x0b\x0c"  # an empty group
    yield data + b"\xff"
    fields = split(data)
    if not fields:
        return
    at = random.randrange(len(fields))
    before, field, after = b"".join(fields[:at]), fields[at], b"".join(fields[at + 1 :])
    tag, tag_size = _varint(field, 0)
    yield before + _padded(field, tag_size) + after
    if tag & 7 == 2:
        yield before + _long(field, tag_size) + after
    else:
        yield before + field[:-1] + bytes([field[-1] | 0x80, 0]) + after
    if not message.DESCRIPTOR.fields_by_number[tag >> 3].is_repeated:
        yield before + field + field + after
    if _varint(fields[0], 0)[0] != _varint(fields[-1], 0)[0]:
        yield b"".join([fields[-1], *fields[:-1]])


def flipped(data: bytes, random: Random) -> bytes:
    """Change one bit."""
    if not data:
        return b"\x01"
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]


def _fill(message: Message, field: Any, random: Random) -> None:
    rule = rule_of(field)
    if not field.is_repeated:
        _set(message, field, _value(field, random))
        return
    count = random.randint(1 if rule.required else 0, min(3, rule.max_items or 64))
    for _ in range(count):
        value = _value(field, random)
        if isinstance(value, Message):
            getattr(message, field.name).add().CopyFrom(value)
        else:
            getattr(message, field.name).append(value)


def _set(message: Any, field: Any, value: Any) -> None:
    if isinstance(value, Message):
        getattr(message, field.name).CopyFrom(value)
        getattr(message, field.name).SetInParent()
    else:
        setattr(message, field.name, value)


def _value(field: Any, random: Random) -> Any:
    limit = rule_of(field).max_bytes or 256
    kind = FieldDescriptor
    match field.type:
        case kind.TYPE_MESSAGE:
            return make(field.message_type, random)
        case kind.TYPE_ENUM:
            return random.choice([n for n in field.enum_type.values_by_number if n])
        case kind.TYPE_STRING:
            return random.choice([*_TEXTS, "x" * min(limit, 64)])
        case kind.TYPE_BYTES:
            digest = field.name.endswith("sha256")
            return random.randbytes(32 if digest else random.randint(1, min(limit, 40)))
        case kind.TYPE_BOOL:
            return True
        case _:
            return random.choice([1, 127, 128, 2**32 - 1])


def _oneof_required(oneof: Any) -> bool:
    return any(rule_of(field).required for field in oneof.fields)


def _timestamp(message: Any, random: Random) -> None:
    message.seconds = random.choice([0, -62_135_596_800, 253_402_300_799, 1_795_262_400])
    message.nanos = random.choice([0, 1, 999_999_999])


def _duration(message: Any, random: Random) -> None:
    message.seconds = random.choice([0, 1, 315_576_000_000])
    message.nanos = random.choice([0, 999_999_999])


def _absence(message: Any, random: Random) -> None:
    message.kind = random.choice([1, 2])
    message.reason = "not ours to say" if message.kind == 2 else ""


def _attachment(message: Any, random: Random) -> None:
    data = random.randbytes(random.randint(1, 40))
    message.file_name = random.choice(["advisory.json", "a b.txt", "ä", ".hidden", "..."])
    message.media_type = "application/json"
    message.size = len(data)
    message.sha256 = hashlib.sha256(data).digest()
    message.data = data if random.random() < 0.7 else b""


_SPECIAL: dict[str, Any] = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "forewarn.statement.v1.Absence": _absence,
    "forewarn.statement.v1.Attachment": _attachment,
}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _encoded(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _padded(field: bytes, tag_size: int) -> bytes:
    """Write the tag with one byte more than it needs."""
    tag = bytearray(field[:tag_size])
    tag[-1] |= 0x80
    return bytes(tag) + b"\x00" + field[tag_size:]


def _long(field: bytes, tag_size: int) -> bytes:
    """Write the length with one byte more than it needs."""
    size, at = _varint(field, tag_size)
    length = bytearray(_encoded(size))
    length[-1] |= 0x80
    return field[:tag_size] + bytes(length) + b"\x00" + field[at:]
