"""The power goes: what was answered is on disk, in JetStream and in the store, each by itself.

* A recorder takes down what was asked to be on disk (`shadow`). At a moment, the files of one
  engine or of both are cut back to that, in three ways, and the gateway is started from the rest.
* Moments are those right after an answer, and those before each sync while answers are under way.
* Then everything is verified (`verified`), and what was not answered is handed in again: recorded
  once.

`make test-faults` goes through every moment.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.care.findings import Damage
from gateway.core.checkpoint import NoteVerifier, open_checkpoint
from tests.faults.calls import PASSED, WHY_NOT, Answer, Call, Calls
from tests.faults.drill import Drill
from tests.faults.power import PARTS, Recorded, drill_of
from tests.faults.shadow import WATCHING, Cut, Frozen
from tests.faults.verified import check, verified
from tests.world.ledger_builder import ORIGIN
from tests.world.live import AURORA, CIVIL, HARBOR, Live, Statement

pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)

EVERY = bool(os.environ.get("EVERY_FAULT"))
ALONE, AT_ONCE = 3, 12
ALL = tuple(product(Cut, sorted(PARTS)))
AFTER_ANSWERS = ALL if EVERY else ((Cut.BARE, "both"),)
# How many syncs there are depends on how many statements one block takes: shared out by number,
# one after the other in another way.
SHARES = tuple(range(6)) if EVERY else (0,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment, and what had been answered by then.

    Attributes:
        frozen: What was on disk.
        answers: What had been answered, at least.
    """

    frozen: Frozen
    answers: dict[bytes, pb.SubmitResponse]


@dataclass(slots=True, kw_only=True)
class Past:
    """What was said while it was recorded."""

    live: Recorded
    drill: Drill
    answered: list[Moment] = field(default_factory=list)
    middles: list[Moment] = field(default_factory=list)

    @classmethod
    def record(cls, folder: Path, *program: str | Path) -> Past:
        """Say statements one by one, and then many at once."""
        live = Recorded.make(folder)
        assert isinstance(live, Recorded)
        live.program = program or live.program
        live.record()
        live.begin()
        live.serve()
        live.enrol(AURORA, CIVIL, HARBOR)
        past = cls(live=live, drill=drill_of(live))
        with live.desk(AURORA) as lab:
            for _ in range(ALONE):
                assert past.drill.burst(lab, 1) == []
                past.answered.append(past.now())
            answers: list[dict[bytes, pb.SubmitResponse]] = []

            def keep(_: str) -> bool:
                answers.append(dict(past.drill.answers))
                return True

            live.shadow.keeps = keep
            assert past.drill.burst(lab, AT_ONCE) == []
            live.shadow.keeps = lambda _: False
            past.answered.append(past.now())
        live.off()
        past.middles += [
            Moment(frozen=frozen, answers=known)
            for frozen, known in zip(live.shadow.moments, answers, strict=True)
        ]
        return past

    def now(self) -> Moment:
        return Moment(frozen=self.live.shadow.freeze(), answers=dict(self.drill.answers))

    def back(self, moment: Moment, folder: Path, cut: Cut, part: str, seed: int = 0) -> Live:
        """Give the exchange that is there when the power has come back."""
        moment.frozen.restore(folder, cut, lost=PARTS[part], seed=seed)
        return Live(folder=folder, authority=self.live.authority)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    return Past.record(tmp_path_factory.mktemp("power"))


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Past:
    program = (sys.executable, "-m", "tests.faults.careless")
    return Past.record(tmp_path_factory.mktemp("careless"), *program)


def signed(answers: dict[bytes, pb.SubmitResponse], key: NoteVerifier) -> int:
    """Give the largest size of which anybody has a signed checkpoint."""
    notes = (each.receipt.checkpoint for each in answers.values())
    return max(open_checkpoint(note, [key], ORIGIN).size for note in notes)


def stands(past: Past, moment: Moment, live: Live, said: list[Statement]) -> None:
    """Start from what is left, and have everything be as it was answered."""
    drill = drill_of(live, said=list(said), answers=dict(moment.answers))
    # A place of the mark may have been cut off; the gateway goes on from the other by itself.
    before = check(live.state)
    assert before.names <= {Damage.MARK_PLACE_DAMAGED}
    assert (before.logs[0].signed or 0) >= signed(moment.answers, drill.log_key)
    live.serve()
    try:
        assert moment.answers.keys() <= drill.recorded()
        verified(drill)
    finally:
        if live.process is not None:
            live.kill()


@pytest.mark.parametrize(("cut", "part"), AFTER_ANSWERS)
def test_after_an_answer(past: Past, tmp_path: Path, cut: Cut, part: str) -> None:
    for number, moment in enumerate(past.answered if EVERY else past.answered[-1:]):
        folder = tmp_path / str(number)
        folder.mkdir()
        live = past.back(moment, folder, cut, part, seed=number)
        said = [each for each in past.drill.said if each.digest in moment.answers]
        stands(past, moment, live, said)


@pytest.mark.parametrize("share", SHARES)
def test_while_answers_are_under_way(past: Past, tmp_path: Path, share: int) -> None:
    if not EVERY:
        # The last sync of all is that of the mark: both engines have it, and nobody an answer.
        moment = next(
            each for each in reversed(past.middles) if each.frozen.then.endswith("high-water")
        )
        stands(past, moment, past.back(moment, tmp_path, Cut.TORN, "both"), past.drill.said)
        return
    for number, moment in enumerate(past.middles):
        if number % len(SHARES) != share:
            continue
        cut, part = ALL[(number // len(SHARES) + share) % len(ALL)]
        folder = tmp_path / str(number)
        folder.mkdir()
        stands(past, moment, past.back(moment, folder, cut, part, number), past.drill.said)


@pytest.mark.skipif(not EVERY, reason="make test-faults does it")
def test_what_a_killed_server_had_not_synced_is_synced_before_it_counts(tmp_path: Path) -> None:
    """nats-server is killed between write and sync; the next one finds the block and knows it."""
    live = Recorded.make(tmp_path)
    assert isinstance(live, Recorded)
    live.record()
    armed: list[str] = []

    def answer(call: Call) -> Answer:
        if armed and call.path is not None and call.path.name == armed[0]:
            armed.clear()
            os.kill(call.thread, signal.SIGKILL)
            return PASSED
        return live.shadow.answer(call)

    live.calls = Calls(WATCHING, answer)
    live.begin()
    live.serve()
    live.enrol(AURORA, CIVIL, HARBOR)
    past = Past(live=live, drill=drill_of(live))
    with live.desk(AURORA) as lab:
        armed.append("1.blk")
        assert past.drill.burst(lab, 1) == []
        assert not armed
        moment = past.now()
    live.off()
    (tmp_path / "back").mkdir()
    back = past.back(moment, tmp_path / "back", Cut.JOURNALED, "jetstream")
    stands(past, moment, back, past.drill.said)


def test_it_would_be_noticed(careless: Past, tmp_path: Path) -> None:
    """The same, of a gateway that answers too early: each loss has its name, and both are lost."""
    moment = careless.answered[-1]
    expected = {
        "jetstream": {Damage.STREAM_ENDS_EARLY},
        "store": {Damage.STORE_BEHIND},
        "both": {Damage.ENTRIES_LOST},
    }
    for part, names in expected.items():
        folder = tmp_path / part
        folder.mkdir()
        live = careless.back(moment, folder, Cut.JOURNALED, part)
        assert names <= check(live.state).names
