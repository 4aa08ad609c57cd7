"""`forewarn submit`: hand in the very same statement again."""

import asyncio
from pathlib import Path

import click

from forewarn_client.authoring import Draft
from forewarn_client.cli import connecting, handing, outbox, output
from forewarn_client.cli.commands import FILE, command
from forewarn_client.home import Home


@command(
    examples=(
        "forewarn submit                     all that is waiting in the outbox",
        "forewarn alert send alert.toml --draft alert.statement",
        "forewarn submit alert.statement",
    )
)
@click.argument("files", nargs=-1, type=FILE)
def submit(files: tuple[Path, ...]) -> None:
    """Hand in statements as they are: those of FILES, or those that have no receipt yet.

    A statement that the exchange has already gets the index that it had: nothing is recorded
    twice.
    """
    home = connecting.load_home()
    paths = list(files) or outbox.waiting(home)
    if not paths:
        output.remark("Nothing is waiting: every statement has its receipt.")
        return
    drafts = [outbox.load(path) for path in paths]
    code = asyncio.run(_submit(home, drafts, [str(path) for path in paths]))
    click.get_current_context().exit(code)


async def _submit(home: Home, drafts: list[Draft], labels: list[str]) -> int:
    async with connecting.member(home) as connected:
        return await handing.hand_in(connected, drafts, labels)
