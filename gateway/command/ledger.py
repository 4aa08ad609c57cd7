"""`ledger check`: is what the gateway keeps whole, and if not, what is damaged, and what to do."""

# ruff: noqa: D301 - \b is for click

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final

import click
import uvloop

from gateway.care.findings import Finding
from gateway.command.frame import configure_logs, json_option, sentences, state_option
from gateway.compose.checking import Report, Standing, check_folder
from gateway.compose.state import StateFolder

_TELL_SECONDS: Final = 0.2

scratch_option = click.option(
    "--scratch",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Make copies below this folder; they need as much room as stores and streams do.",
)


@click.group()
def ledger() -> None:
    """Look after both logs: the ledger and the audit log.

    \b
    Examples:
      forewarn-gateway ledger check --state run/gateway
    """


@ledger.command()
@state_option
@scratch_option
@click.option(
    "--without-stream", is_flag=True, help="Leave the stream out, as under a running gateway."
)
@json_option
def check(*, state: Path, scratch: Path | None, without_stream: bool, as_json: bool) -> None:
    """Prove that both logs are whole, or name what is damaged. Changes nothing.

    Folds every block anew and compares each row, reads every message of the streams, verifies every
    signature under the directory of its day, and compares it all with the last signed checkpoints.
    Stop the gateway for it; under a running one, the streams cannot be read.

    \b
    Exit status: 0 all is whole; 1 something is damaged; 2 not everything could be checked.

    \b
    Examples:
      forewarn-gateway ledger check --state run/gateway
      forewarn-gateway ledger check --state run/gateway --without-stream --json
    """
    folder = StateFolder(root=state.absolute())
    with sentences(Standing.UNCHECKED):
        configure_logs(as_json=as_json)
        report = uvloop.run(
            check_folder(
                folder,
                scratch=scratch,
                stream="leave" if without_stream else "read",
                progress=progress_line(),
            )
        )
    click.echo(json.dumps(as_table(report)) if as_json else in_words(report))
    sys.exit(report.standing)


def progress_line() -> Callable[[str, int, int], None]:
    """Give what keeps one line on the terminal up to date; nothing where there is no terminal."""
    shown, last = "", 0.0

    def tell(what: str, done: int, total: int) -> None:
        nonlocal shown, last
        now = monotonic()
        if what == shown and now - last < _TELL_SECONDS:
            return
        shown, last = what, now
        count = f"{done:,} of {total:,}" if total else f"{done:,}"
        click.echo(f"\r\033[K{what}: {count}", nl=False, err=True)

    def say_nothing(_what: str, _done: int, _total: int) -> None:
        pass

    return tell if sys.stderr.isatty() else say_nothing


def as_table(report: Report) -> dict[str, object]:
    """Give a report as what JSON can say."""
    return {
        "standing": report.standing.name.lower(),
        "logs": [
            {
                "log": log.log,
                "size": log.size,
                "root": log.root.hex(),
                "signed": log.signed,
                "blocks": log.blocks,
            }
            for log in report.logs
        ],
        "findings": [_finding(each) for each in report.findings],
        "unchecked": list(report.not_looked_at),
    }


def in_words(report: Report) -> str:
    """Give a report in words."""
    lines = [
        f"{log.log}: {log.size:,} entries in {log.blocks:,} blocks; "
        + ("no signed checkpoint can be read" if log.signed is None else f"{log.signed:,} signed")
        for log in report.logs
    ]
    for found in report.findings:
        more = f" (and {found.more:,} more)" if found.more else ""
        name = f"{found.gravity.upper()} {found.damage} in {found.log}"
        lines += [f"{name}: {found.where}: {found.detail}{more}", f"  {found.remedy}"]
    lines += [f"NOT CHECKED {what}" for what in report.not_looked_at]
    lines.append(
        {
            Standing.WHOLE: "All is whole.",
            Standing.DAMAGED: "Something is damaged: see above for what to do.",
            Standing.UNCHECKED: "What could be checked is whole.",
        }[report.standing]
    )
    return "\n".join(lines)


def _finding(found: Finding) -> dict[str, object]:
    return {
        "log": found.log,
        "damage": str(found.damage),
        "gravity": str(found.gravity),
        "where": found.where,
        "detail": found.detail,
        "more": found.more,
        "remedy": found.remedy,
    }
