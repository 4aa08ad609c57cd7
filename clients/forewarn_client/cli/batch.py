"""Many documents made into statements, all or none, and each only once.

* Documents come from files, from folders (`*.toml` and `*.json`, by name), or as lines of JSON from
  a file that ends in `.jsonl` or from standard input. Each states its kind, or `--kind` does.
* All of them are made before any is handed in. Where one makes no statement, none leaves.
* The order is: made, noted in the journal, put into the outbox. Whatever ends a run in between, the
  next one finds each statement in the outbox or makes it anew, and none of them twice.

It hands nothing in: `handing_many` does.
"""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from forewarn_client import authoring, kinds
from forewarn_client.cli import documents, outbox
from forewarn_client.cli.documents import Sheet
from forewarn_client.cli.journal import Journal, Made
from forewarn_client.errors import RequestError
from forewarn_client.home import Home
from forewarn_client.problems import AuthoringError, Problem

STANDARD_INPUT: Final = Path("-")
_LINES: Final = ".jsonl"
_DOCUMENTS: Final = frozenset({".toml", ".json"})
_MOST_PROBLEMS: Final = 50
_DIGEST_IN_NAME: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One document of many.

    Attributes:
        label: Where it came from.
        kind: Kind of the statement.
        statement_id: Id of the statement that it is.
        digest: The statement's digest, in hex.
        index: Its index, where it was recorded before.
    """

    label: str
    kind: str
    statement_id: str
    digest: str
    index: int | None = None


def sheets(paths: Iterable[Path]) -> Iterator[Sheet]:
    """Read documents, one after another.

    Args:
        paths: Files, folders, and `-` for standard input.

    Yields:
        The documents.

    Raises:
        AuthoringError: One of them cannot be read.
        RequestError: A folder holds none.
    """
    for path in paths:
        if path == STANDARD_INPUT:
            yield from _lines(sys.stdin, "standard input")
        elif path.is_dir():
            found = sorted(each for each in path.iterdir() if each.suffix.lower() in _DOCUMENTS)
            if not found:
                raise RequestError(f"{path} holds no document: none that ends in .toml or .json")
            yield from map(documents.read, found)
        elif path.suffix.lower() == _LINES:
            with path.open(encoding="utf-8") as lines:
                yield from _lines(lines, str(path))
        else:
            yield documents.read(path)


def prepare(home: Home, journal: Journal, given: Iterable[Sheet], kind: str) -> list[Item]:
    """Find the statement of each document, or make it; what is made is then in the outbox.

    Args:
        home: The member's folder.
        journal: Its journal.
        given: The documents.
        kind: Kind of those that state none; empty where each has to.

    Returns:
        The items, in the same order.

    Raises:
        AuthoringError: One or more of them make no statement; nothing is kept.
        HomeError: The folder cannot be written.
    """
    staged = outbox.Staged(home)
    known = _Known(home, journal)
    items: list[Item] = []
    new: list[Made] = []
    problems: list[Problem] = []
    turns: Counter[str] = Counter()
    try:
        for sheet in given:
            content = _fingerprint(sheet, kind)
            turns[content] += 1
            document = f"{content}-{turns[content]}"
            found = known.item(document, sheet.label)
            if found is not None:
                items.append(found)
                continue
            try:
                draft = documents.draft(_kind(sheet, kind), sheet, home)
            except AuthoringError as error:
                problems += [
                    replace(each, field=f"{sheet.label}: {each.field}") for each in error.problems
                ]
                if len(problems) >= _MOST_PROBLEMS:
                    break
                continue
            staged.add(draft)
            made = Made(
                document=document,
                kind=draft.kind,
                statement_id=draft.statement_id,
                digest=draft.digest.hex(),
            )
            new.append(made)
            items.append(_item(made, sheet.label))
        if problems:
            raise AuthoringError(tuple(problems))
        # Killed after this line, they are noted but not in the outbox, so they are made anew.
        journal.begin(new)
        staged.keep()
    finally:
        staged.forget()
    return items


class _Known:
    """What earlier runs have left of documents."""

    def __init__(self, home: Home, journal: Journal) -> None:
        self._home = home
        self._journal = journal
        self._receipts: dict[str, int] | None = None

    def item(self, document: str, label: str) -> Item | None:
        """Find the statement of a document that is recorded or on its way."""
        made = self._journal.made_of(document)
        if made is None:
            return None
        item = _item(made, label)
        if outbox.place(self._home, made.statement_id).exists():
            return item
        index = self._journal.index_of(made)
        if index is None:
            index = self._receipted().get(made.digest[:_DIGEST_IN_NAME])
        # Neither: it never left, or was refused. A new statement is made of it.
        return replace(item, index=index) if index is not None else None

    def _receipted(self) -> dict[str, int]:
        """List receipts by the digest in their names, once."""
        if self._receipts is None:
            names = (path.stem.partition("-") for path in self._home.receipts.glob("*-*.json"))
            self._receipts = {digest: int(index) for index, _, digest in names if index.isdecimal()}
        return self._receipts


def _item(made: Made, label: str) -> Item:
    return Item(label=label, kind=made.kind, statement_id=made.statement_id, digest=made.digest)


def waiting(home: Home) -> list[Item]:
    """List what is in the outbox, whatever it was made of.

    Args:
        home: The member's folder.

    Returns:
        The items, the oldest first.

    Raises:
        RequestError: One of them is no statement.
    """
    drafts = ((path, outbox.load(path)) for path in outbox.waiting(home))
    return [
        Item(
            label=path.name,
            kind=draft.kind,
            statement_id=draft.statement_id,
            digest=draft.digest.hex(),
        )
        for path, draft in drafts
    ]


def _lines(lines: Iterable[str], name: str) -> Iterator[Sheet]:
    try:
        for number, line in enumerate(lines, 1):
            if line.strip():
                label = f"{name}, line {number}"
                sheet = Sheet(label=label, values=authoring.read_line(line, label))
                documents.check_written(sheet)
                yield sheet
    except UnicodeDecodeError:
        raise AuthoringError((Problem(field=name, description="is not UTF-8 text"),)) from None


def _kind(sheet: Sheet, kind: str) -> str:
    stated = sheet.values.get("kind", kind)
    if not isinstance(stated, str) or not stated:
        raise AuthoringError(
            (Problem(field="kind", description='is required here, as in kind = "BreachReport"'),)
        )
    try:
        return kinds.find(stated).name
    except kinds.KindError as error:
        raise AuthoringError((Problem(field="kind", description=str(error)),)) from None


def _fingerprint(sheet: Sheet, kind: str) -> str:
    """Name a document by what it says, and by what its attached files hold."""
    files = [_file_digest(sheet.folder / name) for name in _attached(sheet.values)]
    whole = json.dumps([kind, sheet.values, files], default=str, sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()


def _attached(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        name = value.get("file")
        if isinstance(name, str):
            yield name
        for inner in value.values():
            yield from _attached(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for inner in value:
            yield from _attached(inner)


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        # Making the statement tells what is wrong with it.
        return ""
