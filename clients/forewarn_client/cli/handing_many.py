"""Handing in many over one stream, each answered: recorded, refused, or left for the next run.

* A receipt is saved before its statement leaves the outbox.
* A refused statement leaves the outbox, with its reason told: the same again would be refused
  again. Its document, run again, becomes a new statement.
* A refusal of whoever calls, of the stream at its opening or of one statement, is about none of
  them: it is told once, and all that has no answer yet stays for the next run.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from forewarn_client import bulk, kinds
from forewarn_client.authoring import Draft
from forewarn_client.bulk import Handed
from forewarn_client.cli import failures, handing, outbox, output, progress, views
from forewarn_client.cli.batch import Item
from forewarn_client.cli.journal import Journal
from forewarn_client.errors import (
    ForewarnError,
    HomeError,
    RefusedError,
    RequestError,
    VerificationError,
)
from forewarn_client.member import Member
from forewarn_client.outcomes import Submitted


async def hand_in(connected: Member, journal: Journal, items: Sequence[Item]) -> int:
    """Hand statements in and show what became of each.

    Args:
        connected: The connected member.
        journal: Its journal.
        items: The statements; those that are not recorded yet are in the outbox.

    Returns:
        The exit code: 0 where all are recorded.
    """
    run = _Run(connected, journal, items)
    try:
        return await run.all()
    finally:
        run.sum_up()


class _Run:
    """One run, and what it has come to."""

    def __init__(self, connected: Member, journal: Journal, items: Sequence[Item]) -> None:
        self._connected = connected
        self._journal = journal
        self._all = items
        self._left = [item for item in items if item.index is None]
        self._code = 0
        self._count: Counter[str] = Counter()

    async def all(self) -> int:
        for item in self._all:
            if item.index is not None:
                self._show_before(item)
        with progress.bar(len(self._left), "Handing in") as advance:
            try:
                await self._stream(advance)
            except VerificationError:
                raise
            except ForewarnError as error:
                # Told once, whatever the number of those that it keeps here.
                self._code = max(self._code, failures.report(error))
        return self._code

    async def _stream(self, advance: Any) -> None:  # noqa: ANN401 - rich's
        # Directory statements touch one another: side by side they would be judged again and again.
        directory = any(
            kinds.find(item.kind).number in handing.DIRECTORY_KINDS for item in self._left
        )
        at_once = 1 if directory else bulk.AT_ONCE
        many = self._connected.submit_many(self._drafts(), at_once=at_once)
        async with aclosing(many) as handed:
            async for each in handed:
                self._take(each)
                advance()

    async def _drafts(self) -> AsyncIterator[Draft]:
        for item in self._left:
            # From disk one by one: there may be more than memory should hold.
            yield outbox.load(outbox.place(self._connected.home, item.statement_id))
            await asyncio.sleep(0)

    def _take(self, handed: Handed) -> None:
        item, outcome = self._left[handed.position], handed.outcome
        kept = outbox.place(self._connected.home, item.statement_id)
        match outcome:
            case Submitted():
                receipt = outcome.receipt.save(self._connected.home.receipts)
                self._journal.end(item.statement_id, outcome.index)
                outbox.drop(kept)
                self._count["recorded"] += 1
                if output.wants_json():
                    view = views.of_submitted(outcome, str(receipt), item.label)
                    output.emit({"outcome": "recorded", **view})
            case RefusedError() if outcome.is_of_the_caller:
                raise outcome
            case RefusedError() | RequestError():
                outbox.drop(kept)
                self._told("refused", item, outcome)
            case HomeError() | VerificationError():
                raise outcome
            case _:
                self._told("waiting", item, outcome)

    def _told(self, what: str, item: Item, error: ForewarnError) -> None:
        self._count[what] += 1
        if not output.wants_json():
            self._code = max(self._code, failures.report(error, item.label))
            return
        told = failures.tell(error)
        self._code = max(self._code, told.code)
        fields = [{"field": field, "description": text} for field, text in told.violations]
        why: dict[str, Any] = {
            "reason": told.reason,
            "detail": told.detail,
            "violations": fields,
        }
        if told.audit_index is not None:
            why["audit_index"] = told.audit_index
        output.emit({"outcome": what, **_names(item), **why})

    def _show_before(self, item: Item) -> None:
        self._count["recorded_before"] += 1
        if output.wants_json():
            output.emit({"outcome": "recorded_before", "index": item.index, **_names(item)})

    def sum_up(self) -> None:
        """Say how many came to what; also when it was interrupted."""
        counted = {
            "recorded": self._count["recorded"],
            "recorded_before": self._count["recorded_before"],
            "refused": self._count["refused"],
        }
        counted["waiting"] = len(self._all) - sum(counted.values())
        words = [f"{number:,} {name.replace('_', ' ')}" for name, number in counted.items()]
        text = f"{len(self._all):,} statements: {', '.join(words)}."
        if counted["waiting"]:
            text += "\nThose that wait are in the outbox: run the same command again."
        output.aside({"summary": counted}, text)


def _names(item: Item) -> dict[str, str]:
    return {"file": item.label, "statement_id": item.statement_id, "digest": item.digest}
