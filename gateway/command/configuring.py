"""`config show` and `config check`: what is in force, and whether it is understood."""

# ruff: noqa: D301 - \b is for click

from __future__ import annotations

import json
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import click

from gateway.command.frame import json_option, sentences, state_option
from gateway.compose.config import VERSION, Config, document
from gateway.compose.settings import Setting, tables_of
from gateway.compose.state import StateFolder


@click.group()
def config() -> None:
    """Look at gateway.toml: what is in force, and whether it is understood.

    \b
    Examples:
      forewarn-gateway config show --state run/gateway
      forewarn-gateway config check --state run/gateway
    """


@config.command()
@state_option
@json_option
def show(*, state: Path, as_json: bool) -> None:
    """Show every setting as it is in force, with unit and default.

    A setting that is not in the file is marked: a later version of the gateway may give it another
    default. What serves already has what the file said when it started.

    \b
    Examples:
      forewarn-gateway config show --state run/gateway
      forewarn-gateway config show --state run/gateway --json
    """
    folder = StateFolder(root=state.absolute())
    with sentences():
        said = document(folder.config)
        read = Config.of(said, folder.config)
    if as_json:
        tables = {
            table.name: {
                each.key: _described(each, read, said=each.key in said.get(table.name, {}))
                for each in table.settings
            }
            for table in tables_of(Config)
        }
        click.echo(json.dumps({"version": VERSION, **tables}))
        return
    for table in tables_of(Config):
        click.echo(f"[{table.name}]")
        for each in table.settings:
            value = getattr(getattr(read, table.name), each.key)
            written = each.key in said.get(table.name, {})
            click.echo(f"{each.key} = {each.rendered(value)}{_marked(each, value, said=written)}")
        click.echo()


@config.command()
@state_option
@json_option
def check(*, state: Path, as_json: bool) -> None:
    """Check that gateway.toml is understood, and that its certificates can be served with.

    \b
    Example:
      forewarn-gateway config check --state run/gateway && systemctl restart forewarn-gateway
    """
    folder = StateFolder(root=state.absolute())
    with sentences():
        Config.read(folder.config).tls.files.credentials()
    click.echo(json.dumps({"ok": str(folder.config)}) if as_json else f"{folder.config} is fine.")


def _described(each: Setting, read: Config, *, said: bool) -> dict[str, Any]:
    value = getattr(getattr(read, each.table), each.key)
    described: dict[str, Any] = {"value": each.plain(value), "written": said}
    if each.default is not MISSING:
        described |= {"default": each.plain(each.default), "is_default": value == each.default}
    if each.unit:
        described |= {"unit": each.unit, "least": each.least, "most": each.most}
    return described


def _marked(each: Setting, value: object, *, said: bool) -> str:
    notes = [each.unit] if each.unit else []
    if each.default is not MISSING:
        changed = value != each.default
        notes.append(f"default {each.rendered(each.default)}" if changed else "default")
        if not said:
            notes.append("not in the file")
    return f"  # {', '.join(notes)}" if notes else ""
