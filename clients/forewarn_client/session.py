"""One connection to the exchange: mutual TLS, deadlines, and attempts that are made again.

* Every unary call here is idempotent, submission too, so lost and late answers are tried again,
  with growing pauses and jitter, or after the pause that the exchange asks for, until the budget of
  time is used up.
* Who waits is told: once an answer has been missing for two seconds, and when it came after all.
* Every call says how much of the ledger was verified, and every checkpoint that comes back is
  compared with it before the answer is handed on (`history`).
* A connection that never came about and looks like a refused handshake is given up after three
  attempts: waiting does not mend a certificate.
* Errors come out as this library's own. Nothing of a message is ever logged.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import grpc
import grpc.aio
import stamina

from forewarn.exchange.v1 import (
    audit_service_pb2_grpc,
    directory_service_pb2_grpc,
    exchange_service_pb2,
    exchange_service_pb2_grpc,
    log_service_pb2,
    log_service_pb2_grpc,
)
from forewarn_client import answers, contact
from forewarn_client.channels import Channels
from forewarn_client.contact import Past
from forewarn_client.errors import RefusedError, UnavailableError
from forewarn_client.home import TlsIdentity

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")

MAX_SEND_BYTES: Final = 2 * 1_048_576
MAX_RECEIVE_BYTES: Final = 64 * 1_048_576
_HANDSHAKE_ATTEMPTS: Final = 3
_AFTER_THE_END: Final = 0.2
_SILENCE: Final = 2.0
_SHORTEST_PAUSE: Final = 0.05
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
        behind: Seconds for which an exchange may be unable to show as much as was verified, before
            it is asked whether it was rolled back.
    """

    budget: float = 60.0
    attempt: float = 20.0
    reconnect: float = 3600.0
    behind: float = 20.0


class _NotOpenedError(Exception):
    """A stream ended before its first message, or had none in time; the text says which."""


def in_silence(_sentence: str) -> None:
    """Tell nobody."""


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
        patience: How long calls may take.
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
        self._ever_answered = False
        self._handshakes = 0
        self._address = address
        self._tell = tell
        self._told = False
        self.patience = patience
        self.exchange = channels.newest(exchange_service_pb2_grpc.ExchangeServiceStub)
        self.directory = channels.newest(directory_service_pb2_grpc.DirectoryServiceStub)
        self.log = channels.newest(log_service_pb2_grpc.LogServiceStub)
        self.audit = channels.newest(audit_service_pb2_grpc.AuditServiceStub)

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

        return await self._persist(attempt, self.patience.budget)

    def open_submissions(self) -> tuple[Submissions, int]:
        """Open a stream of submissions.

        Returns:
            The stream, and the size that was said when it was opened.
        """
        floor = self._floor
        return self.exchange.SubmitStream(metadata=contact.said(floor)), floor

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
                await asyncio.sleep(answers.resumption(error))
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
                raise _NotOpenedError("the exchange opens no stream") from None
            if isinstance(message, exchange_service_pb2.FollowResponse):
                return call, message, floor
            # The exchange shut down in good order before it said anything.
            raise _NotOpenedError("the exchange ends every stream at once")

        return await self._persist(attempt, self.patience.reconnect)

    async def _persist(
        self, attempt: Callable[[], Awaitable[_Response]], budget: float
    ) -> _Response:
        behind_since: float | None = None

        async def persisting() -> _Response:
            nonlocal behind_since
            try:
                return await attempt()
            except grpc.aio.AioRpcError as error:
                if self._past is None or not self._past.size or not contact.is_behind(error):
                    behind_since = None
                    raise
                now = time.monotonic()
                behind_since = behind_since or now
                if now - behind_since >= self.patience.behind:
                    # Waiting does not bring back what is gone.
                    with suppress(RefusedError, UnavailableError):
                        await self._past.question()
                    behind_since = None
                raise

        try:
            pause = partial(self._pause, time.monotonic() + budget)
            with self._told_of_silence(budget):
                async for trial in stamina.retry_context(
                    on=pause, attempts=None, timeout=budget, wait_initial=0.1, wait_max=5.0
                ):
                    with trial:
                        if trial.num > 1:
                            self._channels.renew()
                        response = await persisting()
                        self._answered()
                        return response
        except grpc.aio.AioRpcError as error:
            raise answers.explain(error) from None
        except _NotOpenedError as error:
            raise UnavailableError("UNAVAILABLE", f"{error}; try again later") from None
        raise AssertionError("a retry ends with an answer or an error")

    @contextmanager
    def _told_of_silence(self, budget: float) -> Iterator[None]:
        """Say that no answer comes, once it has been missing for a while."""
        until = datetime.now().astimezone() + timedelta(seconds=budget)

        def tell() -> None:
            # Several calls may wait for the same exchange: one sentence does for all.
            if not self._told:
                self._told = True
                self._tell(
                    f"No answer from {self._address} yet; trying until {until:%H:%M:%S} "
                    f"({budget:g} s in all)."
                )

        timer = asyncio.get_running_loop().call_later(_SILENCE, tell) if budget > _SILENCE else None
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()

    def _answered(self) -> None:
        self._ever_answered = True
        if self._told:
            self._told = False
            self._tell(f"{self._address} answers.")

    def _pause(self, end: float, error: Exception) -> bool | float:
        """Tell whether to try again, and after how many seconds where the exchange says so."""
        if isinstance(error, _NotOpenedError):
            return True
        if not isinstance(error, grpc.aio.AioRpcError) or not answers.is_transient(error):
            return False
        if answers.looks_like_handshake(error) and not self._ever_answered:
            self._handshakes += 1
            if self._handshakes >= _HANDSHAKE_ATTEMPTS:
                return False
        after = answers.parse(error).retry_after
        if after is None:
            return True
        # Asked to wait for longer than the budget lasts, or not at all, nobody is served by it.
        return time.monotonic() + after < end and max(after, _SHORTEST_PAUSE)
