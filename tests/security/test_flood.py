"""One member, or somebody with a certificate only, takes all it can: the others are served on."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.exchange.v1 import log_service_pb2
from gateway.compose.limits import Limits
from gateway.compose.process import raise_file_limit
from gateway.core.errors import Reason
from gateway.edge import strangers
from gateway.edge.health import MAX_WATCHERS
from tests.world.ledger_builder import party
from tests.world.live import AURORA, CALL_SECONDS, CIVIL, Desk, Live, Refused, refused

ALL = pb.EntryFilter(box="BOX_ALL")
CALLS_PER_MEMBER = 4
CONNECTIONS = 6
OPEN_FILES = Limits().open_files
STRANGER = party("nobody-here", "lab")


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """An exchange with a lab and an agency, that takes on little."""
    live = Live.make(tmp_path_factory.mktemp("flood"))
    live.init()
    config = live.state / "gateway.toml"
    text = config.read_text()
    text = text.replace("calls_per_member = 512", f"calls_per_member = {CALLS_PER_MEMBER}")
    config.write_text(text.replace("connections = 4096", f"connections = {CONNECTIONS}"))
    live.serve()
    live.enrol(AURORA, CIVIL)
    yield live
    assert live.stop() == 0


def checkpoint(desk: Desk) -> bytes:
    request = log_service_pb2.GetCheckpointRequest()
    return bytes(desk.log.GetCheckpoint(request, timeout=CALL_SECONDS).checkpoint)


def eventually(desk: Desk) -> bytes:
    """Ask until the gateway has noticed what ended."""
    deadline = time.monotonic() + CALL_SECONDS
    while True:
        try:
            return checkpoint(desk)
        except grpc.RpcError as error:
            assert refused(error).reason == Reason.TOO_MANY_CALLS  # noqa: PT017 - others are bugs
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_member_opens_as_many_calls_as_one_may_and_takes_no_others_place(narrow: Live) -> None:
    with narrow.desk(AURORA) as lab, narrow.desk(AURORA) as again, narrow.desk(CIVIL) as agency:
        desks = [lab, again] * (CALLS_PER_MEMBER // 2)
        streams = [desk.exchange.Follow(pb.FollowRequest(filter=ALL)) for desk in desks]
        for stream in streams:
            next(stream)
        with pytest.raises(grpc.RpcError) as error:
            checkpoint(again)
        assert checkpoint(agency)
        streams[0].cancel()
        assert eventually(again)
        for stream in streams:
            stream.cancel()

    answer = refused(error.value)
    assert (answer.code, answer.reason, answer.retry) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        Reason.TOO_MANY_CALLS,
        True,
    )


def test_who_is_no_member_cannot_fill_the_gateway_by_watching_its_health(narrow: Live) -> None:
    with narrow.desk(STRANGER) as stranger, narrow.desk(CIVIL) as agency:
        request = health_pb2.HealthCheckRequest()
        watches = [stranger.health.Watch(request) for _ in range(MAX_WATCHERS)]
        for watch in watches:
            next(watch)
        with pytest.raises(grpc.RpcError) as error:
            next(stranger.health.Watch(request))
        assert checkpoint(agency)
        for watch in watches:
            watch.cancel()

    assert refused(error.value).code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_who_may_not_call_is_answered_so_often_and_members_notice_nothing(narrow: Live) -> None:
    reasons: list[str] = []
    answer: Refused | None = None
    with narrow.desk(STRANGER) as stranger, narrow.desk(CIVIL) as agency:
        while Reason.RATE_EXCEEDED not in reasons:
            with pytest.raises(grpc.RpcError) as error:
                checkpoint(stranger)
            answer = refused(error.value)
            reasons.append(answer.reason)
            assert len(reasons) < 50 * strangers.BURST
        assert answer is not None
        assert answer.retry
        assert checkpoint(agency)
    assert set(reasons[:-1]) == {Reason.MEMBER_UNKNOWN}
    assert len(reasons) > strangers.BURST


def test_there_are_files_enough_for_the_connections(
    narrow: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        raise_file_limit(OPEN_FILES)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, OPEN_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        raise_file_limit(OPEN_FILES)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_are_few_and_leave_their_place(narrow: Live) -> None:
    with contextlib.ExitStack() as stack:
        desks = [stack.enter_context(narrow.desk(STRANGER)) for _ in range(CONNECTIONS)]
        for desk in desks:
            desk.status()
        beyond = stack.enter_context(narrow.desk(CIVIL))
        with pytest.raises(grpc.RpcError) as error:
            checkpoint(beyond)
    assert refused(error.value).code is grpc.StatusCode.UNAVAILABLE

    with narrow.desk(CIVIL) as agency:
        request = log_service_pb2.GetCheckpointRequest()
        assert agency.log.GetCheckpoint(request, timeout=CALL_SECONDS, wait_for_ready=True)


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_what_comes_compressed_is_refused_and_never_unpacked(
    narrow: Live, algorithm: grpc.Compression
) -> None:
    with narrow.desk(AURORA) as lab, pytest.raises(grpc.RpcError) as error:
        lab.exchange.Submit(
            pb.SubmitRequest(envelope=bytes(1 << 26)), timeout=CALL_SECONDS, compression=algorithm
        )

    assert refused(error.value).code is grpc.StatusCode.UNIMPLEMENTED
