"""A worker: takes calls, records statements, reads the store, delivers.

* It is NOT_SERVING until the ledger is proven and folded up to what the stream holds, as it hears
  from the integrator, and whenever it hears otherwise or nothing.
* A ledger that cannot be proven whole does not end it: nothing more is taken in, health says
  NOT_SERVING, and what is recorded can still be read.
* It stops in order: no new calls, those in flight, what the audit log still has to hold, the block
  in hand.

It opens no key of a log and writes no store; a gateway may have any number of workers.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from grpc_health.v1.health_pb2 import HealthCheckResponse

from gateway.compose.address import Address
from gateway.compose.config import Config
from gateway.compose.log import LogParts, LogPlan, verifier_of, wire
from gateway.compose.parts import Parts, build
from gateway.compose.state import Inception
from gateway.compose.stopping import until_stopped
from gateway.core.audit import Act, AdminAct
from gateway.core.errors import Fault
from gateway.edge.port import Sharing
from gateway.edge.server import Server
from gateway.ledger.nats_connection import RoleConnection
from gateway.ports.metering import Meter

_log: Final = logging.getLogger(__name__)

_LAST_WORDS_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.1


@asynccontextmanager
async def wired(
    plans: Sequence[LogPlan],
    inception: Inception,
    config: Config,
    connection: RoleConnection,
    meter: Meter | None = None,
) -> AsyncGenerator[Parts, None]:
    """Make a worker's parts; nothing runs yet.

    Args:
        plans: How both logs are made.
        inception: What the ledger was begun with.
        config: The configuration.
        connection: The worker's.
        meter: Counts; None where nothing is counted.

    Raises:
        SetupError: The marker holds no keys.
        Fault: A store cannot be read; the text says what to do.
    """
    async with AsyncExitStack() as stack:
        witnesses = config.witnesses.load()

        def side(plan: LogPlan, pin: str) -> LogParts:
            log = wire(
                plan,
                connection=connection,
                verifier=verifier_of(pin),
                node=config.node.called,
                now=_now,
                # Only the ledger's blocks are counted.
                meter=meter if plan is plans[0] else None,
                witnesses=witnesses,
            )
            stack.callback(log.reader.close)
            return log

        pins = inception.log_key, inception.audit_log_key
        ledger, audit_log = map(side, plans, pins)
        parts = build(
            inception=inception,
            ledger=ledger,
            audit_log=audit_log,
            config=config,
            now=_now,
            salt=lambda: secrets.token_bytes(32),
            meter=meter,
        )
        stack.push_async_callback(asyncio.to_thread, parts.readings.close)
        yield parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker that listens.

    Attributes:
        address: Where, with the port that it has.
        parts: Its parts, running.
        server: Its server.
        vital: What has to run for ever.
    """

    address: Address
    parts: Parts
    server: Server
    vital: tuple[asyncio.Task[None], ...]

    async def until(
        self,
        stop: asyncio.Event,
        *,
        serving: Callable[[], None],
        besides: Iterable[asyncio.Task[None]] = (),
    ) -> None:
        """Work until told to stop.

        Args:
            stop: Ends it.
            serving: Called once, as soon as statements can be taken in.
            besides: What else has to run for ever.

        Raises:
            Fault: INTERNAL, something that has to run for ever has ended.
        """
        watching = asyncio.create_task(self._tell_health(serving))
        try:
            await until_stopped(stop, [*self.vital, *besides, watching])
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        _log.info("stopping", extra={"event": "stopping"})

    async def _tell_health(self, serving: Callable[[], None]) -> None:
        """Have health follow the ledger, and say once when the worker serves."""
        told, said = False, False
        while True:
            well = self.parts.writable.serving
            if well is not told:
                if well:
                    self.server.set_serving(HealthCheckResponse.SERVING)
                    _log.info("serving", extra={"event": "serving", "address": self.address})
                else:
                    self.server.set_serving(HealthCheckResponse.NOT_SERVING)
                    _log.info("not serving", extra={"event": "not_serving"})
                told = well
            if well and not said:
                serving()
                said = True
            await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def working(
    parts: Parts,
    *,
    config: Config,
    address: Address,
    sharing: Sharing,
    farewell: Iterable[AdminAct],
) -> AsyncGenerator[Worker, None]:
    """Run a worker's parts and listen, until left.

    Args:
        parts: What `wired` gave.
        config: The configuration.
        address: Where to listen.
        sharing: Whose the port is.
        farewell: Acts to record when no call is left; read only then.

    Raises:
        PortError: The address cannot be listened on.
        TlsError: Certificate, key or authorities are not fit for use.
    """
    async with _running(parts) as vital:
        # What was signed before can be read from the first call on, whatever the integrator finds.
        for log in (parts.ledger, parts.audit):
            for head in log.heads:
                await head.refresh()
        server = Server(parts.handlers, config.limits.edge, sharing)
        try:
            port = await server.start(str(address), config.tls.files, _reloading(parts))
            yield Worker(
                address=replace(address, port=port),
                parts=parts,
                server=server,
                vital=tuple(vital),
            )
        finally:
            await _retire(server, parts, farewell, config.limits.stop_seconds)


@asynccontextmanager
async def _running(parts: Parts) -> AsyncGenerator[list[asyncio.Task[None]], None]:
    """Run what has a loop of its own; give those whose end would end the worker."""
    ledger, audit_log = parts.ledger, parts.audit
    lasting = (
        *(head.run() for log in (ledger, audit_log) for head in log.heads),
        *(ledger.conditions.run(), audit_log.conditions.run()),
        *(parts.wakeups.run(), parts.standings.run(), parts.journal.run()),
    )
    vital = [asyncio.create_task(each) for each in lasting]

    def halt(fault: Fault) -> None:
        parts.journal.acted(AdminAct(act=Act.HALT, reason=fault.reason))

    # These may halt, and say so; the worker then stays up to be read.
    halting = [
        asyncio.create_task(_halting(run, tell))
        for run, tell in ((audit_log.recorder.run(), _say_nothing), (ledger.recorder.run(), halt))
    ]
    try:
        yield vital
    finally:
        # The audit log last: what the ledger was still read for is recorded there.
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
        # The loop may have ended by then: the worker has as well.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(parts.journal.acted, AdminAct(act=Act.CERTIFICATE_RELOAD))

    return reloaded


async def _retire(server: Server, parts: Parts, farewell: Iterable[AdminAct], grace: float) -> None:
    server.retire()
    parts.wakeups.close()
    await server.stop(grace)
    for act in farewell:
        parts.journal.acted(act)
    with suppress(Fault, TimeoutError):
        async with asyncio.timeout(_LAST_WORDS_SECONDS):
            await parts.journal.finish()


def _now() -> datetime:
    return datetime.now(UTC)
