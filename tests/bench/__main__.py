"""The command `python -m tests.bench`: measure the gateway on this machine.

* The large ledger is kept in `run/bench/ledger`, and made where it is not there. `--prepare` makes
  it and measures nothing; `--care` measures only what it takes to look after it.
* Results go to `run/bench/`, as JSON with every run; a full run also writes the table into
  `gateway/docs/benchmarks.md`.
* A figure that misses its aim is a finding and no failure: the exit status is 0.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from tests.bench import care, large, making, report
from tests.bench.figures import summary
from tests.bench.plan import FULL, QUICK, Plan
from tests.bench.run import measure
from tests.world.live import Live

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "gateway" / "docs" / "benchmarks.md"


def main() -> int:
    """Measure, write, and give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--quick", action="store_true", help="a short run; the page stays as it is")
    parser.add_argument("--folder", type=Path, default=ROOT / "run" / "bench")
    parser.add_argument("--prepare", action="store_true", help="only make the large ledger")
    parser.add_argument("--care", action="store_true", help="only look after the large ledger")
    asked = parser.parse_args()
    plan = QUICK if asked.quick else FULL
    folder: Path = asked.folder.absolute()
    kept = folder / ("ledger-quick" if asked.quick else "ledger")
    live, made = making.kept(kept, plan.statements, _say)
    _say(f"a ledger of {made.size:,} entries is in {kept}")
    exchange = folder / "exchange"
    if asked.care:
        _care(live, exchange, plan, name="care-quick" if asked.quick else "care")
    elif not asked.prepare:
        _figures(kept, exchange, plan, name="quick" if asked.quick else "full")
    return 0


def _figures(kept: Path, exchange: Path, plan: Plan, *, name: str) -> None:
    """Measure everything but the care for it."""
    shutil.rmtree(exchange, ignore_errors=True)
    exchange.mkdir(mode=0o700, parents=True)
    results = uvloop.run(measure(exchange, plan, _say))
    found = uvloop.run(large.measure(kept, exchange / "read", plan, _say))
    shutil.rmtree(exchange)
    rounds, loads = results.rounds + found.rounds, results.loads + found.loads
    table = report.table(rounds, plan, loads, results.verified)
    document = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "plan": {name: getattr(plan, name) for name in plan.__slots__},
        "machine": report.machine(),
        "loads": loads,
        "verified": results.verified,
        "entries": results.entries,
        "large": asdict(found.made),
        "figures": summary(rounds),
    }
    if plan is FULL:
        report.write(PAGE, table)
    _write(exchange.parent / f"{name}.json", document, table)


def _care(live: Live, folder: Path, plan: Plan, *, name: str) -> None:
    """Measure what it takes to look after the large ledger."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    load = os.getloadavg()[0]
    found = care.measure(live, folder, _say)
    shutil.rmtree(folder)
    table = report.care_table(found, plan.statements, load)
    if plan is FULL:
        report.write(PAGE, table, begin=report.CARE_BEGIN, end=report.CARE_END)
    _write(folder.parent / f"{name}.json", {"load": load, **found}, table)


def _write(path: Path, document: Mapping[str, object], table: str) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    sys.stdout.write(f"\n{table}\nEvery run: {path}\n")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
