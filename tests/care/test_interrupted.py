"""A repair that is killed, at whatever step, is run again and ends as if it had not been.

`make test-faults` kills at every step; the tests here at one of each kind.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.care.findings import Damage
from gateway.compose.checking import Standing
from gateway.compose.repairing import Wish, repair
from gateway.compose.state import StateFolder
from tests.care.damages import flip_in_stream, remove, several, sql
from tests.care.dying import Steps
from tests.care.mending import mend
from tests.faults.verified import check
from tests.world.live import Live, run

ROOT = Path(__file__).parents[2]
# What is told while both logs are repaired, in order; the test below compares.
STEPS = (
    "ledger: having SQLite look through the store",
    "ledger: folding the blocks anew",
    "ledger: reading the stream",
    "ledger: verifying the signatures",
    "audit: having SQLite look through the store",
    "audit: folding the blocks anew",
    "audit: verifying the signatures",
    "ledger: folding the store anew",
    "audit: folding the store anew",
    "ledger: filling the new stream",
    "audit: filling the new stream",
    "writing the plan",
    "keeping ledger.db-wal",
    "keeping ledger.db-shm",
    "keeping ledger.db",
    "placing ledger.db",
    "keeping jetstream/jetstream/LEDGER/streams/LEDGER",
    "placing jetstream/jetstream/LEDGER/streams/LEDGER-2",
    "keeping jetstream/jetstream/LEDGER/streams/AUDIT",
    "placing jetstream/jetstream/LEDGER/streams/AUDIT-2",
    "placing the generations",
    "ending the repair",
)
PLACED = STEPS.index("keeping ledger.db-wal")
EVERY = bool(os.environ.get("EVERY_FAULT"))
FATAL = (
    STEPS
    if EVERY
    else ("audit: filling the new stream", "keeping jetstream/jetstream/LEDGER/streams/AUDIT")
)


def damage(state: Path) -> None:
    """Leave neither engine of the ledger whole by itself, and no stream of the audit log."""
    several(sql("DELETE FROM block WHERE sequence = 4"), flip_in_stream(7))(state)
    audit = state / "jetstream" / "jetstream" / "LEDGER" / "streams" / "AUDIT"
    remove(audit / "meta.inf")


@pytest.mark.parametrize("step", FATAL)
def test_killed_at_a_step_and_run_again(copy: Live, step: str) -> None:
    damage(copy.state)
    number = STEPS.index(step) + 1
    command = [sys.executable, "-m", "tests.care.dying", str(copy.state), str(number)]
    died = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr

    if number - 1 >= PLACED:
        assert Damage.REPAIR_UNFINISHED in check(copy.state).names
        refused = run("serve", "--state", str(copy.state))
        assert (refused.returncode, "ledger repair" in refused.stderr) == (1, True)
    assert mend(copy.state)
    report = check(copy.state)
    assert report.standing is Standing.WHOLE
    assert [log.signed for log in report.logs] == [12, 5]
    assert not (copy.state / "repair").exists()


def test_the_steps_are_these(copy: Live) -> None:
    damage(copy.state)
    steps = Steps(0)
    wish = Wish(agreed=lambda _: True, progress=steps.tell)
    assert asyncio.run(repair(StateFolder(root=copy.state), wish))

    assert tuple(steps.told) == STEPS
