"""`forewarn-gateway serve`: runs a gateway until it is told to stop.

* Lock, nats-server, store, integrator, head, recorder, admission, edge; it stops in the reverse
  order: no new calls, those in flight, the block in hand, the child.
* It creates nothing: what is missing is for `init` or for a restore.
* The audit log runs beside the ledger. Where it cannot be proven or written, nothing above
  TLP:GREEN is released, and everything else goes on.
* It is NOT_SERVING until the ledger is proven and folded up to what the stream holds.
* A ledger that cannot be proven whole does not end the process: nothing more is taken in, health
  says NOT_SERVING, one log line names the remedy, and what is recorded can still be read.
"""

from __future__ import annotations

import asyncio
import logging
import platform
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from grpc_health.v1.health_pb2 import HealthCheckResponse

from gateway.compose.address import Address
from gateway.compose.config import Config
from gateway.compose.init import check_pinned
from gateway.compose.ledger import House, opened
from gateway.compose.log import LogParts, LogPlan, audit_plan, ledger_plan, wire
from gateway.compose.parts import Parts, Writable, build
from gateway.compose.published import published
from gateway.compose.state import Inception, SetupError, StateFolder, write_whole
from gateway.core.audit import Act, AdminAct
from gateway.core.errors import Fault, Reason
from gateway.edge.server import Server
from gateway.ledger.keeper import Keeper
from gateway.ledger.nats_roles import LOGS, SERVE_ROLES
from gateway.ledger.stream_setup import check_stream

_log: Final = logging.getLogger(__name__)

_LAST_WORDS_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.1


async def serve(
    state: StateFolder,
    *,
    listen: Address | None,
    stop: asyncio.Event,
    ready: Callable[[str], None],
) -> None:
    """Run a gateway.

    Args:
        state: Its state folder.
        listen: Where to listen instead of where the configuration says.
        stop: Ends it.
        ready: Told `host:port` once, as soon as it serves.

    Raises:
        SetupError: The folder was never begun, or its files do not belong together.
        PortError: The address cannot be listened on.
        TlsError: Certificate, key or authorities are not fit for use.
        Fault: Stream, store or keeper cannot be opened; the text says what to do.
    """
    inception = Inception.read(state)
    if inception is None:
        raise SetupError(f"no ledger was begun in {state.root}: run `forewarn-gateway init` first")
    if not inception.audit_log_key:
        raise SetupError(
            f"the exchange in {state.root} has no audit log yet: run `forewarn-gateway init` "
            "again, which adds it, and give members the new exchange.toml"
        )
    config = Config.read(state.config)
    address = listen or config.listen.address
    # Before anything is started: what whoever starts it can mend.
    config.tls.files.credentials()
    origin, limits = inception.origin, config.limits
    plans = ledger_plan(state, origin, limits), audit_plan(state, origin, limits)
    pins = inception.log_key, inception.audit_log_key
    keepers = [Keeper.load(plan.keeper, plan.origin) for plan in plans]
    for keeper, pin, plan in zip(keepers, pins, plans, strict=True):
        check_pinned(keeper, pin, plan)
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(opened(state, SERVE_ROLES))
        for log in LOGS:
            await check_stream(house.integrator, log)
        ledger, audit_log = [
            await stack.enter_async_context(_wired(plan, house, keeper))
            for plan, keeper in zip(plans, keepers, strict=True)
        ]
        parts = build(
            inception=inception,
            ledger=ledger,
            audit_log=audit_log,
            limits=config.limits,
            now=_now,
            salt=lambda: secrets.token_bytes(32),
        )
        stack.push_async_callback(asyncio.to_thread, parts.readings.close)
        running = await stack.enter_async_context(_running(parts))
        # What was signed before can be read from the first call on, whatever the integrator finds.
        await ledger.head.refresh()
        await audit_log.head.refresh()
        logs = {plan.origin: log for plan, log in zip(plans, (ledger, audit_log), strict=True)}
        await stack.enter_async_context(published(state, config, logs))
        server = Server(parts.handlers, config.limits.edge)
        stack.push_async_callback(_retire, server, parts, config.limits.stop_seconds)
        port = await server.start(str(address), config.tls.files, _reloading(parts))
        parts.journal.acted(AdminAct(act=Act.START))
        bound = str(replace(address, port=port))
        write_whole(state.listen, f"{bound}\n")
        stack.callback(state.listen.unlink, missing_ok=True)
        watching = asyncio.create_task(_tell_health(server, parts.writable, bound, ready))
        try:
            await _until_stopped(stop, [*running, watching])
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        _log.info("stopping")


