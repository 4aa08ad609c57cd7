"""How much is measured: in full, in short, and just enough to see that the harness runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WORKERS: Final = (1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan.

    Attributes:
        rounds: How often everything is measured.
        statements: How many the large ledger holds.
        streams: Open streams, each of another member.
        pulled: Reports in one pull.
        one: Statements of one caller in a round.
        many: Statements of 64 callers in a round.
        streamed: Statements handed in over streams in a round.
        alerts: Alerts in a round.
        small: Calls, publishes and commits that give a floor's median.
        starts: How often the gateway with the large ledger is started, stopped and killed before.
        proofs: Proofs at random indexes of the large ledger in a round.
        blocks: Blocks of each size, through each engine, in a round.
        workers: Numbers of worker processes with which callers and streams are measured again.
    """

    rounds: int
    statements: int
    streams: int
    pulled: int
    one: int
    many: int
    streamed: int
    alerts: int
    small: int
    starts: int
    proofs: int
    blocks: int
    workers: tuple[int, ...] = WORKERS


FULL: Final = Plan(
    rounds=5,
    statements=1_000_000,
    streams=200,
    pulled=10_000,
    one=200,
    many=3000,
    streamed=6000,
    alerts=3,
    small=300,
    starts=5,
    proofs=1000,
    blocks=40,
)
QUICK: Final = Plan(
    rounds=3,
    statements=20_000,
    streams=200,
    pulled=2000,
    one=100,
    many=1500,
    streamed=3000,
    alerts=2,
    small=100,
    starts=3,
    proofs=200,
    blocks=15,
)
SMOKE: Final = Plan(
    rounds=1,
    statements=300,
    streams=8,
    pulled=30,
    one=5,
    many=64,
    streamed=64,
    alerts=1,
    small=5,
    starts=1,
    proofs=20,
    blocks=2,
    workers=(),
)
CALLERS: Final = 64
LANES: Final = 8
"""Connections of the 64 callers, and of the streams, each of another member."""
WINDOW: Final = 128
"""Requests of a stream that are without an answer, at most."""
