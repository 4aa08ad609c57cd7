"""Blocks in JetStream: appended by workers, read by the integrator.

* A block's message id is the SHA-256 of its bytes. Until it is acknowledged its outcome is
  unknown, and it is sent again under the same id, which JetStream stores once.
* A follower pulls a bounded number of messages and pulls more only when they were taken: a slow
  integrator costs no memory and loses nothing.
* A follower never outlives what it can vouch for: a lost connection, a consumer that was reset or
  deleted, a missed heartbeat end it with `StreamInterrupted`, and a hole in the sequence with a
  `Fault`. The consumer is its own and is never continued by another.
* A follower that is given nothing asks whether there is nothing. After damage a stream may count
  messages that it cannot read: its consumer then passes over them in silence, for ever.

The module compares no content: that is the integrator's, who keeps the messages verbatim.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
from collections import deque
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import nats.errors
from nats.aio.msg import Msg
from nats.js import api
from nats.js.errors import APIError, BadRequestError, NotFoundError

from gateway.core.errors import Fault, Reason
from gateway.ledger.nats_connection import RoleConnection, Session, SessionEnded
from gateway.ledger.nats_roles import LEDGER, Log
from gateway.ledger.stream_setup import REQUEST_SECONDS
from gateway.ports.blocks import (
    MAX_BLOCK_BYTES,
    Appended,
    AppendOutcome,
    Bounds,
    StreamBehind,
    StreamInterrupted,
    StreamMessage,
)

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_PULL_MESSAGES: Final = 256
_PULL_BYTES: Final = 32 * 1024 * 1024
_PULL_SECONDS: Final = 30.0
_HEARTBEAT_SECONDS: Final = 1.0
_MISSED_SECONDS: Final = 3 * _HEARTBEAT_SECONDS
_INACTIVE_SECONDS: Final = 120.0
_NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendPatience:
    """How long an append tries, in seconds; far less than JetStream's duplicate window.

    Attributes:
        acknowledgement: To wait for one acknowledgement.
        total: To try in all.
        first_pause: Between the first two attempts; doubled each time.
        longest_pause: Between any two attempts.
    """

    acknowledgement: float = 3.0
    total: float = 20.0
    first_pause: float = 0.05
    longest_pause: float = 1.0


class JetStreamAppender:
    """Appends as a worker; see `gateway.ports.blocks.BlockAppender`."""

    def __init__(
        self,
        worker: RoleConnection,
        log: Log = LEDGER,
        *,
        patience: AppendPatience | None = None,
    ) -> None:
        """Append to a log over a worker's connection."""
        self._connection = worker
        self._log = log
        self._patience = patience or AppendPatience()

    async def append(self, message: bytes) -> Appended:
        """Append one block; see `gateway.ports.blocks.BlockAppender.append`."""
        check_block(message)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience.total
        message_id = hashlib.sha256(message).hexdigest()
        pause = self._patience.first_pause
        while True:
            try:
                ack = await self._attempt(message, message_id, deadline)
            except BadRequestError as error:
                raise Fault(
                    Reason.LEDGER_UNAVAILABLE,
                    f"JetStream refuses the block ({error.description}): check its settings",
                ) from error
            except (nats.errors.Error, SessionEnded, TimeoutError, OSError) as error:
                # Unknown outcome: stored or not, the same id makes the next attempt safe.
                if loop.time() + pause >= deadline:
                    raise Fault(
                        Reason.LEDGER_UNAVAILABLE,
                        "JetStream does not acknowledge blocks: nothing is lost, retry; if it "
                        "stays so, see the nats-server log and the free disk space",
                    ) from error
                _log.debug("append of %s unacknowledged, again: %r", message_id, error)
            else:
                return Appended(
                    sequence=ack.seq,
                    outcome=(
                        AppendOutcome.ALREADY_STORED if ack.duplicate else AppendOutcome.STORED
                    ),
                )
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._patience.longest_pause)

    async def _attempt(self, message: bytes, message_id: str, deadline: float) -> api.PubAck:
        left = deadline - asyncio.get_running_loop().time()
        session = await self._connection.session(within=left)
        jetstream = session.client.jetstream()
        # Naming the stream refuses an acknowledgement by any other that took the subject.
        return await session.race(
            jetstream.publish(
                self._log.blocks,
                message,
                timeout=self._patience.acknowledgement,
                stream=self._log.stream,
                headers={api.Header.MSG_ID.value: message_id},
            )
        )


