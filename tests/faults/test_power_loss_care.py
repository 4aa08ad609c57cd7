"""The power goes while a ledger is repaired or backed up: the same again ends it.

* A repair and a backup are recorded, and cut off before one sync after the other, in turn in one
  way and in another. What is left is repaired, or backed up into, again.
* Nothing but what was put in place by then is there; what was signed still is, and is proven.

A repair moves files from folder to folder: without a journal a file could be in both, so for it the
cuts are those that file systems with one leave. All of it is for `make test-faults`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.compose.checking import Standing
from tests.care.mending import mend
from tests.care.test_interrupted import damage
from tests.faults.calls import WHY_NOT
from tests.faults.drill import Drill
from tests.faults.power import Recorded, drill_of, everything
from tests.faults.shadow import Cut
from tests.faults.verified import check, verified
from tests.world.live import AURORA, CIVIL, GATEWAY, HARBOR, Live, run

pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
if not os.environ.get("EVERY_FAULT"):
    pytest.skip("make test-faults does it", allow_module_level=True)

SHARES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A stopped exchange with some history, whose disk is watched from now on."""

    live: Recorded
    drill: Drill

    @classmethod
    def make(cls, folder: Path) -> Past:
        live = Recorded.make(folder)
        assert isinstance(live, Recorded)
        live.record()
        live.begin()
        live.serve()
        live.enrol(AURORA, CIVIL, HARBOR)
        drill = drill_of(live)
        with live.desk(AURORA) as lab:
            for _ in range(4):
                assert drill.burst(lab, 1) == []
        assert live.stop() == 0
        live.off()
        return cls(live=live, drill=drill)

    def watched(self, *words: str) -> None:
        """Run a command, and take down every sync that it asks for."""
        self.live.record()
        self.live.shadow.keeps = lambda _: True
        process = self.live.calls.start(
            [GATEWAY, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        self.live.shadow.moments.append(self.live.shadow.freeze())
        self.live.off()

    def back(self, number: int, cut: Cut, folder: Path) -> Live:
        """Give what is left before one of the syncs."""
        moment = self.live.shadow.moments[number]
        moment.restore(folder, cut, lost=everything, seed=number)
        return Live(folder=folder, authority=self.live.authority)


@pytest.fixture(scope="module")
def repaired(tmp_path_factory: pytest.TempPathFactory) -> Past:
    past = Past.make(tmp_path_factory.mktemp("repaired"))
    damage(past.live.state)
    past.watched("ledger", "repair", "--state", str(past.live.state), "--yes")
    return past


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Past:
    past = Past.make(tmp_path_factory.mktemp("backed-up"))
    words = ("ledger", "backup", "--state", str(past.live.state), "--with-keys")
    to = past.live.disk / "backup"
    done = run(*words, "--to", str(to))
    assert done.returncode == 0, done.stderr
    past.live.record()
    past.live.serve()
    with past.live.desk(AURORA) as lab:
        assert past.drill.burst(lab, 2) == []
    assert past.live.stop() == 0
    past.live.off()
    past.watched(*words, "--to", str(to))
    return past


@pytest.mark.parametrize("share", range(SHARES))
def test_a_repair_is_ended_by_another(repaired: Past, tmp_path: Path, share: int) -> None:
    moments = range(len(repaired.live.shadow.moments))
    for number in moments[share :: 2 * SHARES]:
        cut = (Cut.JOURNALED, Cut.TORN)[number // (2 * SHARES) % 2]
        live = repaired.back(number, cut, tmp_path / str(number))
        mend(live.state)
        report = check(live.state)
        assert (report.standing, report.names) == (Standing.WHOLE, frozenset()), number
        assert [log.signed for log in report.logs] == [8, 3]


def test_after_a_repair_that_was_cut_off_everything_answered_holds(
    repaired: Past, tmp_path: Path
) -> None:
    moments = repaired.live.shadow.moments
    placing = max(
        number for number, each in enumerate(moments) if each.then.endswith("streams.json.new")
    )
    live = repaired.back(placing, Cut.JOURNALED, tmp_path / "back")
    assert mend(live.state)
    verified(drill_of(live, said=list(repaired.drill.said), answers=dict(repaired.drill.answers)))


@pytest.mark.parametrize("share", range(SHARES))
def test_a_backup_is_ended_by_another(backed_up: Past, tmp_path: Path, share: int) -> None:
    moments = range(len(backed_up.live.shadow.moments))
    for number in moments[share :: 2 * SHARES]:
        cut = tuple(Cut)[number // (2 * SHARES) % len(Cut)]
        live = backed_up.back(number, cut, tmp_path / str(number))
        to = tmp_path / str(number) / "backup"
        done = run("ledger", "backup", "--state", str(live.state), "--to", str(to), "--with-keys")
        assert done.returncode == 0, f"{number}, {cut}: {done.stderr}"


@pytest.mark.parametrize("cut", tuple(Cut))
def test_a_backup_that_was_finished_is_there(backed_up: Past, tmp_path: Path, cut: Cut) -> None:
    live = backed_up.back(-1, cut, tmp_path / "back")
    shutil.rmtree(live.state)
    to = tmp_path / "back" / "backup"
    done = run("ledger", "restore", "--from", str(to), "--state", str(live.state))
    assert done.returncode == 0, done.stderr
    assert check(live.state).logs[0].signed == 10
