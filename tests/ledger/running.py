"""A running ledger for tests: the embedded server with its stream, or the memory in its place."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.ledger.announced_here import AnnouncedHere
from gateway.ledger.announcements import NatsAnnouncements, NatsAnnouncer
from gateway.ledger.lock import StateLock
from gateway.ledger.memory import MemoryBlockStream
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_roles import INIT_ROLES, Role
from gateway.ledger.nats_server import EmbeddedNats
from gateway.ledger.stream import JetStreamAppender, JetStreamReader
from gateway.ledger.stream_setup import check_stream, create_stream
from gateway.ports.blocks import Announcements, Announcer, BlockAppender, BlockReader

ALL_ROLES = frozenset(Role)
PATIENCE = 60.0
"""Seconds to wait for what has to come; only a failure ever waits so long, on any machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The ports, and a way to interrupt whoever follows."""

    appender: BlockAppender
    reader: BlockReader
    announcer: Announcer
    announcements: Announcements
    interrupt: Callable[[], Awaitable[None]]


@asynccontextmanager
async def server(
    state_dir: Path, roles: frozenset[Role] = ALL_ROLES
) -> AsyncGenerator[EmbeddedNats, None]:
    """Run an embedded server without a stream."""
    lock = await StateLock.acquire(state_dir, within=PATIENCE)
    nats = EmbeddedNats(state_dir=state_dir, lock=lock, roles=roles)
    try:
        await nats.start()
        yield nats
    finally:
        await nats.stop()
        lock.release()


@asynccontextmanager
async def connection(nats: EmbeddedNats, role: Role) -> AsyncGenerator[RoleConnection, None]:
    """Be a role for a while."""
    opened = await RoleConnection.open(nats.endpoint, role)
    try:
        yield opened
    finally:
        await opened.close()


async def initialise(state_dir: Path) -> None:
    """Make the stream, as `forewarn-gateway init` does."""
    async with server(state_dir, INIT_ROLES) as nats, connection(nats, Role.KEEPER) as keeper:
        await create_stream(keeper, store_dir=nats.store_dir)


@asynccontextmanager
async def nats_ledger(nats: EmbeddedNats) -> AsyncGenerator[Ledger, None]:
    """Connect both sides of a ledger to a running server that has its stream."""
    async with connection(nats, Role.WORKER) as worker, connection(nats, Role.INTEGRATOR) as fold:
        await check_stream(fold)

        async def interrupt() -> None:
            await kill(nats)

        yield Ledger(
            appender=JetStreamAppender(worker),
            reader=JetStreamReader(fold),
            announcer=NatsAnnouncer(fold),
            announcements=NatsAnnouncements(worker),
            interrupt=interrupt,
        )


@asynccontextmanager
async def memory_ledger() -> AsyncGenerator[Ledger, None]:
    """Make a ledger in memory."""
    stream, announcements = MemoryBlockStream(), AnnouncedHere()

    async def interrupt() -> None:
        stream.interrupt()

    yield Ledger(
        appender=stream,
        reader=stream,
        announcer=announcements,
        announcements=announcements,
        interrupt=interrupt,
    )


async def kill(nats: EmbeddedNats) -> int:
    """Kill the child as a crash would, and return the id it had."""
    pid = nats.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while nats.pid == pid:  # noqa: ASYNC110 - the kernel tells, no event does
        await asyncio.sleep(0.005)
    return pid
