"""Messages turned back into plain values.

* `plain` is the inverse of `document`: what it gives makes the same message again, except for the
  bytes of attachments, which it leaves out.
* Times are RFC 3339, digests hex, enum values short words, absences `UNKNOWN` or the reason.

It does not make received text safe to show: `terminal` does.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from forewarn.statement.v1 import values_pb2
from forewarn_client import times, words


def plain(message: Message) -> Any:  # noqa: ANN401 - a table, or the short form of its type
    """Turn a message into plain values, in the shape in which documents are written.

    Args:
        message: A message of the statement package.

    Returns:
        Its short form where its type has one, else a table of the fields that are set.
    """
    name = message.DESCRIPTOR.name
    if name in _SHORT_FORMS:
        return _SHORT_FORMS[name](message)
    if "absent" in message.DESCRIPTOR.fields_by_name:
        return _stated(message)
    skipped = {"data"} if isinstance(message, values_pb2.Attachment) else set()
    return {
        field.name: _value(field, value)
        for field, value in message.ListFields()
        if field.name not in skipped
    }


def _value(field: FieldDescriptor, value: Any) -> Any:  # noqa: ANN401 - by field type
    if field.is_repeated:
        return [_single(field, item) for item in value]
    return _single(field, value)


def _single(field: FieldDescriptor, value: Any) -> Any:  # noqa: ANN401 - by field type
    if isinstance(value, Message):
        return plain(value)
    if isinstance(value, bytes):
        return value.hex()
    if field.enum_type is not None:
        enum: Any = field.enum_type
        return words.write_word(enum, value)
    return value


def _stated(message: Any) -> Any:  # noqa: ANN401 - one of four types
    if message.WhichOneof("value") == "absent":
        if message.absent.kind == values_pb2.ABSENCE_KIND_WITHHELD:
            return {"withheld": message.absent.reason}
        return "UNKNOWN"
    if isinstance(message.known, Message):
        return plain(message.known)
    # The one text that would read back as an absence.
    return {"known": "UNKNOWN"} if message.known == "UNKNOWN" else message.known


def _recipient(message: Any) -> str:  # noqa: ANN401 - a Recipient
    match message.WhichOneof("recipient"):
        case "member":
            return str(message.member)
        case "desk":
            return f"{message.desk.member}/{message.desk.desk}"
        case "kind":
            enum = message.DESCRIPTOR.fields_by_name["kind"].enum_type
            return f"kind:{words.write_word(enum, message.kind)}"
        case None:
            return ""
        case group:
            return f"{group}:{getattr(message, group)}"


_SHORT_FORMS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "Timestamp": lambda message: times.write_time(times.from_timestamp(message)),
    "Duration": times.write_duration,
    "PreciseTime": times.write_precise,
    "Recipient": _recipient,
}
