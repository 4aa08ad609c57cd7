"""Handing in many statements over one stream, bounded, each answered and verified.

* Statements are taken from their source only as answers come back: neither side has to hold more
  than a few at a time.
* A stream that breaks is opened again, and what has no answer yet is handed in again: the same
  statement gets the same index, so nothing is recorded twice.
* What the exchange asks to hand in later is handed in by itself, with `Member.submit`.
* A refusal is the answer to one statement and does not keep the others back.

Statements are judged side by side: one that needs another to be recorded waits for its answer.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any, Final

import grpc
import grpc.aio

from forewarn.exchange.v1 import exchange_service_pb2
from forewarn_client import answers
from forewarn_client.authoring import Draft
from forewarn_client.errors import Flaw, ForewarnError, UnavailableError, VerificationError
from forewarn_client.outcomes import Submitted
from forewarn_client.session import Session

AT_ONCE: Final = 64
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What became of one statement of many.

    Attributes:
        position: Which one it was of those given, from 0.
        draft: The statement.
        outcome: What was recorded; or why it was not, or is not known to be.
    """

    position: int
    draft: Draft
    outcome: Submitted | ForewarnError


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What handing in needs of a member.

    Attributes:
        session: Its connection.
        sign: Makes the envelope of a draft.
        verify: Verifies the answer to a draft.
        submit: Hands in one by itself.
    """

    session: Session
    sign: Callable[[Draft], Awaitable[bytes]]
    verify: Callable[[Draft, exchange_service_pb2.SubmitResponse], Awaitable[Submitted]]
    submit: Callable[[Draft], Awaitable[Submitted]]


class Bulk:
    """Statements on their way."""

    def __init__(self, desk: Desk, at_once: int) -> None:
        """Begin with none.

        Args:
            desk: What handing in needs.
            at_once: Most statements without an answer.
        """
        self._desk = desk
        self._at_once = at_once
        self._given: asyncio.Queue[tuple[Draft, bytes] | None] = asyncio.Queue(1)
        self._unanswered: dict[int, tuple[Draft, bytes]] = {}
        self._room = asyncio.Event()
        self._count = 0
        self._all_given = False
        self._heard = 0.0
        self._silence = ExitStack()
        self._silent = False

    async def run(self, drafts: AsyncIterable[Draft]) -> AsyncGenerator[Handed, None]:
        """Hand statements in; see `Member.submit_many`."""
        # Who is not let in at all learns it from a call that says why, and soon.
        await self._desk.session.greet()
        feeding = asyncio.create_task(self._feed(drafts))
        pause, self._heard = _FIRST_PAUSE, time.monotonic()
        try:
            while self._unanswered or not self._all_given:
                try:
                    async for handed in self._over_one_stream():
                        pause = _FIRST_PAUSE
                        self._end_silence()
                        yield handed
                except grpc.aio.AioRpcError as error:
                    late = time.monotonic() - self._heard > self._desk.session.patience.budget
                    # Where writing to a broken stream is noticed first, grpc says only this.
                    broken = error.code() is grpc.StatusCode.INTERNAL
                    if late or not (broken or answers.is_transient(error)):
                        raise answers.explain(error) from None
                    pause = answers.parse(error).retry_after or pause
                if self._unanswered or not self._all_given:
                    self._begin_silence()
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
            # Whatever stopped the source is its caller's to know, after all that it had given.
            await feeding
        finally:
            self._silence.close()
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)

    def _begin_silence(self) -> None:
        """Have whoever waits told of it, once, from the first attempt that failed on."""
        if not self._silent:
            self._silent = True
            session = self._desk.session
            self._silence.enter_context(session.attempts.told_of_silence(session.patience.budget))

    def _end_silence(self) -> None:
        if self._silent:
            self._silent = False
            self._silence.close()
            self._desk.session.attempts.answered()

    async def _feed(self, drafts: AsyncIterable[Draft]) -> None:
        # Apart from the stream: when that breaks, the source is not disturbed.
        try:
            async for draft in drafts:
                await self._given.put((draft, await self._desk.sign(draft)))
        except Exception:
            await self._given.put(None)
            raise
        await self._given.put(None)

    async def _over_one_stream(self) -> AsyncIterator[Handed]:
        session = self._desk.session
        call, floor, is_open = await session.open_submissions()
        writing = asyncio.create_task(self._write(call)) if is_open else None
        try:
            while True:
                message = await self._read(call, writing)
                if not isinstance(message, exchange_service_pb2.SubmitStreamResponse):
                    return
                self._heard = time.monotonic()
                draft = self._answered(message.tag)
                if message.HasField("recorded"):
                    floor = await session.see(message.recorded.receipt.checkpoint, floor)
                yield Handed(
                    position=message.tag, draft=draft, outcome=await self._outcome(draft, message)
                )
        finally:
            if writing is not None:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
            call.cancel()

    async def _read(self, call: Any, writing: object) -> object:  # noqa: ANN401 - grpc's own call
        """Read the next answer; a stream that says nothing for too long has ended."""
        reading = asyncio.ensure_future(call.read())
        while True:
            # Cancelling a read would cancel the whole call.
            done, _ = await asyncio.wait({reading}, timeout=self._desk.session.patience.attempt)
            if done:
                return reading.result()
            silent = time.monotonic() - self._heard
            if (
                self._unanswered or writing is None
            ) and silent > self._desk.session.patience.budget:
                call.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                raise UnavailableError("UNAVAILABLE", "the exchange leaves statements unanswered")

    async def _write(self, call: Any) -> None:  # noqa: ANN401 - grpc's own call
        # Where writing fails, reading says why.
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            for tag, (_, envelope) in sorted(self._unanswered.items()):
                await call.write(_request(tag, envelope))
            while True:
                while len(self._unanswered) >= self._at_once:
                    self._room.clear()
                    await self._room.wait()
                if self._all_given:
                    break
                given = await self._given.get()
                if given is None:
                    self._all_given = True
                    break
                if not self._unanswered:
                    self._heard = time.monotonic()
                tag, self._count = self._count, self._count + 1
                self._unanswered[tag] = given
                await call.write(_request(tag, given[1]))
            await call.done_writing()

    def _answered(self, tag: int) -> Draft:
        if tag not in self._unanswered:
            raise VerificationError(
                Flaw.ANSWER_MISMATCHED, "the exchange answers what was not handed in"
            )
        draft, _ = self._unanswered.pop(tag)
        self._room.set()
        return draft

    async def _outcome(
        self, draft: Draft, message: exchange_service_pb2.SubmitStreamResponse
    ) -> Submitted | ForewarnError:
        if message.HasField("recorded"):
            return await self._desk.verify(draft, message.recorded)
        error = answers.of_status(message.refused)
        if not answers.is_transient(error):
            return answers.explain(error)
        try:
            return await self._desk.submit(draft)
        except VerificationError:
            raise
        except ForewarnError as later:
            return later


def _request(tag: int, envelope: bytes) -> exchange_service_pb2.SubmitStreamRequest:
    return exchange_service_pb2.SubmitStreamRequest(tag=tag, envelope=envelope)
