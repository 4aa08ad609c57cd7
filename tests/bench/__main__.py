"""The command `python -m tests.bench`: measure the gateway on this machine.

* Results go to `run/bench/`, as JSON with every run; a full run also writes the table into
  `gateway/docs/benchmarks.md`.
* A figure that misses its aim is a finding and no failure: the exit status is 0.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from tests.bench import report
from tests.bench.figures import summary
from tests.bench.plan import FULL, QUICK
from tests.bench.run import measure

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "gateway" / "docs" / "benchmarks.md"


def main() -> int:
    """Measure, write, and give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--quick", action="store_true", help="a short run; the page stays as it is")
    parser.add_argument("--folder", type=Path, default=ROOT / "run" / "bench")
    asked = parser.parse_args()
    plan = QUICK if asked.quick else FULL
    folder: Path = asked.folder.absolute()
    exchange = folder / "exchange"
    shutil.rmtree(exchange, ignore_errors=True)
    exchange.mkdir(mode=0o700, parents=True)
    results = uvloop.run(measure(exchange, plan, _say))
    shutil.rmtree(exchange)
    table = report.table(results.rounds, plan, results.loads, results.verified)
    document = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "plan": {name: getattr(plan, name) for name in plan.__slots__},
        "machine": report.machine(),
        "loads": results.loads,
        "verified": results.verified,
        "entries": results.entries,
        "figures": summary(results.rounds),
    }
    name = "quick.json" if asked.quick else "full.json"
    (folder / name).write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    if not asked.quick:
        report.write(PAGE, table)
    sys.stdout.write(f"\n{table}\nEvery run: {folder / name}\n")
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
