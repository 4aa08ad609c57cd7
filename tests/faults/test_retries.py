"""A hundred clients that lose patience with a slow gateway, and ask again at once.

nats-server stands still for a while: every call times out, and every client says the same again,
while what it said before is still under way. In the end each has one index, and the ledger holds
each statement once.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import grpc
import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from tests.faults.drill import Drill, Mortal
from tests.faults.verified import verified
from tests.world import processes
from tests.world.live import (
    AURORA,
    CIVIL,
    HARBOR,
    READY_SECONDS,
    Desk,
    Live,
    Statement,
    notice,
    refused,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux does")

CLIENTS: Final = 100
PATIENCE_SECONDS: Final = 0.5
AGAIN: Final = {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}


class Impatient:
    """A client with a connection of its own."""

    def __init__(self, live: Live, pair: tuple[bytes, bytes]) -> None:
        chain, key = pair
        credentials = grpc.ssl_channel_credentials(live.authority.bundle, key, chain)
        own = (("grpc.use_local_subchannel_pool", 1),)
        self.channel = grpc.secure_channel(live.address, credentials, own)
        self.statement: Statement = notice(CIVIL)
        self.timed_out = 0

    def greet(self) -> None:
        grpc.channel_ready_future(self.channel).result(timeout=READY_SECONDS)

    def insist(self) -> pb.SubmitResponse:
        """Hand in, again and again and without a pause, until it is answered."""
        desk, patience = Desk(self.channel), PATIENCE_SECONDS
        request = pb.SubmitRequest(envelope=self.statement.envelope)
        deadline = time.monotonic() + 2 * READY_SECONDS
        while True:
            assert time.monotonic() < deadline, "nobody ever answers"
            try:
                answer: pb.SubmitResponse = desk.exchange.Submit(request, timeout=patience)
            except grpc.RpcError as error:
                assert refused(error).code in AGAIN  # noqa: PT017 - it is asked again
                self.timed_out += 1
                # A little longer each time: a slow machine is no reason never to be answered.
                patience *= 1.3
            else:
                return answer


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_hundred_clients_retry_and_each_is_recorded_once(tmp_path: Path) -> None:
    live = Live.make(tmp_path)
    live.init()
    live.serve()
    try:
        live.enrol(AURORA, CIVIL, HARBOR)
        drill = Drill(live=cast("Mortal", live))
        pair = live.authority.leaf([AURORA.system])
        clients = [Impatient(live, pair) for _ in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(Impatient.greet, clients))
            with standing_still(processes.of(live)["nats-server"]):
                waiting = [pool.submit(each.insist) for each in clients]
                processes.eventually(lambda: min(each.timed_out for each in clients) >= 2)
            answers = [each.result(timeout=3 * READY_SECONDS) for each in waiting]
        for each, answer in zip(clients, answers, strict=True):
            drill.said.append(each.statement)
            drill.keep(each.statement, answer)
            each.channel.close()
        indexes = {answer.receipt.index for answer in answers}
        assert len(indexes) == CLIENTS
        # Recorded once: nothing else has taken an index.
        assert indexes == set(range(min(indexes), min(indexes) + CLIENTS))
        verified(drill)
    finally:
        if live.process is not None:
            live.kill()
