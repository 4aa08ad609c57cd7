"""The clock: against the ledger's own times, and by what the system says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from gateway.compose.doctor.finding import Finding, ok, problem, warning
from gateway.compose.doctor.patient import Patient
from gateway.core.errors import Fault
from gateway.ledger.observer import Observer

# An entry's time is the gateway's own: nothing honest puts it ahead of the same clock.
_AHEAD: Final = timedelta(seconds=2)


def clock(patient: Patient) -> Iterator[Finding]:
    """Compare the clock with the newest entries."""
    behind = timedelta(0)
    for plan in patient.plans:
        try:
            with Observer.opened(plan.store, plan.origin) as store:
                tail = store.tail(1)
        except Fault:
            continue  # the check of that log says it
        if tail is not None:
            behind = max(behind, tail.until - patient.now)
    if behind > _AHEAD:
        yield problem(
            f"the clock is {behind.total_seconds():,.0f} seconds behind the newest entry",
            "set it right and keep it so (NTP): until it is, entries bear the time of the newest, "
            "and certificates are judged by a wrong day",
        )
    told = patient.machine.clock_synchronised()
    if told is False:
        yield warning(
            "the system says that its clock is not synchronised",
            "run an NTP client: a statement dated over 5 minutes ahead of the clock is refused",
        )
    elif behind <= _AHEAD:
        said = "synchronised" if told else "of which the system says nothing more"
        yield ok(f"{patient.now:%Y-%m-%dT%H:%M:%SZ}, {said}")
