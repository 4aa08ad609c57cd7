"""`forewarn inbox`, and `forewarn breach pull`: what came, verified before it is shown.

* A cursor is kept in the folder only after its entries were shown: a crash may show the last one
  again, and never skips any.
* While streaming, each line of JSON tells its `event`: `open`, `record` or `page`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from forewarn_client import attachments, identity, kinds, times
from forewarn_client.cli import connecting, failures, output, tables, views
from forewarn_client.cli.commands import Group, command
from forewarn_client.cursors import Cursor, CursorFile
from forewarn_client.errors import RequestError, UnavailableError
from forewarn_client.filters import Box, Filter
from forewarn_client.home import Home
from forewarn_client.member import Member
from forewarn_client.outcomes import Delivery
from forewarn_client.records import VerifiedRecord
from forewarn_client.terminal import safe

_COLUMNS = ("Index", "Received", "From", "Kind", "TLP", "Case", "State", "About")

inbox = Group(name="inbox", help="Read what came. Everything is verified before it is shown.")

_narrowing = (
    click.option("--kind", multiple=True, help="Only this kind, as in Alert; repeatable."),
    click.option("--sender", default="", help="Only this sender."),
    click.option("--case", default="", help="Only this case, by the first digits of its digest."),
    click.option(
        "--box",
        type=click.Choice(["received", "sent", "all"]),
        default="received",
        show_default=True,
        help="What was received, what was sent, or both.",
    ),
)


def _narrowed(function: Any) -> Any:  # noqa: ANN401 - a decorator of click's
    for option in reversed(_narrowing):
        function = option(function)
    return function


def _filter(given: dict[str, Any]) -> Filter:
    """Make the filter that was typed, but for the case, which only the exchange can name."""
    names = tuple(kinds.find(name).name for name in given["kind"])
    if given["sender"] and not identity.is_member_id(given["sender"]):
        raise RequestError("--sender takes the id of a member: see `forewarn directory list`")
    return Filter(box=Box[given["box"].upper()], kinds=names, sender=given["sender"])


async def _in_case(connected: Member, wanted: Filter, typed: str) -> Filter:
    case = await connecting.find_case(connected, typed) if typed else b""
    return replace(wanted, case=case)


@command(
    name="list",
    examples=("forewarn inbox list", "forewarn inbox list --kind Alert --json"),
)
@_narrowed
@click.option("--cursor", default="", help="Go on after an earlier listing.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="Most rows.")
def list_(cursor: str, limit: int, **given: Any) -> None:  # noqa: ANN401 - click's options
    """List what came, in the ledger's order."""
    wanted = _filter(given)
    asyncio.run(_list(connecting.load_home(), wanted, given["case"], cursor, limit))


async def _list(home: Home, wanted: Filter, case: str, cursor: str, limit: int) -> None:
    shown: list[VerifiedRecord] = []
    more = True
    async with connecting.member(home) as connected:
        wanted = await _in_case(connected, wanted, case)
        while more and len(shown) < limit:
            size = min(limit - len(shown), 500)
            page = await connected.list_entries(wanted, cursor, size)
            cursor, more = page.cursor, page.more
            shown += page.records
            if output.wants_json():
                for record in page.records:
                    output.emit(views.of_record(record))
    if not output.wants_json():
        tables.show_table(_COLUMNS, (_row(record) for record in shown), "Nothing has come yet.")
    if more:
        output.aside({"more": True, "cursor": cursor}, f"There is more: --cursor {cursor}")


@command(
    examples=(
        "forewarn inbox follow",
        "forewarn inbox follow --since-start --json",
        "forewarn inbox follow --kind Alert --limit 2 --idle-timeout 30",
    )
)
@_narrowed
@click.option("--cursor", default="", help="Go on after this cursor, once; keeps none.")
@click.option("--since-start", is_flag=True, help="Begin with the first entry; keeps no cursor.")
@click.option("--limit", type=click.IntRange(1), help="End after so many.")
@click.option(
    "--idle-timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="End when nothing came for so long; exit code 4 where --limit was not reached.",
)
def follow(
    cursor: str,
    since_start: bool,  # noqa: FBT001 - click passes flags so
    limit: int | None,
    idle_timeout: float | None,
    **given: Any,  # noqa: ANN401 - click's options
) -> None:
    """Follow what comes, as it comes; goes on after what this command showed last.

    The stream comes back by itself where it breaks. With --json each entry is one line that holds
    `received_at`, this machine's clock when the entry was verified, beside the exchange's own
    `received_time`, and the `cursor` to go on with.
    """
    if cursor and since_start:
        raise click.UsageError("Give --cursor or --since-start, not both.")
    how = _Following(
        wanted=_filter(given),
        case=given["case"],
        cursor=cursor,
        keeps=not cursor and not since_start,
        limit=limit,
        idle=idle_timeout,
    )
    asyncio.run(_follow(connecting.load_home(), how))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Following:
    """How a stream is followed."""

    wanted: Filter
    case: str
    cursor: str
    keeps: bool
    limit: int | None
    idle: float | None


async def _follow(home: Home, how: _Following) -> None:
    async with AsyncExitStack() as held:
        connected = await held.enter_async_context(connecting.member(home))
        wanted = await _in_case(connected, how.wanted, how.case)
        kept, cursor = None, how.cursor
        if how.keeps:
            file = CursorFile(home.state, "inbox-follow", wanted.message())
            kept = held.enter_context(file.held())
            cursor = str(kept.load())
        stream = connected.follow(wanted, cursor, opened=_tell_open)
        await _show_stream(await held.enter_async_context(aclosing(stream)), how, kept)


async def _show_stream(
    stream: AsyncIterator[Delivery], how: _Following, kept: CursorFile | None
) -> None:
    shown = 0
    while how.limit is None or shown < how.limit:
        try:
            delivery = await asyncio.wait_for(anext(stream), how.idle)
        except StopAsyncIteration:
            return
        except TimeoutError:
            if how.limit is None:
                output.remark("Nothing came for a while.")
                return
            raise UnavailableError(
                "IDLE_TIMEOUT", f"nothing came for {how.idle} s, and only {shown} before"
            ) from None
        _show_delivery(delivery)
        shown += 1
        if kept is not None:
            # Killed before this line, the same entry is shown again.
            kept.save(Cursor.parse(delivery.cursor))


def _tell_open() -> None:
    if output.wants_json():
        output.emit({"event": "open", "received_at": times.write_time(datetime.now(UTC))})
    else:
        output.remark("Following; Ctrl-C ends it.")


def _show_delivery(delivery: Delivery) -> None:
    record = delivery.record
    if output.wants_json():
        output.emit(
            {
                "event": "record",
                "received_at": times.write_time(datetime.now(UTC)),
                "cursor": delivery.cursor,
                **views.of_record(record),
            }
        )
    else:
        output.say("  ".join(safe(str(cell)) for cell in _row(record) if cell != ""))


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
                tables.show_table(_COLUMNS, (_row(record) for record in page.records), "")
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


def _row(record: VerifiedRecord) -> tuple[object, ...]:
    view = views.of_record(record)
    return (
        record.index,
        f"{record.received_time:%Y-%m-%d %H:%M:%S}",
        record.sender,
        record.kind,
        view["tlp"],
        view["case"][: views.CASE_DIGITS],
        record.case_state,
        views.subject(record),
    )


for made in (list_, follow, show, save):
    inbox.add_command(made)
