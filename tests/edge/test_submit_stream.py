"""SubmitStream: every request one answer under its tag, bounded, whatever its reader does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from google.rpc import error_details_pb2, status_pb2

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.identity import MemberId
from gateway.core.refused import OnRecord
from gateway.edge import submit_stream
from gateway.edge.status import About
from gateway.edge.submit_stream import answered

BANK = MemberId("harbor-bank")
SOON = 5.0


class Submissions:
    """Admits what a test lets it; remembers how much was under way."""

    def __init__(self) -> None:
        self.size = 0
        self.under_way = self.most = 0
        self.asked: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails: dict[bytes, Exception] = {}
        self.unanswered: Exception | None = None

    async def admit(self, _caller: Any, envelope: bytes) -> int:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.gate.wait()
            if envelope in self.fails:
                raise self.fails[envelope]
            self.size += 1
            return self.size - 1
        finally:
            self.under_way -= 1

    async def answers(self, sender: MemberId, indexes: Sequence[int]) -> list[pb.SubmitResponse]:
        assert sender == BANK
        if self.unanswered is not None:
            raise self.unanswered
        self.asked.append(list(indexes))
        return [pb.SubmitResponse(receipt={"index": index}) for index in indexes]


class Requests:
    """The incoming side, and how much of it was read."""

    def __init__(self, *envelopes: bytes, then: Exception | None = None) -> None:
        self.envelopes = envelopes
        self.then = then
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[tuple[Any, pb.SubmitStreamRequest]]:
        for tag, envelope in enumerate(self.envelopes):
            self.read += 1
            yield None, pb.SubmitStreamRequest(tag=tag, envelope=envelope)
        if self.then is not None:
            raise self.then


def stream(
    submissions: Submissions, requests: Requests
) -> AsyncGenerator[pb.SubmitStreamResponse, None]:
    async def refused(_request: pb.SubmitStreamRequest, _refusal: Refusal) -> About:
        return About(on_record=OnRecord(index=7))

    typed: Any = submissions
    return answered(typed, BANK, aiter(requests), refused)


async def collect(submissions: Submissions, requests: Requests) -> list[pb.SubmitStreamResponse]:
    async with asyncio.timeout(SOON):
        return [answer async for answer in stream(submissions, requests)]


def told(answer: pb.SubmitStreamResponse) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    any(each.Unpack(info) for each in status_pb2.Status.FromString(answer.refused).details)
    return info


def reason(answer: pb.SubmitStreamResponse) -> str:
    return str(told(answer).reason)


@pytest.mark.asyncio
async def test_each_is_answered_in_the_order_of_the_ledger_and_proofs_are_shared() -> None:
    submissions = Submissions()
    submissions.gate.clear()
    running = asyncio.create_task(collect(submissions, Requests(*[b"x"] * 100)))
    await asyncio.sleep(0.01)
    submissions.gate.set()
    answers = await running

    assert sorted(answer.tag for answer in answers) == list(range(100))
    indexes = [answer.recorded.receipt.index for answer in answers]
    assert indexes == sorted(indexes) == list(range(100))
    assert len(submissions.asked) < 5


@pytest.mark.asyncio
async def test_the_refusal_of_one_is_its_answer_and_ends_nothing() -> None:
    submissions = Submissions()
    submissions.fails = {
        b"bad": Refusal(Reason.SIGNATURE_INVALID, "no"),
        b"later": Fault(Reason.LEDGER_UNAVAILABLE, "full"),
        b"odd": ValueError("secret"),
    }
    answers = await collect(submissions, Requests(b"good", b"bad", b"later", b"odd", b"good"))

    found = {answer.tag: reason(answer) or "recorded" for answer in answers}
    assert found == {
        0: "recorded",
        1: Reason.SIGNATURE_INVALID,
        2: Reason.LEDGER_UNAVAILABLE,
        3: Reason.INTERNAL,
        4: "recorded",
    }
    assert not any(b"secret" in answer.refused for answer in answers)
    places = {answer.tag: told(answer).metadata.get("audit_index") for answer in answers}
    assert places == {0: None, 1: "7", 2: None, 3: None, 4: None}


@pytest.mark.asyncio
async def test_what_cannot_be_answered_for_is_refused_and_may_be_handed_in_again() -> None:
    submissions = Submissions()
    submissions.unanswered = Fault(Reason.LEDGER_UNAVAILABLE, "not signed for yet")

    (answer,) = await collect(submissions, Requests(b"x"))

    assert reason(answer) == Reason.LEDGER_UNAVAILABLE


@pytest.mark.asyncio
async def test_when_the_incoming_side_fails_the_stream_ends_with_it() -> None:
    with pytest.raises(Refusal) as caught:
        await collect(
            Submissions(), Requests(b"x", then=Refusal(Reason.MEMBER_INACTIVE, "suspended"))
        )

    assert caught.value.reason is Reason.MEMBER_INACTIVE


@pytest.mark.asyncio
@pytest.mark.parametrize(("size", "most"), [(1, 4), (40, 2), (1000, 1)])
async def test_who_does_not_take_answers_is_not_read_from(
    monkeypatch: pytest.MonkeyPatch, size: int, most: int
) -> None:
    monkeypatch.setattr(submit_stream, "MOST", 4)
    monkeypatch.setattr(submit_stream, "MOST_BYTES", 100)
    submissions, requests = Submissions(), Requests(*[b"x" * size] * 50)
    async with asyncio.timeout(SOON), aclosing(stream(submissions, requests)) as answers:
        for taken in range(10):
            await anext(answers)
            await asyncio.sleep(0.005)
            # One more may be in hand, waiting for room.
            assert requests.read <= taken + 1 + most + 1
        left = [answer async for answer in answers]

    assert len(left) == 40
    assert submissions.most <= most


@pytest.mark.asyncio
async def test_a_stream_that_is_left_leaves_nothing_running() -> None:
    submissions = Submissions()
    submissions.gate.clear()
    answers = stream(submissions, Requests(*[b"x"] * 10))
    first = asyncio.ensure_future(anext(answers))
    await asyncio.sleep(0.01)
    assert submissions.under_way == 10
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await answers.aclose()

    assert submissions.under_way == 0
