"""Exchanges that lie: what they show is genuine, but not what was asked for, or it never ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn_client import (
    Agency,
    Box,
    Filter,
    Flaw,
    Lab,
    Operator,
    Patience,
    RequestError,
    UnavailableError,
    VerificationError,
)
from tests.world.ledger_builder import party
from tests.world.paper_exchange import PaperExchange

LAB = party("aurora", "lab")
CIVIL = party("civil-ai", "agency")
BANK = party("harbor-bank", "operator")
OTHER = party("quay-bank", "operator")
HASTE = Patience(budget=5.0, attempt=2.0, reconnect=5.0)
ALERT: dict[str, Any] = {
    "tlp": "GREEN",
    "recipients": ["harbor-bank", "quay-bank"],
    "facts": {"severity": "high"},
    "body": {"title": "A title", "summary": "A summary"},
}

_Answer = TypeVar("_Answer")
Answer = Any
Lie = Callable[[Answer], None]


@dataclass(slots=True, kw_only=True)
class LyingExchange(PaperExchange):
    """An exchange that changes its answers, by the name of the call."""

    lies: dict[str, Lie] = field(default_factory=dict)
    mute: bool = False

    async def ListEntries(self, request: Any, context: Any) -> pb.ListEntriesResponse:  # noqa: N802 - gRPC's
        return self._lie("ListEntries", await PaperExchange.ListEntries(self, request, context))

    async def ListCases(self, request: Any, context: Any) -> pb.ListCasesResponse:  # noqa: N802 - gRPC's
        return self._lie("ListCases", await PaperExchange.ListCases(self, request, context))

    async def GetCase(self, request: Any, context: Any) -> pb.GetCaseResponse:  # noqa: N802 - gRPC's
        return self._lie("GetCase", await PaperExchange.GetCase(self, request, context))

    async def GetEntry(self, request: Any, context: Any) -> pb.GetEntryResponse:  # noqa: N802 - gRPC's
        return self._lie("GetEntry", await PaperExchange.GetEntry(self, request, context))

    async def Follow(self, request: Any, context: Any) -> AsyncIterator[pb.FollowResponse]:  # noqa: N802 - gRPC's
        if self.mute:
            await asyncio.Event().wait()
        async for answer in PaperExchange.Follow(self, request, context):
            yield self._lie("Follow", answer)

    def _lie(self, name: str, answer: _Answer) -> _Answer:
        if name in self.lies:
            self.lies[name](answer)
        return answer

    def show(self, index: int) -> Lie:
        """Make a lie that shows another, genuine entry."""

        def lie(answer: Answer) -> None:
            del answer.records[:]
            answer.records.append(self.ledger.record(index))
            answer.checkpoint = self.ledger.checkpoint()

        return lie


def exchange(folder: Path) -> LyingExchange:
    paper = LyingExchange(folder=folder)
    for who in (LAB, CIVIL, BANK, OTHER):
        paper.ledger.enrol(who)
    return paper


async def mismatched(reading: Awaitable[object]) -> None:
    with pytest.raises(VerificationError, match=Flaw.ANSWER_MISMATCHED):
        await asyncio.wait_for(reading, 10)


async def drained(items: AsyncIterator[object]) -> list[object]:
    return [item async for item in items]


@pytest.mark.asyncio
async def test_pages_that_never_end_come_to_an_end(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        agency_home, bank_home = paper.home(CIVIL), paper.home(BANK)
        async with (
            Agency.connect(agency_home, patience=HASTE) as agency,
            Operator.connect(bank_home, patience=HASTE) as bank,
        ):
            sent = [(await agency.alert(ALERT)).index for _ in range(3)]

            def empty(answer: Answer) -> None:
                del answer.records[:]
                answer.more = True

            def again(answer: Answer) -> None:
                paper.show(sent[0])(answer)
                answer.cursor, answer.more = "0", True

            for lie in (empty, again):
                paper.lies["ListEntries"] = lie
                await mismatched(drained(bank.pull(keep="alerts")))
            del paper.lies["ListEntries"]
            pulled = [page async for page in bank.pull(keep="alerts", page_size=1)]
            # One page was shown before the exchange began to repeat itself, and is kept as read.
            assert [item.index for page in pulled for item in page.records] == sent[1:]


@pytest.mark.asyncio
async def test_what_was_not_asked_for_is_not_shown(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        agency_home, bank_home, lab_home = paper.home(CIVIL), paper.home(BANK), paper.home(LAB)
        async with (
            Agency.connect(agency_home, patience=HASTE) as agency,
            Operator.connect(bank_home, patience=HASTE) as bank,
            Lab.connect(lab_home, patience=HASTE) as lab,
        ):
            mine = await agency.alert(ALERT)
            other = await agency.alert({**ALERT, "recipients": ["quay-bank"]})
            for at, wanted in (
                (other.index, Filter()),
                (other.index, Filter(box=Box.ALL)),
                (mine.index, Filter(box=Box.SENT)),
                (mine.index, Filter(kinds=("BreachReport",))),
                (mine.index, Filter(sender="aurora")),
                (mine.index, Filter(case=other.digest)),
            ):
                paper.lies = {"ListEntries": paper.show(at), "Follow": paper.show(at)}
                await mismatched(bank.list_entries(wanted))
                stream = bank.follow(wanted)
                await mismatched(anext(stream))
                await stream.aclose()
            paper.lies = {"ListEntries": paper.show(mine.index)}
            (shown,) = (await bank.list_entries(Filter(kinds=("alert",)))).records
            assert shown.digest == mine.digest
            await mismatched(lab.list_entries(Filter(box=Box.ALL)))

            def another(answer: Answer) -> None:
                answer.record.CopyFrom(paper.ledger.record(other.index))

            paper.lies = {"GetEntry": another}
            await mismatched(bank.entry(mine.index))
            await mismatched(bank.entry(mine.digest))


@pytest.mark.asyncio
async def test_cases_that_were_not_asked_for_are_not_listed(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        agency_home = paper.home(CIVIL)
        async with Agency.connect(agency_home, patience=HASTE) as agency:
            first, second = [await agency.alert(ALERT) for _ in range(2)]

            def empty(answer: Answer) -> None:
                del answer.cases[:]
                answer.more = True

            def again(answer: Answer) -> None:
                answer.more, answer.cursor = True, ""

            def nameless(answer: Answer) -> None:
                answer.cases[0].case_digest = b"\x1b[2J"

            def foreign(answer: Answer) -> None:
                answer.cases[0].protocol = "grant"

            for listing in (empty, again, nameless, foreign):
                paper.lies["ListCases"] = listing
                await mismatched(drained(agency.cases("alert")))
            for other in (second.index, 0):
                paper.lies["GetCase"] = paper.show(other)
                await mismatched(agency.case(first.digest))


@pytest.mark.asyncio
async def test_a_case_is_of_the_kind_that_its_opener_says(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        agency_home, bank_home = paper.home(CIVIL), paper.home(BANK)
        async with (
            Agency.connect(agency_home, patience=HASTE) as agency,
            Operator.connect(bank_home, patience=HASTE) as bank,
        ):
            alert = await agency.alert(ALERT)

            def grant(answer: Answer) -> None:
                answer.case_view.protocol = "grant"

            paper.lies["GetCase"] = grant
            assert (await bank.case(alert.digest)).protocol == "alert"
            # Told that it is a grant, the bank would have let the alert's other recipients know.
            seen = await bank.acknowledge(alert.digest)
            assert seen.record.audience == ("civil-ai",)


@pytest.mark.asyncio
async def test_a_stream_that_never_opens_is_given_up(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        paper.mute = True
        patience = Patience(attempt=0.2, reconnect=1.0)
        async with Operator.connect(paper.home(BANK), patience=patience) as bank:
            with pytest.raises(UnavailableError, match="opens no stream"):
                await asyncio.wait_for(anext(bank.follow()), 10)


@pytest.mark.asyncio
async def test_an_index_that_no_entry_can_have_is_not_asked_for(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper, Lab.connect(paper.home(LAB), patience=HASTE) as lab:
        for index in (-1, 2**63, 2**64, 10**30):
            with pytest.raises(RequestError, match="an index is a number"):
                await lab.entry(index)
    assert paper.calls == []
