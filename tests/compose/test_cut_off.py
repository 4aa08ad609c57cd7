"""A suspension ends every kind of stream that its member has open, whatever it waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from forewarn.exchange.v1 import (
    audit_service_pb2,
    directory_service_pb2,
    exchange_service_pb2,
    log_service_pb2,
)
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.errors import Reason
from tests.compose.test_exchange import LARGE
from tests.compose.test_slow_readers import narrow
from tests.world.ledger_builder import party
from tests.world.live import (
    CALL_SECONDS,
    CIVIL,
    HARBOR,
    REGISTRAR,
    Desk,
    Live,
    alert,
    refused,
    suspension,
)

# Measured: a few milliseconds. Only a stream that waits for something else takes longer than this.
CUT_SECONDS = 5.0
LEAVING = party("leaving-agency-2", "agency", "desk")
ALL = pb.EntryFilter(box="BOX_ALL")


def quiet(_over: threading.Event) -> Iterator[pb.SubmitStreamRequest]:
    """Hand nothing in, and do not end."""
    _over.wait(CALL_SECONDS)
    yield from ()


def busy(_over: threading.Event) -> Iterator[pb.SubmitStreamRequest]:
    """Hand in more than is answered while nobody reads the answers, and do not end."""
    for tag in range(100):
        statement = alert(LEAVING, HARBOR, summary="x" * 1500)
        yield pb.SubmitStreamRequest(tag=tag, envelope=statement.envelope)
    _over.wait(CALL_SECONDS)


def follow(cursor: str) -> Callable[[Desk, threading.Event], Any]:
    request = pb.FollowRequest(filter=ALL, cursor=cursor)
    return lambda desk, _over: desk.exchange.Follow(request)


def submit(
    requests: Callable[[threading.Event], Iterator[pb.SubmitStreamRequest]],
) -> Callable[[Desk, threading.Event], Any]:
    return lambda desk, over: desk.exchange.SubmitStream(requests(over))


def test_every_kind_of_stream_is_tried_here() -> None:
    files = exchange_service_pb2, directory_service_pb2, log_service_pb2, audit_service_pb2
    streams = {
        method.name
        for file in files
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.server_streaming or method.client_streaming
    }

    assert streams == {"Follow", "SubmitStream"}


def test_a_suspension_cuts_every_kind_of_stream(exchange: Live) -> None:
    exchange.enrol(LEAVING)
    over = threading.Event()
    with (
        exchange.desk(REGISTRAR) as registrar,
        exchange.desk(CIVIL) as agency,
        narrow(exchange, LEAVING) as leaving,
    ):
        for _ in range(2):
            agency.submit(alert(CIVIL, LEAVING, attachments=[LARGE]))
        page = pb.ListEntriesRequest(filter=ALL)
        while (answer := leaving.exchange.ListEntries(page)).more:
            page.cursor = answer.cursor
        waiting = [follow(answer.cursor)(leaving, over), submit(quiet)(leaving, over)]
        next(waiting[0])
        unread = [follow("")(leaving, over), submit(busy)(leaving, over)]
        # Each has an answer that its reader could take, and more behind it that it does not.
        for stream in unread:
            next(stream)
        registrar.submit(suspension(LEAVING))
        begun, took, ended = time.monotonic(), [], []
        for stream in (*waiting, *unread):
            with pytest.raises(grpc.RpcError) as cut:
                drain(stream)
            took.append(time.monotonic() - begun)
            ended.append(refused(cut.value).reason)
        over.set()

    assert ended == [Reason.MEMBER_INACTIVE] * 4
    assert max(took) < CUT_SECONDS


def drain(stream: Any) -> None:
    for _ in stream:
        pass
