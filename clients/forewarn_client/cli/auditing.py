"""`forewarn audit`: what the exchange's audit log holds about the member, each event verified."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final

import click

from forewarn_client import times
from forewarn_client.audit import AuditEvent, AuditRecord
from forewarn_client.cli import connecting, output, tables
from forewarn_client.cli.commands import Group, command
from forewarn_client.home import Home
from forewarn_client.inboxes.span import Span
from forewarn_client.terminal import safe

_COLUMNS: Final = ("Index", "Time", "What", "Call", "System", "About")
_WHAT: Final = {
    "content_released": "released",
    "grant_looked_up": "grant looked up",
    "calls_refused": "refused",
    "inbox_confirmed": "inbox compared",
}
_SHORT: Final = 12

audit = Group(
    name="audit",
    help="See who was given what you sent, and who was refused. Everything is verified first.",
)


class _Since(click.ParamType[datetime]):
    """A time, as documents state it."""

    name = "time"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> datetime:
        """Read the time."""
        if isinstance(value, datetime):
            return value
        try:
            return times.read_time(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@command(
    name="list",
    examples=(
        "forewarn audit list",
        "forewarn audit list --since 2026-11-01T00:00:00Z --json",
        "forewarn audit list --entry 12",
    ),
)
@click.option("--since", type=_Since(), help="Only at this time or later, as 2026-11-01T00:00:00Z.")
@click.option("--entry", type=click.IntRange(0), help="Only releases of this entry, by its index.")
def list_(since: datetime | None, entry: int | None) -> None:
    """List what the audit log holds about your statements and your systems.

    An entry above TLP:GREEN leaves the exchange only once its release is on record here, so this
    shows which systems were given what you sent, and when. Whether it arrived is not known.
    """
    found = asyncio.run(_list(connecting.load_home(), since))
    if entry is not None:
        found = [event for event in found if entry in event.entry_indexes]
    if output.wants_json():
        for event in found:
            output.emit(view(event))
        return
    rows = (
        (
            event.index,
            f"{event.event_time:%Y-%m-%d %H:%M:%S}",
            _WHAT[event.kind],
            event.rpc,
            event.system,
            _about(event),
        )
        for event in found
    )
    tables.show_table(_COLUMNS, rows, "The audit log holds nothing about you yet.")


@command(
    name="show",
    examples=("forewarn audit show 42", "forewarn audit show 42 --json > refusal.json"),
)
@click.argument("index", type=click.IntRange(0))
def show(index: int) -> None:
    """Show what the audit log holds at INDEX, verified: the record of a refusal, for one.

    A refusal names its index. With --json the event comes with its bytes, opening, proof and signed
    checkpoint: they prove to anybody with the audit log's key that it is on record.
    """
    opened = asyncio.run(_show(connecting.load_home(), index))
    shown = view(opened.event)
    if output.wants_json():
        proof = {
            "body": opened.body.hex(),
            "salt": opened.salt.hex(),
            "inclusion_proof": [each.hex() for each in opened.proof],
            "checkpoint": opened.checkpoint.decode(),
        }
        output.emit({**shown, "proof": proof})
        return
    output.say(f"Event {index} of the audit log, its proof verified:")
    for name, value in shown.items():
        if name != "index":
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            output.say(f"  {name.replace('_', ' ')}: {safe(text)}")


def view(event: AuditEvent) -> dict[str, Any]:
    """Give an event as a plain value; what does not apply to its kind is left out."""
    stated: dict[str, Any] = {
        "index": event.index,
        "event": event.kind,
        "event_time": times.write_time(event.event_time),
        "rpc": event.rpc,
        "system": event.system,
        "member": event.member,
        "concerned": event.concerned,
        "entries": list(event.entry_indexes),
        "case": event.case_digest.hex(),
        "reason": event.reason,
        "count": event.count,
        "first_time": times.write_time(event.first_time) if event.first_time else "",
        "digests": [digest.hex() for digest in event.digests],
        "span": _span(event.span),
        "signed": bool(event.confirmation),
    }
    always = {"index", "event", "event_time", "rpc", "system", "member"}
    return {key: value for key, value in stated.items() if value or key in always}


async def _list(home: Home, since: datetime | None) -> list[AuditEvent]:
    async with (
        connecting.member(home) as connected,
        aclosing(connected.audit_events(since)) as events,
    ):
        return [event async for event in events]


async def _show(home: Home, index: int) -> AuditRecord:
    async with connecting.member(home) as connected:
        return await connected.audit_event(index)


def _span(span: Span | None) -> dict[str, Any]:
    if span is None:
        return {}
    return {"from_size": span.from_size, "to_size": span.to_size, "count": span.count}


def _about(event: AuditEvent) -> str:
    if event.span is not None:
        whose = f"{event.concerned}: " if event.concerned else ""
        several = "entry" if event.span.count == 1 else "entries"
        return f"{whose}{event.span.count} {several} before {event.span.to_size}"
    if event.entry_indexes:
        return f"{event.concerned}: {_ranges(event.entry_indexes)}"
    if event.case_digest:
        return f"case {event.case_digest.hex()[:_SHORT]}"
    several = f" x {event.count}" if event.count > 1 else ""
    return f"{event.reason or 'several reasons'}{several}"


def _ranges(indexes: Sequence[int]) -> str:
    """Write ascending numbers shortly, as in `3, 5-9`."""
    runs: list[list[int]] = []
    for index in indexes:
        if runs and runs[-1][-1] + 1 == index:
            runs[-1][1:] = [index]
        else:
            runs.append([index])
    return ", ".join("-".join(map(str, run)) for run in runs)


audit.add_command(list_)
audit.add_command(show)
