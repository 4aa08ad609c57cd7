"""Documents as the command puts them together: file, case, options.

* What an option states goes before what the document states, and that before what the case gives.
* A text that still is the template's placeholder is refused: what is sent stays sent.
* Where several documents are given, all of them are made before any is sent.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forewarn_client import authoring, cases, templates
from forewarn_client.authoring import Draft
from forewarn_client.errors import RequestError
from forewarn_client.home import Home
from forewarn_client.problems import AuthoringError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A document on its way to become a statement.

    Attributes:
        label: The file it came from, as typed; empty for none.
        folder: Folder that its attachments are relative to.
        values: Its keys and values.
    """

    label: str = ""
    folder: Path = Path()
    values: Mapping[str, Any] = field(default_factory=dict)


def read(path: Path) -> Sheet:
    """Read a document.

    Args:
        path: Its file.

    Returns:
        The sheet.

    Raises:
        AuthoringError: It cannot be read, or still holds the template's placeholder.
    """
    document = authoring.read_document(path)
    sheet = Sheet(label=str(path), folder=document.folder, values=document.values)
    check_written(sheet)
    return sheet


def check_written(sheet: Sheet) -> None:
    """Refuse a document that still holds a placeholder.

    Args:
        sheet: The document.

    Raises:
        AuthoringError: A text in it still is the template's.
    """
    left = tuple(
        Problem(field=where, description="still is the template's placeholder; write your own text")
        for where in _placeholders(sheet.values, "")
    )
    if left:
        raise AuthoringError(left)


def with_options(sheet: Sheet, stated: Mapping[str, Any], attached: Sequence[Path] = ()) -> Sheet:
    """State keys over what a document says.

    Args:
        sheet: The document.
        stated: Values by the paths of their keys, as in `body.note`.
        attached: Files to attach beside those of the document.

    Returns:
        The sheet with the keys.

    Raises:
        RequestError: A path leads through something that is no table.
    """
    values = deepcopy(dict(sheet.values))
    for path, value in stated.items():
        *tables, key = path.split(".")
        _table(values, tables)[key] = value
    if attached:
        body = _table(values, ["body"])
        files = [{"file": str(path.absolute())} for path in attached]
        body["attachments"] = [*body.get("attachments", []), *files]
    return replace(sheet, values=values)


def in_case(sheet: Sheet, case: cases.Case, kind: str, sender: str) -> Sheet:
    """Give a document what its case decides, where it does not say so itself.

    Args:
        sheet: The document.
        case: The case.
        kind: Kind of the statement.
        sender: Id of the member that makes it.

    Returns:
        The sheet.

    Raises:
        RequestError: The document names another case, or the kind does not belong in this one.
    """
    given = cases.defaults(case, kind, sender)
    if sheet.values.get("case", case.digest.hex()) not in {case.digest, case.digest.hex()}:
        raise RequestError("the document names another case than the command: leave `case` out")
    return replace(sheet, values={**given, **sheet.values})


def about_notice(sheet: Sheet, notice: cases.Case) -> Sheet:
    """Give a coverage request what its notice decides, where it does not say so itself.

    Args:
        sheet: The document.
        notice: The case of the notice.

    Returns:
        The sheet.

    Raises:
        RequestError: As `cases.about_notice`.
    """
    return replace(sheet, values=cases.about_notice(notice, sheet.values))


def one_for_each(sheet: Sheet) -> list[Sheet]:
    """Make of a document one for each of its recipients, who then do not see one another.

    Args:
        sheet: The document.

    Returns:
        As many sheets as there are recipients.

    Raises:
        RequestError: It has no list of recipients, or a handle that all of them would share.
    """
    recipients = sheet.values.get("recipients")
    if not isinstance(recipients, list) or not recipients:
        raise RequestError("--separately needs recipients, in the document or by --to")
    facts = sheet.values.get("facts", {})
    if len(recipients) > 1 and isinstance(facts, dict) and facts.get("handle", "new") != "new":
        raise RequestError(
            'a handle is for one recipient only: write handle = "new", and each gets its own'
        )
    return [
        replace(sheet, values={**sheet.values, "recipients": [recipient]})
        for recipient in recipients
    ]


def draft_all(kind: str, sheets: Sequence[Sheet], home: Home) -> list[Draft]:
    """Make statements of documents, all or none.

    Args:
        kind: Their kind.
        sheets: The documents.
        home: The member's folder.

    Returns:
        The drafts, in the same order.

    Raises:
        AuthoringError: One or more of them make no statement; it lists the problems of all.
    """
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for sheet in sheets:
        try:
            drafts.append(draft(kind, sheet, home))
        except AuthoringError as error:
            label = f"{sheet.label}: " if len(sheets) > 1 else ""
            problems += [
                replace(problem, field=f"{label}{problem.field}") for problem in error.problems
            ]
    if problems:
        raise AuthoringError(tuple(problems))
    return drafts


def draft(kind: str, sheet: Sheet, home: Home) -> Draft:
    """Make a statement of a document.

    Args:
        kind: Its kind.
        sheet: The document.
        home: The member's folder.

    Returns:
        The draft.

    Raises:
        AuthoringError: It makes no statement; all that is wrong with it is listed.
    """
    return authoring.compose(
        kind,
        sheet.values,
        sender=home.member,
        exchange=home.exchange.origin,
        now=datetime.now(UTC),
        folder=sheet.folder,
    )


def _table(values: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    for name in names:
        inner = values.setdefault(name, {})
        if not isinstance(inner, dict):
            raise RequestError(f"`{name}` is not a table in the document: start it with [{name}]")
        values = inner
    return values


def _placeholders(value: object, path: str) -> list[str]:
    if value == templates.PLACEHOLDER:
        return [path]
    if isinstance(value, dict):
        inner = [(f"{path}.{key}" if path else str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        inner = [(f"{path}[{number}]", item) for number, item in enumerate(value)]
    else:
        return []
    return [found for where, item in inner for found in _placeholders(item, where)]
