"""The guard around every method: no call reaches a service but through here.

* In this order: the peer's certificate, the member's standing, the policy's row, its rate, the
  turnstile, the size that the caller has verified (see `floor`), the request's bytes, the service.
  Whatever is not allowed by all of them is refused.
* A stream ends as soon as its caller may no longer call (see `standings`), with its certificate,
  and where a message was not taken in time. gRPC gives its reader what was sent before, and then
  the reason.
* A service is plain methods that take a `Caller` and a request and raise `Refusal` or `Fault`; it
  sees neither connection nor metadata. The guard alone turns what it raises into a status.
* The clock is read here, once for each call.
* Whoever may not call is answered at a rate of its own (see `strangers`), by system or address.
* Every refusal goes on record in the audit log, with the system and the digest where they are
  known, and its answer says where; those of single statements in a stream are the stream's affair.
* Log lines hold ids and reasons, never a request, an answer or a certificate. Of an exception that
  is neither refusal nor fault, the caller learns nothing and the log its type and place.

Handlers are built from the service's descriptor: a method that the policy does not list has none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn, Protocol

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from gateway.core.errors import Reason, Refusal
from gateway.core.identity import SystemId
from gateway.core.members import Member
from gateway.core.refused import OnRecord
from gateway.edge.addresses import site_of_peer
from gateway.edge.callers import Caller, Callers
from gateway.edge.floor import reach, verified_size
from gateway.edge.policy import POLICY
from gateway.edge.rates import Meter, Rates
from gateway.edge.standings import Standings
from gateway.edge.status import About, judged
from gateway.edge.strangers import Strangers
from gateway.edge.subject import subject_of
from gateway.edge.turnstile import READER_SECONDS, STREAM_BYTES, Turnstile
from gateway.ports.reading import LedgerHead

_log: Final = logging.getLogger(__name__)


Context = grpc.aio.ServicerContext[bytes, Message]

STREAM_OPEN: Final = ("forewarn-stream", "open")
"""Initial metadata of a stream, sent once its caller is let in."""
Unary = Callable[[Caller, Any], Awaitable[Message]]
Streaming = Callable[[Caller, Any], AsyncGenerator[Message, None]]
BothWays = Callable[[Caller, AsyncIterator[tuple[Caller, Any]]], AsyncGenerator[Message, None]]


class Journal(Protocol):
    """What the audit log's journal is to whoever refuses."""

    async def refused(
        self, *, system: SystemId | None, rpc: str, reason: Reason, digest: bytes | None
    ) -> OnRecord:
        """Put a refusal on record, and tell where it is by now; never fails, never takes long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What each member is held to.

    Attributes:
        rates: How often it calls.
        turnstile: How much it has open.
        strangers: How often one calls that may not.
        reader_seconds: How long a message of a stream waits for it to be taken.
    """

    rates: Rates
    turnstile: Turnstile
    strangers: Strangers
    reader_seconds: float = READER_SECONDS


@dataclass(slots=True, kw_only=True)
class _Call:
    """What is known of a call so far."""

    method: MethodDescriptor
    peer: Mapping[str, Iterable[bytes]] | None = None
    system: SystemId | None = None
    request: Message | None = None


