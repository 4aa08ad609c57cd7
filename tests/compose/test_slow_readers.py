"""Readers that take nothing: nobody waits for them, they cost little, are told, and resume."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.exchange.v1 import ledger_pb2
from forewarn_client import Operator
from gateway.core.errors import Reason
from tests.compose.test_exchange import LARGE
from tests.world.ledger_builder import Party
from tests.world.live import (
    CALL_SECONDS,
    CIVIL,
    HARBOR,
    QUAY,
    Desk,
    Live,
    Statement,
    alert,
    refused,
)
from tests.world.live_homes import home_of

RECEIVED = pb.EntryFilter(box="BOX_RECEIVED")
READER_SECONDS = 2.0
ANSWER_BYTES = 8 << 20
READERS = 50
STALLED = 100
# What gRPC and the Python of the gateway keep beside what is counted.
MEMORY_MIB = 64


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """An exchange that waits for its readers for a short time only."""
    live = Live.make(tmp_path_factory.mktemp("readers"))
    live.init()
    config = live.state / "gateway.toml"
    text = config.read_text()
    limits = {"reader_seconds": READER_SECONDS, "answer_bytes_per_member": ANSWER_BYTES}
    for key, value in limits.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"{key} = ")]
        text = text.replace(line, f"{key} = {value}")
    config.write_text(text)
    live.serve()
    live.enrol(CIVIL, HARBOR, QUAY)
    yield live
    # Whoever does not read does not keep the gateway from stopping either.
    with live.desk(HARBOR) as bank:
        next(follow(bank))
        assert live.stop() == 0


def follow(desk: Desk, cursor: str = "") -> Any:
    return desk.exchange.Follow(pb.FollowRequest(filter=RECEIVED, cursor=cursor))


def end(desk: Desk) -> str:
    """Give the cursor after everything that is there already."""
    request = pb.ListEntriesRequest(filter=RECEIVED)
    while True:
        page = desk.exchange.ListEntries(request, timeout=CALL_SECONDS)
        request.cursor = page.cursor
        if not page.more:
            return request.cursor


def large() -> Statement:
    return alert(CIVIL, HARBOR, attachments=[LARGE])


def envelopes(answer: pb.FollowResponse) -> list[bytes]:
    bodies = [ledger_pb2.EntryBody.FromString(record.entry_body) for record in answer.records]
    return [body.envelope for body in bodies]


@dataclass(slots=True, kw_only=True)
class Reader:
    """A stream, and what came over it until it ended."""

    stream: Any
    cursor: str
    seen: list[bytes] = field(default_factory=list)
    ended: Any = None

    def drain(self) -> None:
        try:
            for answer in self.stream:
                self.seen += envelopes(answer)
                self.cursor = answer.cursor
        except grpc.RpcError as error:
            self.ended = refused(error)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + CALL_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def told(live: Live, rpc: str, *reasons: Reason) -> int:
    """How many calls were refused so far, as the gateway's log has it."""
    lines = (live.folder / "gateway.log").read_text().splitlines()
    said = [json.loads(line) for line in lines if '"refused"' in line]
    return sum(line["rpc"] == rpc and line["reason"] in reasons for line in said)


