"""The lease: which of several nodes signs, and whether one does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from gateway.compose import turn
from gateway.compose.config import Config
from gateway.compose.doctor.finding import Finding, ok, warning
from gateway.compose.doctor.patient import Patient
from gateway.core.errors import Fault
from gateway.ledger.claim import Claim, Hold

_ASK_SECONDS: Final = 10.0
# Clocks of nodes differ: only what is later than that by a margin is called late.
_CLOCK_SECONDS: Final = 30.0


def lease(patient: Patient) -> Iterator[Finding]:
    """Ask NATS who signs; nothing is changed there."""
    config = patient.config
    if isinstance(config, str):
        return
    if config.nats.external is None:
        yield ok("this gateway has its nats-server to itself: it alone signs")
        return
    try:
        claim = asyncio.run(_claim(config))
    except (Fault, TimeoutError) as error:
        why = error.detail if isinstance(error, Fault) else "no answer in time"
        yield warning(f"who signs cannot be asked ({why})", "see to the NATS servers first")
        return
    if claim is None:
        yield warning(
            "no node has taken the lease yet, and nothing is signed",
            "start a node that has the keys of both logs",
        )
    elif claim.hold is Hold.LET_GO:
        yield warning(
            f"{claim.node} let go of the lease and no node has taken it: nothing is signed",
            "start a node that has the keys of both logs, or wait if one is starting",
        )
    elif (late := _late(claim, patient.now)) > claim.seconds + _CLOCK_SECONDS:
        yield warning(
            f"{claim.node} holds the lease and renewed it {late:,.0f} seconds ago",
            "another node that has the keys takes over by itself: start one; if all run, compare "
            "their clocks",
        )
    else:
        yield ok(f"{claim.node} signs, and renews its lease of {claim.seconds:g} seconds")


async def _claim(config: Config) -> Claim | None:
    async with asyncio.timeout(_ASK_SECONDS), turn.place_of(config) as place:
        return (await turn.show(place)).claim


def _late(claim: Claim, now: datetime) -> float:
    try:
        return (now - datetime.fromisoformat(claim.written)).total_seconds()
    except (ValueError, TypeError):
        return 0.0
