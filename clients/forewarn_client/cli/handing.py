"""Handing statements in: a few at a time, each answered with its index, digest and receipt.

* Answers are shown in the order in which the documents were given.
* One that fails does not keep the others back; the exit code is that of the worst.
* A receipt is saved before the answer is shown.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from forewarn_client import kinds
from forewarn_client.authoring import Draft
from forewarn_client.cli import failures, outbox, output, tables, views
from forewarn_client.errors import (
    ForewarnError,
    HomeError,
    RefusedError,
    RequestError,
    UnavailableError,
)
from forewarn_client.member import Member
from forewarn_client.outcomes import Submitted
from forewarn_client.terminal import safe

_AT_ONCE: Final = 8
DIRECTORY_KINDS: Final = range(32, 64)
"""Numbers of the kinds that change the directory."""


async def hand_in(connected: Member, drafts: Sequence[Draft], labels: Sequence[str]) -> int:
    """Hand statements in and show the answers.

    Args:
        connected: The connected member.
        drafts: The statements.
        labels: For each, the file that it came from; empty for none.

    Returns:
        The exit code: 0 where all are recorded.
    """
    # Directory statements touch one another: at once, they would only be judged again and again.
    directory = any(kinds.find(draft.kind).number in DIRECTORY_KINDS for draft in drafts)
    turns = asyncio.Semaphore(1 if directory else _AT_ONCE)
    tasks = [asyncio.create_task(_one(connected, draft, turns)) for draft in drafts]
    code = 0
    waiting = list(zip(drafts, labels, tasks, strict=True))
    try:
        for draft, label, task in tables.progressing(waiting, "Handing in"):
            try:
                submitted, receipt = await task
            except ForewarnError as error:
                code = max(code, failures.report(error, label))
                if not isinstance(error, (RefusedError, RequestError)):
                    output.remark(f"Kept as {draft.statement_id}: `forewarn submit` tries again.")
            else:
                show(submitted, receipt, label)
    except asyncio.CancelledError:
        if outbox.waiting(connected.home):
            output.remark("\nWhat has no receipt yet is kept: `forewarn submit` hands it in again.")
        raise
    finally:
        for task in tasks:
            task.cancel()
    return code


async def _one(connected: Member, draft: Draft, turns: asyncio.Semaphore) -> tuple[Submitted, Path]:
    async with turns:
        kept = outbox.keep(connected.home, draft)
        try:
            submitted = await connected.submit(draft)
        except (RefusedError, RequestError):
            outbox.drop(kept)
            raise
        # Killed before this line, the statement is still in the outbox, and is the same again.
        try:
            receipt = submitted.receipt.save(connected.home.receipts)
        except HomeError as error:
            raise UnavailableError(
                "RECEIPT_NOT_SAVED", f"recorded at index {submitted.index}, but {error}"
            ) from None
        outbox.drop(kept)
        return submitted, receipt


def show(submitted: Submitted, receipt: Path, label: str) -> None:
    """Show what became of a statement."""
    view = views.of_submitted(submitted, str(receipt), label)
    if output.wants_json():
        output.emit(view)
        return
    output.say(f"{view['kind']} recorded at index {view['index']}")
    lines: dict[str, Any] = {
        "to": ", ".join(view["recipients"]),
        "digest": view["digest"],
        "case": f"{view['case']} {view['case_state']}".strip(),
        "handle": view["handle"],
        "receipt": view["receipt"],
        "behind": submitted.standing,
    }
    for name, value in lines.items():
        if value:
            output.say(f"  {name:<7} {safe(str(value))}")
    for lead in view["lead_times"]:
        output.say(f"  {safe(lead['says'])}")
