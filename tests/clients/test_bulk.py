"""Many statements over one stream: each answered once, whatever breaks."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from forewarn_client import (
    Agency,
    Draft,
    Flaw,
    Handed,
    Patience,
    RefusedError,
    RequestError,
    Submitted,
    UnavailableError,
    VerificationError,
)
from tests.world.ledger_builder import party
from tests.world.paper_exchange import Failure, PaperExchange

CIVIL = party("civil-ai", "agency")
BANK = party("harbor-bank", "operator")
HASTE = Patience(budget=5.0, attempt=1.0)
ALERT = {
    "tlp": "GREEN",
    "recipients": ["harbor-bank"],
    "facts": {"severity": "high"},
    "body": {"title": "A title", "summary": "A summary"},
}
SOON = 20.0


def exchange(folder: Path) -> PaperExchange:
    paper = PaperExchange(folder=folder)
    for who in (CIVIL, BANK):
        paper.ledger.enrol(who)
    return paper


async def given(drafts: list[Draft]) -> AsyncIterator[Draft]:
    for draft in drafts:
        await asyncio.sleep(0)
        yield draft


async def hand_in(agency: Agency, drafts: list[Draft], at_once: int = 8) -> list[Handed]:
    async with asyncio.timeout(SOON):
        return [each async for each in agency.submit_many(given(drafts), at_once=at_once)]


def alerts(agency: Agency, count: int) -> list[Draft]:
    return [agency.draft("Alert", ALERT) for _ in range(count)]


def status(code: grpc.StatusCode, reason: str, *, retry: bool = False) -> status_pb2.Status:
    made = status_pb2.Status(code=code.value[0], message="No.")
    details = [error_details_pb2.ErrorInfo(reason=reason, domain="forewarn")]
    wrapped = AnyMessage()
    wrapped.Pack(details[0])
    made.details.append(wrapped)
    if retry:
        soon = AnyMessage()
        soon.Pack(error_details_pb2.RetryInfo(retry_delay=Duration(nanos=1_000_000)))
        made.details.append(soon)
    return made


@pytest.mark.asyncio
@pytest.mark.parametrize("at_once", [1, 8])
async def test_each_is_recorded_once_and_verified(tmp_path: Path, at_once: int) -> None:
    async with exchange(tmp_path) as paper:
        async with Agency.connect(paper.home(CIVIL), patience=HASTE) as agency:
            drafts = alerts(agency, 30)
            handed = await hand_in(agency, drafts, at_once)
        assert [(each.position, each.draft) for each in handed] == [*enumerate(drafts)]
        assert all(
            isinstance(each.outcome, Submitted) and each.outcome.digest == each.draft.digest
            for each in handed
        )
        assert paper.ledger.size == 3 + 30
        assert paper.calls.count("SubmitStream") == 1


@pytest.mark.asyncio
async def test_a_stream_that_breaks_goes_on_with_what_has_no_answer(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        async with Agency.connect(paper.home(CIVIL), patience=HASTE) as agency:
            drafts = alerts(agency, 20)
            paper.break_stream_at = 10
            handed = await hand_in(agency, drafts)
        assert {each.position for each in handed} == set(range(20))
        assert len(handed) == 20
        assert paper.ledger.size == 3 + 20
        assert paper.calls.count("SubmitStream") == 2


@pytest.mark.asyncio
async def test_the_refusal_of_one_stands_in_its_place(tmp_path: Path) -> None:
    async with exchange(tmp_path) as paper:
        async with Agency.connect(paper.home(CIVIL), patience=HASTE) as agency:
            paper.refusals = {
                2: status(grpc.StatusCode.PERMISSION_DENIED, "KEY_REVOKED"),
                4: status(grpc.StatusCode.ABORTED, "LEDGER_CONTENDED", retry=True),
                5: status(grpc.StatusCode.OK, "LIE"),
            }
            handed = await hand_in(agency, alerts(agency, 6))
        outcomes = {each.position: each.outcome for each in handed}
        refused, odd = outcomes.pop(1), outcomes.pop(4)
        assert isinstance(refused, RefusedError)
        assert refused.reason == "KEY_REVOKED"
        assert isinstance(odd, UnavailableError)
        # The one that was asked to come later did so, by itself.
        assert all(isinstance(outcome, Submitted) for outcome in outcomes.values())


@pytest.mark.asyncio
async def test_an_answer_to_something_else_is_not_taken(tmp_path: Path) -> None:
    async with (
        exchange(tmp_path) as paper,
        Agency.connect(paper.home(CIVIL), patience=HASTE) as agency,
    ):
        for off_by in (1, 1000):
            paper.tags_off_by = off_by
            with pytest.raises(VerificationError, match=Flaw.ANSWER_MISMATCHED):
                await hand_in(agency, alerts(agency, 3))


@pytest.mark.asyncio
async def test_what_stops_the_source_comes_after_the_answers(tmp_path: Path) -> None:
    async def broken(drafts: list[Draft]) -> AsyncIterator[Draft]:
        for draft in drafts:
            yield draft
        raise KeyError

    async with (
        exchange(tmp_path) as paper,
        Agency.connect(paper.home(CIVIL), patience=HASTE) as agency,
    ):
        many = agency.submit_many(broken(alerts(agency, 3)))
        handed = [await anext(many) for _ in range(3)]
        with pytest.raises(KeyError):
            await anext(many)
        assert len(handed) == 3
        with pytest.raises(RequestError, match="at least one"):
            await anext(agency.submit_many(given([]), at_once=0))
        assert await hand_in(agency, []) == []


@pytest.mark.asyncio
async def test_an_exchange_that_stays_away_is_unavailable(tmp_path: Path) -> None:
    patience = Patience(budget=0.5, attempt=0.2)
    async with (
        exchange(tmp_path) as paper,
        Agency.connect(paper.home(CIVIL), patience=patience) as agency,
    ):
        paper.failures = [Failure(code=grpc.StatusCode.UNAVAILABLE)] * 99
        with pytest.raises(UnavailableError):
            await hand_in(agency, alerts(agency, 3))
