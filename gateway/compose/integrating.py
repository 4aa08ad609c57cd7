"""The integrator's side of a gateway: folds both logs, and signs their heads or compares them.

* It alone opens the keys of the logs and the writing side of the stores; there is one to a gateway.
* It answers no caller, listens on nothing, and knows no worker: what it does is read in the store
  and heard over NATS.
* A log that cannot be proven whole halts, and says so; the other one goes on. So does one in which
  the scrub finds damage.
* Beside other nodes, what these sign is compared, and signing is by turns: see `company`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from gateway.compose.company import Company, Side, keeper_of
from gateway.compose.config import Config, Scrubbing
from gateway.compose.log import LogPlan
from gateway.compose.nats import Nats
from gateway.compose.state import Inception
from gateway.core.errors import Fault
from gateway.ledger.conditions import NatsConditionTeller
from gateway.ledger.integrator import Integrator
from gateway.ledger.keeper import Keeper
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.scrub import Scrub
from gateway.ledger.stream import JetStreamReader
from gateway.ledger.stream_setup import check_lease, check_stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrators:
    """Both logs, open for writing.

    Attributes:
        plans: How both are made.
        both: The integrator of the ledger, and that of the audit log.
        company: What a node among others has besides; None for one that is alone.
    """

    plans: Sequence[LogPlan]
    both: Sequence[Integrator]
    company: Company | None


def keepers(plans: Sequence[LogPlan], inception: Inception, nats: Nats) -> list[Keeper]:
    """Open the keys of both logs.

    Args:
        plans: How both are made.
        inception: What the ledger was begun with.
        nats: Where NATS is.

    Returns:
        The keeper of the ledger's key, and that of the audit log's.

    Raises:
        Fault: LEDGER_NOT_PROVEN, one is not whole, or not the one that members have pinned.
    """
    pins = inception.log_key, inception.audit_log_key
    return [keeper_of(plan, pin, nats) for plan, pin in zip(plans, pins, strict=True)]


@asynccontextmanager
async def integrators(
    plans: Sequence[LogPlan], keys: Sequence[Keeper], connection: RoleConnection, config: Config
) -> AsyncGenerator[Integrators, None]:
    """Open both logs for writing; nothing is folded yet.

    Args:
        plans: How both are made.
        keys: What `keepers` gave.
        connection: The integrator's.
        config: The configuration.

    Yields:
        The integrators of both logs.

    Raises:
        Fault: A stream or store is not whole; the text says what to do.
    """
    async with AsyncExitStack() as stack:
        nats = config.nats
        alone = nats.external is None
        for plan in plans:
            await check_stream(connection, plan.log, replicas=nats.held_by)
        if not alone:
            await check_lease(connection)
        both: list[Integrator] = []
        sides: list[Side] = []
        for plan, keeper in zip(plans, keys, strict=True):
            store = await asyncio.to_thread(plan.open_store)
            if alone:
                both.append(plan.integrator(connection, store, keeper))
            else:
                sides.append(Side.of(plan, connection, store, keeper))
                both.append(sides[-1].integrator)
            stack.push_async_callback(both[-1].close)
        called = config.node.called
        company = None if alone else Company(sides, connection, nats=nats, called=called)
        yield Integrators(plans=plans, both=both, company=company)


@asynccontextmanager
async def folding(
    integrators: Integrators, connection: RoleConnection, halted: Callable[[Fault], None]
) -> AsyncGenerator[list[asyncio.Task[None]], None]:
    """Fold and sign for a while, and say how it goes.

    Args:
        integrators: What `integrators` gave.
        connection: The integrator's.
        halted: Told once if the ledger halts. The audit log cannot record its own halt.

    Yields:
        What has to run for ever.
    """
    company = integrators.company
    lasting, halting = [], []
    async with AsyncExitStack() as stack:
        if company is not None:
            lasting += await stack.enter_async_context(company.kept())
        # The audit log ends last: what the ledger was still read for is recorded there.
        tells = (halted, _say_nothing)
        for plan, integrator, tell in zip(integrators.plans, integrators.both, tells, strict=True):
            teller = NatsConditionTeller(connection, integrator, plan.log, node=plan.node)
            lasting.append(asyncio.create_task(teller.run()))
            halting.append(asyncio.create_task(_until_halt(integrator, tell, company)))
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


async def _until_halt(
    integrator: Integrator, tell: Callable[[Fault], None], company: Company | None
) -> None:
    try:
        await integrator.run()
    except Fault as fault:
        tell(fault)
        if company is not None:
            await company.give_up()


def _say_nothing(_fault: Fault) -> None:
    """Take note of a halt that its own log says."""
