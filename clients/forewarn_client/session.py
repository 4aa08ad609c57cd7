"""One connection to the exchange: mutual TLS, deadlines, and streams that come back.

* Every unary call here is idempotent, submission too, so lost and late answers are asked for again
  (`patience`).
* Every call says how much of the ledger was verified, and every checkpoint that comes back is
  compared with it before the answer is handed on (`history`).
* A stream that breaks is opened again where it was.
* Errors come out as this library's own. Nothing of a message is ever logged.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeVar

import grpc
import grpc.aio

from forewarn.exchange.v1 import (
    audit_service_pb2_grpc,
    delivery_service_pb2_grpc,
    directory_service_pb2_grpc,
    exchange_service_pb2,
    exchange_service_pb2_grpc,
    log_service_pb2,
    log_service_pb2_grpc,
)
from forewarn_client import answers, contact
from forewarn_client.channels import Channels
from forewarn_client.contact import Past
from forewarn_client.home import TlsIdentity
from forewarn_client.patience import Attempts, NotOpenedError, Patience, in_silence

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")

MAX_SEND_BYTES: Final = 2 * 1_048_576
MAX_RECEIVE_BYTES: Final = 64 * 1_048_576
KEEPALIVE_MS: Final = 20_000
_AFTER_THE_END: Final = 0.2
_OPTIONS: Final = (
    ("grpc.max_send_message_length", MAX_SEND_BYTES),
    ("grpc.max_receive_message_length", MAX_RECEIVE_BYTES),
    # A gateway that restarts is back within a second or two.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # A host that vanished says nothing more: a quiet stream asks it every 20 s, and gives it up
    # after another 10. The exchange takes pings as often as every 10 s.
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_MS // 2),
    ("grpc.http2.ping_timeout_ms", KEEPALIVE_MS // 2),
    ("grpc.http2.max_pings_without_data", 0),
)


Submissions = grpc.aio.StreamStreamCall[
    exchange_service_pb2.SubmitStreamRequest, exchange_service_pb2.SubmitStreamResponse
]

_Opened = tuple[
    grpc.aio.UnaryStreamCall[
        exchange_service_pb2.FollowRequest, exchange_service_pb2.FollowResponse
    ],
    object,
    int,
]
"""An open stream, its first message, and the size that was said when it was opened."""


class Session:
    """A connection.

    Attributes:
        exchange: Stub of `ExchangeService`.
        directory: Stub of `DirectoryService`.
        log: Stub of `LogService`.
        audit: Stub of `AuditService`.
        delivery: Stub of `DeliveryService`.
        patience: How long calls may take.
        attempts: What makes calls again.
    """

    def __init__(
        self,
        address: str,
        tls: Callable[[], TlsIdentity],
        patience: Patience,
        tell: Callable[[str], None] = in_silence,
    ) -> None:
        """Make the channel; it connects with the first call. Needs a running event loop.

        Args:
            address: Host and port of the exchange.
            tls: Gives what the connection needs; asked again when one breaks, so that a renewed
                certificate counts without a restart.
            patience: How long calls may take.
            tell: Is told in a sentence when no answer comes, and when one does again.
        """
        self._channels = channels = Channels(address, tls, _OPTIONS)
        self._past: Past | None = None
        self.attempts = Attempts(address, patience, tell, channels.renew)
        self.patience = patience
        self.exchange = channels.newest(exchange_service_pb2_grpc.ExchangeServiceStub)
        self.directory = channels.newest(directory_service_pb2_grpc.DirectoryServiceStub)
        self.log = channels.newest(log_service_pb2_grpc.LogServiceStub)
        self.audit = channels.newest(audit_service_pb2_grpc.AuditServiceStub)
        self.delivery = channels.newest(delivery_service_pb2_grpc.DeliveryServiceStub)

    def watch(self, past: Past) -> None:
        """Have every checkpoint that comes in compared from here on.

        Args:
            past: Who compares.
        """
        self._past = past

    async def close(self) -> None:
        """Close the connection; calls that are under way end."""
        await self._channels.close()

    async def call(
        self, method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response], request: _Request
    ) -> _Response:
        """Make a unary call, as often as it takes.

        Args:
            method: Method of a stub.
            request: Its request.

        Returns:
            Its response, its checkpoint compared with what was verified before.

        Raises:
            RefusedError: The exchange refused.
            UnavailableError: No answer that decides came within the budget.
            VerificationError: The checkpoint is not one of the ledger that was verified before.
        """
        floor = 0

        def metadata() -> tuple[tuple[str, str], ...]:
            nonlocal floor
            floor = self._floor
            return contact.said(floor)

        response = await self._call(method, request, metadata)
        note = contact.checkpoint(response)
        if self._past is not None and note is not None:
            await self._past.see(note, floor)
        return response

    async def consistency(self, old: int, new: int) -> Sequence[bytes]:
        """Ask for the proof that the tree of one size begins with that of a smaller one.

        Args:
            old: The smaller size.
            new: The larger one; a worker that has not reached it is not asked.

        Returns:
            The hashes; nothing about them is verified.

        Raises:
            RefusedError: The exchange refused.
            UnavailableError: No answer came within the budget.
        """
        request = log_service_pb2.GetConsistencyProofRequest(old_size=old, new_size=new)
        answer = await self._call(self.log.GetConsistencyProof, request, lambda: contact.said(new))
        return tuple(answer.consistency_proof)

    async def newest(self) -> bytes:
        """Ask for the newest signed checkpoint that whoever answers has, however old it is.

        Returns:
            The note; nothing about it is verified.

        Raises:
            RefusedError: The exchange refused.
            UnavailableError: It does not answer this either.
        """
        request = log_service_pb2.GetCheckpointRequest()
        try:
            answer = await self.log.GetCheckpoint(request, timeout=self.patience.attempt)
        except grpc.aio.AioRpcError as error:
            raise answers.explain(error) from None
        return answer.checkpoint

    @property
    def _floor(self) -> int:
        return 0 if self._past is None else self._past.size

    async def _call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
        metadata: Callable[[], tuple[tuple[str, str], ...]],
    ) -> _Response:
        end = time.monotonic() + self.patience.budget

        before: grpc.aio.AioRpcError | None = None

        async def attempt() -> _Response:
            nonlocal before
            left = max(end - time.monotonic(), 0.001)
            try:
                seconds = min(left, self.patience.attempt)
                return await method(request, timeout=seconds, metadata=metadata())
            except grpc.aio.AioRpcError as error:
                late = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
                if before is not None and late and left < self.patience.attempt:
                    # The last attempt had no time of its own: what failed before says more.
                    raise before from None
                before = error
                raise

        return await self.attempts.persist(attempt, self.patience.budget, self._past)

    async def greet(self) -> None:
        """Make a call that asks for little, to see that calls are answered at all.

        Raises:
            ForewarnError: As `call`.
        """
        await self.call(self.log.GetCheckpoint, log_service_pb2.GetCheckpointRequest())

    async def open_submissions(self) -> tuple[Submissions, int, bool]:
        """Open a stream of submissions, and wait until the exchange has let it in, or not.

        Returns:
            The stream; the size that was said when it was opened; and whether to write to it. One
            that was refused says why when it is read, unless something was written to it.
        """
        self._channels.renew()
        floor = self._floor
        call = self.exchange.SubmitStream(metadata=contact.said(floor))
        try:
            async with asyncio.timeout(self.patience.attempt):
                said = await call.initial_metadata()
        except TimeoutError:
            # Something in between keeps it back, perhaps; answers are waited for in any case.
            return call, floor, True
        except BaseException:
            call.cancel()
            raise
        return call, floor, contact.STREAM_OPEN in tuple(said or ())

    async def see(self, note: bytes, floor: int) -> int:
        """Compare a checkpoint of a stream with what was verified before; give its size."""
        return floor if self._past is None else await self._past.see(note, floor)

    async def follow(
        self, request: exchange_service_pb2.FollowRequest
    ) -> AsyncIterator[exchange_service_pb2.FollowResponse]:
        """Follow, and come back where the stream breaks.

        Args:
            request: Where to begin; its cursor is moved on with what was delivered.

        Yields:
            The messages, without gap or duplicate. The first may hold no records.

        Raises:
            RefusedError: The exchange refused.
            UnavailableError: The stream broke and could not be opened again in time.
            VerificationError: A checkpoint is not one of the ledger that was verified before.
        """
        while True:
            call, message, floor = await self._opened(request)
            try:
                while isinstance(message, exchange_service_pb2.FollowResponse):
                    # Within a stream the ledger only grows.
                    floor = await self.see(message.checkpoint, floor)
                    yield message
                    request.cursor = message.cursor or request.cursor
                    message = await call.read()
                # The exchange ended the stream in good order; it may be about to shut down.
                await asyncio.sleep(_AFTER_THE_END)
            except grpc.aio.AioRpcError as error:
                # Never at once: whoever ends all that it opens would be asked without end.
                await asyncio.sleep(max(answers.resumption(error), _AFTER_THE_END))
            finally:
                call.cancel()

    async def _opened(self, request: exchange_service_pb2.FollowRequest) -> _Opened:
        self._channels.renew()

        async def attempt() -> _Opened:
            floor = self._floor
            call = self.exchange.Follow(request, metadata=contact.said(floor))
            try:
                # The exchange says at once that the stream is open, even if it has nothing to say.
                async with asyncio.timeout(self.patience.attempt):
                    message = await call.read()
            except TimeoutError:
                call.cancel()
                raise NotOpenedError("the exchange opens no stream") from None
            if isinstance(message, exchange_service_pb2.FollowResponse):
                return call, message, floor
            # The exchange shut down in good order before it said anything.
            raise NotOpenedError("the exchange ends every stream at once")

        return await self.attempts.persist(attempt, self.patience.reconnect, self._past)
