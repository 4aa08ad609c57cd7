"""`forewarn deliveries`: what became of what the member sent, at each recipient, with proofs."""

import asyncio
from typing import Any, Final

import click

from forewarn_client import times
from forewarn_client.audit import AuditEvent
from forewarn_client.cli import connecting, failures, output, tables
from forewarn_client.cli.commands import command
from forewarn_client.errors import RequestError
from forewarn_client.home import Home
from forewarn_client.inboxes.deliveries import Deliveries, RecipientFacts
from forewarn_client.records import VerifiedRecord
from forewarn_client.terminal import safe

_COLUMNS: Final = ("Recipient", "Released", "Received", "Acknowledged", "Answered")
_TIME: Final = "%m-%d %H:%M:%S"
_SHORTEST_CASE: Final = 8


@command(
    examples=(
        "forewarn deliveries 12",
        "forewarn deliveries 3f9a2c51                     the statement that opened this case",
        "forewarn deliveries 12 --json",
    )
)
@click.argument("statement", metavar="INDEX|DIGEST|CASE")
def deliveries(statement: str) -> None:
    """See what became of a statement that you sent, at each of its recipients.

    Four facts, apart from one another, each verified. Released: it left the exchange for a system
    of theirs. Received: their system compared its inbox, with your statement in it, with the
    ledger; `signed` where they signed for it, so that the exchange cannot have made it up.
    Acknowledged and answered: they said so, in statements that refer to yours.

    Exit code 5 where somebody has answered, and compared an inbox without your statement.
    """
    found = asyncio.run(_find(connecting.load_home(), statement))
    if output.wants_json():
        for each in found.recipients:
            output.emit(_view(found, each))
    else:
        _show(found)
    if found.alarms:
        names = ", ".join(each.recipient for each in found.alarms)
        output.error(
            "INBOX_DIFFERS",
            f"{names} answered, and compared an inbox without entry {found.record.index}: either "
            "the exchange did not show it there, or recorded what was not so. Tell them, not "
            "through the exchange, and send them the evidence: `forewarn evidence export "
            f"{found.record.index}`; they find out with `forewarn inbox dispute`.",
        )
        click.get_current_context().exit(failures.UNVERIFIED)


async def _find(home: Home, statement: str) -> Deliveries:
    async with connecting.member(home) as connected:
        whole = connecting.digest(statement)
        if whole is not None:
            return await connected.deliveries(whole)
        if statement.isascii() and statement.isdigit() and len(statement) < _SHORTEST_CASE:
            return await connected.deliveries(int(statement))
        try:
            return await connected.deliveries(await connecting.find_case(connected, statement))
        except RequestError:
            if statement.isascii() and statement.isdigit():
                return await connected.deliveries(int(statement))
            raise


def _show(found: Deliveries) -> None:
    record = found.record
    output.say(
        f"{record.kind} at index {record.index}, recorded "
        f"{record.received_time:%Y-%m-%d %H:%M:%S} UTC"
    )
    rows = (
        (
            each.recipient,
            _event(each.released),
            _received(each),
            _said(each.acknowledged),
            ", ".join(f"{answer.kind} at {answer.index}" for answer in each.answered) or "-",
        )
        for each in found.recipients
    )
    tables.show_table(_COLUMNS, rows, "It has no recipients.")
    if found.not_received:
        names = found.not_received
        output.say(f"Not known to have it: {safe(', '.join(names))}.")


def _view(found: Deliveries, facts: RecipientFacts) -> dict[str, Any]:
    received = facts.received
    signed = received.signed if received is not None else None
    return {
        "index": found.record.index,
        "digest": found.record.digest.hex(),
        "recipient": facts.recipient,
        "released": _event_view(facts.released),
        "received": _event_view(received.event if received is not None else None),
        "signed": (
            {"keys": sorted(signed.signed_by), "time": times.write_time(signed.created_time)}
            if signed is not None
            else None
        ),
        "acknowledged": _record_view(facts.acknowledged),
        "answered": [_record_view(each) for each in facts.answered],
        "left_out": _event_view(facts.left_out),
    }


def _event_view(event: AuditEvent | None) -> dict[str, Any] | None:
    if event is None:
        return None
    return {
        "event": event.index,
        "time": times.write_time(event.event_time),
        "system": event.system,
    }


def _record_view(record: VerifiedRecord | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {
        "kind": record.kind,
        "index": record.index,
        "digest": record.digest.hex(),
        "time": times.write_time(record.received_time),
    }


def _event(event: AuditEvent | None) -> str:
    return f"{event.event_time:{_TIME}}" if event is not None else "-"


def _received(facts: RecipientFacts) -> str:
    if facts.left_out is not None:
        return "LEFT OUT"
    received = facts.received
    if received is None:
        return "-"
    how = "signed" if received.signed is not None else "not signed"
    return f"{_event(received.event)} {how}"


def _said(record: VerifiedRecord | None) -> str:
    return f"{record.received_time:{_TIME}}" if record is not None else "-"
