"""`forewarn case`: the cases that the member is party to."""

import asyncio
from typing import Final

import click

from forewarn_client.cases import Case, CaseSummary
from forewarn_client.cli import connecting, output, tables, views
from forewarn_client.cli.commands import Group, command
from forewarn_client.home import Home
from forewarn_client.responses import responses
from forewarn_client.terminal import safe

_PROTOCOLS: Final = ("release", "coverage", "grant", "breach", "alert")

case = Group(name="case", help="See the cases you are party to.")


@command(name="list", examples=("forewarn case list", "forewarn case list --protocol grant"))
@click.option("--protocol", type=click.Choice(_PROTOCOLS), help="Only cases of this protocol.")
def list_(protocol: str | None) -> None:
    """List your cases, in the order in which they were opened."""
    found = asyncio.run(_list(connecting.load_home(), protocol or ""))
    if output.wants_json():
        for item in found:
            output.emit(views.of_case(item))
        return
    tables.show_table(
        ("Case", "Protocol", "State", "Opened at", "Last entry"),
        (
            (
                item.digest.hex()[: views.CASE_DIGITS],
                item.protocol,
                item.state,
                item.opened_index,
                item.last_index,
            )
            for item in found
        ),
        "You are party to no case yet.",
    )


@command(examples=("forewarn case show 3f9a2c51", "forewarn case show 3f9a2c51 --json"))
@click.argument("name", metavar="CASE")
def show(name: str) -> None:
    """Show a CASE: a line for each statement, each verified, and who has not answered yet.

    A case is named by the first digits of its digest. Answers go to whoever sent what is answered:
    of your own statements you see who has not answered, of others' whether you have.
    """
    home = connecting.load_home()
    found = asyncio.run(_show(home, name))
    if output.wants_json():
        output.emit(views.of_whole_case(found, home.member))
        return
    output.say(f"{safe(found.protocol)} case {found.digest.hex()}: {safe(found.state)}")
    output.say(f"  parties: {safe(', '.join(found.parties))}")
    tables.show_table(
        ("Index", "Received", "From", "Kind", "State after it", "About"),
        (
            (
                record.index,
                f"{record.received_time:%Y-%m-%d %H:%M:%S}",
                record.sender,
                record.kind,
                record.case_state,
                views.subject(record),
            )
            for record in found.records
        ),
        "",
    )
    for each in responses(found, home.member):
        line = views.response_line(each)
        if line:
            output.say(f"  {safe(line)}")


async def _list(home: Home, protocol: str) -> list[CaseSummary]:
    async with connecting.member(home) as connected:
        return [item async for item in connected.cases(protocol)]


async def _show(home: Home, name: str) -> Case:
    async with connecting.member(home) as connected:
        return await connected.case(await connecting.find_case(connected, name))


for made in (list_, show):
    case.add_command(made)
