"""SubmitStream: many statements on one stream, each answered under its caller's tag.

* They are admitted side by side. Those that are recorded are answered in the order of their
  indexes; what is answered together shares a snapshot and the work of its proofs.
* The next request is read only while few enough, by number and by bytes, are without an answer that
  their caller has taken: whoever does not read its answers is not read from either.
* The refusal of one is its answer, goes on record, and ends nothing. Where the incoming side fails,
  as when the caller may no longer call, the stream ends with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.errors import Fault, Refusal
from gateway.core.identity import MemberId
from gateway.edge.callers import Caller
from gateway.edge.status import About, judged
from gateway.edge.submissions import Submissions
from gateway.edge.turnstile import STREAM_BYTES

MOST: Final = 256
"""Requests of a stream that may be without an answer."""

MOST_BYTES: Final = STREAM_BYTES
"""Bytes that these may have together; one of the largest fits in any case."""

_RPC: Final = "SubmitStream"
_log: Final = logging.getLogger(__name__)

Incoming = AsyncIterator[tuple[Caller, pb.SubmitStreamRequest]]
Refused = Callable[[pb.SubmitStreamRequest, Refusal], Awaitable[About]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """What became of a request: an index, or why it has none."""

    tag: int
    size: int
    index: int | None = None
    error: Exception | None = None
    about: About = field(default_factory=About)

    def refused(self, error: Exception) -> pb.SubmitStreamResponse:
        status = judged(_log, _RPC, error, self.about)
        return pb.SubmitStreamResponse(tag=self.tag, refused=status.details)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """Nothing more comes in."""

    error: Exception | None = None


class _Room:
    """What is without an answer, bounded."""

    def __init__(self) -> None:
        self.count = 0
        self._bytes = 0
        self._freed = asyncio.Event()

    async def take(self, size: int) -> None:
        while self.count and (self.count >= MOST or self._bytes + size > MOST_BYTES):
            self._freed.clear()
            await self._freed.wait()
        self.count += 1
        self._bytes += size

    def give(self, size: int) -> None:
        self.count -= 1
        self._bytes -= size
        self._freed.set()


async def answered(
    submissions: Submissions, sender: MemberId, incoming: Incoming, refused: Refused
) -> AsyncGenerator[pb.SubmitStreamResponse, None]:
    """Answer requests as they come, until all are answered and no more come.

    Args:
        submissions: The way into the ledger.
        sender: Whose stream it is.
        incoming: The requests, each with its caller as it stands then.
        refused: Puts each request that is refused on record.

    Yields:
        The answers.

    Raises:
        Refusal: A request does not parse, or the caller may no longer call.
        Fault: The caller's standing cannot be read.
    """
    stream = _Stream(submissions, refused)
    reading = asyncio.create_task(stream.read(incoming))
    try:
        async for batch in stream.batches():
            for item, response in await _responses(submissions, sender, batch):
                yield response
                stream.room.give(item.size)
    finally:
        # What is under way may still be recorded: the same again then has the same index.
        await stream.abandon(reading)


class _Stream:
    """Requests under way."""

    def __init__(self, submissions: Submissions, refused: Refused) -> None:
        self.room = _Room()
        self._submissions = submissions
        self._refused = refused
        self._decided: asyncio.Queue[_Decided | _Ended] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, incoming: Incoming) -> None:
        """Take requests in, as long as there is room."""
        try:
            async for caller, request in incoming:
                await self.room.take(len(request.envelope))
                task = asyncio.create_task(self._decide(caller, request))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except Exception as error:  # noqa: BLE001 - the stream ends with it
            self._decided.put_nowait(_Ended(error=error))
        else:
            self._decided.put_nowait(_Ended())

    async def batches(self) -> AsyncIterator[list[_Decided]]:
        """Give what is decided, as much at a time as there is, until nothing more can come."""
        ended = False
        while not ended or self.room.count:
            batch = [await self._decided.get()]
            while not self._decided.empty():
                batch.append(self._decided.get_nowait())
            for item in batch:
                if isinstance(item, _Ended):
                    ended = True
                    if item.error is not None:
                        raise item.error
            yield [item for item in batch if isinstance(item, _Decided)]

    async def abandon(self, reading: asyncio.Task[None]) -> None:
        """Leave everything that is still under way."""
        tasks = [reading, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _decide(self, caller: Caller, request: pb.SubmitStreamRequest) -> None:
        tag, size = request.tag, len(request.envelope)
        try:
            index = await self._submissions.admit(caller, request.envelope)
        except Exception as error:  # noqa: BLE001 - it is the answer
            about = await self._refused(request, error) if isinstance(error, Refusal) else About()
            self._decided.put_nowait(_Decided(tag=tag, size=size, error=error, about=about))
        else:
            self._decided.put_nowait(_Decided(tag=tag, size=size, index=index))


async def _responses(
    submissions: Submissions, sender: MemberId, batch: list[_Decided]
) -> list[tuple[_Decided, pb.SubmitStreamResponse]]:
    indexes = [item.index for item in batch if item.index is not None]
    recorded: dict[int, pb.SubmitResponse] = {}
    failed: Exception | None = None
    if indexes:
        try:
            found = await submissions.answers(sender, indexes)
        except (Refusal, Fault) as error:
            failed = error
        else:
            recorded = dict(zip(indexes, found, strict=True))
    responses = []
    for item in batch:
        reason = item.error or failed
        if item.index is None or reason is not None:
            response = item.refused(reason or AssertionError("neither an index nor an error"))
        else:
            response = pb.SubmitStreamResponse(tag=item.tag, recorded=recorded[item.index])
        responses.append((item, response))
    return responses