class JetStreamReader:
    """Reads as the integrator; see `gateway.ports.blocks.BlockReader`."""

    def __init__(self, integrator: RoleConnection, log: Log = LEDGER) -> None:
        """Read a log over the integrator's connection; `stream_setup.check_stream` comes first."""
        self._connection = integrator
        self._stream = log.stream

    async def message(self, sequence: int) -> bytes | None:
        """Return the message at one sequence; see `gateway.ports.blocks.BlockReader.message`."""
        if sequence < 1:
            return None
        session = await self._connection.session(within=REQUEST_SECONDS)
        jsm = session.client.jsm(timeout=REQUEST_SECONDS)
        try:
            raw = await session.race(jsm.get_msg(self._stream, sequence))
        except NotFoundError:
            return None
        except (nats.errors.Error, SessionEnded, TimeoutError) as error:
            raise _unanswered(self._stream, error) from error
        return raw.data or b""

    async def bounds(self) -> Bounds:
        """Return the first and last sequence; see `gateway.ports.blocks.BlockReader.bounds`."""
        return await _bounds(await self._connection.session(within=REQUEST_SECONDS), self._stream)

    async def follow(self, after: int) -> AsyncGenerator[StreamMessage, None]:
        """Yield every message after a sequence; see `gateway.ports.blocks.BlockReader.follow`."""
        session = await self._connection.session(within=REQUEST_SECONDS)
        check_bounds(await _bounds(session, self._stream), after)
        inbox = session.client.new_inbox()
        consumer = f"fold-{inbox.rpartition('.')[2]}"
        pull = _Pull(session, stream=self._stream, consumer=consumer, inbox=inbox)
        try:
            await pull.open(after)
            expected, withheld = after + 1, 0
            while True:
                found = await pull.next()
                if found is None:
                    withheld = withheld + 1 if await self._holds(session, expected) else 0
                    if withheld > 1:
                        raise StreamInterrupted("the consumer does not give what the stream holds")
                    continue
                if found.sequence != expected:
                    raise missing(expected)
                expected, withheld = expected + 1, 0
                yield found
        finally:
            await pull.close()

    async def _holds(self, session: Session, expected: int) -> bool:
        """Tell whether the stream holds the message that a follower is not given.

        Raises:
            StreamInterrupted: It does not answer.
            Fault: LEDGER_NOT_PROVEN, the stream counts it and does not hold it; or it ends before.
        """
        try:
            bounds = await _bounds(session, self._stream)
            check_bounds(bounds, expected - 1)
            held = bounds.last < expected or await self.message(expected) is not None
        except Fault as fault:
            if fault.reason is not Reason.LEDGER_UNAVAILABLE:
                raise
            raise StreamInterrupted(fault.detail) from fault
        if not held:
            raise missing(expected)
        return bounds.last >= expected


