"""`forewarn inbox`, and `forewarn breach pull`: what came, verified before it is shown.

* A cursor is kept in the folder only after its entries were shown: a crash may show the last page
  again, and never skips any.
* Whoever lists the whole inbox has it confirmed afterwards, as far as it was shown.
* While pulling, each line of JSON tells its `event`: `record` or `page`.

What comes as it comes is `following`'s.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click

from forewarn_client import attachments
from forewarn_client.cli import attended, connecting, failures, narrowing, output, tables, views
from forewarn_client.cli.accounting import confirm, dispute, verify
from forewarn_client.cli.commands import Group, command
from forewarn_client.cli.following import follow
from forewarn_client.cli.progress import CatchingUp
from forewarn_client.errors import RequestError
from forewarn_client.filters import Filter
from forewarn_client.home import Home
from forewarn_client.member import Member
from forewarn_client.records import VerifiedRecord
from forewarn_client.terminal import safe

inbox = Group(name="inbox", help="Read what came. Everything is verified before it is shown.")


@command(
    name="list",
    examples=("forewarn inbox list", "forewarn inbox list --kind Alert --json"),
)
@narrowing.narrowed
@click.option("--cursor", default="", help="Go on after an earlier listing.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="Most rows.")
@attended.unconfirmed
def list_(cursor: str, limit: int, **given: Any) -> None:  # noqa: ANN401 - click's options
    """List what came, in the ledger's order.

    What is shown of the whole inbox, narrowed by nothing, is confirmed by the exchange afterwards:
    see `forewarn inbox confirm`.
    """
    wanted = narrowing.entry_filter(given)
    asyncio.run(_list(connecting.load_home(), wanted, cursor, limit, given))


async def _list(home: Home, wanted: Filter, cursor: str, limit: int, given: dict[str, Any]) -> None:
    shown: list[VerifiedRecord] = []
    more, progress, began = True, CatchingUp(), cursor
    async with connecting.member(home) as connected:
        wanted = await narrowing.in_case(connected, wanted, given["case"])
        while more and len(shown) < limit:
            size = min(limit - len(shown), 500)
            page = await connected.list_entries(wanted, cursor, size)
            cursor, more = page.cursor, page.more
            shown += page.records
            for record in page.records:
                progress.reached(record.index, connected.verified_size)
            if output.wants_json():
                for record in page.records:
                    output.emit(views.of_record(record))
        if not output.wants_json():
            tables.show_table(
                views.RECORD_COLUMNS,
                (views.record_row(record) for record in shown),
                "Nothing has come yet.",
            )
        if more:
            output.aside({"more": True, "cursor": cursor}, f"There is more: --cursor {cursor}")
        if not given["no_confirm"]:
            await attended.confirmed_afterwards(connected, wanted, shown, began)


@command(
    examples=("forewarn breach pull", "forewarn breach pull --page-size 20 --json"),
)
@click.option("--page-size", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--sender", default="", help="Only this sender.")
def pull(page_size: int, sender: str) -> None:
    """Pull the reports that came since the last pull, page by page.

    A page that was not shown whole comes again with the next pull.
    """
    asyncio.run(_pull(connecting.load_home(), page_size, sender))


async def _pull(home: Home, page_size: int, sender: str) -> None:
    wanted = Filter(kinds=("BreachReport",), sender=sender)
    number = 0
    async with (
        connecting.member(home) as connected,
        aclosing(connected.pull(wanted, keep="breach-pull", page_size=page_size)) as pages,
    ):
        async for page in pages:
            number += 1
            if output.wants_json():
                for record in page.records:
                    output.emit({"event": "record", "page": number, **views.of_record(record)})
                output.emit(
                    {
                        "event": "page",
                        "page": number,
                        "records": len(page.records),
                        "cursor": page.cursor,
                        "more": page.more,
                    }
                )
            else:
                output.say(f"Page {number}")
                tables.show_table(
                    views.RECORD_COLUMNS, (views.record_row(record) for record in page.records), ""
                )
    if not number:
        output.remark("No report came since the last pull.")


@command(examples=("forewarn inbox show 12", "forewarn inbox show 3f9a... --json"))
@click.argument("entry")
def show(entry: str) -> None:
    """Show one ENTRY whole, by its index or the whole digest of its statement."""
    (record,) = asyncio.run(_get(connecting.load_home(), [entry]))
    if output.wants_json():
        output.emit(views.of_record(record))
    else:
        tables.show_details(views.of_record(record))


@command(
    examples=(
        "forewarn inbox save 12 --into advisories",
        "forewarn inbox save 12 13 14 --into advisories",
    )
)
@click.argument("entries", metavar="ENTRY...", nargs=-1, required=True)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder to save to; made where there is none.",
)
def save(entries: tuple[str, ...], into: Path) -> None:
    """Save the files that came with each ENTRY, byte for byte, after checking their digests."""
    records = asyncio.run(_get(connecting.load_home(), entries))
    found, code = 0, 0
    for attached in (each for record in records for each in _attachments(record)):
        found += 1
        into.mkdir(parents=True, exist_ok=True)
        try:
            path = attachments.save(attached, into)
        except ValueError as error:
            # One that cannot be saved does not keep the others back.
            code = failures.report(RequestError(str(error)), attached.file_name)
            continue
        view = {"file": str(path), "size": attached.size, "sha256": attached.sha256.hex()}
        output.answer(view, f"{safe(str(path))}  {attached.size} bytes  {attached.sha256.hex()}")
    if not found:
        output.remark("No files came with it.")
    click.get_current_context().exit(code)


async def _get(home: Home, entries: Sequence[str]) -> list[VerifiedRecord]:
    async with connecting.member(home) as connected:
        return [await find_entry(connected, entry) for entry in entries]


async def find_entry(connected: Member, entry: str) -> VerifiedRecord:
    """Get an entry by what is typed: its index, or the digest of its statement."""
    whole = connecting.digest(entry)
    if whole is not None:
        return await connected.entry(whole)
    if not entry.isascii() or not entry.isdecimal():
        raise RequestError("an entry is named by its index, or by a digest of 64 hex digits")
    return await connected.entry(int(entry))


def _attachments(record: VerifiedRecord) -> Iterator[Any]:
    body: Any = record.body
    for message in (body, getattr(body, "alert", None), getattr(body, "grant", None)):
        yield from getattr(message, "attachments", ())


for made in (list_, follow, show, save, confirm, verify, dispute):
    inbox.add_command(made)
