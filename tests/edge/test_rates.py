"""How often a member calls: to the microsecond, for each member alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId
from gateway.edge.rates import Meter, Rate
from gateway.edge.status import status_of

BUSY, QUIET = MemberId("aurora"), MemberId("civil-ai")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def meter(per_second: float, burst: int, clock: Clock) -> Meter:
    return Meter(Rate(per_second=per_second, burst=burst), "statements", clock)


def refused(tried: Meter, member: MemberId = BUSY) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        tried.pass_now(member)
    assert refusal.value.reason is Reason.RATE_EXCEEDED
    return refusal.value


def retry_seconds(refusal: Refusal) -> float:
    """Read the time out of the answer that leaves."""
    retry: Any = error_details_pb2.RetryInfo()
    for detail in status_pb2.Status.FromString(status_of(refusal).details).details:
        if detail.Unpack(retry):
            return float(retry.retry_delay.ToTimedelta() / timedelta(seconds=1))
    raise AssertionError("the answer does not say when")


def test_a_burst_passes_and_then_one_at_a_time() -> None:
    clock = Clock()
    tried = meter(10, 5, clock)
    for _ in range(5):
        tried.pass_now(BUSY)
    assert retry_seconds(refused(tried)) == pytest.approx(0.1, abs=2e-6)
    clock.now += 0.1
    tried.pass_now(BUSY)
    refused(tried)
    clock.now += 3600
    for _ in range(5):
        tried.pass_now(BUSY)
    refused(tried)


def test_what_one_member_uses_up_is_no_others() -> None:
    tried = meter(1, 1, Clock())
    tried.pass_now(BUSY)
    refused(tried)
    tried.pass_now(QUIET)


def test_a_refused_call_uses_nothing_up() -> None:
    clock = Clock()
    tried = meter(2, 1, clock)
    tried.pass_now(BUSY)
    for _ in range(100):
        refused(tried)
    clock.now += 0.5
    tried.pass_now(BUSY)


@given(
    st.floats(0.01, 1e6),
    st.integers(1, 50),
    st.lists(st.floats(0, 10), min_size=1, max_size=100),
)
def test_never_more_than_the_rate_and_whoever_waits_as_told_passes(
    per_second: float, burst: int, pauses: list[float]
) -> None:
    clock = Clock()
    tried = meter(per_second, burst, clock)
    for passed, pause in enumerate(pauses, 1):
        clock.now += pause
        try:
            tried.pass_now(BUSY)
        except Refusal as refusal:
            clock.now += retry_seconds(refusal)
            tried.pass_now(BUSY)
        elapsed = clock.now - 1_000_000.0
        assert passed <= burst + elapsed * per_second * (1 + 1e-6) + 1e-3


def test_one_number_is_kept_for_each_member() -> None:
    tried = meter(10, 1000, Clock())
    for _ in range(1000):
        tried.pass_now(BUSY)

    assert list(tried._due) == [BUSY]


@pytest.mark.asyncio
async def test_a_stream_is_read_more_slowly_and_where_that_takes_long_it_ends() -> None:
    clock = Clock()
    tried = meter(100, 1, clock)
    begun = asyncio.get_running_loop().time()
    for _ in range(5):
        await tried.pass_soon(BUSY)
    # The clock of the meter stands still, so each waits for all before it: 0 + 10 + ... + 40 ms.
    assert asyncio.get_running_loop().time() - begun >= 0.099
    with pytest.raises(Refusal) as refusal:
        await tried.pass_soon(BUSY, longest=0.01)
    assert refusal.value.retry_after == pytest.approx(0.04)
    clock.now += 0.04
    await tried.pass_soon(BUSY, longest=0.01)
