"""`forewarn inbox confirm`, `verify` and `dispute`: whether something was withheld, with proof."""

import asyncio
from pathlib import Path
from typing import Any, Final

import click

from forewarn_client import bundle, collecting, files, note
from forewarn_client.bundle import Bundle
from forewarn_client.cli import connecting, failures, output
from forewarn_client.cli.commands import FILE, command
from forewarn_client.cli.settings import current
from forewarn_client.errors import Flaw, HomeError, RequestError
from forewarn_client.home import CONFIGURATION, Home
from forewarn_client.inboxes import withholding
from forewarn_client.inboxes.keeper import InboxKeeper
from forewarn_client.inboxes.proof import ConfirmedFile
from forewarn_client.inboxes.withholding import Judgement, Verdict
from forewarn_client.terminal import safe

_ENTRIES: Final = ("entries", "entry")
_NO_AUDIT_LOG: Final = "the folder pins no audit log: obtain the exchange's new exchange.toml"


@command(examples=("forewarn inbox confirm", "forewarn inbox confirm --json"))
@click.option("--anew", is_flag=True, help="Forget what was shown since, and list it again.")
def confirm(*, anew: bool) -> None:
    """Have the exchange confirm that what you were shown is all that was addressed to you.

    What you were shown is compared with the ledger, and what you did not read yet is listed first.
    The exchange commits itself in its audit log, and the proof of it is kept in this folder: an
    entry that turns up later and is not in it was withheld (`forewarn inbox dispute`). Each sender
    gets, signed with your key, that you have what it sent. `inbox list` and `inbox follow` do this
    by themselves, as far as they have shown.

    Exit code 5 where the two differ.
    """
    from forewarn_client.inboxes.confirming import InboxConfirmed  # noqa: PLC0415 - network code

    home = connecting.load_home()

    async def done() -> InboxConfirmed:
        async with connecting.member(home) as connected:
            if anew:
                return await connected.confirm_inbox_anew()
            return await connected.confirm_inbox()

    made = asyncio.run(done())
    file = InboxKeeper(home).proof.path
    output.answer(
        {
            "confirmed": made.size,
            "entries": made.entries,
            "spans": len(made.spans),
            "signed_to": list(made.signed_to),
            "left_out": list(made.left_out),
            "file": str(file),
        },
        f"Confirmed: the first {made.size} entries of the ledger hold nothing for you that you "
        f"were not shown. {made.entries} {_ENTRIES[made.entries == 1]} compared now; the proof is "
        f"in {file}.",
    )
    if made.left_out:
        names = ", ".join(map(str, made.left_out))
        output.remark(
            f"LEFT OUT BEFORE, and there now: {names}. See each with `forewarn inbox show`: what "
            "follows the inbox is beyond it."
        )
    if made.signed_to:
        output.remark(f"Signed to: {safe(', '.join(made.signed_to))}.")


@command(
    examples=(
        "forewarn inbox dispute alert.evidence",
        "forewarn inbox dispute alert.evidence --confirmed inbox.jsonl --member harbor-bank \\",
        "    --genesis-digest 91b0... --log-key ... --audit-log-key ...     as a stranger",
    )
)
@click.argument("file", type=FILE)
@click.option("--confirmed", type=FILE, help="The confirmed inbox; this folder's where left out.")
@click.option("--member", metavar="ID", help="Whose inbox it is; else this folder's member.")
@click.option("--genesis-digest", metavar="HEX", help="Digest of the ledger's first statement.")
@click.option("--log-key", metavar="KEY", help="The log's key, name+id+base64.")
@click.option("--audit-log-key", metavar="KEY", help="The audit log's key, likewise.")
def dispute(file: Path, **given: Any) -> None:  # noqa: ANN401 - click's options
    """Say whether an entry was withheld: FILE is its evidence bundle, or a receipt of it.

    Whoever sent it can give you the bundle (`forewarn evidence export`). It is compared with what
    the exchange confirmed of the inbox. Where the exchange recorded the entry as addressed to the
    member, and confirmed an inbox without it, its own signatures prove that it was withheld. No
    connection is made; with the pins given, no folder is needed, so anybody can see it.

    Exit code 5 where it was withheld.
    """
    pins = _pins(given)
    data = files.read(file)
    made = Bundle.parse(data) if _is_bundle(data) else collecting.of_receipt(file)
    verified = bundle.verify(made, log_key=pins.log_key, genesis_digest=pins.genesis_digest)
    judgement = withholding.judge(
        verified.record, ConfirmedFile(pins.confirmed).spans(), pins.audit_key, pins.member
    )
    view = _view(judgement, pins.member)
    if output.wants_json():
        output.emit(view)
    else:
        output.say(_text(judgement, pins.member))
    if judgement.verdict is Verdict.WITHHELD:
        output.error(
            str(Flaw.INBOX_DIFFERS),
            "THE EXCHANGE WITHHELD AN ENTRY, and its own signatures prove it. Send both files, "
            f"{file} and {pins.confirmed}, to the registrar and to other members, not through the "
            "exchange; each of them can verify it with this command.",
        )
        click.get_current_context().exit(failures.UNVERIFIED)


