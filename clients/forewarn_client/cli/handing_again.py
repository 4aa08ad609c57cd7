"""`forewarn submit`: hand in the very same statement again, or many documents in one run."""

import asyncio
from pathlib import Path

import click

from forewarn_client.authoring import Draft
from forewarn_client.cli import batch, connecting, handing, handing_many, outbox, output
from forewarn_client.cli import drafts as showing
from forewarn_client.cli.batch import Item
from forewarn_client.cli.commands import command
from forewarn_client.cli.failures import LOCAL
from forewarn_client.cli.journal import Journal
from forewarn_client.home import Home

_PATH = click.Path(exists=True, allow_dash=True, path_type=Path)


@command(
    examples=(
        "forewarn submit                     all that is waiting in the outbox",
        "forewarn alert send alert.toml --draft alert.statement",
        "forewarn submit alert.statement                 shows what it signs, and asks",
        "forewarn submit alert.statement --yes           for scripts",
        "forewarn submit --many reports/     every document of a folder, over one stream",
        "export-reports | forewarn submit --many - --kind BreachReport --json",
    )
)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=_PATH)
@click.option("--many", is_flag=True, help="Make statements of the documents at PATH.")
@click.option("--kind", default="", help="With --many: kind of documents that state none.")
@click.option("--yes", is_flag=True, help="What PATHS hold has been looked at: sign it.")
def submit(paths: tuple[Path, ...], kind: str, *, many: bool, yes: bool) -> None:
    """Hand in statements as they are: those of PATHS, or those that have no receipt yet.

    What PATHS hold is signed with the member's own key: it is shown, and on a terminal it is asked
    for. A statement that the exchange has already gets the index that it had: nothing is recorded
    twice.

    With --many, PATHS are documents: files, folders of them (*.toml, *.json), or lines of JSON,
    from *.jsonl or from standard input (-). All are made into statements before any is handed in,
    over one stream, each with its receipt. Interrupted or cut off, run the same command again: what
    was recorded is not handed in twice, what waits is handed in as it was, and a document that was
    refused becomes a new statement. A document whose content was recorded once is passed over,
    under whatever name. What needs another statement to be recorded first does not belong in one
    run. With --json, each statement is a line with its `outcome`: recorded, recorded_before,
    refused or waiting. The exit code is that of the worst, as 3 where one was refused.
    """
    if kind and not many:
        raise click.UsageError("--kind goes with --many.")
    if yes and many:
        raise click.UsageError("--yes is for statements, not for the documents of --many.")
    home = connecting.load_home()
    code = _many(home, paths, kind) if many else _as_they_are(home, paths, yes=yes)
    click.get_current_context().exit(code)


def _as_they_are(home: Home, paths: tuple[Path, ...], *, yes: bool) -> int:
    found = list(paths) or outbox.waiting(home)
    if not found:
        output.remark("Nothing is waiting: every statement has its receipt.")
        return 0
    drafts = [outbox.load(path) for path in found]
    # What waits in the outbox was signed before; what a file holds, this member may not have made.
    if paths:
        showing.show(drafts, found)
        if not yes and not showing.ask(len(drafts)):
            output.remark("Nothing was sent.")
            return LOCAL
    return asyncio.run(_submit(home, drafts, [str(path) for path in found]))


def _many(home: Home, paths: tuple[Path, ...], kind: str) -> int:
    with Journal.opened(home) as journal:
        items = (
            batch.prepare(home, journal, batch.sheets(paths), kind)
            if paths
            else batch.waiting(home)
        )
        if not items:
            output.remark("Nothing is waiting: every statement has its receipt.")
            return 0
        return asyncio.run(_stream(home, journal, items))


async def _submit(home: Home, drafts: list[Draft], labels: list[str]) -> int:
    async with connecting.member(home) as connected:
        return await handing.hand_in(connected, drafts, labels)


async def _stream(home: Home, journal: Journal, items: list[Item]) -> int:
    async with connecting.member(home) as connected:
        return await handing_many.hand_in(connected, journal, items)
