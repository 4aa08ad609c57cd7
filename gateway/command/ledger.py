"""`ledger`: whether what the gateway keeps is whole; mending it, copying it, bringing it back."""

# ruff: noqa: D301 - \b is for click

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Final

import click
import uvloop

from gateway.care.findings import Finding
from gateway.command.frame import configure_logs, json_option, sentences, state_option
from gateway.compose.backing import Backup
from gateway.compose.backing import backup as back_up_folder
from gateway.compose.backing import restore as restore_folder
from gateway.compose.checking import Report, Standing, check_folder, scrub_folder
from gateway.compose.comparing import compare as compare_folder
from gateway.compose.generations import NAMES
from gateway.compose.repairing import Wish
from gateway.compose.repairing import repair as repair_folder
from gateway.compose.state import StateFolder

_TELL_SECONDS: Final = 0.2

scratch_option = click.option(
    "--scratch",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Make copies below this folder; they need as much room as stores and streams do.",
)

seen_option = click.option(
    "--seen",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    multiple=True,
    help="A signed checkpoint from outside: of a member, a witness or a monitor.",
)


@click.group()
def ledger() -> None:
    """Look after both logs: the ledger and the audit log.

    \b
    Examples:
      forewarn-gateway ledger check --state run/gateway
      forewarn-gateway ledger repair --state run/gateway --dry-run
      forewarn-gateway ledger backup --state run/gateway --to /backup/exchange
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


@ledger.command()
@state_option
@scratch_option
@seen_option
@click.option("--dry-run", is_flag=True, help="Only show what would be done; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def repair(
    *,
    state: Path,
    scratch: Path | None,
    seen: tuple[Path, ...],
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Restore each engine from the other, prove it, and put it in place.

    Stop the gateway first. The store is folded anew from the blocks that store and stream still
    hold; where the stream is damaged, a new one is made from them. Nothing takes its place unless
    its tree is the one that was signed. What is replaced is kept below <state>/set-aside. Killed,
    it is run again.

    \b
    Exit status: 0 all is whole afterwards; 1 refused, or something is still damaged.

    \b
    Examples:
      forewarn-gateway ledger repair --state run/gateway --dry-run
      forewarn-gateway ledger repair --state run/gateway
    """
    folder = StateFolder(root=state.absolute())
    tell = progress_line()

    def agreed(words: Sequence[str]) -> bool:
        click.echo("\n".join(words), err=as_json)
        return not dry_run and (yes or click.confirm("Do it?", err=as_json))

    with sentences():
        configure_logs(as_json=as_json)
        wish = Wish(agreed=agreed, seen=read_notes(seen), scratch=scratch, progress=tell)
        done = uvloop.run(repair_folder(folder, wish))
        if dry_run:
            return
        report = uvloop.run(check_folder(folder, scratch=scratch, stream="read", progress=tell))
    if not as_json:
        click.echo("Repaired." if done else "Nothing was repaired.")
    click.echo(json.dumps(as_table(report)) if as_json else in_words(report))
    sys.exit(min(report.standing, 1))


@ledger.command()
@state_option
@seen_option
@click.option(
    "--acknowledge",
    multiple=True,
    metavar="LOG=SIZE",
    help="Say that a log of this size is the right one, though nobody could compare it.",
)
@json_option
def compare(
    *, state: Path, seen: tuple[Path, ...], acknowledge: tuple[str, ...], as_json: bool
) -> None:
    """Compare the logs with checkpoints from outside, and let them be served if they agree.

    A checkpoint is a signed note: `state/checkpoint` in a member's folder, or what a monitor keeps.
    A log that was restored from a backup, or whose last signed checkpoint was lost, is not served
    before that: members may have seen more than it holds. Acknowledge a size only if no member can
    have seen a larger one; the gateway would go on with a second history, and every client that
    has seen the first stops. Exit status 1 where a log still waits to be compared.

    \b
    Examples:
      forewarn-gateway ledger compare --state run/gateway --seen checkpoint
      forewarn-gateway ledger compare --state run/gateway --acknowledge ledger=1204
    """
    folder = StateFolder(root=state.absolute())
    with sentences():
        configure_logs(as_json=as_json)
        said = uvloop.run(compare_folder(folder, read_notes(seen), sizes(acknowledge)))
    if as_json:
        click.echo(json.dumps({"compared": said.compared, "uncompared": list(said.uncompared)}))
        sys.exit(bool(said.uncompared))
    for name, size in said.compared.items():
        click.echo(f"{name}: it holds what was seen at size {size:,}.")
    for name in said.uncompared:
        click.echo(f"{name}: not compared yet with a checkpoint as new as its own.")
    if said.uncompared:
        click.echo(
            "The gateway is not served before each is: ask members and monitors for newer ones.",
            err=True,
        )
        sys.exit(1)


