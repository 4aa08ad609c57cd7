"""Reading for many members: turn by turn, whoever asks for how much."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from gateway.core.identity import MemberId
from gateway.edge.readings import Readings

GREEDY, MODEST, OTHER = (MemberId(name) for name in ("greedy", "modest", "other"))


class Gate:
    """Readings that end when they are let go, and the order in which they began."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._gate = threading.Semaphore(0)

    def read(self, name: str) -> str:
        self.begun.append(name)
        assert self._gate.acquire(timeout=10)
        return name

    def let(self, number: int) -> None:
        self._gate.release(number)


@pytest_asyncio.fixture
async def readings() -> AsyncIterator[Readings]:
    readings = Readings(threads=2)
    yield readings
    await asyncio.to_thread(readings.close)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what it waits for is in threads
            await asyncio.sleep(0.002)


async def settled() -> None:
    """Give what should not happen the time to happen."""
    for _ in range(20):
        await asyncio.sleep(0.005)


@pytest.mark.asyncio
async def test_members_take_turns(readings: Readings) -> None:
    gate = Gate()
    asked = [
        asyncio.create_task(readings.run(member, gate.read, f"{member} {number}"))
        for member, number in ((GREEDY, 6), (MODEST, 2), (OTHER, 1))
        for number in range(number)
    ]
    await eventually(lambda: len(gate.begun) == 2)
    gate.let(len(asked))
    answers = await asyncio.gather(*asked)

    assert gate.begun[:2] == ["greedy 0", "greedy 1"]
    assert set(gate.begun[2:5]) == {"greedy 2", "modest 0", "other 0"}
    assert set(gate.begun[5:7]) == {"greedy 3", "modest 1"}
    assert sorted(answers) == sorted(gate.begun)


@pytest.mark.asyncio
async def test_no_more_than_its_threads_run_at_once(readings: Readings) -> None:
    gate = Gate()
    asked = [asyncio.create_task(readings.run(GREEDY, gate.read, str(n))) for n in range(5)]
    await eventually(lambda: len(gate.begun) == 2)
    await settled()
    assert len(gate.begun) == 2
    gate.let(1)
    await eventually(lambda: len(gate.begun) == 3)
    await settled()
    assert len(gate.begun) == 3
    gate.let(4)
    assert await asyncio.gather(*asked) == [str(n) for n in range(5)]


@pytest.mark.asyncio
async def test_who_goes_away_gives_its_turn_and_keeps_its_thread_until_done(
    readings: Readings,
) -> None:
    gate = Gate()
    running = [asyncio.create_task(readings.run(GREEDY, gate.read, str(n))) for n in range(2)]
    waiting = [asyncio.create_task(readings.run(GREEDY, gate.read, "gone")) for _ in range(50)]
    await eventually(lambda: len(gate.begun) == 2)
    last = asyncio.create_task(readings.run(MODEST, gate.read, "last"))
    for task in (*running, *waiting):
        task.cancel()
    await settled()
    # Both threads still read for nobody: cancelling frees no thread that is not free.
    assert gate.begun == ["0", "1"]

    gate.let(3)
    assert await last == "last"
    assert gate.begun == ["0", "1", "last"]
    await eventually(lambda: readings._free == 2)
    assert not readings._waiting


@pytest.mark.asyncio
async def test_a_turn_that_came_as_its_caller_left_is_not_lost(readings: Readings) -> None:
    gate = Gate()
    running = [asyncio.create_task(readings.run(GREEDY, gate.read, str(n))) for n in range(2)]
    leaving = asyncio.create_task(readings.run(MODEST, gate.read, "left"))
    await eventually(lambda: len(gate.begun) == 2 and len(readings._waiting) == 1)
    ((turn,),) = readings._waiting.values()
    readings._waiting.clear()
    readings._free = 0
    turn.set_result(None)
    leaving.cancel()
    await eventually(leaving.done)

    assert readings._free == 1
    gate.let(2)
    await asyncio.gather(*running)


@pytest.mark.asyncio
async def test_a_reading_that_fails_fails_for_its_caller_and_frees_its_thread(
    readings: Readings,
) -> None:
    def fail() -> None:
        raise ValueError("no")

    for _ in range(5):
        with pytest.raises(ValueError, match="no"):
            await readings.run(GREEDY, fail)
    await eventually(lambda: readings._free == 2)
