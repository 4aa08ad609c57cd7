"""Open streams: everything once and in order, whatever wake-ups do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import Fault, Reason, Refusal
from gateway.delivery.streams import Streams
from gateway.delivery.wakeups import Wakeups
from gateway.ports.reading import Box, SignedHead
from tests.edge.ledgers import Reader, entry, head

SOON = 60.0


class Head:
    """A head that a test moves."""

    def __init__(self) -> None:
        self.current = head(0)
        self._moved = asyncio.Event()

    @property
    def size(self) -> int:
        return self.current.size

    def move(self, size: int) -> None:
        self.current = head(size)
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait_beyond(self, size: int) -> SignedHead:
        while self.current.size <= size:
            await self._moved.wait()
        return self.current


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    records: list[int]
    position: int
    more: bool


class World:
    """A ledger that grows, and streams over it."""

    def __init__(self, *, page: int = 3, look_seconds: float = 60.0) -> None:
        self.reader = Reader()
        self.head = Head()
        reader: Any = self.reader
        self.record("nobody")
        self.publish()
        self.wakeups = Wakeups(reader=reader, head=self.head)
        self.streams = Streams(self.wakeups, look_seconds=look_seconds)
        self.page = page
        self.reads: dict[str, int] = {}
        self.suspended: set[str] = set()

    def record(self, *audience: str, directory: bool = False) -> None:
        index = len(self.reader.entries)
        self.reader.entries.append(entry(index, audience=audience, directory=directory))

    def publish(self) -> None:
        self.head.move(len(self.reader.entries))

    def follow(
        self, member: str, start: int = 0, box: Box = Box.RECEIVED
    ) -> AsyncGenerator[Page, None]:
        async def standing() -> None:
            if member in self.suspended:
                raise Refusal(Reason.MEMBER_INACTIVE, "the member is suspended")

        async def read(at: int) -> Page:
            self.reads[member] = self.reads.get(member, 0) + 1
            size = self.head.size
            mine = [
                each.index
                for each in self.reader.entries[at:size]
                if each.summary is not None and member in each.summary.audience
            ]
            more = len(mine) > self.page
            position = mine[self.page] if more else max(at, size)
            return Page(records=mine[: self.page], position=position, more=more)

        return self.streams.follow(
            member=member, box=box, start=start, standing=standing, read=read
        )


async def take(pages: AsyncGenerator[Page, None], count: int) -> list[int]:
    """Take records until there are as many as expected."""
    found: list[int] = []
    async with asyncio.timeout(SOON):
        while len(found) < count:
            found += (await anext(pages)).records
    return found


@pytest.mark.asyncio
async def test_the_first_page_comes_at_once_even_if_it_is_empty() -> None:
    world = World()
    async with aclosing(world.follow("harbor-bank")) as pages:
        assert (await asyncio.wait_for(anext(pages), SOON)).records == []


@pytest.mark.asyncio
async def test_only_those_who_were_touched_look_again() -> None:
    world = World()
    running = asyncio.create_task(world.wakeups.run())
    async with (
        aclosing(world.follow("harbor-bank")) as mine,
        aclosing(world.follow("quay-bank")) as other,
    ):
        await anext(mine)
        await anext(other)
        waiting = asyncio.create_task(anext(other))
        world.record("harbor-bank")
        world.publish()

        assert await take(mine, 1) == [1]
        assert world.reads == {"harbor-bank": 2, "quay-bank": 1}
        waiting.cancel()
        await asyncio.wait([waiting])
    running.cancel()


@pytest.mark.asyncio
async def test_what_a_member_sends_wakes_those_of_its_streams_that_give_it() -> None:
    world = World()
    running = asyncio.create_task(world.wakeups.run())
    with (
        world.wakeups.listen("aurora", Box.RECEIVED) as received,
        world.wakeups.listen("aurora", Box.SENT) as sent,
        world.wakeups.listen("aurora", Box.ALL) as both,
    ):
        await asyncio.sleep(0)
        world.record("harbor-bank")
        world.publish()
        async with asyncio.timeout(SOON):
            await sent.wait(SOON)
            await both.wait(SOON)
        assert [bell.rung for bell in (received, sent, both)] == [False, True, True]
    running.cancel()


@pytest.mark.asyncio
async def test_a_growth_asks_the_store_once_however_many_listen() -> None:
    world = World()
    running = asyncio.create_task(world.wakeups.run())
    await asyncio.sleep(0)
    streams = [world.follow("harbor-bank") for _ in range(50)]
    for each in streams:
        await anext(each)
    world.record("harbor-bank")
    world.publish()

    assert await asyncio.gather(*(take(each, 1) for each in streams)) == [[1]] * 50
    assert world.reader.snapshots == 1
    for each in streams:
        await each.aclose()
    running.cancel()


@pytest.mark.asyncio
async def test_a_directory_entry_wakes_everybody_and_cuts_who_was_suspended() -> None:
    world = World()
    running = asyncio.create_task(world.wakeups.run())
    async with aclosing(world.follow("harbor-bank")) as pages:
        await anext(pages)
        cut = asyncio.create_task(anext(pages))
        await asyncio.sleep(0)
        world.suspended.add("harbor-bank")
        world.record(directory=True)
        world.publish()

        with pytest.raises(Refusal) as refusal:
            await asyncio.wait_for(cut, SOON)
    assert refusal.value.reason is Reason.MEMBER_INACTIVE
    running.cancel()


@pytest.mark.asyncio
async def test_standing_is_asked_between_pages() -> None:
    world = World(page=1)
    for _ in range(3):
        world.record("harbor-bank")
    world.publish()
    async with aclosing(world.follow("harbor-bank")) as pages:
        assert (await anext(pages)).records == [1]
        world.suspended.add("harbor-bank")
        with pytest.raises(Refusal):
            await anext(pages)


@pytest.mark.asyncio
async def test_a_lost_wake_up_only_costs_time() -> None:
    world = World(look_seconds=0.01)  # and nobody runs the wake-ups
    async with aclosing(world.follow("harbor-bank")) as pages:
        await anext(pages)
        world.record("harbor-bank")
        world.publish()

        assert await take(pages, 1) == [1]


@pytest.mark.asyncio
async def test_looking_without_growth_reads_nothing() -> None:
    world = World(look_seconds=0.001)
    async with aclosing(world.follow("harbor-bank")) as pages:
        await anext(pages)
        waiting = asyncio.create_task(anext(pages))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.wait([waiting])
    assert world.reads == {"harbor-bank": 1}


@pytest.mark.asyncio
async def test_a_gateway_that_stops_ends_its_streams() -> None:
    world = World()
    async with aclosing(world.follow("harbor-bank")) as pages:
        await anext(pages)
        waiting = asyncio.create_task(anext(pages))
        await asyncio.sleep(0)
        world.wakeups.close()
        with pytest.raises(Fault) as fault:
            await asyncio.wait_for(waiting, SOON)
    assert fault.value.reason is Reason.LEDGER_UNAVAILABLE


@pytest.mark.asyncio
async def test_a_closed_stream_is_forgotten() -> None:
    world = World()
    pages = world.follow("harbor-bank")
    await anext(pages)
    assert world.wakeups._bells
    await pages.aclose()
    assert not world.wakeups._bells


steps = st.lists(
    st.sampled_from(["mine", "others", "publish", "restart", "yield"]), min_size=1, max_size=40
)


@settings(max_examples=60)
@given(steps, st.integers(min_value=1, max_value=4))
def test_no_gap_and_no_duplicate_whatever_happens(moves: list[str], page: int) -> None:
    async def play() -> None:
        world = World(page=page)
        running = asyncio.create_task(world.wakeups.run())
        found: list[int] = []
        position = 0

        async def drink(start: int) -> None:
            nonlocal position
            async with aclosing(world.follow("harbor-bank", start)) as pages:
                async for each in pages:
                    found.extend(each.records)
                    position = each.position

        drinking = asyncio.create_task(drink(0))
        for move in moves:
            if move in {"mine", "others"}:
                world.record("harbor-bank" if move == "mine" else "quay-bank")
            elif move == "publish":
                world.publish()
            elif move == "restart":
                drinking.cancel()
                await asyncio.wait([drinking])
                drinking = asyncio.create_task(drink(position))
            else:
                await asyncio.sleep(0)
        world.record("harbor-bank")
        world.publish()
        last = len(world.reader.entries) - 1
        async with asyncio.timeout(SOON):
            while last not in found:  # noqa: ASYNC110 - what drinks is what is tested
                await asyncio.sleep(0)
        drinking.cancel()
        running.cancel()
        await asyncio.wait([drinking, running])
        mine = [
            each.index
            for each in world.reader.entries
            if each.summary is not None and "harbor-bank" in each.summary.audience
        ]
        assert found == mine

    asyncio.run(play())
