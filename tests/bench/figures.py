"""The figures: what each is, what is aimed at, and how runs come to one number.

* A figure's value is the median of its runs. Runs of different figures alternate, so that a
  disturbance of the machine falls on all of them; ratios are medians of each round's own ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
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
        floor=itemgetter("floor_echo_64"),
        beside="echo, 64 callers",
    ),
    Figure(name="submit_64_p50", what="the same, time of one call, p50", unit="ms"),
    Figure(name="submit_64_p99", what="the same, time of one call, p99", unit="ms"),
    Figure(
        name="stream",
        what="submit over 8 streams, each statement signed",
        unit="/s",
        target=3000.0,
        floor=itemgetter("floor_echo_stream"),
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
        name="submit_witnessed",
        what="submit, one caller, the receipt cosigned by two witnesses of two, p50",
        unit="ms",
        target=50.0,
        most=True,
        floor=itemgetter("submit_one"),
        beside="submit without witnesses",
    ),
    Figure(
        name="memory",
        what="memory of gateway and nats-server afterwards",
        unit="MiB",
        target=300.0,
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

LARGE: Final = (
    Figure(
        name="large_start",
        what="start to serving, after it was stopped",
        unit="s",
        target=5.0,
        most=True,
    ),
    Figure(
        name="large_start_killed",
        what="the same after it was killed",
        unit="s",
        target=5.0,
        most=True,
    ),
    Figure(
        name="log_verify",
        what="the whole log verified by `forewarn log verify` over HTTPS",
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
        name="large_proof_stored",
        what="inclusion proof at a random index, in the store, p50",
        unit="ms",
        target=1.0,
        most=True,
    ),
    Figure(name="large_proof_stored_p99", what="the same, p99", unit="ms"),
    Figure(
        name="large_proof",
        what="the same as a whole call, one caller, p50",
        unit="ms",
        floor=itemgetter("large_echo"),
        beside="echo, one caller",
    ),
    Figure(
        name="large_submit",
        what="submit, one caller at a time, p50",
        unit="ms",
        floor=itemgetter("large_echo"),
        beside="echo, one caller",
    ),
    Figure(
        name="large_entry_clear",
        what="`GetEntry` of a TLP:CLEAR entry, one caller, p50",
        unit="ms",
        floor=itemgetter("large_echo"),
        beside="echo, one caller",
    ),
    Figure(
        name="large_entry_amber",
        what="`GetEntry` of a TLP:AMBER entry, in the audit log first, p50",
        unit="ms",
        floor=itemgetter("large_entry_clear"),
        beside="what needs no record",
    ),
    Figure(
        name="large_memory_integrator",
        what="most memory of the integrator, beside one process of workers",
        unit="MiB",
        target=400.0,
        most=True,
    ),
    Figure(
        name="large_memory",
        what="most memory of the gateway as one process, all of the above done",
        unit="MiB",
        target=400.0,
        most=True,
    ),
    Figure(name="large_memory_nats", what="most memory of its nats-server", unit="MiB"),
    Figure(
        name="large_fold_memory",
        what="most memory of the integrator while it folded all of it",
        unit="MiB",
        target=400.0,
        most=True,
    ),
    Figure(
        name="large_fold_memory_nats",
        what="most memory of nats-server meanwhile",
        unit="MiB",
    ),
    Figure(
        name="large_fold",
        what="all of it folded from the stream into an empty store",
        unit="/s",
    ),
)
"""With the large ledger; what was measured while it was made comes last."""


def _engines() -> Iterator[Figure]:
    for name, blocks in (("one", "blocks of one statement"), ("block", "blocks of 128")):
        both = f"engine_both_{name}"
        for engine, what in (("jetstream", "JetStream alone"), ("store", "the store alone")):
            yield Figure(name=f"engine_{engine}_{name}", what=f"{what}, {blocks}, p50", unit="ms")
        yield Figure(
            name=both,
            what=f"both as shipped, {blocks}, p50",
            unit="ms",
            floor=itemgetter(f"engine_store_{name}"),
            beside="the store alone",
        )


ENGINES: Final = tuple(_engines())
"""What it costs to keep two engines."""

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
        for figure in (*FLOORS, *FIGURES, *LARGE, *ENGINES, *PROCESSOR)
    }
