"""Integrator and workers killed at every step: what was answered stays, and nobody has to restart.

* A gateway with two workers, callers at both, a follower; each row kills the one process that
  reaches a step first, before it and after it. The supervisor has it back while calls go on.
* Here each step is killed at once, before it or after it in turn; `make faults` does both.
* One ledger goes through all rows; after each, every receipt verifies and the log extends every
  checkpoint, and at the end everything is there once and the follower has missed nothing.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest

from tests.faults.drill import DEATH_SECONDS, Drill, Mortal
from tests.faults.test_killed import POINTS, ROUNDS, STEPS
from tests.faults.verified import verified
from tests.world import processes
from tests.world.live import AURORA, CIVIL, HARBOR, Desk, Statement

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux does")

ALL = {"integrator", "worker-1", "worker-2", "nats-server"}
# The steps of an integrator; the others are a worker's.
INTEGRATED = {"fold", "commit", "sign", "note", "announce"}
IN_TURN = tuple(zip(STEPS, cycle(("before", "after")), strict=False))
BURST = 4
DESKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A drill over a gateway of several processes."""

    drill: Drill
    file: Path
    labs: list[Desk]
    agency: Desk

    def arm(self, step: str, moment: str) -> None:
        for struck in self.file.parent.glob("struck-*"):
            struck.unlink()
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"step": step, "moment": moment}))
        new.rename(self.file)

    def victim(self) -> int | None:
        """Give the id of the process that was struck; None before it was."""
        struck = next(self.file.parent.glob("struck-*"), None)
        return None if struck is None else int(struck.name.partition("-")[2])

    def until_struck(self) -> list[Statement]:
        """Say bursts at every desk until somebody dies of one; give what was not answered."""
        unanswered: list[Statement] = []
        deadline = time.monotonic() + DEATH_SECONDS
        while self.victim() is None:
            assert time.monotonic() < deadline, "the strike never came"
            for lab in self.labs:
                unanswered += self.drill.burst(lab, BURST)
        return unanswered

    def answered(self, statements: list[Statement]) -> None:
        """Hand in again what was not answered, until it is."""
        deadline = time.monotonic() + DEATH_SECONDS
        while statements:
            assert time.monotonic() < deadline, "what was not answered never is"
            statements = self.drill.submit(self.labs[0], statements)


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spread]:
    live = Mortal.make(tmp_path_factory.mktemp("spread"))
    assert isinstance(live, Mortal)
    live.init()
    file = live.folder / "strike"
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setitem(os.environ, "FOREWARN_STRIKE", str(file))
        live.serve("--workers", "2", "--listen", "127.0.0.1:0")
        live.enrol(AURORA, CIVIL, HARBOR)
        yield Spread(
            drill=Drill(live=live),
            file=file,
            labs=[stack.enter_context(live.desk(AURORA)) for _ in range(DESKS)],
            agency=stack.enter_context(live.desk(CIVIL)),
        )
    if live.process is not None:
        live.kill()


def whole(live: Mortal) -> bool:
    """Tell whether all processes are there, and every worker listens."""
    family = processes.of(live)
    port = int(live.address.rpartition(":")[2])
    return set(family) == ALL and all(
        processes.listens(pid, port) for name, pid in family.items() if name.startswith("worker")
    )


@pytest.mark.parametrize(("step", "moment"), POINTS if ROUNDS else IN_TURN)
def test_killed(spread: Spread, step: str, moment: str) -> None:
    drill = spread.drill
    drill.follower.start(spread.agency)
    family = processes.of(drill.live)
    spread.arm(step, moment)
    unanswered = spread.until_struck()
    victim = spread.victim()
    name = next(name for name, pid in family.items() if pid == victim)
    assert (name == "integrator") is (step in INTEGRATED)
    spread.answered(unanswered)
    processes.eventually(lambda: whole(drill.live))
    assert processes.of(drill.live)[name] != victim
    # Those that were not killed are those of before.
    assert {each: pid for each, pid in processes.of(drill.live).items() if each != name} == {
        each: pid for each, pid in family.items() if each != name
    }
    drill.check_log(spread.labs[-1])
    drill.follower.end()


def test_everything_is_there_once(spread: Spread) -> None:
    verified(spread.drill)
