"""What the gateway's processes take: memory and processor time, as Linux tells it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_KIB = 1024
_USER, _SYSTEM = 11, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One process at one moment.

    Attributes:
        name: As in `nats-server`.
        resident: Bytes of memory.
        processor: Seconds of processor time since it began.
    """

    name: str
    resident: int
    processor: float


def family(pid: int) -> dict[int, Usage]:
    """Give a process, its children and theirs."""
    pids = [pid]
    for parent in pids:
        for task in Path(f"/proc/{parent}/task").iterdir():
            pids += map(int, (task / "children").read_text().split())
    return {each: _usage(each) for each in pids}


def processor(pid: int) -> dict[str, float]:
    """Give the processor time of a process and of those below it, by name."""
    times: dict[str, float] = {}
    for usage in family(pid).values():
        times[usage.name] = times.get(usage.name, 0.0) + usage.processor
    return times


def _usage(pid: int) -> Usage:
    name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(") ")
    fields = rest.split()
    status = Path(f"/proc/{pid}/status").read_text()
    (resident,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return Usage(
        name=name,
        resident=int(resident) * _KIB,
        processor=(int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS,
    )