@ledger.command()
@state_option
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="An empty folder, or one with an earlier backup: then what is new is added.",
)
@click.option(
    "--with-keys", is_flag=True, help="Copy the keys of the logs too: whoever has them can sign."
)
@json_option
def backup(*, state: Path, to: Path, with_keys: bool, as_json: bool) -> None:
    """Copy both logs, each at one signed size, and verify what was written.

    The gateway may run meanwhile. The copy is folded anew from the blocks, so that it is proven;
    damage is never copied. Streams and certificates are not in it.

    \b
    Examples:
      forewarn-gateway ledger backup --state run/gateway --to /backup/exchange
      forewarn-gateway ledger backup --state run/gateway --to /safe/exchange --with-keys
    """
    folder = StateFolder(root=state.absolute())
    with sentences():
        configure_logs(as_json=as_json)
        made = uvloop.run(
            back_up_folder(folder, to.absolute(), keys=with_keys, progress=progress_line())
        )
    _say_sizes(made, f"backed up to {to}", as_json=as_json)


@ledger.command()
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="The backup.",
)
@state_option
@click.option(
    "--keys",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A folder with keeper/log.pem and audit-keeper/log.pem, where the backup has none.",
)
@json_option
def restore(*, source: Path, state: Path, keys: Path | None, as_json: bool) -> None:
    """Make a new state folder from a backup, verified before it is put in place.

    The gateway does not start from it before it was compared with a checkpoint that members have
    seen (`ledger compare`): what was recorded after the backup would be a second history.

    \b
    Example:
      forewarn-gateway ledger restore --from /backup/exchange --state run/new --keys /safe/keys
    """
    folder = StateFolder(root=state.absolute())
    with sentences():
        configure_logs(as_json=as_json)
        held = uvloop.run(
            restore_folder(source.absolute(), folder, keys=keys, progress=progress_line())
        )
    _say_sizes(held, f"restored to {state}", as_json=as_json)
    if not as_json:
        click.echo(
            "Compare it before you start it: forewarn-gateway ledger compare "
            f"--state {state} --seen CHECKPOINT"
        )


@ledger.command()
@state_option
@click.option(
    "--rate", type=click.IntRange(1, 4096), default=64, show_default=True, help="MiB/s, at most."
)
@json_option
def scrub(*, state: Path, rate: int, as_json: bool) -> None:
    """Hash again what both stores keep, as a serving gateway does in the background.

    Finds a flipped bit in a block, an entry or the tree. It is quicker than `ledger check`, which
    also folds, verifies every signature and reads the streams. The gateway may run meanwhile.

    \b
    Exit status: 0 nothing was found; 1 something is damaged.

    \b
    Example:
      forewarn-gateway ledger scrub --state run/gateway --rate 16
    """
    folder = StateFolder(root=state.absolute())
    with sentences():
        configure_logs(as_json=as_json)
        found = uvloop.run(
            scrub_folder(folder, bytes_per_second=rate << 20, progress=progress_line())
        )
    if as_json:
        click.echo(json.dumps({"sizes": found}))
        return
    for name, size in found.items():
        click.echo(f"{name}: {size:,} entries are what they were.")


def _say_sizes(held: Backup, what: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"origin": held.origin, "sizes": held.sizes, "time": held.time}))
        return
    sizes = ", ".join(f"{name} at {size:,}" for name, size in held.sizes.items())
    click.echo(f"{held.origin} is {what}: {sizes}.")


def read_notes(paths: Sequence[Path]) -> list[bytes]:
    """Read signed notes.

    Args:
        paths: Their files.
    """
    return [path.read_bytes() for path in paths]


def sizes(said: Sequence[str]) -> dict[str, int]:
    """Read what was acknowledged.

    Args:
        said: As in `ledger=1204`.
    """
    found = {}
    for each in said:
        name, _, size = each.partition("=")
        if name not in NAMES or not size.isdigit():
            raise click.BadParameter(f"{each} is not LOG=SIZE, as in ledger=1204")
        found[name] = int(size)
    return found


def progress_line() -> Callable[[str, int, int], None]:
    """Give what keeps one line on the terminal up to date; nothing where there is no terminal."""
    shown, last = "", 0.0

    def tell(what: str, done: int, total: int) -> None:
        nonlocal shown, last
        now = monotonic()
        if what == shown and now - last < _TELL_SECONDS:
            return
        shown, last = what, now
        count = f": {done:,} of {total:,}" if total else f": {done:,}" if done else ""
        click.echo(f"\r\033[K{what}{count}", nl=False, err=True)

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
