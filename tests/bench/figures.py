"""The figures: what each is, what is aimed at, and how runs come to one number.

* A figure's value is the median of its runs. Runs of different figures alternate, so that a
  disturbance of the machine falls on all of them; ratios are medians of each round's own ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from tests.bench.plan import WORKERS

Round = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure.

    Attributes:
        name: Its key in the results.
        what: What it is, for the table.
        unit: Its unit.
        target: What is aimed at; None for none.
        most: Whether the target is a greatest value; else a least.
        floor: Of one round, what the machine does with nothing of the gateway around it.
        beside: What the floor is, for the table.
    """

    name: str
    what: str
    unit: str
    target: float | None = None
    most: bool = False
    floor: Callable[[Round], float] | None = None
    beside: str = ""

    def value(self, rounds: Sequence[Round]) -> float | None:
        """Give the median over the rounds that have it."""
        runs = self.runs(rounds)
        return median(runs) if runs else None

    def runs(self, rounds: Sequence[Round]) -> list[float]:
        """Give its value in each round that has it."""
        return [each[self.name] for each in rounds if self.name in each]

    def ratio(self, rounds: Sequence[Round]) -> float | None:
        """Give the median of value to floor, round by round."""
        if self.floor is None:
            return None
        ratios = [each[self.name] / self.floor(each) for each in rounds if self.name in each]
        return median(ratios) if ratios else None

    def met(self, rounds: Sequence[Round]) -> bool | None:
        """Tell whether the target is met; None where there is none."""
        value = self.value(rounds)
        if self.target is None or value is None:
            return None
        return value <= self.target if self.most else value >= self.target


def _one(each: Round) -> float:
    """Add up what one caller waits for at least: a call, a check, a publish, a commit."""
    verify = 1000.0 / each["floor_verify"]
    return each["floor_echo_one"] + verify + each["floor_publish"] + each["floor_commit"]


FLOORS: Final = (
    Figure(name="floor_echo_one", what="echo of 1 KiB, one caller, p50", unit="ms"),
    Figure(name="floor_echo_64", what="echo of 1 KiB, 64 callers", unit="/s"),
    Figure(name="floor_echo_stream", what="echo of 1 KiB, over 8 streams", unit="/s"),
    Figure(name="floor_verify", what="Ed25519 verify, one thread", unit="/s"),
    Figure(name="floor_publish", what="JetStream publish of 1 KiB, synced, p50", unit="ms"),
    Figure(name="floor_commit", what="SQLite commit of 1 KiB, synced, p50", unit="ms"),
)

FIGURES: Final = (
    Figure(
        name="submit_one",
        what="submit, one caller at a time, p50",
        unit="ms",
        target=5.0,
        most=True,
        floor=_one,
        beside="echo + verify + publish + commit",
    ),
    Figure(
        name="submit_64",
        what="submit, 64 callers",
        unit="/s",
        target=1000.0,
        floor=lambda each: each["floor_echo_64"],
        beside="echo, 64 callers",
    ),
    Figure(name="submit_64_p50", what="the same, time of one call, p50", unit="ms"),
    Figure(name="submit_64_p99", what="the same, time of one call, p99", unit="ms"),
    Figure(
        name="stream",
        what="submit over 8 streams, each statement signed",
        unit="/s",
        target=3000.0,
        floor=lambda each: each["floor_echo_stream"],
        beside="echo, 8 streams",
    ),
    Figure(
        name="alert",
        what="alert to all open streams, from submit to last delivery",
        unit="ms",
        target=250.0,
        most=True,
    ),
    Figure(
        name="pull",
        what="pull of AMBER reports, each page in the audit log first, pages of 1,000",
        unit="/s",
        target=5000.0,
    ),
    Figure(
        name="log_verify",
        what="the whole log verified by `forewarn log verify` over HTTPS, once filled",
        unit="/s",
        target=50_000.0,
    ),
    Figure(
        name="log_verify_copy",
        what="the same from a copy in a folder",
        unit="/s",
        target=50_000.0,
    ),
    Figure(
        name="memory",
        what="memory of gateway and nats-server, once filled",
        unit="MiB",
        target=300.0,
        most=True,
    ),
    Figure(name="memory_gateway", what="of which the gateway", unit="MiB"),
    Figure(
        name="start",
        what="start to serving, once filled",
        unit="s",
        target=3.0,
        most=True,
    ),
    *(
        Figure(
            name=f"{name}_workers_{count}",
            what=f"{what}, an integrator process and {count} of workers",
            unit=unit,
        )
        for count in WORKERS
        for name, what, unit in (
            ("submit_64", "submit, 64 callers", "/s"),
            ("stream", "submit over 8 streams", "/s"),
            ("memory", "memory of all of these and nats-server", "MiB"),
        )
    ),
)

PROCESSOR: Final = (
    Figure(name="processor_gateway", what="gateway, 64 callers", unit="ms"),
    Figure(name="processor_nats", what="nats-server, 64 callers", unit="ms"),
    Figure(name="processor_load", what="load generator, 64 callers", unit="ms"),
    Figure(name="processor_gateway_stream", what="gateway, streams", unit="ms"),
    Figure(name="processor_nats_stream", what="nats-server, streams", unit="ms"),
    Figure(name="processor_load_stream", what="load generator, streams", unit="ms"),
    *(
        Figure(
            name=f"processor_gateway{load}_workers_{count}",
            what=f"gateway, {what}, an integrator process and {count} of workers",
            unit="ms",
        )
        for count in WORKERS
        for load, what in (("", "64 callers"), ("_stream", "streams"))
    ),
)


def summary(rounds: Sequence[Round]) -> dict[str, Mapping[str, object]]:
    """Give every figure's median, runs, ratio and target, for the JSON file."""
    return {
        figure.name: {
            "what": figure.what,
            "unit": figure.unit,
            "median": figure.value(rounds),
            "runs": figure.runs(rounds),
            "target": figure.target,
            "met": figure.met(rounds),
            "ratio": figure.ratio(rounds),
            "ratio_to": figure.beside or None,
        }
        for figure in (*FLOORS, *FIGURES, *PROCESSOR)
    }