@asynccontextmanager
async def _wired(plan: LogPlan, house: House, keeper: Keeper) -> AsyncGenerator[LogParts, None]:
    store = await asyncio.to_thread(plan.open_store)
    node = platform.node()[:64] or "gateway"
    log = wire(plan, house=house, store=store, keeper=keeper, node=node, now=_now)
    try:
        yield log
    finally:
        await log.integrator.close()
        log.reader.close()


@asynccontextmanager
async def _running(parts: Parts) -> AsyncGenerator[list[asyncio.Task[None]], None]:
    """Run what has a loop of its own; give those whose end would end the gateway."""
    ledger, audit_log = parts.ledger, parts.audit
    lasting = (ledger.head, audit_log.head, parts.wakeups, parts.standings, parts.journal)
    vital = [asyncio.create_task(each.run()) for each in lasting]

    def halt(fault: Fault) -> None:
        parts.journal.acted(AdminAct(act=Act.HALT, reason=fault.reason))

    # These may halt, and say so; the gateway then stays up to be read.
    halting = [
        asyncio.create_task(_halting(run, tell))
        for run, tell in (
            (audit_log.integrator.run(), _say_nothing),
            (audit_log.recorder.run(), _say_nothing),
            (ledger.integrator.run(), halt),
            (ledger.recorder.run(), halt),
        )
    ]
    try:
        yield vital
    finally:
        # The recorder before the integrator: what it still waits for is answered or given up. The
        # audit log last: what the ledger was still read for is recorded there.
        for task in reversed((*vital, *halting)):
            task.cancel()
            await asyncio.wait([task])


async def _halting(run: Coroutine[Any, Any, None], tell: Callable[[Fault], None]) -> None:
    try:
        await run
    except Fault as fault:
        tell(fault)


def _say_nothing(_fault: Fault) -> None:
    """Take note of a halt of the audit log, which cannot record its own."""


def _reloading(parts: Parts) -> Callable[[], None]:
    """Give what the threads of gRPC call once certificates were read anew."""
    loop = asyncio.get_running_loop()

    def reloaded() -> None:
        # The loop may have ended by then: the gateway has as well.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(parts.journal.acted, AdminAct(act=Act.CERTIFICATE_RELOAD))

    return reloaded


async def _until_stopped(stop: asyncio.Event, vital: list[asyncio.Task[None]]) -> None:
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({stopping, *vital}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            # These run for ever: whatever ended one is a failure of ours.
            task.result()
            raise Fault(Reason.INTERNAL, "a part of the gateway ended: see its log")
    finally:
        stopping.cancel()


async def _tell_health(
    server: Server, writable: Writable, bound: str, ready: Callable[[str], None]
) -> None:
    """Have health follow the ledger, and say once when the gateway serves."""
    told, said = False, False
    while True:
        serving = writable.serving
        if serving is not told:
            status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
            server.set_serving(status)
            _log.info("%s on %s", "serving" if serving else "not serving", bound)
            told = serving
        if serving and not said:
            ready(bound)
            said = True
        await asyncio.sleep(_LOOK_SECONDS)


async def _retire(server: Server, parts: Parts, grace: float) -> None:
    server.retire()
    parts.wakeups.close()
    await server.stop(grace)
    parts.journal.acted(AdminAct(act=Act.STOP))
    with suppress(Fault, TimeoutError):
        async with asyncio.timeout(_LAST_WORDS_SECONDS):
            # Twice: what was kept from an earlier attempt goes first.
            for _ in range(2):
                await parts.journal.flush()


def _now() -> datetime:
    return datetime.now(UTC)
