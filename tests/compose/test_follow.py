"""Open streams of a running gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.exchange.v1 import ledger_pb2
from gateway.core.errors import Reason
from tests.world.ledger_builder import party
from tests.world.live import (
    CALL_SECONDS,
    CIVIL,
    HARBOR,
    QUAY,
    REGISTRAR,
    Desk,
    Live,
    alert,
    refused,
    suspension,
)

RECEIVED = pb.EntryFilter(box="BOX_RECEIVED")


def follow(desk: Desk, cursor: str = "") -> Any:
    request = pb.FollowRequest(filter=RECEIVED, cursor=cursor)
    return desk.exchange.Follow(request, timeout=CALL_SECONDS)


def end(desk: Desk) -> str:
    """Give the cursor after everything that is there already."""
    request = pb.ListEntriesRequest(filter=RECEIVED)
    while True:
        page = desk.exchange.ListEntries(request, timeout=CALL_SECONDS)
        request.cursor = page.cursor
        if not page.more:
            return request.cursor


def envelopes(stream: Iterator[Any], count: int) -> tuple[list[bytes], str]:
    """Take envelopes until there are as many as expected; give them and the last cursor."""
    found: list[bytes] = []
    cursor = ""
    while len(found) < count:
        answer = next(stream)
        cursor = answer.cursor
        bodies = [ledger_pb2.EntryBody.FromString(record.entry_body) for record in answer.records]
        found += [body.envelope for body in bodies]
    return found, cursor


def test_a_stream_opens_at_once_delivers_what_comes_and_resumes_without_a_gap(
    exchange: Live,
) -> None:
    with exchange.desk(CIVIL) as agency, exchange.desk(QUAY) as bank:
        stream = follow(bank, end(bank))
        assert not next(stream).records
        first = alert(CIVIL, QUAY, HARBOR)
        agency.submit(first)
        seen, cursor = envelopes(stream, 1)
        stream.cancel()
        missed = [alert(CIVIL, QUAY) for _ in range(3)]
        for each in missed:
            agency.submit(each)
        agency.submit(alert(CIVIL, HARBOR))
        resumed = follow(bank, cursor)
        later, _ = envelopes(resumed, 3)
        resumed.cancel()

    assert seen == [first.envelope]
    assert later == [each.envelope for each in missed]


def test_a_suspended_members_stream_is_cut(exchange: Live) -> None:
    leaving = party("leaving-bank", "operator", "security")
    exchange.enrol(leaving)
    with exchange.desk(REGISTRAR) as registrar, exchange.desk(leaving) as bank:
        stream = follow(bank)
        next(stream)
        registrar.submit(suspension(leaving))
        with pytest.raises(grpc.RpcError) as cut:
            next(stream)
        with pytest.raises(grpc.RpcError) as called:
            follow(bank).__next__()

    for error in (cut, called):
        answer = refused(error.value)
        assert (answer.code, answer.reason) == (
            grpc.StatusCode.PERMISSION_DENIED,
            Reason.MEMBER_INACTIVE,
        )
