"""Killed at every step: what was answered stays, what was not is recorded once at most.

* Each row kills at one step under a burst of submissions, before it (*failed*) and after it
  (*failed, but persisted*): first the nats-server under a gateway that lives, then the gateway.
* One ledger goes through all rows, so that every receipt is verified after every later death too;
  at the end everything is proven anew.
* `make faults` goes on: at later calls of each step, and with both killed at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from tests.faults.drill import Drill, Mortal, Strike
from tests.faults.verified import verified
from tests.world.live import AURORA, CIVIL, HARBOR

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a child outlives a gateway that is killed"
)

STEPS = (
    "publish",
    "acknowledge",
    "fold",
    "commit",
    "sign",
    "note",
    "announce",
    "answer",
    "deliver",
)
POINTS = tuple((step, moment) for step in STEPS for moment in ("before", "after"))
# Killed before the first block was sent, nothing of the burst is there after the restart; from the
# acknowledgement on, the first block is. In between it may or may not have reached the disk.
NOTHING_STAYS = POINTS[:1]
SOMETHING_STAYS = POINTS[2:]

BURST = 8
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "0"))


def rows() -> list[tuple[str, str, str, int]]:
    found = [(step, moment, "gateway", 1) for step, moment in POINTS]
    for number in range(ROUNDS):
        found += [(step, moment, "gateway", number + 2) for step, moment in POINTS]
        found += [(step, moment, "both", number + 1) for step, moment in POINTS]
    return found


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    live = Mortal.make(tmp_path_factory.mktemp("killed"))
    assert isinstance(live, Mortal)
    live.init()
    live.serve()
    live.enrol(AURORA, CIVIL, HARBOR)
    yield Drill(live=live)
    if live.process is not None:
        live.kill()


@pytest.mark.parametrize(("step", "moment", "victim", "call"), rows())
def test_killed(drill: Drill, step: str, moment: str, victim: str, call: int) -> None:
    live = drill.live
    if live.process is None:
        live.serve()
    with live.desk(AURORA) as lab, live.desk(CIVIL) as agency:
        drill.follower.start(agency)
        live.arm(Strike(step=step, moment=moment, victim="nats", call=call))
        # Nobody but the gateway notices: it waits for its child, and sends again.
        assert drill.burst(lab, BURST) == []
        drill.check(lab)
        live.arm(Strike(step=step, moment=moment, victim=victim, call=call))
        unanswered = drill.until_dead(lab, BURST)
        drill.follower.end()
    live.serve()
    with live.desk(AURORA) as lab, live.desk(CIVIL) as agency:
        lost = {each.digest for each in unanswered} - drill.recorded()
        if call == 1 and (step, moment) in NOTHING_STAYS:
            assert len(lost) == len(unanswered) == BURST
        if call == 1 and (step, moment) in SOMETHING_STAYS:
            assert len(lost) < BURST
        drill.follower.start(agency)
        drill.check(lab)
        drill.follower.end()


def test_after_all_of_it_everything_is_whole(drill: Drill) -> None:
    verified(drill)
