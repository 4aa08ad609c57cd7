"""A short overload: nothing that was answered is lost, and afterwards it works as before.

The figures are `make overload`'s; nothing here hangs on the clock.
"""

from __future__ import annotations

from pathlib import Path

from tests.faults.drill import Drill, Mortal
from tests.faults.overload import measure
from tests.world.live import AURORA, CIVIL


def test_a_short_overload(tmp_path: Path) -> None:
    live = Mortal.make(tmp_path)
    assert isinstance(live, Mortal)
    live.init()
    live.serve()
    try:
        live.enrol(AURORA, CIVIL)
        report = measure(Drill(live=live), 1.5)
    finally:
        ended = live.stop()

    assert report.lost == 0
    assert report.unexpected == {}
    assert report.answered + sum(report.refused.values()) == report.offered
    assert report.answered
    assert ended == 0
