"""Many statements over one stream of a running gateway."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import grpc
import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.errors import Reason
from tests.compose.test_exchange import envelope_of
from tests.world.ledger_builder import party
from tests.world.live import (
    CALL_SECONDS,
    CIVIL,
    HARBOR,
    REGISTRAR,
    Live,
    Statement,
    alert,
    refused,
    suspension,
)

COUNT = 200


def requests(*statements: Statement) -> Iterator[pb.SubmitStreamRequest]:
    for tag, statement in enumerate(statements):
        yield pb.SubmitStreamRequest(tag=tag, envelope=statement.envelope)


def test_each_is_answered_under_its_tag_in_the_order_of_the_ledger(exchange: Live) -> None:
    statements = [alert(CIVIL, HARBOR) for _ in range(COUNT)]
    spoilt = Statement(envelope=statements[0].envelope[:-1] + b"x", digest=b"")
    with exchange.desk(CIVIL) as agency:
        stream = agency.exchange.SubmitStream(requests(*statements, spoilt), timeout=CALL_SECONDS)
        answers = list(stream)
        again = list(agency.exchange.SubmitStream(requests(*statements[:3]), timeout=CALL_SECONDS))

    recorded = [answer for answer in answers if answer.HasField("recorded")]
    (no,) = [answer for answer in answers if not answer.HasField("recorded")]
    assert no.tag == COUNT
    assert no.refused
    assert sorted(answer.tag for answer in recorded) == list(range(COUNT))
    indexes = [answer.recorded.receipt.index for answer in recorded]
    assert indexes == sorted(set(indexes))
    for answer in recorded:
        assert envelope_of(answer.recorded.entry_body) == statements[answer.tag].envelope
    # What is answered together shares a checkpoint.
    assert len({answer.recorded.receipt.checkpoint for answer in recorded}) < COUNT / 2
    known = {answer.tag: answer.recorded.receipt.index for answer in recorded}
    assert {answer.tag: answer.recorded.receipt.index for answer in again} == {
        tag: known[tag] for tag in range(3)
    }


def test_a_suspended_members_submissions_end(exchange: Live) -> None:
    leaving = party("leaving-agency", "agency", "desk")
    exchange.enrol(leaving)
    suspended = threading.Event()

    def two() -> Iterator[pb.SubmitStreamRequest]:
        yield from requests(alert(leaving, HARBOR))
        suspended.wait(CALL_SECONDS)
        yield from requests(alert(leaving, HARBOR))

    with exchange.desk(REGISTRAR) as registrar, exchange.desk(leaving) as agency:
        stream = agency.exchange.SubmitStream(two(), timeout=CALL_SECONDS)
        assert next(stream).HasField("recorded")
        registrar.submit(suspension(leaving))
        suspended.set()
        with pytest.raises(grpc.RpcError) as cut:
            next(stream)

    answer = refused(cut.value)
    assert (answer.code, answer.reason) == (
        grpc.StatusCode.PERMISSION_DENIED,
        Reason.MEMBER_INACTIVE,
    )
