"""A smallest large ledger: it is whole, it is kept, and every figure of it comes out."""

from __future__ import annotations

from pathlib import Path

import uvloop

from tests.bench import large, making
from tests.bench.figures import LARGE
from tests.bench.plan import SMOKE
from tests.world.live import run


def test_a_ledger_that_is_made_is_whole_and_gives_every_figure(tmp_path: Path) -> None:
    kept, said = tmp_path / "kept", list[str]()
    found = uvloop.run(large.measure(kept, tmp_path / "read", SMOKE, said.append))

    names = [each.name for each in LARGE]
    assert found.made.size > SMOKE.statements
    assert [name for name in names if not any(name in each for each in found.rounds)] == []
    checked = run("ledger", "check", "--state", str(kept / "state"))
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "REMARK" not in checked.stdout
    # It is kept, and not made again.
    _, again = making.kept(kept, SMOKE.statements, said.append)
    assert again == found.made
