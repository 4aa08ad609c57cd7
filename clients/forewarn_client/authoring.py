"""Authoring: from a document to the exact bytes that a member signs.

* A document is a table of plain values, from a TOML or JSON file or from a program: the header's
  keys at the top (`recipients`, `tlp`, `case`, `refers_to`, `expire_time`, ...), the facts under
  `facts`, the body under `body`. `document` says how each value is written.
* The exchange, the sender, the statement id and the time of making come from the caller, never
  from the document.
* What leaves here keeps every rule that `strict` and `sense` check; what does not is refused with
  all that is wrong, each by the path of its key in the document.
* A directory statement is marked CLEAR where the document does not mark it: no other marking is
  admitted there. Nothing else is ever marked for its author.
* Required values that may be unknown are stated as such by the author. An import from a source
  with gaps may ask for `Missing.UNKNOWN`: what is missing is then UNKNOWN, where its type allows.

It does not sign, does not ask the exchange, and does not know the case tables.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import Message

from forewarn.statement.v1 import header_pb2
from forewarn_client import dsse, identifiers, kinds, sense, strict, times
from forewarn_client.document import Builder, Missing
from forewarn_client.problems import AuthoringError, Problem

__all__ = ["AuthoringError", "Document", "Draft", "Missing", "Problem", "compose", "read_document"]

MAX_ENVELOPE_BYTES: Final = 1_048_576
# Room for the envelope's own fields and for seven signatures.
_ENVELOPE_ROOM: Final = 1024
_DIRECTORY_KINDS: Final = range(32, 64)
_MADE_HERE: Final = {"exchange", "statement_id", "sender", "created_time"}
# Keys of a document that are not the header's own.
_PARTS: Final = ("kind", "facts", "body")
_CASE_KEYS: Final = {"case_digest": "case"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document, as read from a file.

    Attributes:
        values: Its keys and values.
        folder: The folder it lies in, which its attachments are relative to.
    """

    values: Mapping[str, Any]
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A statement that is ready to be signed.

    Attributes:
        kind: Name of its kind, as in `PreReleaseNotice`.
        sender: Id of the member that says it.
        statement_id: Its UUIDv7.
        header_bytes: Serialized `Header`.
        body_bytes: Serialized body message; empty where the kind has none.
        payload: What is signed: a serialized `Statement`.
        digest: SHA-256 of the payload's pre-authentication encoding; the statement's name.
    """

    kind: str
    sender: str
    statement_id: str
    header_bytes: bytes
    body_bytes: bytes
    payload: bytes = field(init=False, repr=False)
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        statement = header_pb2.Statement(header=self.header_bytes, body=self.body_bytes)
        payload = statement.SerializeToString(deterministic=True)
        object.__setattr__(self, "payload", payload)
        object.__setattr__(self, "digest", dsse.digest(payload))


def compose(  # noqa: PLR0913 - what a header holds beside the document, each by its name
    kind: str,
    document: Mapping[str, Any],
    *,
    sender: str,
    exchange: str,
    now: datetime,
    statement_id: str | None = None,
    folder: Path | None = None,
    missing: Missing = Missing.REFUSE,
) -> Draft:
    """Make a statement from a document.

    Args:
        kind: Its kind, as in `PreReleaseNotice`; a `kind` key in the document has to agree.
        document: The document.
        sender: Id of the member that says it.
        exchange: Origin of the ledger that it is meant for.
        now: When it is made, with an offset; kept to the microsecond.
        statement_id: Its UUIDv7; a new one where None.
        folder: Folder that attached files are relative to; None where none may be read.
        missing: What becomes of required values that the document leaves out.

    Returns:
        The draft.

    Raises:
        AuthoringError: The document does not make such a statement; it lists all problems.
        kinds.KindError: There is no such kind.
    """
    the_kind = kinds.find(kind)
    _check_kind(the_kind, document)
    builder = Builder(folder=folder, missing=missing)
    header = header_pb2.Header(
        exchange=exchange,
        statement_id=statement_id or identifiers.new_uuid7(),
        kind=header_pb2.StatementKind.Name(the_kind.number),
        sender=sender,
        created_time=times.timestamp(now),
    )
    _header(builder, header, the_kind, document)
    if the_kind.facts:
        builder.fill(getattr(header, the_kind.facts), _table(builder, document, "facts"), "facts")
    body = the_kind.body() if the_kind.body is not None else None
    if body is not None:
        builder.fill(body, _table(builder, document, "body"), "body")
    draft = Draft(
        kind=the_kind.name,
        sender=sender,
        statement_id=header.statement_id,
        header_bytes=header.SerializeToString(deterministic=True),
        body_bytes=body.SerializeToString(deterministic=True) if body is not None else b"",
    )
    problems = (*builder.problems, *_breaches(builder, the_kind, header, body), *_too_large(draft))
    if not problems:
        # What these read has to be well formed first.
        problems = tuple(_problem(error, the_kind) for error in sense.nonsense(header, now))
    if problems:
        raise AuthoringError(problems)
    return draft


def read_document(path: Path) -> Document:
    """Read a document from a file.

    Args:
        path: A JSON file where its name ends in `.json`, else a TOML file.

    Returns:
        The document.

    Raises:
        AuthoringError: It cannot be read, or is no such file; the text says where.
    """
    try:
        text = path.read_bytes().decode()
        if path.suffix.lower() == ".json":
            values = json.loads(text, object_pairs_hook=_once)
        else:
            values = tomllib.loads(text.replace("\r\n", "\n"))
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _unreadable(path, "is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, f"does not parse: {error}") from None
    if not isinstance(values, dict):
        raise _unreadable(path, "is not a table: a JSON document is one object")
    return Document(values=values, folder=path.parent)


def read_line(line: str, where: str) -> Mapping[str, Any]:
    """Read a document that is one line of JSON.

    Args:
        line: The line.
        where: What errors call it.

    Returns:
        Its keys and values.

    Raises:
        AuthoringError: It is no JSON object.
    """
    try:
        values = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        description = f"does not parse: {error}"
        raise AuthoringError((Problem(field=where, description=description),)) from None
    if not isinstance(values, dict):
        raise AuthoringError((Problem(field=where, description="is not a JSON object"),))
    return values


def _check_kind(kind: kinds.Kind, document: Mapping[str, Any]) -> None:
    """Refuse a document of another kind; what else is wrong with it is beside the point then."""
    stated = document.get("kind", kind.name)
    try:
        same = isinstance(stated, str) and kinds.find(stated) is kind
        described = f"says {stated}, where {kind.name} is meant"
    except kinds.KindError as error:
        same, described = False, str(error)
    if not same:
        raise AuthoringError((Problem(field="kind", description=described),))


def _header(
    builder: Builder,
    header: header_pb2.Header,
    kind: kinds.Kind,
    document: Mapping[str, Any],
) -> None:
    fields = strict.rules(header.DESCRIPTOR)
    keys = {
        _CASE_KEYS.get(rule.name, rule.name): rule.name
        for rule in fields
        if rule.name not in {"kind", *_MADE_HERE} and rule.oneof != "facts"
    }
    table = {key: value for key, value in document.items() if key not in _PARTS}
    for key in sorted(_MADE_HERE & table.keys()):
        del table[key]
        builder.problems.append(Problem(field=key, description="is filled in; leave it out"))
    if kind.number in _DIRECTORY_KINDS:
        table.setdefault("tlp", "CLEAR")
    builder.fill(header, table, "", {**keys, **dict.fromkeys(_PARTS, "")})
    for part, there in (("facts", kind.facts), ("body", kind.body)):
        if document.get(part) and not there:
            builder.problems.append(Problem(field=part, description=f"is empty in a {kind.name}"))
    if not header.recipients and kind.number not in _DIRECTORY_KINDS and "recipients" not in table:
        builder.problems.append(
            Problem(
                field="recipients",
                description='is required; name members, as in ["civil-ai"], or groups',
                reason="FIELD_MISSING",
            )
        )


def _table(builder: Builder, document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key, {})
    if isinstance(value, Mapping):
        return value
    builder.problems.append(Problem(field=key, description=f"is a table: start it with [{key}]"))
    return {}


def _breaches(
    builder: Builder, kind: kinds.Kind, header: header_pb2.Header, body: Message | None
) -> Iterator[Problem]:
    """Check the rules that the builder leaves to `strict`, without saying anything twice."""
    known = {problem.field for problem in builder.problems}
    found = list(strict.violations(header, "header"))
    found += strict.violations(body, "body") if body is not None else ()
    for violation in found:
        found_here = _problem(violation, kind)
        path = found_here.field
        if not any(path == field or path.startswith((f"{field}.", f"{field}[")) for field in known):
            yield found_here


def _problem(violation: strict.StrictError, kind: kinds.Kind) -> Problem:
    path = _document_path(violation.field, kind)
    return Problem(field=path, description=violation.description, reason=violation.reason)


def _document_path(path: str, kind: kinds.Kind) -> str:
    path = path.removeprefix("header.")
    for name, key in ((kind.facts or "-", "facts"), *_CASE_KEYS.items()):
        if path == name or path.startswith(f"{name}."):
            return key + path[len(name) :]
    return path


def _too_large(draft: Draft) -> tuple[Problem, ...]:
    most = MAX_ENVELOPE_BYTES - _ENVELOPE_ROOM
    size = len(draft.payload)
    if size <= most:
        return ()
    description = (
        f"the statement has {size} bytes, more than {most}: attach less, or state only a file's "
        "digest with detached = true"
    )
    return (Problem(field="", description=description, reason="STATEMENT_TOO_LARGE"),)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return table


def _unreadable(path: Path, what: str) -> AuthoringError:
    return AuthoringError((Problem(field=path.name, description=what),))
