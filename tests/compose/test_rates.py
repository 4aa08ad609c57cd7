"""Rates of a running gateway: beyond one, a member is told when; others and the library go on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from forewarn.exchange.v1 import delivery_service_pb2, inbox_pb2
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn_client import Agency
from gateway.core.errors import Reason
from gateway.core.merkle import EMPTY_ROOT
from tests.world.live import CALL_SECONDS, CIVIL, HARBOR, NATSEC, Live, alert, refused
from tests.world.live_homes import home_of

PER_SECOND = 20
BURST = 5


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """An exchange in which no member hands in many statements."""
    live = Live.make(tmp_path_factory.mktemp("rates"))
    live.init()
    config = live.state / "gateway.toml"
    text = config.read_text()
    limits = {
        "statements_per_second": PER_SECOND,
        "statements_burst": BURST,
        "confirmations_per_second": 0.1,
        "confirmations_burst": BURST,
    }
    for key, value in limits.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"{key} = ")]
        text = text.replace(line, f"{key} = {value}")
    config.write_text(text)
    live.serve()
    live.enrol(CIVIL, NATSEC, HARBOR)
    yield live
    assert live.stop() == 0


def seconds(raw: bytes) -> float:
    """Read the time that an error answer names."""
    retry: Any = error_details_pb2.RetryInfo()
    (found,) = [
        retry.retry_delay.ToMicroseconds() / 1e6
        for detail in status_pb2.Status.FromString(raw).details
        if detail.Unpack(retry)
    ]
    return float(found)


def test_beyond_the_rate_a_member_is_told_when_and_nobody_else_notices(slow: Live) -> None:
    with slow.desk(CIVIL) as busy, slow.desk(NATSEC) as other:
        calls = [
            busy.exchange.Submit.future(
                pb.SubmitRequest(envelope=alert(CIVIL, HARBOR).envelope), timeout=CALL_SECONDS
            )
            for _ in range(100)
        ]
        errors = [refused(error) for call in calls if (error := call.exception()) is not None]
        other.submit(alert(NATSEC, HARBOR))
        named = max(seconds(error.raw) for error in errors)
        time.sleep(named)
        busy.submit(alert(CIVIL, HARBOR))

    assert len(calls) - len(errors) >= BURST
    assert errors
    assert {(each.code, each.reason) for each in errors} == {
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.RATE_EXCEEDED)
    }
    assert 0 < named <= 1 / PER_SECOND + 1e-6


def test_confirmations_have_a_rate_of_their_own(slow: Live) -> None:
    empty = inbox_pb2.InboxSpan(from_size=1, to_size=1, root=EMPTY_ROOT)
    request = delivery_service_pb2.ConfirmInboxRequest(span=empty)
    with slow.desk(NATSEC) as busy, slow.desk(HARBOR) as other:
        for _ in range(BURST):
            assert busy.deliveries.ConfirmInbox(request, timeout=CALL_SECONDS).checkpoint
        with pytest.raises(grpc.RpcError) as error:
            busy.deliveries.ConfirmInbox(request, timeout=CALL_SECONDS)
        assert refused(error.value).reason == Reason.RATE_EXCEEDED
        assert 0 < seconds(refused(error.value).raw) <= 10
        # Neither its other calls nor anybody else's confirmations wait for that.
        busy.submit(alert(NATSEC, HARBOR))
        assert other.deliveries.ConfirmInbox(request, timeout=CALL_SECONDS).checkpoint


def test_a_stream_is_read_more_slowly_and_nothing_of_it_is_refused(slow: Live) -> None:
    count = 30
    requests = [
        pb.SubmitStreamRequest(tag=tag, envelope=alert(NATSEC, HARBOR).envelope)
        for tag in range(count)
    ]
    with slow.desk(NATSEC) as agency:
        begun = time.monotonic()
        answers = list(agency.exchange.SubmitStream(iter(requests), timeout=CALL_SECONDS))
        took = time.monotonic() - begun

    assert sorted(each.tag for each in answers if each.HasField("recorded")) == [*range(count)]
    assert took >= (count - BURST - 1) / PER_SECOND


@pytest.mark.asyncio
async def test_the_library_comes_back_when_it_is_told(slow: Live, tmp_path: Path) -> None:
    document = {
        "tlp": "GREEN",
        "recipients": [HARBOR.member],
        "facts": {"severity": "high"},
        "body": {"title": "A title", "summary": "A summary"},
    }
    async with Agency.connect(home_of(slow, NATSEC, tmp_path)) as agency:
        indexes = [
            (await agency.submit(agency.draft("Alert", document))).index for _ in range(3 * BURST)
        ]

    assert len(set(indexes)) == 3 * BURST
