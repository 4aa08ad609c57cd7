"""Whoever may no longer call is cut off, whatever its stream waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.identity import SystemId
from gateway.edge.standings import Standings

SOON = 5.0
AURORA, CIVIL = (
    SystemId.parse(f"spiffe://exchange.example/{name}/desk")
    for name in ("lab/aurora", "agency/civil-ai")
)


class Directory:
    """A directory in which some are suspended."""

    def __init__(self, *suspended: SystemId) -> None:
        self.members: dict[str, str] = {}
        self.systems = set(suspended)
        self.asked = 0

    def authenticate(self, system: SystemId) -> None:
        self.asked += 1
        if system in self.systems:
            raise Refusal(Reason.SYSTEM_SUSPENDED, "the system is suspended")


class Exchange:
    """Callers and head, as a test has them."""

    def __init__(self) -> None:
        self.now = Directory()
        self.size = 1
        self.fails = 0
        self._grown = asyncio.Event()
        self.standings = Standings(callers=self._any, head=self._any)

    @property
    def _any(self) -> Any:
        return self

    async def wait_beyond(self, size: int) -> Any:
        while self.size <= size:
            await self._grown.wait()
        return self

    async def directory(self) -> Directory:
        if self.fails:
            self.fails -= 1
            raise Fault(Reason.LEDGER_UNAVAILABLE, "the store cannot be read")
        return self.now

    async def member(self, system: SystemId) -> None:
        (await self.directory()).authenticate(system)

    def grow(self, directory: Directory | None = None) -> None:
        self.size += 1
        self.now = directory or self.now
        self._grown.set()
        self._grown = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        watching = asyncio.create_task(self.standings.run())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    def stream(self, system: SystemId) -> asyncio.Task[None]:
        async def wait() -> None:
            async with self.standings.watched(system):
                await asyncio.Event().wait()

        return asyncio.create_task(wait())


@pytest.mark.asyncio
async def test_the_suspended_one_is_cut_off_and_no_other() -> None:
    exchange = Exchange()
    async with exchange.running(), asyncio.timeout(SOON):
        cut, kept = exchange.stream(AURORA), exchange.stream(CIVIL)
        await asyncio.sleep(0.01)
        exchange.grow(Directory(AURORA))
        with pytest.raises(Refusal) as refusal:
            await cut
        assert refusal.value.reason is Reason.SYSTEM_SUSPENDED
        assert not kept.done()
        kept.cancel()
        await asyncio.wait([kept])

    # Who goes away by itself is cancelled, and nothing else.
    assert kept.cancelled()
    assert not exchange.standings._open


@pytest.mark.asyncio
async def test_a_ledger_that_grows_without_its_directory_asks_for_nobody() -> None:
    exchange = Exchange()
    async with exchange.running(), asyncio.timeout(SOON):
        stream = exchange.stream(AURORA)
        await asyncio.sleep(0.01)
        exchange.grow()
        await asyncio.sleep(0.01)
        asked = exchange.now.asked
        for _ in range(50):
            exchange.grow()
            await asyncio.sleep(0)
        assert exchange.now.asked == asked
        stream.cancel()
        await asyncio.wait([stream])


@pytest.mark.asyncio
async def test_a_stream_that_opens_after_the_change_does_not_begin() -> None:
    exchange = Exchange()
    async with exchange.running(), asyncio.timeout(SOON):
        exchange.grow(Directory(AURORA))
        with pytest.raises(Refusal):
            await exchange.stream(AURORA)


@pytest.mark.asyncio
async def test_a_directory_that_cannot_be_read_is_read_again() -> None:
    exchange = Exchange()
    async with exchange.running(), asyncio.timeout(SOON):
        stream = exchange.stream(AURORA)
        await asyncio.sleep(0.01)
        exchange.fails = 2
        exchange.grow(Directory(AURORA))
        with pytest.raises(Refusal):
            await stream