class Guard:
    """Wraps services."""

    def __init__(
        self,
        *,
        callers: Callers,
        standings: Standings,
        bounds: Bounds,
        head: LedgerHead,
        now: Callable[[], datetime],
        journal: Journal,
    ) -> None:
        """Keep what every call is judged by.

        Args:
            callers: Tells who calls.
            standings: Tells when whoever has a stream open may no longer call.
            bounds: What each member is held to.
            head: The newest signed checkpoint, which has to reach what the caller has verified.
            now: The clock, UTC.
            journal: Where refusals are put on record.
        """
        self._callers = callers
        self._standings = standings
        self._bounds = bounds
        self._head = head
        self._now = now
        self._journal = journal

    def handler(self, service: ServiceDescriptor, implementation: object) -> grpc.GenericRpcHandler:
        """Build the guarded handler of a service.

        Args:
            service: The service's descriptor.
            implementation: An object with one method for each RPC, named in snake case.

        Returns:
            What a server is given.
        """
        methods = {
            method.name: self._method(method, getattr(implementation, _snake(method.name)))
            for method in service.methods
            if method.full_name in POLICY
        }
        return grpc.method_handlers_generic_handler(service.full_name, methods)

    def _method(self, method: MethodDescriptor, call: Any) -> grpc.RpcMethodHandler[Any, Any]:  # noqa: ANN401 - either kind of method
        serialize = GetMessageClass(method.output_type).SerializeToString
        # No deserializer: a request that does not parse is refused here, with a reason.
        if method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(
                self._both_ways(method, call),
                response_serializer=serialize,
            )
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._streaming(method, call),
                response_serializer=serialize,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(method, call),
            response_serializer=serialize,
        )

    def _unary(
        self, method: MethodDescriptor, call: Unary
    ) -> Callable[[bytes, Context], Awaitable[Message]]:
        async def guarded(data: bytes, context: Context) -> Message:
            made = _Call(method=method)
            try:
                caller = await self._admit(made, context, len(data))
                made.request = _parse(method, data)
                return _counted(caller, await call(caller, made.request))
            except Exception as error:  # noqa: BLE001 - nothing may leave but a status
                await self._refuse(made, context, error)

        return guarded

    def _streaming(
        self, method: MethodDescriptor, call: Streaming
    ) -> Callable[[bytes, Context], Awaitable[None]]:
        async def guarded(data: bytes, context: Context) -> None:
            made = _Call(method=method)
            try:
                caller = await self._admit(made, context, len(data))
                made.request = _parse(method, data)
                async with (
                    self._standings.watched(caller.system),
                    aclosing(call(caller, made.request)) as answers,
                ):
                    await _begin(context)
                    async for answer in answers:
                        # A connection may outlast its certificate, and a stream with it.
                        self._callers.system(context.auth_context(), self._now())
                        await self._write(context, _counted(caller, answer))
            except Exception as error:  # noqa: BLE001 - nothing may leave but a status
                await self._refuse(made, context, error)

        return guarded

    def _both_ways(
        self, method: MethodDescriptor, call: BothWays
    ) -> Callable[[AsyncIterator[bytes], Context], Awaitable[None]]:
        async def guarded(requests: AsyncIterator[bytes], context: Context) -> None:
            made = _Call(method=method)

            async def incoming(opened: Caller) -> AsyncGenerator[tuple[Caller, Message], None]:
                async for data in requests:
                    # Not read on meanwhile: gRPC slows down whoever hands in too fast.
                    await self._bounds.rates.statements.pass_soon(opened.id)
                    # Asked again for each: its time is its own, and a standing may end.
                    system, member, now = await self._known(made, context)
                    yield (
                        Caller(system=system, member=member, received_time=now, place=opened.place),
                        _parse(method, data),
                    )

            try:
                caller = await self._admit(made, context, STREAM_BYTES)
                async with (
                    self._standings.watched(caller.system),
                    aclosing(incoming(caller)) as admitted,
                    aclosing(call(caller, admitted)) as answers,
                ):
                    await _begin(context)
                    async for answer in answers:
                        await self._write(context, answer)
            except Exception as error:  # noqa: BLE001 - nothing may leave but a status
                await self._refuse(made, context, error)

        return guarded

    async def _admit(self, call: _Call, context: Context, size: int) -> Caller:
        system, member, now = await self._known(call, context)
        self._meter(call.method.name).pass_now(member.id)
        place = self._bounds.turnstile.enter(member.id, size)
        context.add_done_callback(lambda _: place.leave())  # type: ignore[arg-type] # stubs name it
        await reach(self._head, verified_size(context.invocation_metadata()))
        return Caller(system=system, member=member, received_time=now, place=place)

    def _meter(self, method: str) -> Meter:
        rates = self._bounds.rates
        match method:
            # A stream of statements is a call; each of its statements counts as one.
            case "Submit":
                return rates.statements
            case "ConfirmInbox":
                return rates.confirmations
            case _:
                return rates.calls

    async def _known(self, call: _Call, context: Context) -> tuple[SystemId, Member, datetime]:
        received, method = self._now(), call.method
        if call.peer is None:
            # Nothing changes it while the call lasts; only its certificate's end has to be asked.
            call.peer = context.auth_context()
        try:
            call.system = system = self._callers.system(call.peer, received)
            member = await self._callers.member(system)
        except Refusal:
            self._stranger(call, context)
            raise
        if member.kind not in POLICY[method.full_name]:
            raise Refusal(
                Reason.SENDER_NOT_PERMITTED,
                f"a member of kind {member.kind} does not call {method.name}",
            )
        return system, member, received

    def _stranger(self, call: _Call, context: Context) -> None:
        """Count who may not call; raises where it calls too often."""
        name = site_of_peer(context.peer()) if call.system is None else str(call.system)
        try:
            self._bounds.strangers.pass_now(name)
        except Refusal:
            # Its name is not worth an event of its own each time.
            call.system = None
            raise

    async def _write(self, context: Context, answer: Message) -> None:
        """Have a message of a stream taken by its reader, or end the stream."""
        seconds = self._bounds.reader_seconds
        try:
            async with asyncio.timeout(seconds):
                # Done when what the reader lets through has room for all of it.
                await context.write(answer)
        except TimeoutError:
            # gRPC keeps the message, and the status behind it, until the reader goes on or leaves:
            # one message for each stream, which counts as long.
            raise Refusal(
                Reason.READER_TOO_SLOW,
                f"a message was not taken for {seconds:g} seconds: read faster, and go on from the "
                "last cursor; of statements that were handed in, hand in again those without an "
                "answer",
            ) from None

    async def _refuse(self, call: _Call, context: Context, error: Exception) -> NoReturn:
        """Answer with the status of what was raised; never returns."""
        if isinstance(error, grpc.aio.AbortError):
            raise error
        digest, on_record = subject_of(call.request), None
        if isinstance(error, Refusal):
            on_record = await self._journal.refused(
                system=call.system,
                rpc=call.method.name,
                reason=error.reason,
                digest=digest,
            )
        about = About(system=call.system, digest=digest, on_record=on_record)
        status = judged(_log, call.method.name, error, about)
        await context.abort(status.code, status.message, status.trailer)
        raise AssertionError  # abort raises


async def _begin(context: Context) -> None:
    """Begin a stream of answers.

    Apart from the first of them: where that is not taken, gRPC would begin once more in order to
    send the status, and the status would be lost. And whoever hands in writes after it: of a stream
    that is refused, who writes first may learn from gRPC only that writing failed.
    """
    await context.send_initial_metadata((STREAM_OPEN,))


def _counted(caller: Caller, answer: Message) -> Message:
    """Count an answer for what it holds, where room was taken for the most that it could."""
    if caller.place.has_room:
        caller.place.holds(answer.ByteSize())
    return answer


def _parse(method: MethodDescriptor, data: bytes) -> Message:
    request = GetMessageClass(method.input_type)()
    try:
        request.ParseFromString(data)
    except (DecodeError, UnicodeDecodeError):
        raise Refusal(
            Reason.FIELD_INVALID, f"the request does not parse as {method.input_type.name}"
        ) from None
    return request


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]
