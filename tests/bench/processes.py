"""What the gateway's processes take: memory and processor time, as Linux tells it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_KIB = 1024
_USER, _SYSTEM = 11, 12
_PART = "gateway.compose.part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One process at one moment.

    Attributes:
        name: As in `nats-server`; of a part of the gateway, which part.
        resident: Bytes of memory.
        most: Bytes of memory that it had at most since it began.
        processor: Seconds of processor time since it began.
    """

    name: str
    resident: int
    most: int
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


def parts(pid: int) -> dict[str, Usage]:
    """Give a gateway's processes by their names, as in `integrator`; the first is `gateway`."""
    found = {usage.name: usage for usage in family(pid).values()}
    return found | {"gateway": _usage(pid)}


def _usage(pid: int) -> Usage:
    name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(") ")
    fields = rest.split()
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return Usage(
        name=words[words.index(_PART) + 1] if _PART in words else name,
        resident=int(status["VmRSS"].split()[0]) * _KIB,
        most=int(status["VmHWM"].split()[0]) * _KIB,
        processor=(int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS,
    )