def memory_mib(live: Live) -> float:
    assert live.process is not None
    status = Path(f"/proc/{live.process.pid}/status").read_text()
    (resident,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return int(resident) / 1024


class Proxy:
    """Passes bytes on, in both directions, until it is told to hold back what comes back."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._target = (host, int(port))
        self._flowing = threading.Event()
        self._flowing.set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self) -> None:
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    def close(self) -> None:
        self._listening.close()
        self.flow()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._target)
                for pair, gate in ((near, far), None), ((far, near), self._flowing):
                    threading.Thread(target=self._pass, args=(*pair, gate), daemon=True).start()

    def _pass(
        self, here: socket.socket, there: socket.socket, gate: threading.Event | None
    ) -> None:
        with suppress(OSError), there:
            while True:
                if gate is not None:
                    gate.wait()
                data = here.recv(1 << 16)
                if gate is not None:
                    gate.wait()
                if not data:
                    break
                there.sendall(data)


@contextmanager
def narrow(live: Live, who: Party, address: str = "") -> Iterator[Desk]:
    """Connect so that gRPC takes in little more than what is read."""
    chain, key = live.authority.leaf([who.system])
    credentials = grpc.ssl_channel_credentials(live.authority.bundle, key, chain)
    options = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1 << 16)]
    with grpc.secure_channel(address or live.address, credentials, options) as channel:
        yield Desk(channel)


@contextmanager
def behind(live: Live, who: Party) -> Iterator[tuple[Desk, Proxy]]:
    """Connect through a proxy."""
    proxy = Proxy(live.address)
    try:
        with narrow(live, who, proxy.address) as desk:
            yield desk, proxy
    finally:
        proxy.close()


def test_readers_that_stop_slow_nobody_cost_little_are_told_and_resume(impatient: Live) -> None:
    with (
        impatient.desk(CIVIL) as agency,
        narrow(impatient, HARBOR) as slow,
        impatient.desk(QUAY) as quick,
    ):
        start = end(slow), end(quick)
        sent, small = [large() for _ in range(4)], [alert(CIVIL, QUAY) for _ in range(4)]
        for each in sent:
            agency.submit(each)
        before = memory_mib(impatient)
        # Nothing is ever read from these, not what there is and not what comes.
        stalled = [Reader(stream=follow(slow, start[0]), cursor=start[0]) for _ in range(STALLED)]
        reading = [Reader(stream=follow(quick, start[1]), cursor="") for _ in range(READERS)]
        threads = [threading.Thread(target=reader.drain, daemon=True) for reader in reading]
        for thread in threads:
            thread.start()
        for each in small:
            agency.submit(each)
        expected = [each.envelope for each in small]
        until(lambda: all(len(reader.seen) == len(expected) for reader in reading))
        # Each of the stalled is told: that it does not read, or that its others do not.
        reasons = Reason.READER_TOO_SLOW, Reason.TOO_MANY_CALLS
        until(lambda: told(impatient, "Follow", *reasons) >= STALLED)
        held = memory_mib(impatient) - before
        for reader in reading:
            reader.stream.cancel()
        for thread in threads:
            thread.join()
        for reader in stalled:
            reader.drain()
        slowest = next(each for each in stalled if each.ended.reason == Reason.READER_TOO_SLOW)
        resumed = Reader(stream=follow(slow, slowest.cursor), cursor="", seen=slowest.seen)
        while len(resumed.seen) < len(sent):
            resumed.seen += envelopes(next(resumed.stream))
        resumed.stream.cancel()

    assert [reader.seen for reader in reading] == [expected] * READERS
    assert {(each.ended.code, each.ended.retry) for each in stalled} == {
        (grpc.StatusCode.RESOURCE_EXHAUSTED, True)
    }
    assert {each.ended.reason for each in stalled} == set(reasons)
    assert resumed.seen == [each.envelope for each in sent]
    assert held < MEMORY_MIB


def test_a_connection_that_carries_nothing_any_more_is_told_as_soon_as_it_does(
    impatient: Live,
) -> None:
    with impatient.desk(CIVIL) as agency, behind(impatient, HARBOR) as (bank, proxy):
        start = end(bank)
        reader = Reader(stream=follow(bank, start), cursor=start)
        next(reader.stream)
        before = told(impatient, "Follow", Reason.READER_TOO_SLOW)
        proxy.hold()
        # More than the sockets in between take in.
        sent = [large() for _ in range(20)]
        for each in sent:
            agency.submit(each)
        until(lambda: told(impatient, "Follow", Reason.READER_TOO_SLOW) > before)
        proxy.flow()
        reader.drain()
        assert reader.ended.reason == Reason.READER_TOO_SLOW
        reader.stream = follow(bank, reader.cursor)
        while len(reader.seen) < len(sent):
            answer = next(reader.stream)
            reader.seen += envelopes(answer)
        reader.stream.cancel()

    assert reader.seen == [each.envelope for each in sent]


def test_lists_that_are_not_read_are_few_and_the_rest_is_refused(impatient: Live) -> None:
    request = pb.ListEntriesRequest(filter=RECEIVED, page_size=2)
    with behind(impatient, HARBOR) as (bank, proxy):
        bank.exchange.ListEntries(request, timeout=CALL_SECONDS)
        proxy.hold()
        before, refusals = memory_mib(impatient), told(impatient, "ListEntries", *Reason)
        calls = [
            bank.exchange.ListEntries.future(request, timeout=CALL_SECONDS) for _ in range(100)
        ]
        until(lambda: told(impatient, "ListEntries", *Reason) > refusals + 50)
        time.sleep(READER_SECONDS)
        held = memory_mib(impatient) - before
        with impatient.desk(QUAY) as other:
            other.exchange.ListEntries(request, timeout=CALL_SECONDS)
        proxy.flow()
        failures = [refused(error) for call in calls if (error := call.exception()) is not None]
        again = bank.exchange.ListEntries(request, timeout=CALL_SECONDS)

    assert again.records
    assert 50 < len(failures) < len(calls)
    assert {(each.reason, each.retry) for each in failures} == {(Reason.TOO_MANY_CALLS, True)}
    assert held < MEMORY_MIB


def test_whoever_hands_in_and_reads_no_answers_is_told_and_hands_in_again(
    impatient: Live,
) -> None:
    statements = [alert(CIVIL, HARBOR, summary="x" * 1500) for _ in range(200)]
    requests = [
        pb.SubmitStreamRequest(tag=tag, envelope=each.envelope)
        for tag, each in enumerate(statements)
    ]
    with narrow(impatient, CIVIL) as agency:
        stream = agency.exchange.SubmitStream(iter(requests))
        until(lambda: told(impatient, "SubmitStream", Reason.READER_TOO_SLOW) > 0)
        answered, ended = {}, None
        try:
            for answer in stream:
                answered[answer.tag] = answer.recorded.receipt.index
        except grpc.RpcError as error:
            ended = refused(error)
        again = {
            answer.tag: answer.recorded.receipt.index
            for answer in agency.exchange.SubmitStream(iter(requests), timeout=CALL_SECONDS)
        }

    assert ended is not None
    assert ended.reason == Reason.READER_TOO_SLOW
    assert 0 < len(answered) < len(requests)
    assert len(set(again.values())) == len(requests)
    assert {tag: again[tag] for tag in answered} == answered


@pytest.mark.asyncio
async def test_the_library_resumes_by_itself_and_says_so(
    impatient: Live, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = told(impatient, "Follow", Reason.READER_TOO_SLOW)
    caplog.set_level(logging.INFO, logger="forewarn_client")
    async with Operator.connect(home_of(impatient, HARBOR, tmp_path)) as bank:
        stream = bank.follow()
        first = await anext(stream)
        await asyncio.to_thread(
            until, lambda: told(impatient, "Follow", Reason.READER_TOO_SLOW) > before
        )
        seen = [first.record.index]
        with impatient.desk(HARBOR) as raw:
            page = raw.exchange.ListEntries(
                pb.ListEntriesRequest(filter=RECEIVED, page_size=1000), timeout=CALL_SECONDS
            )
            expected = [record.index for record in page.records]
            while page.more:
                page = raw.exchange.ListEntries(
                    pb.ListEntriesRequest(filter=RECEIVED, page_size=1000, cursor=page.cursor),
                    timeout=CALL_SECONDS,
                )
                expected += [record.index for record in page.records]
        async with asyncio.timeout(CALL_SECONDS):
            while len(seen) < len(expected):
                seen.append((await anext(stream)).record.index)
        await stream.aclose()

    assert seen == expected
    assert "READER_TOO_SLOW" in caplog.text
    assert "last cursor" in caplog.text
