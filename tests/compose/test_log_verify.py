"""`forewarn log` against a real gateway: a stranger's run, a member's, and a rewritten history."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forewarn_client.home import CONFIGURATION, Home
from tests.world.live import AURORA, CIVIL, HARBOR, READY_SECONDS, Live, alert
from tests.world.live_homes import did, forewarn, home_of

FOREWARN = Path(sys.executable).with_name("forewarn")


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    live = Live.make(tmp_path_factory.mktemp("verified"))
    live.init()
    live.publish()
    live.serve()
    live.enrol(AURORA, CIVIL, HARBOR)
    with live.desk(CIVIL) as agency:
        for _ in range(300):
            agency.submit(alert(CIVIL, HARBOR))
    yield live
    assert live.stop() == 0


def run(folder: Path, *words: object, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a stranger, who has a folder for what it has seen and nothing else."""
    return subprocess.run(
        [FOREWARN, "--home", folder / "none", *map(str, words), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=READY_SECONDS,
        env={**os.environ, **env},
    )


def asked(live: Live, log: str = "ledger") -> list[str]:
    key = json.loads((live.state / "inception.json").read_text())
    named = key["log_key" if log == "ledger" else "audit_log_key"]
    ca = live.folder / "ca" / "ca.pem"
    return [f"https://{live.log_address}/{log}", "--log-key", named, "--ca", str(ca)]


def errors(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])["error"]
    return found


@pytest.mark.parametrize("log", ["ledger", "audit"])
def test_a_stranger_verifies_a_log_by_its_url_and_key(
    exchange: Live, tmp_path: Path, log: str
) -> None:
    done = run(tmp_path, "log", "verify", *asked(exchange, log))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["verified"] is True
    assert found["origin"] == f"exchange.example/{log}"
    assert found["size"] == 304 or log == "audit"
    assert "own_statements" not in found
    again = json.loads(run(tmp_path, "log", "verify", *asked(exchange, log)).stdout)
    assert again["checkpoints_compared"] >= int(log == "audit" and again["size"] > found["size"])


def test_the_server_is_not_believed_without_its_authority(exchange: Live, tmp_path: Path) -> None:
    done = run(tmp_path, "log", "verify", *asked(exchange)[:-2], "--patience", "1")
    assert done.returncode == 4
    assert "its certificate is not accepted" in errors(done)["detail"]


def test_another_key_is_a_lie(exchange: Live, tmp_path: Path) -> None:
    words = asked(exchange)
    words[2] = asked(exchange, "audit")[2]
    done = run(tmp_path, "log", "verify", *words)
    assert (done.returncode, errors(done)["reason"]) == (5, "CHECKPOINT_UNSIGNED")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["log", "verify"], 1),
        (["log", "verify", "https://exchange.example/ledger"], 1),
        (["log", "verify", "http://exchange.example/ledger", "--log-key", "KEY"], 1),
        (["log", "verify", "https://127.0.0.1:1/", "--log-key", "KEY", "--patience", "0.1"], 4),
        (["log", "verify", "https://x/", "--log-key", "no key"], 1),
        (["log", "verify", "https://x/", "--log-key", "KEY", "--ca", "/dev/null"], 1),
    ],
    ids=["nothing", "no key", "http", "nobody", "bad key", "bad authority"],
)
def test_what_cannot_be_verified_is_said(
    exchange: Live, tmp_path: Path, words: list[str], code: int
) -> None:
    key = asked(exchange)[2]
    done = run(tmp_path, *(key if word == "KEY" else word for word in words))
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_a_path_that_is_no_log_is_said(exchange: Live, tmp_path: Path) -> None:
    words = asked(exchange)
    words[0] += "/more"
    done = run(tmp_path, "log", "verify", *words)
    assert done.returncode == 1
    assert "no log" in errors(done)["detail"]


def member(live: Live, folder: Path) -> Home:
    """Make the folder of an agency that knows where the logs are."""
    home = home_of(live, CIVIL, folder)
    exchange = replace(
        home.exchange,
        log_url=f"https://{live.log_address}/ledger",
        audit_log_url=f"https://{live.log_address}/audit",
    )
    configuration = home.path / CONFIGURATION
    text = configuration.read_text().partition("[exchange]")[0] + "[exchange]\n"
    lines = [f"{key} = {json.dumps(value)}" for key, value in exchange.table().items()]
    configuration.write_text(text + "\n".join(lines) + "\n")
    return Home.load(home.path)


def test_a_member_names_nothing_and_finds_its_own(exchange: Live, tmp_path: Path) -> None:
    home = member(exchange, tmp_path)
    document = tmp_path / "alert.json"
    document.write_text(json.dumps(forewarn_alert()))
    (sent,) = did(home, "alert", "send", document)
    (found,) = did(home, "log", "verify")
    assert (found["size"], found["own_statements"]) == (sent["index"] + 1, 1)
    (audit,) = did(home, "log", "verify", "--audit")
    assert audit["origin"] == "exchange.example/audit"
    (again,) = did(home, "log", "monitor", "--once")
    assert (again["read_from"], again["own_statements"]) == (found["size"], 1)
    ran = forewarn(home, "log", "verify")
    assert "1 statements of this folder" in ran.out
    # What the receipt proves is compared: another ledger under the same key would be found.
    (receipt,) = home.receipts.glob("*.json")
    told = json.loads(receipt.read_text())
    told["entry"]["salt"] = "A" * 43 + "="
    receipt.write_text(json.dumps(told))
    assert forewarn(home, "log", "verify").code == 5


def forewarn_alert() -> dict[str, Any]:
    return {
        "kind": "Alert",
        "tlp": "GREEN",
        "recipients": ["harbor-bank"],
        "facts": {"severity": "high"},
        "body": {"title": "Test", "summary": "Look at this."},
    }


def test_a_monitor_sees_a_restored_gateway(own: Live, tmp_path: Path) -> None:
    own.init()
    own.publish()
    own.serve()
    own.enrol(CIVIL, HARBOR)
    assert own.stop() == 0
    copy = Path(shutil.copytree(own.state, own.folder / "copy"))
    own.serve()
    for size in (6, 9):
        submitted(own, 3)
        done = run(tmp_path, "log", "monitor", "--once", *asked(own))
        assert json.loads(done.stdout)["size"] == size
    assert own.stop() == 0
    shutil.rmtree(own.state)
    shutil.copytree(copy, own.state)
    own.serve()
    submitted(own, 7)
    done = run(tmp_path, "log", "monitor", "--once", *asked(own))
    assert (done.returncode, errors(done)["reason"]) == (5, "HISTORY_REWRITTEN")
    (evidence,) = (tmp_path / "none" / "logs").glob("*/evidence/*.json")
    assert str(evidence) in errors(done)["detail"]
    assert own.stop() == 0


def submitted(live: Live, count: int) -> None:
    with live.desk(CIVIL) as agency:
        for _ in range(count):
            agency.submit(alert(CIVIL, HARBOR))


def test_interrupted_it_ends_as_asked(exchange: Live, tmp_path: Path) -> None:
    running = subprocess.Popen(
        [FOREWARN, "--home", tmp_path / "none", "log", "monitor", *asked(exchange), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert json.loads(running.stdout.readline())["verified"] is True
    time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=READY_SECONDS)
    assert (running.returncode, err.strip()) == (130, "")
