"""The whole edge in one process: real guard, services, admission and store; no socket, no stream.

* A call is bytes and a certificate, as TLS hands them over; an answer is a message or a status.
* `call` insists on the one thing that holds for any bytes: an error is a status of the table with
  its reason, and never INTERNAL.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from certs.authority import Authority
from forewarn.exchange.v1 import (
    delivery_service_pb2,
    directory_service_pb2,
    exchange_service_pb2,
    log_service_pb2,
)
from gateway.core.audit import DeliveryTally, Event
from gateway.core.checkpoint import Checkpoint, Note, NoteSigner
from gateway.core.errors import Reason
from gateway.core.identity import SystemId
from gateway.core.refused import COUNTED, OnRecord, RefusalTally
from gateway.delivery.streams import Streams
from gateway.delivery.wakeups import Wakeups
from gateway.edge.callers import Callers
from gateway.edge.deliveries import DeliveryService, Shelf
from gateway.edge.directory import DirectoryService
from gateway.edge.exchange import ExchangeService
from gateway.edge.guard import Bounds, Guard
from gateway.edge.log import LogService
from gateway.edge.rates import Rate, Rates
from gateway.edge.readings import Readings
from gateway.edge.standings import Standings
from gateway.edge.status import CODES, DOMAIN
from gateway.edge.strangers import Strangers
from gateway.edge.submissions import Submissions
from gateway.edge.turnstile import Turnstile
from gateway.ports.reading import SignedHead
from gateway.wire.audit import encode
from tests.world.actors import ORIGIN, TRUST_DOMAIN, Actor, make_key
from tests.world.store_ledger import StoreLedger
from tests.world.world import World

_ANY_TIME = datetime(2026, 11, 21, tzinfo=UTC)

SERVICES = {
    service.name: service
    for file in (
        exchange_service_pb2,
        directory_service_pb2,
        log_service_pb2,
        delivery_service_pb2,
    )
    for service in file.DESCRIPTOR.services_by_name.values()
}
METHODS = {method.full_name: method for service in SERVICES.values() for method in service.methods}


Metadata = Sequence[tuple[str, str | bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An error answer."""

    code: grpc.StatusCode
    reason: Reason


class _Aborted(grpc.aio.AbortError):
    """What the context raises, as the real one does."""


class _EnoughError(grpc.aio.AbortError):
    """A stream's first answer is here: its caller has what it wanted."""


class _Context:
    """As much of a servicer context as the guard uses."""

    def __init__(self, certificate: bytes, metadata: Metadata) -> None:
        self._certificate = certificate
        self._metadata = metadata
        self._done: list[Callable[[Any], None]] = []
        self.failed: Failed | None = None
        self.first: Message | None = None

    def peer(self) -> str:
        return "ipv4:192.0.2.7:51312"

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_pem_cert": [self._certificate]}

    def invocation_metadata(self) -> Metadata:
        return self._metadata

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._done.append(callback)

    def done(self) -> None:
        for callback in self._done:
            callback(self)

    async def send_initial_metadata(self, metadata: Metadata) -> None:
        assert metadata == (("forewarn-stream", "open"),)

    async def write(self, answer: Message) -> None:
        self.first = answer
        raise _EnoughError

    async def abort(self, code: grpc.StatusCode, message: str, trailer: Any) -> None:
        ((_, raw),) = trailer
        status = status_pb2.Status.FromString(raw)
        assert (status.code, status.message) == (code.value[0], message)
        info = error_details_pb2.ErrorInfo()
        assert status.details[0].Unpack(info)
        assert info.domain == DOMAIN
        self.failed = Failed(code=code, reason=Reason(info.reason))
        raise _Aborted


class _Head:
    """The newest checkpoint, signed at every look."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._signer = NoteSigner(name=ORIGIN, key=make_key("log"))

    @property
    def current(self) -> SignedHead:
        size, root = self.size, self._world.ledger.root()
        text = Checkpoint(origin=ORIGIN, size=size, root=root).text()
        note = Note(text=text, signatures=(self._signer.sign(text),)).encode()
        return SignedHead(note=note, size=size, root=root)

    @property
    def size(self) -> int:
        return self._world.size

    async def wait_beyond(self, size: int) -> SignedHead:
        if size >= self.size:
            await asyncio.Event().wait()
        return self.current


class _Log(logging.Handler):
    """Keeps what the guard says of a failure, for whoever reads the test's."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.said = record.getMessage()


