"""The power goes while an exchange is begun: `init` again begins it, or finds it begun.

* One run is recorded, and cut off before each of its syncs, in one of three ways.
* Before the marker nobody has pinned anything: the second run may make other keys. With it, the
  keys are those that members have pinned.

`make test-faults` goes through every moment, in one of the ways; here it is those at which it once
was not enough to run `init` again.
"""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import pytest

from gateway.compose.checking import Standing
from tests.faults.calls import WHY_NOT
from tests.faults.power import Recorded, everything
from tests.faults.shadow import Cut, Frozen
from tests.faults.verified import check
from tests.world.live import Live, run

pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)

EVERY = bool(os.environ.get("EVERY_FAULT"))
SHARES = 4
# Every so-manieth sync, in one way after the other; or those with that name: where the stream's
# metadata are there without their checksum, and where nothing but a sync of the folders had
# JetStream's files have names.
ROWS = (
    tuple(product(Cut, map(str, range(SHARES))))
    if EVERY
    else (
        (Cut.JOURNALED, "state/jetstream/jetstream/LEDGER/streams/LEDGER"),
        (Cut.BARE, "state/audit-keeper/high-water"),
    )
)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    live = Recorded.make(tmp_path_factory.mktemp("begun"))
    assert isinstance(live, Recorded)
    # Whoever runs the gateway has made the folder.
    live.state.mkdir(mode=0o700, parents=True)
    live.record()
    live.shadow.keeps = lambda _: True
    live.begin()
    live.shadow.moments.append(live.shadow.freeze())
    live.off()
    return live


def again(begun: Recorded, moment: Frozen, folder: Path, cut: Cut, seed: int) -> None:
    """Run `init` on what is left, and have all be whole."""
    folder.mkdir(exist_ok=True)
    moment.restore(folder, cut, lost=everything, seed=seed)
    live = Live(folder=begun.folder, authority=begun.authority)
    words = [
        str(folder / "state") if each == str(live.state) else each for each in live.init_command
    ]
    done = run(*words, "--json")
    assert done.returncode == 0, f"{moment.then}, {cut}: {done.stderr}"
    report = check(folder / "state")
    assert (report.standing, report.names) == (Standing.WHOLE, frozenset()), moment.then
    assert report.logs[0].signed == 1


@pytest.mark.parametrize(("cut", "where"), ROWS)
def test_cut_off_and_begun_again(begun: Recorded, tmp_path: Path, cut: Cut, where: str) -> None:
    def is_meant(number: int, moment: Frozen) -> bool:
        turn = tuple(Cut)[number // SHARES % len(Cut)]
        return where == moment.then or (where == str(number % SHARES) and turn is cut)

    chosen = [each for each in enumerate(begun.shadow.moments) if is_meant(*each)]
    assert chosen
    for number, moment in chosen if EVERY else chosen[:2]:
        again(begun, moment, tmp_path / str(number), cut, seed=number)


def test_once_begun_it_is_begun(begun: Recorded, tmp_path: Path) -> None:
    """When `init` has ended, nothing of it can be lost."""
    moment = begun.shadow.moments[-1]
    for cut in Cut:
        moment.restore(tmp_path / cut, cut, lost=everything)
        state = tmp_path / cut / "state"
        assert check(state).standing is Standing.WHOLE
        for name in ("inception.json", "exchange.toml", "gateway.toml", "keeper/log.pem"):
            assert (state / name).read_bytes() == (begun.state / name).read_bytes()
