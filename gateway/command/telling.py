"""`status`: whether it runs, what both logs hold, and whether statements can be taken in."""

# ruff: noqa: D301 - \b is for click

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway.command.frame import json_option, state_option
from gateway.compose.state import SetupError, StateFolder
from gateway.compose.status import LogStatus, Status, Verdict, status_of


@click.command()
@state_option
@json_option
def status(*, state: Path, as_json: bool) -> None:
    """Tell how a gateway is: running, serving, and what both logs hold.

    Changes nothing, and does not disturb a gateway that runs. The exit status is 0 where it serves;
    1 where it runs, but is checking, waiting, or cannot record what leaves; 2 where it does not run
    or the ledger has halted; 3 where that cannot be told.

    \b
    Examples:
      forewarn-gateway status --state run/gateway
      forewarn-gateway status --state run/gateway --json
    """
    folder = StateFolder(root=state.absolute())
    now = datetime.now(UTC)
    try:
        found = status_of(folder, now)
    except SetupError as error:
        click.echo(f"Error: {error}.", err=True)
        sys.exit(Verdict.UNKNOWN)
    if as_json:
        plain = {**asdict(found), "verdict": found.verdict.name.lower()}
        click.echo(json.dumps(plain, default=_plain))
    else:
        for line in _lines(found, now):
            click.echo(line)
    sys.exit(found.verdict)


def _lines(found: Status, now: datetime) -> Iterator[str]:
    where = f" on {found.address}" if found.address else ""
    yield f"{found.verdict.name.lower()}{where if found.running else ', it does not run'}"
    for each in found.processes:
        yield (
            f"  {each.name:10} pid {each.pid}, since {_time(each.started_time)}"
            + (f", {each.streams} streams open" if each.serving is not None else "")
            + (f", SILENT since {_time(each.written_time)}" if each.silent else "")
        )
    for log in found.logs:
        yield f"  {log.name:10} {_log(log, now)}"


def _log(log: LogStatus, now: datetime) -> str:
    if log.flaw:
        return f"cannot be read: {log.flaw}"
    said = [f"{log.signed} entries signed, root {log.root[:16]}"]
    if log.newest_time is not None:
        age = (now - log.newest_time).total_seconds()
        said.append(f"newest {_time(log.newest_time)} ({age:,.0f} s ago)")
    if log.state:
        said.append(log.state + (f" ({log.reason})" if log.reason else ""))
    if log.lag:
        said.append(f"{log.lag} blocks behind the stream")
    if log.waiting:
        said.append(f"{log.waiting} waiting")
    return ", ".join(said)


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _plain(value: object) -> Any:  # noqa: ANN401 - what JSON holds
    return value.isoformat() if isinstance(value, datetime) else str(value)
