"""The examples run, as they stand, against a running exchange."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from forewarn_client.blocking import Operator
from forewarn_client.home import Home
from tests.clients.test_blocking import NOTICE
from tests.clients.test_handing_many import report
from tests.world.live import AURORA, CIVIL, HARBOR, NATSEC, Live, alert
from tests.world.live_homes import home_of

EXAMPLES = Path(__file__).parents[2] / "clients" / "examples"
SOON = 120


@pytest.fixture(scope="module")
def homes(live: Live, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Home]:
    folder = tmp_path_factory.mktemp("examples")
    return {who.member: home_of(live, who, folder) for who in (AURORA, CIVIL, NATSEC, HARBOR)}


def run(name: str, home: Home, *words: object, given: str = "") -> list[str]:
    command = [sys.executable, str(EXAMPLES / name), str(home.path), *map(str, words)]
    ran = subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=SOON, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_a_release_is_announced_acknowledged_and_seen(
    homes: dict[str, Home], tmp_path: Path
) -> None:
    lab, notice = homes["aurora"], tmp_path / "notice.json"
    notice.write_text(json.dumps(NOTICE))
    said = run("announce_release.py", lab, notice, "civil-ai", "natsec-ai")
    assert sum(line.startswith("recorded at") for line in said) == 2
    (acknowledged,) = run("acknowledge_notices.py", homes["natsec-ai"], 1)
    assert acknowledged.startswith("aurora's notice at")
    cases = run("open_cases.py", lab)
    assert any(line.endswith("release  ACKNOWLEDGED") for line in cases)
    assert any(line.endswith("natsec-ai  Acknowledgement") for line in cases)
    receipts = sorted(lab.receipts.iterdir())
    (verified,) = run("verify_receipt.py", lab, receipts[0])
    assert verified.startswith("PreReleaseNotice by aurora")


def test_alerts_are_pulled_once(live: Live, homes: dict[str, Home]) -> None:
    with live.desk(CIVIL) as desk:
        desk.submit(alert(CIVIL, HARBOR, summary="Look at this one."))
    bank = homes["harbor-bank"]
    assert "Look at this one." in run("pull_alerts.py", bank, "cat")
    assert run("pull_alerts.py", bank, "cat") == []


def test_who_received_an_alert_is_told(live: Live, homes: dict[str, Home]) -> None:
    with live.desk(CIVIL) as desk:
        index = desk.submit(alert(CIVIL, HARBOR, summary="Did you get it?")).receipt.index
    with Operator.connect(homes["harbor-bank"]) as bank:
        bank.confirm_inbox()
    said = run("who_received.py", homes["civil-ai"], index)
    assert said == ["harbor-bank: received, signed"]


def test_reports_go_over_one_stream(homes: dict[str, Home]) -> None:
    given = "".join(json.dumps(report(each)) + "\n" for each in range(3))
    said = run("report_many.py", homes["harbor-bank"], given=given)
    assert [line.partition(": recorded at ")[0] for line in said] == ["line 1", "line 2", "line 3"]


def test_all_are_short_and_listed() -> None:
    page = (EXAMPLES / "README.md").read_text()
    programs = sorted(EXAMPLES.glob("*.py"))
    assert len(programs) == 7
    for program in programs:
        assert len(program.read_text().splitlines()) < 60
        assert f"({program.name})" in page
