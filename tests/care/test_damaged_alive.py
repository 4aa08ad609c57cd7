"""JetStream damaged under a gateway that runs, and started again: nothing is built on what is left.

* nats-server ends (killed, or in order, so that its index is new), its files are damaged, and the
  gateway starts it again while callers go on. Numbers may then be given out again, or a consumer be
  given nothing: a connection that looks well proves nothing.
* Each row ends with a repair, and with everything that was ever answered.

`make test-faults` does every row; the tests here those whose stream goes on as if all were well.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.care.findings import Damage
from gateway.core.errors import Reason
from tests.care.conftest import Past
from tests.care.damages import (
    Damaging,
    cut_stream,
    flip,
    flip_in_stream,
    in_folder,
    in_stream,
    remove,
)
from tests.care.mending import mend, remembering, scrubbing
from tests.faults.drill import Drill, patiently
from tests.faults.verified import check, verified
from tests.world import processes
from tests.world.live import AURORA, CALL_SECONDS, CIVIL, READY_SECONDS, Desk, Live, notice, refused
from tests.world.outcry import halted, outcry

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux does")

LOST = {Damage.STREAM_HOLE, Damage.STREAM_ENDS_EARLY, Damage.STREAM_CHANGED}
GONE = {Damage.STREAM_MISSING}
BOTH_LOGS = "all of JetStream gone"
ROWS: dict[str, tuple[Damaging, set[Damage]]] = {
    "last file cut": (cut_stream(0.8), LOST),
    "last file cut, without its index": (cut_stream(0.8, indexed=False), LOST),
    "last file emptied": (cut_stream(0), LOST),
    "last file emptied, without its index": (cut_stream(0, indexed=False), LOST),
    "a bit in the middle": (flip_in_stream(4), LOST),
    "a bit in the middle, without the index": (flip_in_stream(4, indexed=False), LOST),
    "a bit in the last": (flip_in_stream(-1), LOST),
    "a bit in the last, without the index": (flip_in_stream(-1, indexed=False), LOST),
    "a bit in the metadata": (in_stream("meta.inf", lambda path: flip(path, 20)), GONE),
    "all messages gone": (in_stream("msgs", remove), LOST),
    "the stream's folder gone": (in_stream("", remove), GONE),
    BOTH_LOGS: (in_folder("jetstream", remove), GONE),
}
ATTEMPT_SECONDS = 3.0


def killed(live: Live, damaging: Damaging) -> None:
    """Kill nats-server, and damage its files before it is back."""
    pid = processes.of(live)["nats-server"]
    os.kill(pid, signal.SIGSTOP)
    damaging(live.state)
    os.kill(pid, signal.SIGKILL)
    processes.back(live, "nats-server", pid)


def ended(live: Live, damaging: Damaging) -> None:
    """End nats-server in order, and damage its files before it is back."""
    assert live.process is not None
    pid = processes.of(live)["nats-server"]
    os.kill(live.process.pid, signal.SIGSTOP)
    try:
        os.kill(pid, signal.SIGTERM)
        processes.eventually(lambda: not processes.alive(pid))
        damaging(live.state)
    finally:
        os.kill(live.process.pid, signal.SIGCONT)
    processes.back(live, "nats-server", pid)


FORMS: dict[str, Callable[[Live, Damaging], None]] = {"killed": killed, "ended": ended}
# A hole in the middle of what was folded only the scrub can find.
USUAL = (("last file emptied", "killed"), ("a bit in the middle", "ended"))
EVERY = tuple((name, form) for name in ROWS for form in FORMS)


@pytest.mark.parametrize(("name", "form"), EVERY if os.environ.get("EVERY_FAULT") else USUAL)
def test_damaged_under_a_gateway_that_runs(past: Past, copy: Live, name: str, form: str) -> None:
    damaging, expected = ROWS[name]
    drill = serving(past, copy)
    with copy.desk(AURORA) as lab, copy.desk(CIVIL) as agency:
        drill.follower.start(agency)
        assert drill.burst(lab, 2) == []
        FORMS[form](copy, damaging)
        until_refused(drill, lab)
        processes.eventually(lambda: lab.status() == HealthCheckResponse.NOT_SERVING)
        request = pb.GetEntryRequest(index=past.answers[0].receipt.index)
        if name == BOTH_LOGS:
            # The audit log is gone as well: what is above TLP:GREEN stays in.
            with pytest.raises(grpc.RpcError) as kept:
                lab.exchange.GetEntry(request, timeout=CALL_SECONDS)
            assert refused(kept.value).reason == Reason.LEDGER_UNAVAILABLE
        else:
            # What was answered can still be read.
            read = patiently(lambda: lab.exchange.GetEntry(request, timeout=CALL_SECONDS))
            assert read.record.index == request.index
        drill.follower.end()
    outcry(copy, "forewarn-gateway ledger repair")
    assert copy.stop() == 0

    names = check(copy.state).names
    assert names
    assert names <= expected
    assert mend(copy.state)
    verified(drill)


def test_the_audit_log_damaged_alive_keeps_content_in(past: Past, copy: Live) -> None:
    drill = serving(past, copy)
    request = pb.GetEntryRequest(index=past.answers[0].receipt.index)
    with copy.desk(AURORA) as lab, copy.desk(CIVIL) as agency:
        patiently(lambda: agency.exchange.GetEntry(request, timeout=CALL_SECONDS))
        killed(copy, cut_stream(0, indexed=False, stream="AUDIT"))
        processes.eventually(lambda: halted(copy))
        # What is above TLP:GREEN is not released; statements are taken in: the ledger is whole.
        with pytest.raises(grpc.RpcError) as kept:
            agency.exchange.GetEntry(request, timeout=CALL_SECONDS)
        assert refused(kept.value).reason == Reason.LEDGER_UNAVAILABLE
        assert drill.burst(lab, 2) == []
        assert lab.status() == HealthCheckResponse.SERVING
    outcry(copy, "forewarn-gateway ledger repair")
    assert copy.stop() == 0

    report = check(copy.state)
    assert {each.log for each in report.findings} == {"audit"}
    assert report.names <= LOST
    assert mend(copy.state)
    verified(drill)


def serving(past: Past, live: Live) -> Drill:
    """Serve, with a scrub that is always at it."""
    scrubbing(live)
    live.serve()
    return remembering(past, live)


def until_refused(drill: Drill, lab: Desk) -> None:
    """Go on handing in, one after the other, until the refusal says that the ledger is damaged."""
    deadline = time.monotonic() + READY_SECONDS
    reason = ""
    while reason != Reason.LEDGER_NOT_PROVEN:
        assert time.monotonic() < deadline, reason
        statement = notice(CIVIL)
        drill.said.append(statement)
        request = pb.SubmitRequest(envelope=statement.envelope)
        try:
            drill.keep(statement, lab.exchange.Submit(request, timeout=ATTEMPT_SECONDS))
            # One that was answered is kept for ever, whatever comes.
            time.sleep(0.1)
        except grpc.RpcError as error:
            reason = refused(error).reason