class _Pull:
    """One ephemeral consumer and the messages pulled from it."""

    def __init__(self, session: Session, *, stream: str, consumer: str, inbox: str) -> None:
        self._session = session
        self._stream = stream
        self._consumer = consumer
        self._inbox = inbox
        self._arrived: deque[StreamMessage] = deque()
        self._due = 0  # messages still to come for the pull in flight
        self._beat = asyncio.Event()
        self._interruption: str | None = None

    async def open(self, after: int) -> None:
        client = self._session.client
        self._subscription = await _ask(
            self._session, self._stream, client.subscribe(self._inbox, cb=self._receive)
        )
        config = api.ConsumerConfig(
            name=self._consumer,
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=api.AckPolicy.NONE,
            max_deliver=1,
            inactive_threshold=_INACTIVE_SECONDS,
            num_replicas=1,
            mem_storage=True,
        )
        adding = client.jsm(timeout=REQUEST_SECONDS).add_consumer(self._stream, config)
        await _ask(self._session, self._stream, adding)

    async def next(self) -> StreamMessage | None:
        """Give the next message; None where the server says that there is none for now."""
        while True:
            if self._session.ended.done():
                self._interruption = "the connection was lost"
            if self._interruption is not None:
                raise StreamInterrupted(self._interruption)
            # Ask ahead, so that a fast reader never waits for a round trip.
            if self._due == 0 and len(self._arrived) <= _PULL_MESSAGES // 2:
                await self._request()
            if self._arrived:
                return self._arrived.popleft()
            await self._wait()
            if not self._arrived and self._interruption is None:
                return None

    async def close(self) -> None:
        client = self._session.client
        with contextlib.suppress(Exception):  # the server forgets both by itself in the end
            await self._subscription.unsubscribe()
            await self._session.race(
                client.jsm(timeout=_HEARTBEAT_SECONDS).delete_consumer(self._stream, self._consumer)
            )

    async def _request(self) -> None:
        pull: dict[str, Any] = {
            "batch": _PULL_MESSAGES,
            "max_bytes": _PULL_BYTES,
            "expires": int(_PULL_SECONDS * _NANOSECONDS),
            "idle_heartbeat": int(_HEARTBEAT_SECONDS * _NANOSECONDS),
        }
        self._due = _PULL_MESSAGES
        try:
            await self._session.race(
                self._session.client.publish(
                    f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}",
                    json.dumps(pull).encode(),
                    reply=self._inbox,
                )
            )
        except (nats.errors.Error, SessionEnded) as error:
            raise StreamInterrupted("the connection was lost") from error

    async def _wait(self) -> None:
        self._beat.clear()
        if not await self._session.event(self._beat, within=_MISSED_SECONDS):
            raise StreamInterrupted("the consumer's heartbeat stayed away")

    async def _receive(self, msg: Msg) -> None:
        self._beat.set()
        status = msg.headers.get(api.Header.STATUS.value) if msg.headers else None
        if status is None:
            try:
                sequence = msg.metadata.sequence.stream
            except nats.errors.Error:
                return  # not from the consumer: an acknowledgement sent astray
            self._due = max(0, self._due - 1)
            self._arrived.append(StreamMessage(sequence=sequence, message=msg.data))
        elif status == api.StatusCode.CONTROL_MESSAGE:
            return
        else:
            self._pull_ended(status, (msg.headers or {}).get(api.Header.DESCRIPTION.value, ""))

    def _pull_ended(self, status: str, description: str) -> None:
        # ADR-37: these end one pull and leave the consumer whole; anything else does not.
        if status in {"404", "408"} or (
            status == "409" and ("MaxBytes" in description or "Batch Completed" in description)
        ):
            self._due = 0
        else:
            self._interruption = f"the consumer ended ({status} {description})".strip()


def check_block(message: bytes) -> None:
    """Raise ValueError for a block that the stream must not be given."""
    if not 0 < len(message) <= MAX_BLOCK_BYTES:
        msg = f"a block holds 1 to {MAX_BLOCK_BYTES} bytes, not {len(message)}"
        raise ValueError(msg)


def check_bounds(bounds: Bounds, after: int) -> None:
    """Raise the Fault of a stream that cannot be followed after a sequence.

    Args:
        bounds: What the stream holds.
        after: The sequence already folded; 0 for none.

    Raises:
        StreamBehind: LEDGER_NOT_PROVEN, it ends before.
        Fault: LEDGER_NOT_PROVEN, it begins after what comes next.
    """
    if bounds.last < after:
        raise StreamBehind(
            Reason.LEDGER_NOT_PROVEN,
            f"the stream ends at {bounds.last}, but the store has folded it up to {after}: "
            "JetStream lost messages. Stop, and run `forewarn-gateway ledger repair`: the store "
            "still holds every block",
        )
    if bounds.first > after + 1:
        raise missing(after + 1)


def missing(sequence: int) -> Fault:
    """Build the Fault of a hole in the stream."""
    return Fault(
        Reason.LEDGER_NOT_PROVEN,
        f"the stream holds nothing at sequence {sequence} and counts it, or goes on after it: "
        "JetStream lost a message. Stop, and run `forewarn-gateway ledger repair`",
    )


async def _bounds(session: Session, stream: str) -> Bounds:
    asking = session.client.jsm(timeout=REQUEST_SECONDS).stream_info(stream)
    info = await _ask(session, stream, asking)
    return Bounds(first=max(1, info.state.first_seq), last=info.state.last_seq)


async def _ask(session: Session, stream: str, call: Coroutine[None, None, _T]) -> _T:
    try:
        return await session.race(call)
    except (nats.errors.Error, SessionEnded, TimeoutError) as error:
        raise _unanswered(stream, error) from error


def _unanswered(stream: str, error: Exception) -> Fault:
    why = error.description if isinstance(error, APIError) else type(error).__name__
    return Fault(
        Reason.LEDGER_UNAVAILABLE,
        f"the stream {stream} does not answer ({why}): see the nats-server log",
    )
