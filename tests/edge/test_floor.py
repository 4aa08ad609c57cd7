"""The size that a caller has verified: read strictly, waited for, never undercut."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.errors import Fault, Reason, Refusal
from gateway.edge.floor import VERIFIED_SIZE, reach, verified_size
from tests.delivery.test_streams import Head


@pytest.mark.parametrize(
    ("metadata", "size"),
    [
        (None, 0),
        ((("user-agent", "x"),), 0),
        (((VERIFIED_SIZE, "0"),), 0),
        ((("a", "b"), (VERIFIED_SIZE, "12")), 12),
        (((VERIFIED_SIZE, str(2**63 - 1)),), 2**63 - 1),
    ],
)
def test_the_size_is_read(metadata: tuple[tuple[str, str]] | None, size: int) -> None:
    assert verified_size(metadata) == size


@pytest.mark.parametrize(
    "said", ["", "-1", "+1", "01", "1_0", " 1", "1.0", "x", "\u0661", str(2**63), "9" * 40, b"1"]
)
def test_what_is_no_size_is_refused(said: str | bytes) -> None:
    with pytest.raises(Refusal) as caught:
        verified_size([(VERIFIED_SIZE, said)])
    assert caught.value.reason is Reason.FIELD_INVALID


def test_a_size_is_said_once() -> None:
    with pytest.raises(Refusal):
        verified_size([(VERIFIED_SIZE, "1"), (VERIFIED_SIZE, "1")])


@pytest.mark.asyncio
async def test_a_worker_that_has_reached_it_does_not_wait() -> None:
    head = Head()
    head.move(7)

    await asyncio.wait_for(reach(head, 7, seconds=0), 1)


@pytest.mark.asyncio
async def test_a_worker_that_reaches_it_in_time_goes_on() -> None:
    head = Head()
    waiting = asyncio.create_task(reach(head, 7, seconds=5))
    for size in (3, 6):
        head.move(size)
        await asyncio.sleep(0)
        assert not waiting.done()
    head.move(7)

    await asyncio.wait_for(waiting, 1)


@pytest.mark.asyncio
async def test_a_worker_that_does_not_reach_it_says_so() -> None:
    head = Head()
    head.move(6)

    with pytest.raises(Fault) as caught:
        await reach(head, 7, seconds=0.01)

    assert caught.value.reason is Reason.LEDGER_UNAVAILABLE
