"""The benchmarks run: figures come out and proofs hold. No figure is asserted."""

from __future__ import annotations

from pathlib import Path

import pytest
import uvloop

from tests.bench import report
from tests.bench.figures import FIGURES, FLOORS, Round, summary
from tests.bench.plan import SMOKE
from tests.bench.run import measure


def test_a_smallest_run_gives_every_figure_and_its_proofs_hold(tmp_path: Path) -> None:
    said: list[str] = []
    results = uvloop.run(measure(tmp_path, SMOKE, said.append))

    missing = [each.name for each in (*FLOORS, *FIGURES) if not each.runs(results.rounds)]
    assert missing == []
    assert results.verified > 0
    assert results.entries > SMOKE.statements
    assert said


def test_a_value_is_the_median_and_a_ratio_that_of_each_round() -> None:
    rounds: list[Round] = [
        {"submit_64": 100.0, "floor_echo_64": 1000.0},
        {"submit_64": 300.0, "floor_echo_64": 1000.0},
        {"submit_64": 200.0, "floor_echo_64": 500.0},
        {"memory": 100.0},
    ]
    found = summary(rounds)["submit_64"]

    assert (found["median"], found["met"]) == (200.0, False)
    assert found["ratio"] == pytest.approx(0.3)


def test_the_table_goes_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nformer\n{report.END}\nafter\n", "utf-8")
    report.write(page, report.table([{"alert": 4.0}], SMOKE, [0.5], 3))
    text = page.read_text("utf-8")

    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "former" not in text
    assert "| 4 ms | at most 250: met |" in text
