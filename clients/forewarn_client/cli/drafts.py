"""Drafts as people see them before they are signed: whole, and asked for where nobody typed them.

* What a file holds is shown before it is signed: whoever hands it in may not have made it.
* On a terminal it is asked for; a script says that it has been looked at.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from forewarn_client import kinds, render
from forewarn_client.authoring import Draft
from forewarn_client.cli import output, tables
from forewarn_client.errors import RequestError


def view(draft: Draft, path: Path | None) -> dict[str, Any]:
    """Show a draft.

    Args:
        draft: The draft.
        path: The file that it is in; None for none.

    Returns:
        What it says, field by field; attachments by their digests.
    """
    parsed = kinds.parse_statement(draft.payload)
    header = render.plain(parsed.header)
    facts = header.pop(parsed.kind.facts, {}) if parsed.kind.facts else {}
    return {
        "kind": draft.kind,
        "digest": draft.digest.hex(),
        "statement_id": draft.statement_id,
        "bytes": len(draft.payload),
        "draft": str(path or ""),
        "header": header,
        "facts": facts,
        "body": render.plain(parsed.body) if parsed.body is not None else {},
    }


def show(drafts: Sequence[Draft], paths: Sequence[Path]) -> None:
    """Show what files hold: beside the answer, with `--json`.

    Args:
        drafts: The statements.
        paths: The file of each.
    """
    for draft, path in zip(drafts, paths, strict=True):
        shown = view(draft, path)
        if output.wants_json():
            output.aside({"draft": shown}, "")
        else:
            tables.show_details(shown)


def ask(count: int) -> bool:
    """Ask whether what was shown is to be signed.

    Args:
        count: How many statements it is.

    Returns:
        Whether it is.

    Raises:
        RequestError: There is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise RequestError(
            "nobody is there to be asked whether to sign what is shown here: look at it, then say "
            "--yes"
        )
    what = "it" if count == 1 else f"these {count}"
    return click.confirm(f"Sign {what} and hand {what} in?", err=True)
