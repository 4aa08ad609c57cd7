"""Plain output: lines for people, objects for programs, and errors.

* With `--json` standard output holds objects only, one a line, ASCII, flushed line by line.
* What came from others is made safe before it reaches a terminal (`terminal.safe`).
* Errors go to standard error: a sentence or two with what to do next, or an object
  `{"error": {"reason", "detail", "violations"}}`, with `audit_index` where a refusal has one.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from forewarn_client.cli import settings
from forewarn_client.terminal import json_line, safe, safe_lines


def wants_json() -> bool:
    """Tell whether the running command answers in JSON."""
    return settings.current().json


def emit(value: Mapping[str, Any]) -> None:
    """Write an object as one line of JSON and flush it."""
    click.echo(json_line(value))
    sys.stdout.flush()


def say(text: str) -> None:
    """Write lines for people; they hold nothing that came from others unless made safe."""
    click.echo(text)


def remark(text: str) -> None:
    """Write a line for people beside the answer, to standard error; nothing with `--json`."""
    if not wants_json():
        click.echo(text, err=True)


def aside(value: Mapping[str, Any], text: str) -> None:
    """Write what stands beside the answer to standard error: the object with `--json`."""
    click.echo(json_line(value) if wants_json() else text, err=True)


def answer(value: Mapping[str, Any], text: str) -> None:
    """Write the answer of a command: the object with `--json`, else the text."""
    if wants_json():
        emit(value)
    else:
        say(text)


def error(
    reason: str,
    detail: str,
    violations: Sequence[tuple[str, str]] = (),
    *,
    about: str = "",
    audit_index: int | None = None,
) -> None:
    """Write an error.

    Args:
        reason: Why, stable, UPPER_SNAKE.
        detail: A sentence or two: what is wrong and what to do next.
        violations: Fields at fault, each with what is wrong with it.
        about: What it is about, as the name of a file; empty for the command itself.
        audit_index: Where the refusal is on record in the audit log; None for no such place.
    """
    if wants_json():
        fields = [{"field": field, "description": what} for field, what in violations]
        problem: dict[str, Any] = {"reason": reason, "detail": detail, "violations": fields}
        if about:
            problem["about"] = about
        if audit_index is not None:
            problem["audit_index"] = audit_index
        click.echo(json_line({"error": problem}), err=True)
        return
    prefix = f"{safe(about)}: " if about else ""
    click.echo(f"forewarn: {prefix}{safe_lines(detail)} [{safe(reason)}]", err=True)
    for field, what in violations:
        click.echo(f"  {safe_lines(field or '(whole)')}: {safe_lines(what)}", err=True)
    if audit_index is not None:
        click.echo(f"  On record in the audit log: `forewarn audit show {audit_index}`", err=True)
