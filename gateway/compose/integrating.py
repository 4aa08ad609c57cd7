"""The integrator's side of a gateway: folds both logs, and signs their heads.

* It alone opens the keys of the logs and the writing side of the stores; there is one to a gateway.
* It answers no caller, listens on nothing, and knows no worker: what it does is read in the store
  and heard over NATS.
* A log that cannot be proven whole halts, and says so; the other one goes on. So does one in which
  the scrub finds damage.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.compose.config import Scrubbing
from gateway.compose.log import LogPlan, check_pinned
from gateway.compose.state import Inception
from gateway.core.errors import Fault
from gateway.ledger.conditions import NatsConditionTeller
from gateway.ledger.integrator import Integrator
from gateway.ledger.keeper import Keeper
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_roles import LOGS
from gateway.ledger.scrub import Scrub
from gateway.ledger.stream import JetStreamReader
from gateway.ledger.stream_setup import check_stream


def keepers(plans: Sequence[LogPlan], inception: Inception) -> list[Keeper]:
    """Open the keys of both logs.

    Args:
        plans: How both are made.
        inception: What the ledger was begun with.

    Returns:
        The keeper of the ledger's key, and that of the audit log's.

    Raises:
        Fault: LEDGER_NOT_PROVEN, one is not whole, or not the one that members have pinned.
    """
    found = []
    for plan, pin in zip(plans, (inception.log_key, inception.audit_log_key), strict=True):
        keeper = Keeper.load(plan.keeper, plan.origin)
        check_pinned(keeper, pin, plan)
        found.append(keeper)
    return found


@asynccontextmanager
async def integrators(
    plans: Sequence[LogPlan], keys: Sequence[Keeper], connection: RoleConnection
) -> AsyncGenerator[list[Integrator], None]:
    """Open both logs for writing; nothing is folded yet.

    Args:
        plans: How both are made.
        keys: What `keepers` gave.
        connection: The integrator's.

    Yields:
        The integrator of the ledger, and that of the audit log.

    Raises:
        Fault: A stream or store is not whole; the text says what to do.
    """
    async with AsyncExitStack() as stack:
        for plan in plans:
            await check_stream(connection, plan.log)
        found = []
        for plan, keeper in zip(plans, keys, strict=True):
            store = await asyncio.to_thread(plan.open_store)
            integrator = plan.integrator(connection, store, keeper)
            stack.push_async_callback(integrator.close)
            found.append(integrator)
        yield found


@asynccontextmanager
async def folding(
    both: Sequence[Integrator], connection: RoleConnection, halted: Callable[[Fault], None]
) -> AsyncGenerator[list[asyncio.Task[None]], None]:
    """Fold and sign for a while, and say how it goes.

    Args:
        both: What `integrators` gave.
        connection: The integrator's.
        halted: Told once if the ledger halts. The audit log cannot record its own halt.

    Yields:
        What has to run for ever.
    """
    lasting, halting = [], []
    # The audit log ends last: what the ledger was still read for is recorded there.
    for log, integrator, tell in zip(LOGS, both, (halted, _say_nothing), strict=True):
        teller = NatsConditionTeller(connection, integrator, log)
        lasting.append(asyncio.create_task(teller.run()))
        halting.append(asyncio.create_task(_until_halt(integrator, tell)))
    try:
        yield lasting
    finally:
        for task in (*halting, *lasting):
            task.cancel()
            await asyncio.wait([task])


@asynccontextmanager
async def scrubbing(
    plans: Sequence[LogPlan],
    both: Sequence[Integrator],
    connection: RoleConnection,
    settings: Scrubbing,
) -> AsyncGenerator[None, None]:
    """Hash again what both logs keep, for a while; what is damaged halts its integrator.

    Args:
        plans: How both are made.
        both: What `integrators` gave.
        connection: The integrator's.
        settings: How fast.
    """
    rate = settings.mib_per_second << 20
    tasks = [
        asyncio.create_task(
            _until_damage(
                Scrub(
                    path=plan.store,
                    stream=JetStreamReader(connection, plan.log),
                    bytes_per_second=rate,
                    pause_seconds=settings.pause_seconds,
                ),
                integrator,
            )
        )
        for plan, integrator in zip(plans, both, strict=True)
        if rate
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until_damage(scrub: Scrub, integrator: Integrator) -> None:
    try:
        await scrub.run()
    except Fault as fault:
        integrator.halt(fault)


async def _until_halt(integrator: Integrator, tell: Callable[[Fault], None]) -> None:
    try:
        await integrator.run()
    except Fault as fault:
        tell(fault)


def _say_nothing(_fault: Fault) -> None:
    """Take note of a halt that its own log says."""