@command(
    examples=(
        "forewarn inbox verify",
        "forewarn inbox verify inbox.jsonl --member harbor-bank --audit-log-key ...",
    )
)
@click.argument("file", type=FILE, required=False)
@click.option("--member", metavar="ID", help="Whose inbox it is; else this folder's member.")
@click.option("--audit-log-key", metavar="KEY", help="The audit log's key, name+id+base64.")
def verify(file: Path | None, member: str | None, audit_log_key: str | None) -> None:
    """Verify what the exchange has confirmed of an inbox: FILE, or that of this folder.

    Every span has to begin where the one before ends, from the beginning of the ledger on, and to
    be the one that the exchange committed itself to in its audit log. No connection is made; with
    FILE, --member and --audit-log-key no folder is needed. Exit code 5 where a span does not hold.
    """
    if not (file and member and audit_log_key):
        home = connecting.load_home()
        file = file or InboxKeeper(home).proof.path
        member = member or home.member
        audit_log_key = audit_log_key or home.exchange.audit_log_key
    if not file.is_file():
        raise RequestError("nothing of this inbox is confirmed yet: run `forewarn inbox confirm`")
    if not audit_log_key:
        raise HomeError(_NO_AUDIT_LOG)
    key, reached, spans, entries = note.VerifierKey.parse(audit_log_key), 0, 0, 0
    for span in ConfirmedFile(file).spans():
        span.verify(key, member)
        reached, spans, entries = span.to_size, spans + 1, entries + len(span.entries)
    output.answer(
        {
            "file": str(file),
            "verified": True,
            "member": member,
            "confirmed": reached,
            "spans": spans,
            "entries": entries,
        },
        f"OK  of the first {reached} entries of the ledger, {entries} {_ENTRIES[entries == 1]} "
        f"and no other went to {safe(member)}: the exchange says so, in {spans} events of its "
        "audit log.",
    )


class _Pins:
    """What a dispute is judged by."""

    def __init__(
        self, *, confirmed: Path, member: str, keys: tuple[str, str], genesis_digest: bytes
    ) -> None:
        self.confirmed = confirmed
        self.member = member
        self.log_key, audit_log_key = keys
        self.audit_key = note.VerifierKey.parse(audit_log_key)
        self.genesis_digest = genesis_digest


def _pins(given: dict[str, Any]) -> _Pins:
    """Take what was typed; else what the folder pins."""
    names = ("genesis_digest", "log_key", "audit_log_key")
    typed = [given[name] for name in names]
    if any(typed) and not all(typed):
        raise RequestError(
            "--genesis-digest, --log-key and --audit-log-key belong together: name all"
        )
    home = connecting.load_home() if (current().home / CONFIGURATION).is_file() else None
    if home is None and not (all(typed) and given["confirmed"] and given["member"]):
        raise RequestError(
            "without a member's folder, name --confirmed, --member and all three pins, as you got "
            "these from whom you trust"
        )
    member = given["member"] or (home.member if home else "")
    confirmed = given["confirmed"] or (InboxKeeper(home).proof.path if home else Path())
    if not confirmed.is_file():
        raise RequestError("nothing of this inbox is confirmed yet: run `forewarn inbox confirm`")
    if all(typed):
        digest = connecting.digest(given["genesis_digest"])
        if digest is None:
            raise RequestError("--genesis-digest is not 64 hex digits")
        keys = (given["log_key"], given["audit_log_key"])
        return _Pins(confirmed=confirmed, member=member, keys=keys, genesis_digest=digest)
    return _of_home(home, confirmed, member)


def _of_home(home: Home | None, confirmed: Path, member: str) -> _Pins:
    if home is None or not home.exchange.audit_log_key:
        raise HomeError(_NO_AUDIT_LOG)
    exchange = home.exchange
    keys = (exchange.log_key, exchange.audit_log_key)
    digest = exchange.genesis_digest
    return _Pins(confirmed=confirmed, member=member, keys=keys, genesis_digest=digest)


def _is_bundle(data: bytes) -> bool:
    return data.startswith(bundle.HEADER.encode())


def _view(judgement: Judgement, member: str) -> dict[str, Any]:
    record, span = judgement.record, judgement.span
    return {
        "verdict": str(judgement.verdict),
        "index": record.index,
        "digest": record.digest.hex(),
        "kind": record.kind,
        "sender": record.sender,
        "member": member,
        "confirmed": judgement.confirmed,
        "from_size": span.from_size if span is not None else None,
        "to_size": span.to_size if span is not None else None,
        "event": span.index if span is not None else None,
    }


def _text(judgement: Judgement, member: str) -> str:
    record, span = judgement.record, judgement.span
    entry = f"entry {record.index}, {record.kind} by {safe(record.sender)}"
    match judgement.verdict:
        case Verdict.NOT_ADDRESSED:
            return f"NOT ADDRESSED  {entry}, is not addressed to {safe(member)}."
        case Verdict.BEYOND:
            return (
                f"NOT CONFIRMED YET  {entry}, lies beyond {judgement.confirmed}, up to which the "
                f"inbox of {safe(member)} is confirmed: run `forewarn inbox confirm`."
            )
        case Verdict.SHOWN:
            verb = "is among what the exchange confirmed that"
            return f"SHOWN  {entry}, {verb} {safe(member)} was shown."
        case Verdict.WITHHELD:
            event = span.index if span is not None else -1
            return (
                f"WITHHELD  {entry}, is addressed to {safe(member)}, whose inbox the exchange "
                f"confirmed without it, by event {event} of its audit log."
            )
