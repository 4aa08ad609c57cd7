"""The load: callers over mutual TLS that send bytes and keep bytes; looking at them comes later.

* A caller has one call in flight: the next goes out when the answer is there. A stream has so many
  requests without an answer, and no more.
* Messages are not parsed while the clock runs, so that the load generator takes as little as it
  can of a machine that it shares with what it measures.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import grpc

from forewarn.exchange.v1 import exchange_service_pb2 as pb

SUBMIT = "/forewarn.exchange.v1.ExchangeService/Submit"
ENTRY = "/forewarn.exchange.v1.ExchangeService/GetEntry"
LIST = "/forewarn.exchange.v1.ExchangeService/ListEntries"
FOLLOW = "/forewarn.exchange.v1.ExchangeService/Follow"
DIRECTORY = "/forewarn.exchange.v1.DirectoryService/ListDirectoryEntries"
PROOF = "/forewarn.exchange.v1.LogService/GetInclusionProof"
STREAM = "/forewarn.exchange.v1.ExchangeService/SubmitStream"
AUDIT = "/forewarn.exchange.v1.AuditService/ListAuditEvents"
ECHO = "/bench.Echo/Echo"
ECHO_STREAM = "/bench.Echo/EchoStream"

CALL_SECONDS = 60.0
_LARGEST = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a run of calls came to.

    Attributes:
        seconds: From the first call to the last answer.
        latencies: Of each call, in seconds; none for what is streamed.
        answers: Of each call, in no order.
    """

    seconds: float
    latencies: list[float]
    answers: list[bytes]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.answers) / self.seconds


def connect(address: str, bundle: bytes, pair: tuple[bytes, bytes]) -> grpc.aio.Channel:
    """Open a connection of its own as the system of a certificate."""
    chain, key = pair
    credentials = grpc.ssl_channel_credentials(bundle, key, chain)
    options = [
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_receive_message_length", _LARGEST),
    ]
    return grpc.aio.secure_channel(address, credentials, options=options)


@asynccontextmanager
async def connected(channels: Sequence[grpc.aio.Channel]) -> AsyncGenerator[None, None]:
    """Bring connections up, and close them at the end."""
    try:
        async with asyncio.timeout(CALL_SECONDS):
            await asyncio.gather(*(channel.channel_ready() for channel in channels))
        yield
    finally:
        await asyncio.gather(*(channel.close() for channel in channels))


async def call_all(
    lanes: Iterable[tuple[grpc.aio.Channel, Iterable[bytes]]], method: str, callers: int
) -> Answered:
    """Have callers call until every request is answered.

    Args:
        lanes: Connections, each with the requests that go over it.
        method: What to call.
        callers: On each connection.
    """
    latencies: list[float] = []
    answers: list[bytes] = []

    async def caller(channel: grpc.aio.Channel, requests: Iterator[bytes]) -> None:
        call: Any = channel.unary_unary(method)
        for request in requests:
            begun = perf_counter()
            answer = await call(request, timeout=CALL_SECONDS)
            latencies.append(perf_counter() - begun)
            answers.append(answer)

    begun = perf_counter()
    async with asyncio.TaskGroup() as group:
        for channel, requests in lanes:
            # One iterator for all callers of a connection: none runs dry before the others.
            shared = iter(requests)
            for _ in range(callers):
                group.create_task(caller(channel, shared))
    return Answered(seconds=perf_counter() - begun, latencies=latencies, answers=answers)


async def stream_all(
    lanes: Iterable[tuple[grpc.aio.Channel, Sequence[bytes]]], method: str, window: int
) -> Answered:
    """Hand requests in over one stream for each connection, in order, until all are answered.

    Args:
        lanes: Connections, each with the requests that go over it.
        method: What to call.
        window: Requests of a stream that are without an answer, at most.
    """
    answers: list[bytes] = []

    async def stream(channel: grpc.aio.Channel, requests: Sequence[bytes]) -> None:
        room = asyncio.Semaphore(window)
        multi: Any = channel.stream_stream(method)
        call = multi(timeout=CALL_SECONDS)

        async def write() -> None:
            for request in requests:
                await room.acquire()
                await call.write(request)
            await call.done_writing()

        writing = asyncio.create_task(write())
        async for answer in call:
            answers.append(answer)
            room.release()
        await writing

    begun = perf_counter()
    async with asyncio.TaskGroup() as group:
        for channel, requests in lanes:
            group.create_task(stream(channel, requests))
    return Answered(seconds=perf_counter() - begun, latencies=[], answers=answers)


async def pull(channel: grpc.aio.Channel, question: pb.EntryFilter, wanted: int) -> Answered:
    """List entries from the beginning, page by page, until enough have come."""
    call: Any = channel.unary_unary(LIST, response_deserializer=pb.ListEntriesResponse.FromString)
    answers: list[bytes] = []
    latencies: list[float] = []
    cursor, count = "", 0
    begun = perf_counter()
    while count < wanted:
        page_size = min(1000, wanted - count)
        request = pb.ListEntriesRequest(filter=question, page_size=page_size, cursor=cursor)
        asked = perf_counter()
        page = await call(request.SerializeToString(), timeout=CALL_SECONDS)
        latencies.append(perf_counter() - asked)
        answers.append(page.SerializeToString())
        cursor, count = page.cursor, count + len(page.records)
        if not page.records:
            raise RuntimeError("the gateway holds fewer entries than are to be pulled")
    return Answered(seconds=perf_counter() - begun, latencies=latencies, answers=answers)


class Followers:
    """Open streams, each of one operator over a connection of its own."""

    def __init__(self, channels: Sequence[grpc.aio.Channel]) -> None:
        self._channels = channels
        self._waiting = 0
        self._all = asyncio.Event()
        self.last = 0.0
        self.sample: list[bytes] = []

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None, None]:
        """Keep the streams open."""
        self.expect()
        tasks = [asyncio.create_task(self._follow(channel)) for channel in self._channels]
        try:
            # The first message of each says that it is open.
            await self.delivered()
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def expect(self) -> None:
        """Wait for one message on every stream from now on."""
        self._waiting = len(self._channels)
        self._all.clear()
        self.sample.clear()

    async def delivered(self) -> float:
        """Give the moment at which the last stream had its message."""
        async with asyncio.timeout(CALL_SECONDS):
            await self._all.wait()
        return self.last

    async def _follow(self, channel: grpc.aio.Channel) -> None:
        question = pb.EntryFilter(box="BOX_RECEIVED", kinds=["STATEMENT_KIND_ALERT"])
        request = pb.FollowRequest(filter=question).SerializeToString()
        call: Any = channel.unary_stream(FOLLOW)
        async for message in call(request):
            self.last = perf_counter()
            self.sample.append(message)
            self._waiting -= 1
            if not self._waiting:
                self._all.set()
