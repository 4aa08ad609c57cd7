"""`forewarn-gateway status`: how a gateway is, running or not, one process or several."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.command import main
from gateway.compose.bulletin import folder_of
from gateway.compose.status import Verdict
from tests.world import processes
from tests.world.left import SENT, Clinic
from tests.world.live import AURORA, CIVIL, Live, notice

RECORDED = SENT + 3


def asked(state: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["status", "--state", str(state), *words])


def told(state: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asked(state, "--json").stdout)
    return found


def becomes(state: Path, verdict: Verdict) -> dict[str, Any]:
    """Ask until it is so."""
    processes.eventually(lambda: asked(state).exit_code == verdict)
    return told(state)


def test_a_gateway_that_does_not_run_is_down_and_its_logs_are_told(clinic: Clinic) -> None:
    ran = asked(clinic.state.root)
    found = told(clinic.state.root)

    assert ran.exit_code == Verdict.DOWN
    assert ran.stdout.startswith("down, it does not run\n")
    assert (found["verdict"], found["running"], found["processes"]) == ("down", False, [])
    ledger, audit = found["logs"]
    assert (ledger["name"], audit["name"]) == ("ledger", "audit")
    assert ledger["signed"] == ledger["recorded"] == RECORDED
    assert ledger["note"].startswith(f"exchange.example/ledger\n{RECORDED}\n")
    assert len(bytes.fromhex(ledger["root"])) == 32
    age = datetime.now(UTC) - datetime.fromisoformat(ledger["newest_time"])
    assert timedelta(0) < age < timedelta(hours=1)


def test_a_folder_that_is_none_cannot_be_told(tmp_path: Path) -> None:
    ran = asked(tmp_path)

    assert ran.exit_code == Verdict.UNKNOWN
    assert "no ledger was begun" in ran.stderr


def test_a_log_that_cannot_be_read_is_told(clinic: Clinic) -> None:
    (clinic.state.keeper / "high-water").unlink()
    found = told(clinic.state.root)

    assert "not whole" in found["logs"][0]["flaw"]
    assert found["logs"][1]["signed"] > 0
    assert "cannot be read" in asked(clinic.state.root).stdout


@pytest.fixture
def running(clinic: Clinic) -> Iterator[Live]:
    live = Live(folder=clinic.folder, authority=clinic.authority)
    live.serve()
    yield live
    if live.process is not None:
        live.kill()


def test_one_that_runs_serves_and_says_since_when(running: Live) -> None:
    found = becomes(running.state, Verdict.SERVING)

    assert found["address"] == running.address
    assert running.process is not None
    (process,) = found["processes"]
    assert (process["name"], process["pid"]) == ("gateway", running.process.pid)
    assert (process["serving"], process["silent"], process["metrics"]) == (True, False, "")
    since = datetime.now(UTC) - datetime.fromisoformat(process["started_time"])
    assert timedelta(0) < since < timedelta(minutes=5)
    # The audit log may still hold what was noted at the start.
    processes.eventually(lambda: lags(running) == [("folding", 0)] * 2)
    said = asked(running.state).stdout
    assert said.startswith(f"serving on {running.address}\n  gateway ")

    with running.desk(AURORA) as lab:
        lab.submit(notice(CIVIL))
        assert told(running.state)["logs"][0]["signed"] == RECORDED + 1

    assert running.stop() == 0
    assert asked(running.state).exit_code == Verdict.DOWN
    assert list(folder_of_state(running).iterdir()) == []


def lags(live: Live) -> list[tuple[str, int | None]]:
    return [(log["state"], log["lag"]) for log in told(live.state)["logs"]]


def folder_of_state(live: Live) -> Path:
    return live.state / "run" / "status"


def test_streams_are_counted(running: Live) -> None:
    with running.desk(CIVIL) as agency:
        streams = [agency.exchange.Follow(follow_request()) for _ in range(3)]
        for stream in streams:
            next(stream)
        processes.eventually(lambda: told(running.state)["processes"][0]["streams"] == 3)
        for stream in streams:
            stream.cancel()
        processes.eventually(lambda: told(running.state)["processes"][0]["streams"] == 0)


def follow_request() -> Any:
    from forewarn.exchange.v1 import exchange_service_pb2 as pb  # noqa: PLC0415 - one use

    return pb.FollowRequest(filter=pb.EntryFilter(box="BOX_ALL"))


def test_killed_it_is_down_whatever_it_left(running: Live) -> None:
    becomes(running.state, Verdict.SERVING)
    running.kill()
    found = becomes(running.state, Verdict.DOWN)

    assert list(folder_of_state(running).glob("*.json"))
    assert found["processes"] == []


def test_one_that_hangs_is_not_serving(running: Live) -> None:
    """A process that says nothing any more is told by the time of its bulletin."""
    becomes(running.state, Verdict.SERVING)
    assert running.process is not None
    (path,) = folder_of_state(running).glob("*.json")
    os.kill(running.process.pid, signal.SIGSTOP)
    try:
        said = json.loads(path.read_text())
        said["written_time"] = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
        path.write_text(json.dumps(said))
        found = told(running.state)
        assert found["verdict"] == "impaired"
        assert found["processes"][0]["silent"] is True
        assert "SILENT since" in asked(running.state).stdout
    finally:
        os.kill(running.process.pid, signal.SIGCONT)


def test_a_halt_is_down_with_its_reason(clinic: Clinic) -> None:
    """The store has folded what the stream does not hold: it halts, and says so."""
    with sqlite3.connect(clinic.state.store) as store:
        store.execute("UPDATE block SET sha256 = zeroblob(32) WHERE sequence = ?", (RECORDED,))
    store.close()
    live = Live(folder=clinic.folder, authority=clinic.authority)
    live.start()
    try:
        found = becomes_halted(live)
        assert found["verdict"] == "down"
        assert found["running"] is True
        assert "the stream holds another message" in found["logs"][0]["reason"]
        assert asked(live.state).exit_code == Verdict.DOWN
        assert "halted (the stream holds" in asked(live.state).stdout
    finally:
        live.kill()


def becomes_halted(live: Live) -> dict[str, Any]:
    processes.eventually(lambda: told(live.state)["logs"][0]["state"] == "halted")
    return told(live.state)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux does")
def test_several_processes_are_told_each(clinic: Clinic) -> None:
    live = Live(folder=clinic.folder, authority=clinic.authority)
    live.serve("--workers", "2", "--listen", "127.0.0.1:0")
    try:
        found = becomes(live.state, Verdict.SERVING)
        pids = processes.of(live)
        assert live.process is not None
        assert {each["name"]: each["pid"] for each in found["processes"]} == {
            "supervisor": live.process.pid,
            **{name: pids[name] for name in ("integrator", "worker-1", "worker-2")},
        }
        processes.eventually(lambda: lags(live) == [("folding", 0)] * 2)
    finally:
        live.kill()


def test_what_stands_in_the_folder_is_not_believed_blindly(clinic: Clinic) -> None:
    folder = folder_of(clinic.state)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "broken.json").write_text("{")
    (folder / "newer.json").write_text(json.dumps({"version": 9, "pid": os.getpid()}))
    with (clinic.state.root / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = told(clinic.state.root)

    # Somebody has the folder, and no process says anything.
    assert (found["verdict"], found["running"], found["processes"]) == ("impaired", True, [])


def test_the_note_is_the_logs_own(clinic: Clinic) -> None:
    ledger = told(clinic.state.root)["logs"][0]
    assert ledger["note"].count("\n\u2014 exchange.example/ledger ") == 1
