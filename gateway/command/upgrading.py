"""`upgrade`: brings a state folder to what this gateway reads."""

# ruff: noqa: D301 - \b is for click

from __future__ import annotations

import json
import time
from pathlib import Path

import click
import uvloop

from gateway.command.frame import configure_logs, json_option, sentences, state_option
from gateway.compose import upgrade as upgrading
from gateway.compose.state import StateFolder

_TELL_SECONDS = 1.0


@click.command()
@state_option
@click.option("--drop", is_flag=True, help="Remove what earlier upgrades kept.")
@json_option
def upgrade(*, state: Path, drop: bool, as_json: bool) -> None:
    """Bring a state folder to what this gateway reads. Stop the gateway first.

    Folds every block of a store of an earlier version anew into a new one beside it, proves that
    its tree is the one that was signed, and puts it in the place of the old one, which is kept.
    Rewrites a configuration of an earlier version, and keeps it too. Safe to interrupt and to run
    again; on any doubt it refuses, and everything is as it was.

    --drop removes what was kept, once you are sure.

    \b
    Examples:
      forewarn-gateway upgrade --state run/gateway
      forewarn-gateway upgrade --state run/gateway --drop
    """
    folder = StateFolder(root=state.absolute())
    with sentences():
        configure_logs(as_json=as_json)
        if drop:
            removed = uvloop.run(upgrading.drop(folder))
            _say({"removed": [str(path) for path in removed]}, as_json=as_json)
            return
        done = uvloop.run(upgrading.upgrade(folder, _teller()))
    _say({"kept": [str(path) for path in done.kept]}, as_json=as_json)


def _say(said: dict[str, list[str]], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(said))
        return
    for what, paths in said.items():
        for path in paths:
            click.echo(f"{what:8} {path}")
        if not paths:
            click.echo("Everything is up to date." if what == "kept" else "Nothing was kept.")


def _teller() -> upgrading.Progress:
    """Give what tells people, once a second and at the end of each file, how far it is."""
    told = 0.0

    def tell(name: str, done: int, count: int) -> None:
        nonlocal told
        if done == count or time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            click.echo(f"{name}: {done:,} of {count:,} blocks", err=True)

    return tell
