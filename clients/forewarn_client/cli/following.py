"""`forewarn inbox follow`: each entry as it comes, shown or handed to a command, then ticked off.

* The cursor is kept in the folder only after an entry was shown, or its command ended with status
  0: whatever ends this command, an entry may come again, and none is skipped.
* Ctrl-C and SIGTERM end it in good order: the command that is running is ended, too, and its entry
  comes again.
* `--json` tells events, `open` and `record`; `--jsonl` shows records only, as `inbox list --json`.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import click

from forewarn_client import times
from forewarn_client.cli import attended, connecting, narrowing, output, views
from forewarn_client.cli.commands import command
from forewarn_client.cli.hooks import Hook
from forewarn_client.cli.progress import CatchingUp
from forewarn_client.cursors import Cursor, CursorFile
from forewarn_client.errors import UnavailableError
from forewarn_client.filters import Filter
from forewarn_client.home import Home
from forewarn_client.member import Member
from forewarn_client.outcomes import Delivery
from forewarn_client.terminal import safe

_SHOWN: Final = "inbox-follow"
_HANDED_OVER: Final = "inbox-exec"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Following:
    """How a stream is followed.

    Attributes:
        wanted: What is followed, but for the case.
        case: The case, as typed.
        cursor: Where to begin; empty for what is kept, or the first entry.
        keep: Name under which the cursor is kept; empty to keep none.
        limit: After how many to end.
        idle: For how many seconds at most to wait for the next one.
        records_only: Whether JSON shows records only.
        hook: What is run for each.
        confirmed: Whether what was dealt with is confirmed.
    """

    wanted: Filter
    case: str
    cursor: str
    keep: str
    limit: int | None
    idle: float | None
    records_only: bool
    hook: Hook | None
    confirmed: bool


@command(
    examples=(
        "forewarn inbox follow",
        "forewarn inbox follow --since-start --json",
        "forewarn inbox follow --kind Alert --limit 2 --idle-timeout 30",
        "forewarn inbox follow --jsonl | jq -r .body.title",
        "forewarn inbox follow --kind Alert --exec ./page-the-desk --exec-timeout 60",
        "forewarn inbox follow --exec 'sh -c \"cat >> alerts.jsonl\"'",
    )
)
@narrowing.narrowed
@click.option("--cursor", default="", help="Go on after this cursor, once; keeps none.")
@click.option("--since-start", is_flag=True, help="Begin with the first entry; keeps no cursor.")
@click.option("--limit", type=click.IntRange(1), help="End after so many.")
@click.option(
    "--idle-timeout",
    "idle",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="End when nothing came for so long; exit code 4 where --limit was not reached.",
)
@click.option("--jsonl", is_flag=True, help="One record a line, as `inbox list --json` shows it.")
@click.option("--exec", "typed", metavar="CMD", help="Run this for each entry, at least once.")
@click.option(
    "--exec-timeout",
    "seconds",
    type=click.FloatRange(0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="For how long CMD may run; it is ended then, and has failed.",
)
@click.option(
    "--exec-retry",
    "retries",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="TIMES",
    help="Run a CMD that failed again, so often at most, after 1, 2, 4 ... 60 s.",
)
@click.option(
    "--keep",
    metavar="NAME",
    help="Keep the place under this name, beside others; lower-case letters, digits, hyphens.",
)
@attended.unconfirmed
def follow(**given: Any) -> None:  # noqa: ANN401 - click's options
    """Follow what comes, as it comes; goes on after what this command showed last.

    The stream comes back by itself where it breaks. With --json each entry is one line that holds
    `received_at`, this machine's clock when the entry was verified, beside the exchange's own
    `received_time`, and the `cursor` to go on with.

    With --exec, CMD is run for each entry, one after another, by no shell. It finds the record as
    JSON on its standard input, and FOREWARN_INDEX, FOREWARN_KIND, FOREWARN_SENDER, FOREWARN_TLP,
    FOREWARN_DIGEST, FOREWARN_STATEMENT_ID, FOREWARN_CASE, FOREWARN_CASE_STATE,
    FOREWARN_RECEIVED_TIME and FOREWARN_HOME in its environment. An entry counts as dealt with when
    CMD ends with status 0. If it does not, this command ends with exit code 1, and the same entry
    comes first the next time: each entry is handed over AT LEAST ONCE, so let CMD be one that may
    be run twice for an entry (its FOREWARN_DIGEST is the same then). What CMD prints goes to
    standard output, or to standard error with --json or --jsonl. --exec keeps a place of its own,
    apart from what was only shown.

    What was dealt with of the whole inbox, narrowed by nothing, is confirmed by the exchange some
    seconds later: see `forewarn inbox confirm`. Where that does not work, it is tried again, and
    nothing waits for it. Exit code 5 where the exchange holds something for you that it did not
    show.
    """
    if given["cursor"] and given["since_start"]:
        raise click.UsageError("Give --cursor or --since-start, not both.")
    starts_itself = bool(given["cursor"] or given["since_start"])
    if given["keep"] and starts_itself:
        raise click.UsageError("--keep is for a place that is kept: leave the other option out.")
    typed, as_json = given["typed"], output.wants_json() or given["jsonl"]
    hook = None
    if typed is not None:
        hook = Hook.of(typed, seconds=given["seconds"], retries=given["retries"], aside=as_json)
    how = _Following(
        wanted=narrowing.entry_filter(given),
        case=given["case"],
        cursor=given["cursor"],
        keep="" if starts_itself else given["keep"] or (_HANDED_OVER if hook else _SHOWN),
        limit=given["limit"],
        idle=given["idle"],
        records_only=given["jsonl"],
        hook=hook,
        confirmed=not given["no_confirm"],
    )
    if asyncio.run(_until_told(connecting.load_home(), how)):
        # Ended in good order; whoever asked for it sees the signal that they sent.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)


async def _until_told(home: Home, how: _Following) -> bool:
    """Follow; give whether SIGTERM was what ended it."""
    task, told = asyncio.ensure_future(_follow(home, how)), False

    def end() -> None:
        nonlocal told
        told = True
        task.cancel()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, end)
    try:
        await task
    except asyncio.CancelledError:
        if not told:
            raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
    return told


async def _follow(home: Home, how: _Following) -> None:
    async with AsyncExitStack() as held:
        connected = await held.enter_async_context(connecting.member(home))
        wanted = await narrowing.in_case(connected, how.wanted, how.case)
        kept, cursor = None, how.cursor
        if how.keep:
            file = CursorFile(home.state, how.keep, wanted.message())
            kept = held.enter_context(file.held())
            cursor = str(kept.load())

        def opened() -> None:
            _tell_open(how)

        stream = connected.follow(wanted, cursor, opened=opened)
        entries = await held.enter_async_context(aclosing(stream))
        attending = attended.attending(connected, wanted, held) if how.confirmed else None
        if attending is not None:
            entries = await held.enter_async_context(aclosing(attending.over(entries, cursor)))
        await _take_all(connected, entries, how, kept)
        if attending is not None:
            await attending.settle()


async def _take_all(
    connected: Member, entries: AsyncIterator[Delivery], how: _Following, kept: CursorFile | None
) -> None:
    taken, progress = 0, CatchingUp()
    while how.limit is None or taken < how.limit:
        try:
            delivery = await asyncio.wait_for(anext(entries), how.idle)
        except StopAsyncIteration:
            return
        except TimeoutError:
            if how.limit is None:
                output.remark("Nothing came for a while.")
                return
            raise UnavailableError(
                "IDLE_TIMEOUT", f"nothing came for {how.idle} s, and only {taken} before"
            ) from None
        if how.hook is not None:
            await how.hook.run(views.of_record(delivery.record), connected.home)
        _show(delivery, how)
        taken += 1
        if kept is not None:
            # Killed before this line, the same entry comes again.
            kept.save(Cursor.parse(delivery.cursor))
        progress.reached(delivery.record.index, connected.verified_size)


def _tell_open(how: _Following) -> None:
    if how.records_only or not output.wants_json():
        output.remark("Following; Ctrl-C ends it.")
    else:
        output.emit({"event": "open", "received_at": times.write_time(datetime.now(UTC))})


def _show(delivery: Delivery, how: _Following) -> None:
    record = delivery.record
    if how.records_only:
        output.emit(views.of_record(record))
    elif output.wants_json():
        output.emit(
            {
                "event": "record",
                "received_at": times.write_time(datetime.now(UTC)),
                "cursor": delivery.cursor,
                **views.of_record(record),
            }
        )
    elif how.hook is None:
        row = views.record_row(record)
        output.say("  ".join(safe(str(cell)) for cell in row if cell != ""))
