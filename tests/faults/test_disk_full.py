"""The disk is full: nothing is half done, callers are told so, and it goes on once there is room.

* What the gateway and its nats-server would write is refused in the kernel's place (`full`): into
  the stream, into the store, at the high-water mark, into the audit log, everywhere.
* Refused before anything was written, or after all of it was; or taken, and then not synced.
* One gateway goes through all rows, and answers in between; at the end everything is verified.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import PurePath

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.exchange.v1 import log_service_pb2
from tests.faults.calls import WHY_NOT, Calls
from tests.faults.drill import Drill
from tests.faults.full import WATCHING, Disk, Form
from tests.faults.power import Watched, drill_of
from tests.faults.verified import verified
from tests.world.live import AURORA, CIVIL, HARBOR, READY_SECONDS, Desk, notice, refused

pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)

EVERY = bool(os.environ.get("EVERY_FAULT"))
ANSWER_SECONDS = 2
SERVING = HealthCheckResponse.SERVING
STATE = PurePath("state")


def stream(path: PurePath) -> bool:
    return path.is_relative_to(STATE / "jetstream")


def store(path: PurePath) -> bool:
    return path.parent == STATE and path.name.startswith("ledger.db")


def mark(path: PurePath) -> bool:
    return path == STATE / "keeper" / "high-water"


def audit(path: PurePath) -> bool:
    return path.parent == STATE and path.name.startswith("audit.db")


def everything(path: PurePath) -> bool:
    return path.is_relative_to(STATE)


FILES: dict[str, Callable[[PurePath], bool]] = {
    "store": store,
    "mark": mark,
    "stream": stream,
    "everything": everything,
}
# A store that cannot be synced is a case of its own.
ROWS = (
    (
        *product(("mark", "stream"), Form),
        *product(("store", "everything"), (Form.REFUSED, Form.WRITTEN)),
    )
    if EVERY
    else (("store", Form.REFUSED), ("stream", Form.WRITTEN))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowded:
    """A gateway whose disk can be full."""

    live: Watched
    disk: Disk
    drill: Drill

    def words(self, event: str) -> list[str]:
        """Give what was logged of an event."""
        lines = (self.live.folder / "gateway.log").read_text().splitlines()
        return [line for line in lines if f'"{event}"' in line]

    def well(self, lab: Desk) -> None:
        """Wait until statements are taken in again; what was not answered is handed in again."""
        waiting = [each for each in self.drill.said if each.digest not in self.drill.answers]
        deadline = time.monotonic() + READY_SECONDS
        while waiting := self.drill.submit(lab, waiting):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        while lab.status() != SERVING:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowded]:
    live = Watched.make(tmp_path_factory.mktemp("full"))
    assert isinstance(live, Watched)
    live.disk.mkdir()
    disk = Disk(live.disk)
    live.calls = Calls(WATCHING, disk.answer)
    live.begin()
    config = live.state / "gateway.toml"
    text = config.read_text()
    assert "\nanswer_seconds = 30" in text
    config.write_text(text.replace("\nanswer_seconds = 30", f"\nanswer_seconds = {ANSWER_SECONDS}"))
    live.serve()
    live.enrol(AURORA, CIVIL, HARBOR)
    yield Crowded(live=live, disk=disk, drill=drill_of(live))
    live.off()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(("what", "form"), ROWS)
def test_it_says_so_and_goes_on(crowded: Crowded, what: str, form: Form) -> None:
    drill, disk = crowded.drill, crowded.disk
    with crowded.live.desk(AURORA) as lab:
        assert drill.burst(lab, 1) == []
        event = "nats_unwritable" if what in ("stream", "everything") else "integrator_waits"
        before = len(crowded.words(event))
        disk.fill(FILES[what], form)
        late = notice(CIVIL)
        drill.said.append(late)
        with pytest.raises(grpc.RpcError) as caught:
            lab.exchange.Submit(pb.SubmitRequest(envelope=late.envelope), timeout=READY_SECONDS)
        told = refused(caught.value)
        assert (told.code, told.reason) == (grpc.StatusCode.UNAVAILABLE, "LEDGER_UNAVAILABLE")
        assert disk.refused
        # One line says what it is and what to do.
        until(lambda: len(crowded.words(event)) > before)
        assert all("disk" in line or "No space" in line for line in crowded.words(event))
        if what in ("store", "mark"):
            assert len(crowded.words(event)) == before + 1
            until(lambda: lab.status() != SERVING)
        # What is recorded can be read all the while.
        lab.log.GetCheckpoint(log_service_pb2.GetCheckpointRequest(), timeout=READY_SECONDS)
        disk.empty()
        crowded.well(lab)


@pytest.mark.skipif(not EVERY, reason="make test-faults does it")
def test_without_room_for_the_audit_log_nothing_confidential_leaves(crowded: Crowded) -> None:
    with crowded.live.desk(AURORA) as lab, crowded.live.desk(CIVIL) as agency:
        received = pb.ListEntriesRequest(filter=pb.EntryFilter(box="BOX_RECEIVED"))
        assert crowded.drill.burst(lab, 1) == []
        crowded.disk.fill(audit, Form.REFUSED)
        with pytest.raises(grpc.RpcError) as caught:
            agency.exchange.ListEntries(received, timeout=READY_SECONDS)
        assert refused(caught.value).code is grpc.StatusCode.UNAVAILABLE
        # Statements are taken in: the ledger has room.
        assert crowded.drill.burst(lab, 1) == []
        crowded.disk.empty()

        def listed() -> bool:
            try:
                agency.exchange.ListEntries(received, timeout=READY_SECONDS)
            except grpc.RpcError as error:
                assert refused(error).code is grpc.StatusCode.UNAVAILABLE  # noqa: PT017 - not the subject
                return False
            return True

        until(listed)


def test_at_the_end_everything_is_there_once(crowded: Crowded) -> None:
    verified(crowded.drill)


@pytest.mark.skipif(not EVERY, reason="make test-faults does it")
def test_a_store_that_cannot_be_synced_is_not_believed_any_more(crowded: Crowded) -> None:
    """What the disk holds is not known then: it halts, and a start finds out."""
    live, drill = crowded.live, crowded.drill
    if live.process is None:
        live.serve()
    with live.desk(AURORA) as lab:
        crowded.disk.fill(store, Form.UNSYNCED)
        late = notice(CIVIL)
        drill.said.append(late)
        request = pb.SubmitRequest(envelope=late.envelope)
        with pytest.raises(grpc.RpcError):
            lab.exchange.Submit(request, timeout=READY_SECONDS)
        until(lambda: lab.status() != SERVING)
        crowded.disk.empty()
        with pytest.raises(grpc.RpcError) as caught:
            lab.exchange.Submit(request, timeout=READY_SECONDS)
        assert refused(caught.value).reason == "LEDGER_NOT_PROVEN"
    assert any("check the disk" in line for line in crowded.words("halt"))
    live.kill()
    verified(drill)
