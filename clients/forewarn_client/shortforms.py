"""Short forms: single values and small messages, written as a person would.

* An enum value is its short word, bytes are hex, a number is in the range of its type.
* A time, a duration, a recipient and a signing key have each a text of their own.
* `"new"` makes a new handle or grant id.

It does not read tables and lists: `document` does.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor

from forewarn_client import identifiers, times, words

_FRESH: Final[Mapping[str, tuple[Callable[[], str], Callable[[str], bool]]]] = {
    "handle": (identifiers.new_handle, identifiers.is_handle),
    "grant_id": (identifiers.new_uuid7, identifiers.is_uuid7),
}
_MEMBER: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}", re.ASCII)
_RANGES: Final = {
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
}


class WrongError(Exception):
    """A value cannot be what its field asks; the text says what would be right."""


def scalar(descriptor: FieldDescriptor, value: object) -> Any:  # noqa: ANN401 - by field type
    """Turn a plain value into that of a field that is not a message."""
    if descriptor.enum_type is not None:
        try:
            return words.read_word(descriptor.enum_type, value)
        except ValueError as error:
            raise WrongError(str(error)) from None
    if descriptor.type == FieldDescriptor.TYPE_BOOL:
        if not isinstance(value, bool):
            raise WrongError("is true or false")
        return value
    if descriptor.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(value)
    if descriptor.type == FieldDescriptor.TYPE_STRING:
        return _text(descriptor, value)
    low, high = _RANGES[descriptor.type]
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise WrongError(f"is a whole number from {low} to {high}")
    return value


def _text(descriptor: FieldDescriptor, value: object) -> str:
    if not isinstance(value, str):
        raise WrongError('is a text; put it in quotes, as in "text"')
    try:
        value.encode()
    except UnicodeEncodeError:
        raise WrongError("holds half of a character (a lone surrogate)") from None
    if value and descriptor.name in _FRESH:
        make, sound = _FRESH[descriptor.name]
        if value == "new":
            return make()
        if not sound(value):
            raise WrongError('is not well formed; write "new" to get a new one')
    return value


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        try:
            return bytes.fromhex(value)
        except ValueError:
            pass
    raise WrongError("is bytes in hex, two digits each")


def _recipient(message: Any, value: object) -> None:  # noqa: ANN401 - a Recipient
    if not isinstance(value, str):
        raise WrongError('is a text, as in "civil-ai", "civil-ai/incident" or "sector:energy"')
    group, colon, name = value.partition(":")
    if colon:
        if group == "kind":
            message.kind = scalar(message.DESCRIPTOR.fields_by_name["kind"], name)
        elif group in {"sector", "community"} and _SLUG.fullmatch(name):
            setattr(message, group, name)
        else:
            raise WrongError("names no group; write sector:, community: or kind: and its slug")
        return
    member, slash, desk = value.partition("/")
    if not _MEMBER.fullmatch(member) or (slash and not _SLUG.fullmatch(desk)):
        raise WrongError("is no member; write its id, or id/desk (`forewarn directory list`)")
    if slash:
        message.desk.member, message.desk.desk = member, desk
    else:
        message.member = member


def _signing_key(message: Any, value: object) -> None:  # noqa: ANN401 - a SigningKey
    begin, end = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
    text = value.strip() if isinstance(value, str) else ""
    encoded = "".join(text.removeprefix(begin).removesuffix(end).split())
    try:
        message.spki = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        message.spki = b""
    if not message.spki:
        raise WrongError(f"is a public key: its PEM text ({begin} ...), or that text's base64")
    message.algorithm = 1


def _timestamp(message: Any, value: object) -> None:  # noqa: ANN401 - a Timestamp
    message.CopyFrom(times.timestamp(_read(times.read_time, value)))


def _duration(message: Any, value: object) -> None:  # noqa: ANN401 - a Duration
    message.CopyFrom(_read(times.read_duration, value))


def _precise(message: Any, value: object) -> None:  # noqa: ANN401 - a PreciseTime
    message.CopyFrom(_read(times.read_precise, value))


def _read(reader: Callable[[object], Any], value: object) -> Any:  # noqa: ANN401 - the reader's
    try:
        return reader(value)
    except ValueError as error:
        raise WrongError(str(error)) from None


SHORT_FORMS: Final[Mapping[str, Callable[[Any, object], None]]] = {
    "Timestamp": _timestamp,
    "Duration": _duration,
    "PreciseTime": _precise,
    "Recipient": _recipient,
    "SigningKey": _signing_key,
}