class Edge:
    """An exchange with its members, called from their systems."""

    def __init__(self, folder: Path) -> None:
        self.world = World(StoreLedger(folder)).__enter__()
        self._authority = Authority.create(folder / "ca", trust_domain=TRUST_DOMAIN)
        self._certificates: dict[str, bytes] = {}
        self._log = _Log()
        self._readings = Readings()
        logging.getLogger("gateway.edge.guard").addHandler(self._log)

    def close(self) -> None:
        logging.getLogger("gateway.edge.guard").removeHandler(self._log)
        self._readings.close()
        self.world.__exit__()

    def certificate(self, actor: Actor) -> bytes:
        """Give the certificate of a member's system, PEM."""
        name = str(actor.system)
        if name not in self._certificates:
            self._certificates[name] = self._authority.leaf([name])[0]
        return self._certificates[name]

    def call(
        self, method: str, request: bytes, certificate: bytes, metadata: Metadata = ()
    ) -> Message | Failed:
        """Make a call; of a stream, take the first answer."""
        context = _Context(certificate, metadata)
        try:
            answer: Message = self.world.run(self._answer(self._handlers[method], request, context))
        except _Aborted:
            failed = context.failed
        else:
            return answer
        finally:
            context.done()
        assert failed is not None
        assert failed.reason is not Reason.INTERNAL, self._log.said
        assert failed.code is CODES[failed.reason]
        return failed

    async def _answer(self, handler: Any, request: bytes, context: _Context) -> Message:
        if handler.unary_unary is not None:
            found: Message = await handler.unary_unary(request, context)
        else:
            both_ways = handler.unary_stream is None
            call = handler.stream_stream if both_ways else handler.unary_stream
            with suppress(_EnoughError):
                await call(_alone(request) if both_ways else request, context)
            assert context.first is not None
            found = context.first
        # What cannot be serialized never arrives.
        found.SerializeToString()
        return found

    @cached_property
    def _handlers(self) -> dict[str, Any]:
        world, reader = self.world, self.world.ledger
        head = _Head(world)
        callers = Callers(trust_domain=TRUST_DOMAIN, directories=world.directories, head=head)
        wakeups = Wakeups(reader=reader, head=head)
        journal = _Journal()
        services: dict[str, object] = {
            "ExchangeService": ExchangeService(
                origin=ORIGIN,
                reader=reader,
                head=head,
                callers=callers,
                submissions=Submissions(
                    reader=reader,
                    head=head,
                    admission=world.admission,
                    policy=world.policy,
                    check_writable=lambda: None,
                ),
                streams=Streams(wakeups),
                readings=self._readings,
                journal=journal,
            ),
            "DirectoryService": DirectoryService(
                reader=reader, head=head, readings=self._readings, journal=journal
            ),
            "LogService": LogService(reader=reader, head=head, readings=self._readings),
            # What is recorded is not kept here: the ledger stands for the audit log as well.
            "DeliveryService": DeliveryService(
                ledger=Shelf(reader=reader, head=head),
                audit_log=Shelf(reader=reader, head=head),
                callers=callers,
                readings=self._readings,
                journal=journal,
                check_writable=lambda: None,
            ),
        }
        guard = Guard(
            callers=callers,
            standings=Standings(callers=callers, head=head),
            bounds=Bounds(
                rates=_unbounded(),
                turnstile=Turnstile(1),
                strangers=Strangers(lambda: 0.0, burst=10**9),
            ),
            head=head,
            now=lambda: world.pen.now,
            journal=journal,
        )
        return {
            method.full_name: _named(guard.handler(SERVICES[name], service), name, method.name)
            for name, service in services.items()
            for method in SERVICES[name].methods
        }


def _unbounded() -> Rates:
    rate = Rate(per_second=1e9, burst=10**9)
    return Rates(statements=rate, confirmations=rate, calls=rate, clock=lambda: 0.0)


async def _alone(request: bytes) -> AsyncIterator[bytes]:
    yield request


class _Journal:
    """Records everything at once, and keeps nothing."""

    async def released(self, events: Sequence[Event]) -> None:
        for event in events:
            encode(event, _ANY_TIME)

    async def confirmed(self, events: Sequence[Event]) -> list[int]:
        await self.released(events)
        return [0] * len(events)

    def noted(self, event: Event) -> None:
        encode(event, _ANY_TIME)

    def delivered(self, *, system: SystemId, rpc: str, sender: str, indexes: Sequence[int]) -> None:
        tally = DeliveryTally()
        tally.add(system=system, rpc=rpc, sender=sender, indexes=indexes)
        for delivery in tally.take()[0]:
            for event in delivery.events():
                encode(event, _ANY_TIME)

    async def refused(
        self, *, system: SystemId | None, rpc: str, reason: Reason, digest: bytes | None
    ) -> OnRecord:
        tally = RefusalTally()
        tally.add(system=system, rpc=rpc, reason=reason, digest=digest, now=_ANY_TIME)
        for event in tally.take().values():
            encode(event, _ANY_TIME)
        return COUNTED


def _named(handler: grpc.GenericRpcHandler, service: str, method: str) -> Any:
    details: Any = type("Details", (), {"method": f"/{SERVICES[service].full_name}/{method}"})()
    return handler.service(details)
