"""Items gather while a batch is worked on; what one comes to is its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gateway.admission.batches import MOST, Batches
from gateway.admission.brief import Brief
from gateway.core.errors import Fault, Reason, Refusal


class Halves:
    """Halves even numbers, and holds the first batch until it is told to go on."""

    def __init__(self) -> None:
        self.begun: list[list[int]] = []
        self.going = threading.Event()
        self.broken: Exception | None = None

    @contextmanager
    def begin(self) -> Iterator[Callable[[int], int]]:
        if self.broken is not None:
            raise self.broken
        self.begun.append([])
        assert self.going.wait(5)
        yield self.half

    def half(self, number: int) -> int:
        self.begun[-1].append(number)
        if number < 0:
            raise ZeroDivisionError
        if number % 2:
            raise Refusal(Reason.FIELD_INVALID, f"{number} is odd")
        return number // 2


@pytest.mark.asyncio
async def test_what_comes_while_a_batch_is_worked_on_is_the_next() -> None:
    halves = Halves()
    batches = Batches(halves.begin)
    tasks = [asyncio.create_task(batches.do(0))]
    while not halves.begun:  # noqa: ASYNC110 - another thread is watched
        await asyncio.sleep(0.001)
    tasks += [asyncio.create_task(batches.do(number)) for number in (2, 4, 6)]
    await asyncio.sleep(0)
    halves.going.set()

    assert await asyncio.gather(*tasks) == [0, 1, 2, 3]
    assert halves.begun == [[0], [2, 4, 6]]
    assert await batches.do(8) == 4


@pytest.mark.asyncio
async def test_a_refusal_is_that_of_its_own_item() -> None:
    halves = Halves()
    halves.going.set()
    batches = Batches(halves.begin)
    found = await asyncio.gather(*(batches.do(n) for n in (2, 3, 4)), return_exceptions=True)

    assert (found[0], found[2]) == (1, 2)
    assert isinstance(found[1], Refusal)
    assert "3" in found[1].detail


@pytest.mark.asyncio
async def test_an_item_that_breaks_its_batch_fails_alone() -> None:
    halves = Halves()
    halves.going.set()
    batches = Batches(halves.begin)
    found = await asyncio.gather(*(batches.do(n) for n in (2, -1, 3, 4)), return_exceptions=True)

    assert (found[0], found[3]) == (1, 2)
    assert isinstance(found[1], ZeroDivisionError)
    assert isinstance(found[2], Refusal)


@pytest.mark.asyncio
async def test_where_nothing_can_be_begun_all_fail_and_the_next_is_tried_anew() -> None:
    halves = Halves()
    halves.going.set()
    halves.broken = Fault(Reason.LEDGER_UNAVAILABLE, "no space")
    batches = Batches(halves.begin)
    found = await asyncio.gather(*(batches.do(n) for n in (2, 4)), return_exceptions=True)
    assert [type(each) for each in found] == [Fault, Fault]

    halves.broken = None
    assert await batches.do(2) == 1


@pytest.mark.asyncio
async def test_who_left_is_left_out_and_a_batch_is_bounded() -> None:
    halves = Halves()
    batches = Batches(halves.begin)
    first = asyncio.create_task(batches.do(0))
    while not halves.begun:  # noqa: ASYNC110 - another thread is watched
        await asyncio.sleep(0.001)
    gone = asyncio.create_task(batches.do(2))
    others = [asyncio.create_task(batches.do(4)) for _ in range(MOST + 1)]
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    halves.going.set()
    await asyncio.gather(first, *others)

    assert gone.cancelled()
    assert [len(batch) for batch in halves.begun] == [1, MOST, 1]


@pytest.mark.asyncio
async def test_where_nothing_can_be_read_all_are_told_and_the_next_is_tried_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    halves = Halves()
    halves.going.set()
    batches = Batches(halves.begin)

    async def broken(*_: object) -> None:
        raise RuntimeError("no thread is left")

    with monkeypatch.context() as patch:
        patch.setattr(Brief, "run", broken)
        async with asyncio.timeout(5):
            told = await asyncio.gather(batches.do(2), batches.do(4), return_exceptions=True)
    assert [type(each) for each in told] == [RuntimeError, RuntimeError]
    async with asyncio.timeout(5):
        assert await batches.do(2) == 1
