"""Errors keep what the exchange said; what may pass is tried again, within a budget."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from forewarn_client import Filter, Lab, Patience, RefusedError, UnavailableError, answers, session
from tests.world.ledger_builder import party
from tests.world.paper_exchange import Failure, PaperExchange

LAB = party("aurora", "lab")
INFO = error_details_pb2.ErrorInfo(
    reason="CASE_WRONG_STATE", domain="forewarn", metadata={"state": "REVOKED"}
)
FIELDS = error_details_pb2.BadRequest(
    field_violations=[
        error_details_pb2.BadRequest.FieldViolation(field="header.tlp", description="is required")
    ]
)
UNAVAILABLE = Failure(code=grpc.StatusCode.UNAVAILABLE)


def soon(milliseconds: int) -> error_details_pb2.RetryInfo:
    return error_details_pb2.RetryInfo(retry_delay=Duration(nanos=milliseconds * 1_000_000))


async def outcome(
    folder: Path, failures: Sequence[Failure], patience: Patience | None = None
) -> tuple[Any, PaperExchange]:
    """Ask for the checkpoint of an exchange that fails first."""
    async with PaperExchange(folder=folder, failures=list(failures)) as paper:
        home = paper.home(LAB)
        async with Lab.connect(home, patience=patience or Patience(budget=5)) as lab:
            try:
                return await lab.checkpoint(), paper
            except (RefusedError, UnavailableError) as error:
                return error, paper


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNIMPLEMENTED,
    ],
)
async def test_a_refusal_keeps_reason_fields_and_metadata(
    tmp_path: Path, code: grpc.StatusCode
) -> None:
    failure = Failure(code=code, text="No.", details=(INFO, FIELDS))
    error, paper = await outcome(tmp_path, [failure])
    assert isinstance(error, RefusedError)
    assert (error.reason, error.detail) == ("CASE_WRONG_STATE", "No.")
    assert error.metadata == {"state": "REVOKED"}
    assert [(item.field, item.description) for item in error.violations] == [
        ("header.tlp", "is required")
    ]
    assert str(error) == "CASE_WRONG_STATE: No.; header.tlp: is required"
    assert paper.calls == ["GetCheckpoint"]


@pytest.mark.asyncio
async def test_without_details_the_code_is_the_reason(tmp_path: Path) -> None:
    error, _ = await outcome(tmp_path, [Failure(code=grpc.StatusCode.NOT_FOUND)])
    assert isinstance(error, RefusedError)
    assert error.reason == "NOT_FOUND"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "details"),
    [
        (grpc.StatusCode.UNAVAILABLE, ()),
        (grpc.StatusCode.UNAVAILABLE, (soon(10),)),
        (grpc.StatusCode.DEADLINE_EXCEEDED, ()),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, (soon(10),)),
        (grpc.StatusCode.ABORTED, (soon(10),)),
    ],
)
async def test_what_may_pass_is_tried_again(
    tmp_path: Path, code: grpc.StatusCode, details: tuple[Message, ...]
) -> None:
    failures = [Failure(code=code, details=details)] * 3
    checkpoint, paper = await outcome(tmp_path, failures, Patience(budget=20))
    assert checkpoint.size == 1
    assert len(paper.calls) == 4


@pytest.mark.asyncio
async def test_the_pause_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    failure = Failure(code=grpc.StatusCode.RESOURCE_EXHAUSTED, details=(soon(900),))
    started = time.monotonic()
    checkpoint, _ = await outcome(tmp_path, [failure])
    assert checkpoint.size == 1
    assert time.monotonic() - started >= 0.9


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS]
)
async def test_a_fault_of_the_exchange_is_no_refusal(tmp_path: Path, code: grpc.StatusCode) -> None:
    info = error_details_pb2.ErrorInfo(reason="INTERNAL", domain="forewarn")
    error, paper = await outcome(tmp_path, [Failure(code=code, details=(info,))])
    assert isinstance(error, UnavailableError)
    assert error.reason == "INTERNAL"
    assert paper.calls == ["GetCheckpoint"]


@pytest.mark.asyncio
async def test_exhaustion_without_a_pause_is_a_refusal_where_the_exchange_says_so(
    tmp_path: Path,
) -> None:
    failure = Failure(code=grpc.StatusCode.RESOURCE_EXHAUSTED, details=(INFO,))
    error, paper = await outcome(tmp_path, [failure])
    assert isinstance(error, RefusedError)
    assert paper.calls == ["GetCheckpoint"]


@pytest.mark.asyncio
async def test_an_answer_too_large_to_be_taken_decides_nothing(tmp_path: Path) -> None:
    error, _ = await outcome(tmp_path, [Failure(code=grpc.StatusCode.RESOURCE_EXHAUSTED)])
    assert isinstance(error, UnavailableError)


@pytest.mark.asyncio
@pytest.mark.parametrize("seconds", [3600, 10**11])
async def test_nobody_waits_for_longer_than_the_budget(tmp_path: Path, seconds: int) -> None:
    retry = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=seconds))
    failure = Failure(code=grpc.StatusCode.UNAVAILABLE, details=(retry,))
    started = time.monotonic()
    error, paper = await outcome(tmp_path, [failure] * 3)
    assert isinstance(error, UnavailableError)
    assert time.monotonic() - started < 5
    assert paper.calls == ["GetCheckpoint"]


@pytest.mark.asyncio
async def test_a_pause_of_less_than_nothing_is_no_storm(tmp_path: Path) -> None:
    retry = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=-9))
    failure = Failure(code=grpc.StatusCode.UNAVAILABLE, details=(retry,))
    error, paper = await outcome(tmp_path, [failure] * 999, Patience(budget=1))
    assert isinstance(error, UnavailableError)
    assert len(paper.calls) <= 21


@pytest.mark.asyncio
async def test_who_waits_is_told_once_and_when_it_is_over(tmp_path: Path) -> None:
    told: list[str] = []
    silent = asyncio.Event()

    def tell(sentence: str) -> None:
        told.append(sentence)
        silent.set()

    async with PaperExchange(folder=tmp_path) as paper:
        patience = Patience(budget=30)
        async with Lab.connect(paper.home(LAB), patience=patience, tell=tell) as lab:
            await lab.checkpoint()
            assert told == []
            await paper.stop()
            waiting = [asyncio.create_task(lab.checkpoint()) for _ in range(3)]
            await silent.wait()
            await paper.start()
            await asyncio.gather(*waiting)
    assert len(told) == 2
    assert told[0].startswith(f"No answer from 127.0.0.1:{paper.port} yet; trying until ")
    assert told[0].endswith("(30 s in all).")
    assert told[1] == f"127.0.0.1:{paper.port} answers."


@pytest.mark.asyncio
async def test_a_gateway_that_accepts_and_says_nothing_is_not_the_certificate(
    tmp_path: Path,
) -> None:
    async with PaperExchange(folder=tmp_path) as paper:
        home = paper.home(LAB)
    held: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(
        lambda _, writer: held.append(writer), "127.0.0.1", paper.port
    )
    async with silent, Lab.connect(home, patience=Patience(budget=1)) as lab:
        with pytest.raises(UnavailableError) as caught:
            await lab.checkpoint()
        for writer in held:
            writer.close()
    assert "trust bundle" not in str(caught.value)
    late = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE,
        grpc.aio.Metadata(),
        grpc.aio.Metadata(),
        details="Handshake read failed (Endpoint closing)",
    )
    assert not answers.looks_like_handshake(late)


@pytest.mark.asyncio
async def test_the_budget_ends_the_attempts(tmp_path: Path) -> None:
    error, paper = await outcome(tmp_path, [UNAVAILABLE] * 99, Patience(budget=3.0))
    assert isinstance(error, UnavailableError)
    assert error.reason == "UNAVAILABLE"
    # Were there no end, it would try all of them.
    assert 1 < len(paper.calls) < 30


@pytest.mark.asyncio
async def test_a_stream_that_is_refused_says_why(tmp_path: Path) -> None:
    refusal = Failure(code=grpc.StatusCode.INVALID_ARGUMENT, details=(INFO,))
    async with (
        PaperExchange(folder=tmp_path, failures=[UNAVAILABLE, refusal]) as paper,
        Lab.connect(paper.home(LAB), patience=Patience(reconnect=5)) as lab,
    ):
        with pytest.raises(RefusedError) as caught:
            await anext(lab.follow(Filter(kinds=("Alert",))))
    assert caught.value.reason == "CASE_WRONG_STATE"
    assert paper.calls == ["Follow", "Follow"]


@pytest.mark.asyncio
async def test_a_host_that_vanished_is_noticed_and_the_stream_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its packets are swallowed, as by a cable that was pulled: nothing ends, and nothing comes."""
    quick = {
        "grpc.keepalive_time_ms": 1000,
        "grpc.keepalive_timeout_ms": 500,
        "grpc.http2.ping_timeout_ms": 500,
    }
    assert quick.keys() <= dict(session._OPTIONS).keys()
    options = tuple((name, quick.get(name, value)) for name, value in session._OPTIONS)
    monkeypatch.setattr(session, "_OPTIONS", options)
    async with PaperExchange(folder=tmp_path) as paper, Wire(paper.port) as wire:
        home = paper.home(LAB)
        address = f"127.0.0.1:{wire.port}"
        home = replace(home, exchange=replace(home.exchange, address=address))
        async with Lab.connect(home) as lab:
            stream = lab.follow(Filter(kinds=("Alert",)))
            waiting = asyncio.ensure_future(anext(stream))
            await until(lambda: paper.calls.count("Follow") == 1)
            wire.cut()
            # Through the new connection that the stream makes by itself.
            await until(lambda: paper.calls.count("Follow") == 2)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)


class Wire:
    """A TCP relay, whose connections can be made to swallow everything."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._dead: list[asyncio.Event] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)
        await asyncio.gather(
            *(each.wait_closed() for each in self._writers), return_exceptions=True
        )

    def cut(self) -> None:
        """Swallow what comes over the connections that there are."""
        for dead in self._dead:
            dead.set()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        dead = asyncio.Event()
        self._dead.append(dead)
        self._writers += [writer, far_writer]
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink, dead))
            self._tasks.add(task)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, dead: asyncio.Event
    ) -> None:
        while data := await source.read(65536):
            if not dead.is_set():
                sink.write(data)
        if not dead.is_set():
            sink.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - what it waits for says nothing
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("reason", "resumed"), [("CERTIFICATE_EXPIRED", True), ("SYSTEM_SUSPENDED", False)]
)
def test_a_stream_whose_certificate_ended_is_opened_with_the_next(
    reason: str, resumed: bool
) -> None:
    status = status_pb2.Status(code=grpc.StatusCode.UNAUTHENTICATED.value[0])
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason))
    error = answers.of_status(status.SerializeToString())
    if resumed:
        assert answers.resumption(error) == 0.0
    else:
        with pytest.raises(RefusedError, match=reason):
            answers.resumption(error)
