"""One connection to the exchange: mutual TLS, deadlines, and attempts that are made again.

* Every unary call here is idempotent, submission too, so lost and late answers are tried again,
  with growing pauses and jitter, or after the pause that the exchange asks for, until the budget of
  time is used up.
* A connection that never came about and looks like a refused handshake is given up after three
  attempts: waiting does not mend a certificate.
* Errors come out as this library's own. Nothing of a message is ever logged.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import grpc
import grpc.aio
import stamina

from forewarn.exchange.v1 import (
    directory_service_pb2_grpc,
    exchange_service_pb2,
    exchange_service_pb2_grpc,
    log_service_pb2_grpc,
)
from forewarn_client import answers
from forewarn_client.errors import UnavailableError
from forewarn_client.home import TlsIdentity

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")

MAX_SEND_BYTES: Final = 2 * 1_048_576
MAX_RECEIVE_BYTES: Final = 64 * 1_048_576
_HANDSHAKE_ATTEMPTS: Final = 3
_AFTER_THE_END: Final = 0.2
_OPTIONS: Final = (
    ("grpc.max_send_message_length", MAX_SEND_BYTES),
    ("grpc.max_receive_message_length", MAX_RECEIVE_BYTES),
    # A gateway that restarts is back within a second or two.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # A quiet stream through a firewall has to show signs of life; servers mind more than one ping
    # in five minutes.
    ("grpc.keepalive_time_ms", 330_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)

# Retries are reported to whoever listens to the logger `stamina`, and to nobody else.
logging.getLogger("stamina").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long calls may take.

    Attributes:
        budget: Seconds for a unary call, all attempts and pauses included.
        attempt: Seconds for one attempt.
        reconnect: Seconds for which a stream tries to come back once it broke.
    """

    budget: float = 60.0
    attempt: float = 20.0
    reconnect: float = 3600.0


class _EndedError(Exception):
    """A stream ended before its first message."""


_Opened = tuple[
    grpc.aio.UnaryStreamCall[
        exchange_service_pb2.FollowRequest, exchange_service_pb2.FollowResponse
    ],
    exchange_service_pb2.FollowResponse,
]


class Session:
    """A connection.

    Attributes:
        exchange: Stub of `ExchangeService`.
        directory: Stub of `DirectoryService`.
        log: Stub of `LogService`.
        patience: How long calls may take.
    """

    def __init__(self, address: str, tls: TlsIdentity, patience: Patience) -> None:
        """Make the channel; it connects with the first call. Needs a running event loop."""
        credentials = grpc.ssl_channel_credentials(
            root_certificates=tls.ca, private_key=tls.key, certificate_chain=tls.chain
        )
        self._channel = grpc.aio.secure_channel(address, credentials, options=_OPTIONS)
        self._ever_answered = False
        self._handshakes = 0
        self.patience = patience
        self.exchange = exchange_service_pb2_grpc.ExchangeServiceStub(self._channel)
        self.directory = directory_service_pb2_grpc.DirectoryServiceStub(self._channel)
        self.log = log_service_pb2_grpc.LogServiceStub(self._channel)

    async def close(self) -> None:
        """Close the connection; calls that are under way end."""
        await self._channel.close()

    async def call(
        self, method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response], request: _Request
    ) -> _Response:
        """Make a unary call, as often as it takes.

        Args:
            method: Method of a stub.
            request: Its request.

        Returns:
            Its response.

        Raises:
            RefusedError: The exchange refused.
            UnavailableError: No answer that decides came within the budget.
        """
        end = time.monotonic() + self.patience.budget

        before: grpc.aio.AioRpcError | None = None

        async def attempt() -> _Response:
            nonlocal before
            left = max(end - time.monotonic(), 0.001)
            try:
                return await method(request, timeout=min(left, self.patience.attempt))
            except grpc.aio.AioRpcError as error:
                late = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
                if before is not None and late and left < self.patience.attempt:
                    # The last attempt had no time of its own: what failed before says more.
                    raise before from None
                before = error
                raise

        return await self._persist(attempt, self.patience.budget)

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
        """
        while True:
            call, first = await self._opened(request)
            message: object = first
            try:
                while isinstance(message, exchange_service_pb2.FollowResponse):
                    yield message
                    request.cursor = message.cursor or request.cursor
                    message = await call.read()
                # The exchange ended the stream in good order; it may be about to shut down.
                await asyncio.sleep(_AFTER_THE_END)
            except grpc.aio.AioRpcError as error:
                if not answers.is_transient(error):
                    raise answers.explain(error) from None
            finally:
                call.cancel()

    async def _opened(self, request: exchange_service_pb2.FollowRequest) -> _Opened:
        async def attempt() -> _Opened:
            call = self.exchange.Follow(request)
            message = await call.read()
            if isinstance(message, exchange_service_pb2.FollowResponse):
                return call, message
            # The exchange shut down in good order before it said anything.
            raise _EndedError

        return await self._persist(attempt, self.patience.reconnect)

    async def _persist(
        self, attempt: Callable[[], Awaitable[_Response]], budget: float
    ) -> _Response:
        try:
            async for trial in stamina.retry_context(
                on=self._pause, attempts=None, timeout=budget, wait_initial=0.1, wait_max=5.0
            ):
                with trial:
                    response = await attempt()
                    self._ever_answered = True
                    return response
        except grpc.aio.AioRpcError as error:
            raise answers.explain(error) from None
        except _EndedError:
            raise UnavailableError(
                "UNAVAILABLE", "the exchange ends every stream at once; try again later"
            ) from None
        raise AssertionError("a retry ends with an answer or an error")

    def _pause(self, error: Exception) -> bool | float:
        """Tell whether to try again, and after how many seconds where the exchange says so."""
        if isinstance(error, _EndedError):
            return True
        if not isinstance(error, grpc.aio.AioRpcError) or not answers.is_transient(error):
            return False
        if answers.looks_like_handshake(error) and not self._ever_answered:
            self._handshakes += 1
            if self._handshakes >= _HANDSHAKE_ATTEMPTS:
                return False
        after = answers.parse(error).retry_after
        return True if after is None else after
