"""`forewarn-gateway serve`: runs a gateway until it is told to stop.

* Lock, nats-server, store, integrator, head, recorder, admission, edge; it stops in the reverse
  order: no new calls, those in flight, the block in hand, the child.
* It creates nothing: what is missing is for `init` or for a restore.
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

from gateway.compose.config import Address, Config
from gateway.compose.ledger import House, opened
from gateway.compose.parts import Parts, Writable, build
from gateway.compose.state import Inception, SetupError, StateFolder, write_whole
from gateway.core.errors import Fault, Reason
from gateway.edge.server import EdgeLimits, Server
from gateway.ledger.keeper import Keeper
from gateway.ledger.nats_roles import SERVE_ROLES
from gateway.ledger.store import Store
from gateway.ledger.stream_setup import check_stream
from gateway.wire.entries import summarize

_log: Final = logging.getLogger(__name__)

_GRACE_SECONDS: Final = 5.0
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
    config = Config.read(state.config)
    address = listen or config.listen
    # Before anything is started: what whoever starts it can mend.
    config.tls.credentials()
    keeper = Keeper.load(state.keeper, inception.origin)
    if str(keeper.verifier) != inception.log_key:
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"the log key in {state.keeper} is not the one that members have pinned: restore the "
            "keeper's folder from a copy",
        )
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(opened(state, SERVE_ROLES))
        await check_stream(house.integrator)
        parts = await stack.enter_async_context(
            _built(state, house, inception, keeper, config.limits)
        )
        running = await stack.enter_async_context(_running(parts))
        # What was signed before can be read from the first call on, whatever the integrator finds.
        await parts.head.refresh()
        server = Server(parts.handlers, config.limits)
        stack.push_async_callback(_retire, server, parts)
        port = await server.start(str(address), config.tls)
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
async def _built(
    state: StateFolder, house: House, inception: Inception, keeper: Keeper, limits: EdgeLimits
) -> AsyncGenerator[Parts, None]:
    store = await asyncio.to_thread(Store.open, state.store, inception.origin, summarize=summarize)
    parts = build(
        inception=inception,
        house=house,
        store=store,
        store_path=state.store,
        keeper=keeper,
        node=platform.node()[:64] or "gateway",
        limits=limits,
        now=_now,
        salt=lambda: secrets.token_bytes(32),
    )
    try:
        yield parts
    finally:
        await parts.integrator.close()
        await asyncio.to_thread(parts.readings.close)
        parts.reader.close()


@asynccontextmanager
async def _running(parts: Parts) -> AsyncGenerator[list[asyncio.Task[None]], None]:
    """Run what has a loop of its own; give those whose end would end the gateway."""
    vital = [asyncio.create_task(each.run()) for each in (parts.head, parts.wakeups)]
    # These two may halt, and say so; the gateway then stays up to be read.
    halting = [
        asyncio.create_task(_halting(each.run())) for each in (parts.integrator, parts.recorder)
    ]
    try:
        yield vital
    finally:
        # The recorder before the integrator: what it still waits for is answered or given up.
        for task in reversed((*vital, *halting)):
            task.cancel()
            await asyncio.wait([task])


async def _halting(run: Coroutine[Any, Any, None]) -> None:
    with suppress(Fault):
        await run


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


async def _retire(server: Server, parts: Parts) -> None:
    server.retire()
    parts.wakeups.close()
    await server.stop(_GRACE_SECONDS)


def _now() -> datetime:
    return datetime.now(UTC)
