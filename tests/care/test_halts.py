"""While a log is not proven whole: nothing is written, health says so, one line names the remedy.

* Each damage that a gateway notices, at its start or by its scrub. Of three things none may be
  missing: statements are refused with a reason that says so, health is NOT_SERVING, and what halted
  has said once what it found and what to run. What is recorded can still be read.
* Where there is too little to read from, `serve` ends with one sentence, which says what to do.
* What nobody notices before a check is named here as well: these damage nothing that was signed.
"""

from __future__ import annotations

import os
import re

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.errors import Reason
from tests.care.conftest import Past
from tests.care.damages import Damaging, back, cut_stream, flip_in_stream, several
from tests.care.mending import scrubbing
from tests.care.test_check import KEEPER, STORE, STREAM
from tests.faults.drill import patiently
from tests.world import processes
from tests.world.live import AURORA, CALL_SECONDS, CIVIL, Live, notice, refused
from tests.world.outcry import halted, outcry

UNNOTICED = {
    "store: an index dropped",
    "store: a verdict",
    "store: who wrote a key",
    "store: who reads an entry",
    "store: a case's state",
    # Passed over, and published again.
    "store: a bit in the checkpoint",
    "store: a bit in what witnesses have cosigned",
    # Signed on beyond it, as soon as there is something to sign.
    "keeper: one place emptied",
}
ROWS: dict[str, Damaging] = {
    f"{part}: {name}": damaging
    for part, table in (("stream", STREAM), ("store", STORE), ("keeper", KEEPER))
    for name, (damaging, _) in table.items()
    if f"{part}: {name}" not in UNNOTICED
}
WITHHELD: dict[str, Damaging] = {
    "cut": cut_stream(0.85),
    "a bit in the last": flip_in_stream(-1),
    "emptied": cut_stream(0, indexed=False),
}
USUAL = ("stream: a bit in the last, without", "store: a bit in a salt", "store: gone")
EVERY = bool(os.environ.get("EVERY_FAULT"))
REMEDY = re.compile(
    r"`forewarn-gateway (ledger|init|upgrade)|restore|copy|chmod|name the state folder"
)


@pytest.mark.parametrize("name", ROWS if EVERY else USUAL)
def test_a_damaged_log_is_read_only_or_not_served(past: Past, copy: Live, name: str) -> None:
    ROWS[name](copy.state)
    halts(past, copy)


@pytest.mark.parametrize("name", WITHHELD if EVERY else ("cut",))
def test_a_store_that_waits_for_what_the_stream_lost_does_not_wait_for_ever(
    past: Past, copy: Live, name: str
) -> None:
    """The stream still counts what it cannot give; its consumer passes over it in silence."""
    several(back(past.older, "ledger.db"), WITHHELD[name])(copy.state)
    halts(past, copy, last=3)


def halts(past: Past, live: Live, *, last: int = 7) -> None:
    """Start, and have it say so in all three ways, or end with a sentence."""
    scrubbing(live)
    live.start("--listen", "127.0.0.1:0")
    process = live.process
    assert process is not None
    processes.eventually(lambda: process.poll() is not None or halted(live))
    if process.poll() is not None:
        assert not_served(live)
        return
    listen = live.state / "run" / "listen"
    processes.eventually(lambda: listen.exists() and listen.read_text().endswith("\n"))
    live.address = listen.read_text().strip()
    index = past.answers[last].receipt.index
    with live.desk(AURORA) as lab:
        processes.eventually(lambda: refusal(live) == Reason.LEDGER_NOT_PROVEN)
        assert lab.status() == HealthCheckResponse.NOT_SERVING
        request = pb.GetEntryRequest(index=index)
        read = patiently(lambda: lab.exchange.GetEntry(request, timeout=CALL_SECONDS))
        assert read.record.index == index
    assert len(outcry(live, "forewarn-gateway ledger ")) == 1
    assert live.stop() == 0


def refusal(live: Live) -> str:
    """Hand in, and give the reason why not."""
    with live.desk(AURORA) as lab, pytest.raises(grpc.RpcError) as caught:
        lab.submit(notice(CIVIL))
    return refused(caught.value).reason


def not_served(live: Live) -> bool:
    """Tell whether it has ended with one sentence, and that says what to do."""
    process, live.process = live.process, None
    assert process is not None
    assert process.stdout is not None
    process.stdout.close()
    said = (live.folder / "gateway.log").read_text().splitlines()
    sentences = [line for line in said if line.startswith("Error: ")]
    return process.returncode == 1 and len(sentences) == 1 and bool(REMEDY.search(sentences[0]))
