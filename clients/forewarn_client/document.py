"""Documents: tables of plain values, as in a TOML or JSON file, turned into statement messages.

* A key is a field's name. A key that is no field is refused, and the nearest field named.
* Enum values are short words, times RFC 3339 or TOML's own, durations `300s`, bytes hex.
* A value that may be absent is written plainly, or as the upper-case word `UNKNOWN`, or as
  `{ withheld = "why" }`. A text that *is* the word UNKNOWN is `{ known = "UNKNOWN" }`.
* A recipient is `civil-ai`, `civil-ai/incident` (a desk), `sector:energy`, `kind:operator` or
  `community:west`. A signing key may be its PEM text.
* An attachment is `{ file = "path" }`: name, type, size, digest and bytes are filled in.
* `handle = "new"` and `grant_id = "new"` make a new one.
* Nothing is left unsaid silently: all that is required and missing is listed, at once.

It does not check lengths and enum numbers again (`strict` does), and never opens the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from forewarn.statement.v1 import values_pb2
from forewarn_client import attachments, strict, times, words
from forewarn_client.problems import Problem
from forewarn_client.shortforms import SHORT_FORMS, WrongError, scalar

_STATED_HELP: Final = 'state it, or write "UNKNOWN" or { withheld = "why" }'


class Missing(StrEnum):
    """What becomes of a required value that a document leaves out."""

    REFUSE = "refuse"
    """It is a problem: its author says that it is unknown, or withholds it, or states it."""
    UNKNOWN = "unknown"
    """It becomes UNKNOWN where its type allows that; for imports from sources with gaps."""


@dataclass(slots=True, kw_only=True)
class Builder:
    """Fills messages from tables and gathers what is wrong.

    Attributes:
        folder: Folder that attached files are relative to; None where a document names no files.
        missing: What becomes of required values that are left out.
        problems: What was wrong so far.
    """

    folder: Path | None
    missing: Missing
    problems: list[Problem] = field(default_factory=list)

    def fill(
        self,
        message: Message,
        table: Mapping[str, object],
        path: str,
        keys: Mapping[str, str] | None = None,
    ) -> None:
        """Fill a message from a table.

        Args:
            message: The message to fill.
            table: Keys and values.
            path: Path of the table in the document; empty for the document itself.
            keys: Keys that are taken, each with its field's name; the fields' names where None.
        """
        message.SetInParent()
        rules = strict.rules(message.DESCRIPTOR)
        names = keys if keys is not None else {rule.name: rule.name for rule in rules}
        for key in table:
            if key not in names:
                self._problem(_join(path, key), f"is not a key here; {_nearest(key, names)}")
        keys_of = {name: key for key, name in names.items()}
        for rule in rules:
            key = keys_of.get(rule.name, "")
            if not key:
                continue
            if key in table:
                if rule.oneof and message.WhichOneof(rule.oneof) is not None:
                    self._problem(_join(path, key), "is one key too many; keep one of them")
                else:
                    self._set(message, rule, table[key], _join(path, key))
            elif rule.required and not rule.oneof:
                self._absent(message, rule, _join(path, key))

    def _set(self, message: Message, rule: strict.Rule, value: object, path: str) -> None:
        descriptor = _field(message, rule.name)
        try:
            if rule.repeated:
                self._set_items(message, descriptor, value, path)
            elif rule.message:
                self._message(getattr(message, rule.name), value, path)
            else:
                setattr(message, rule.name, scalar(descriptor, value))
        except WrongError as wrong:
            self._problem(path, str(wrong))

    def _set_items(
        self, message: Message, descriptor: FieldDescriptor, value: object, path: str
    ) -> None:
        if not isinstance(value, list | tuple):
            raise WrongError("is a list; put what it holds in [ ]")
        items = getattr(message, descriptor.name)
        for number, item in enumerate(value):
            try:
                if descriptor.message_type is not None:
                    self._message(items.add(), item, f"{path}[{number}]")
                else:
                    items.append(scalar(descriptor, item))
            except WrongError as wrong:
                self._problem(f"{path}[{number}]", str(wrong))

    def _message(self, message: Message, value: object, path: str) -> None:
        """Fill a message from a value: by its own short form where its type has one."""
        message.SetInParent()
        short = SHORT_FORMS.get(message.DESCRIPTOR.name)
        if "known" in message.DESCRIPTOR.fields_by_name:
            self._stated(message, value, path)
        elif short is not None and not isinstance(value, Mapping):
            short(message, value)
        elif isinstance(value, values_pb2.Attachment) and isinstance(
            message, values_pb2.Attachment
        ):
            message.CopyFrom(value)
        elif not isinstance(value, Mapping):
            raise WrongError("is a table of its own keys, as in { key = value }")
        elif isinstance(message, values_pb2.Attachment) and not _is_digest_only(value):
            try:
                message.CopyFrom(attachments.attachment(value, self.folder))
            except ValueError as error:
                raise WrongError(str(error)) from None
        else:
            self.fill(message, value, path)
            if isinstance(message, values_pb2.PreciseTime):
                _cut(message)
            elif message.DESCRIPTOR.name == "PlannedTimes" and not message.ListFields():
                self._problem(path, "needs at least one time", "FIELD_MISSING")

    def _stated(self, message: Any, value: object, path: str) -> None:  # noqa: ANN401 - four types
        """Fill a value that may be absent."""
        known = _field(message, "known")
        text = known.type == FieldDescriptor.TYPE_STRING
        if isinstance(value, Mapping) and value.keys() == {"withheld"}:
            reason = value["withheld"]
            if not isinstance(reason, str) or not reason:
                raise WrongError("is withheld without a reason; say why")
            message.absent.kind = values_pb2.ABSENCE_KIND_WITHHELD
            message.absent.reason = reason
            return
        if isinstance(value, str) and (value if text else value.upper()) == "UNKNOWN":
            message.absent.kind = values_pb2.ABSENCE_KIND_UNKNOWN
            return
        if isinstance(value, Mapping) and value.keys() == {"known"}:
            value = value["known"]
        if known.message_type is not None:
            self._message(message.known, value, path)
            return
        if value == "":
            raise WrongError(f"is blank; {_STATED_HELP}")
        try:
            message.known = scalar(known, value)
        except WrongError as wrong:
            raise WrongError(f"{wrong}; or {_STATED_HELP}") from None

    def _absent(self, message: Message, rule: strict.Rule, path: str) -> None:
        """Deal with a required field that the document leaves out."""
        descriptor = _field(message, rule.name)
        inner = descriptor.message_type
        if rule.repeated or inner is None:
            if self.missing is Missing.UNKNOWN and not rule.repeated:
                unknown = _unknown_number(descriptor)
                if unknown is not None:
                    setattr(message, rule.name, unknown)
                    return
            self._problem(path, _missing_help(descriptor), "FIELD_MISSING")
        elif "absent" in inner.fields_by_name:
            if self.missing is Missing.UNKNOWN:
                getattr(message, rule.name).absent.kind = values_pb2.ABSENCE_KIND_UNKNOWN
            else:
                self._problem(path, f"is required; {_STATED_HELP}", "FIELD_MISSING")
        elif any(inner_rule.required for inner_rule in strict.rules(inner)) and (
            inner.name not in SHORT_FORMS
        ):
            # Its own required fields say better what is missing than its name does.
            self.fill(getattr(message, rule.name), {}, path)
        else:
            self._problem(path, _missing_help(descriptor), "FIELD_MISSING")

    def _problem(self, path: str, description: str, reason: str = "FIELD_INVALID") -> None:
        self.problems.append(Problem(field=path, description=description, reason=reason))


def _is_digest_only(value: Mapping[str, object]) -> bool:
    """Tell whether an attachment is written by its digest, as `render` writes a received one."""
    return "sha256" in value and not {"file", "data"} & value.keys()


def _cut(message: values_pb2.PreciseTime) -> None:
    if message.precision and message.HasField("time"):
        time = times.from_timestamp(message.time)
        message.CopyFrom(times.precise(time, message.precision))


def _unknown_number(descriptor: FieldDescriptor) -> int | None:
    if descriptor.enum_type is None:
        return None
    known = words.words(descriptor.enum_type)
    return next((number for number, word in known.items() if word == "unknown"), None)


def _missing_help(descriptor: FieldDescriptor) -> str:
    if descriptor.enum_type is not None:
        return f"is required; write one of {words.listed(descriptor.enum_type)}"
    return "is required"


def _field(message: Message, name: str) -> FieldDescriptor:
    fields: Any = message.DESCRIPTOR.fields_by_name
    descriptor: FieldDescriptor = fields[name]
    return descriptor


def _nearest(key: str, names: Mapping[str, str]) -> str:
    near = get_close_matches(key.lower(), names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"the keys here are {', '.join(names)}" if names else "this table has no keys"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
