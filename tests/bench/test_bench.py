"""The benchmarks run: figures come out and proofs hold. No figure is asserted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from gateway.core.entry import EntrySummary
from gateway.core.fold import Entry
from gateway.core.statements import Kind
from gateway.ledger.raw import RawStore
from gateway.wire.blocks import decode_block
from gateway.wire.entries import envelope_bytes, received_time_of, summarize
from tests.bench import report, sealing, statements
from tests.bench.figures import ENGINES, FIGURES, FLOORS, Figure, Round, summary
from tests.bench.plan import LANES, SMOKE
from tests.bench.run import measure


def test_a_smallest_run_gives_every_figure_and_its_proofs_hold(tmp_path: Path) -> None:
    said: list[str] = []
    results = uvloop.run(measure(tmp_path, SMOKE, said.append))

    figures = (*FLOORS, *FIGURES, *ENGINES)
    missing = [each.name for each in figures if not each.runs(results.rounds)]
    assert missing == [name for name in _names(FIGURES) if "_workers_" in name]
    assert results.verified > 0
    assert said
    for admitted in _admitted(tmp_path / "state" / "ledger.db"):
        _check_made_alike(admitted)


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


def _admitted(store: Path) -> Iterator[Entry]:
    """Give the breach reports that a gateway has admitted."""
    with closing(RawStore.open(store)) as opened:
        found = [entry for row in opened.blocks() for entry in decode_block(row.message) if entry]
    reports = [each for each in found if _summary(each).kind == Kind.BREACH_REPORT]
    assert len(reports) > SMOKE.pulled
    yield from reports


def _check_made_alike(admitted: Entry) -> None:
    """Make the entry of the same statement without the gateway, and compare."""
    said = _summary(admitted)
    report_ = statements.Report(
        sender=next(each for each in statements.operators(LANES) if each.member == said.sender),
        statement_id=said.statement_id,
        digest=said.digest,
        envelope=envelope_bytes(admitted.body),
    )
    received = received_time_of(admitted.body)
    made = sealing.entry_of(report_, judged_at=admitted.judged_at, received=received)
    assert replace(made, salt=admitted.salt) == admitted


def _summary(entry: Entry) -> EntrySummary:
    summary = summarize(entry.body)
    assert summary is not None
    return summary


def _names(figures: Iterable[Figure]) -> list[str]:
    return [each.name for each in figures]
