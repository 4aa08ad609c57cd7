"""How a gateway is: whether it runs, what both logs hold, and whether statements can be taken in.

* What was signed and recorded is read from the keeper's mark and the store, whether the gateway
  runs or not; how its processes are, from their bulletins.
* A bulletin of a process that is gone, or that has said nothing for a while, is not believed.
* It is read, and nothing is written or locked.

What is not as it should be with the machine and the settings is for the `doctor` to say.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, unique
from functools import partial
from typing import Any, Final

from gateway.compose.bulletin import VERSION, folder_of
from gateway.compose.company import keeper_of
from gateway.compose.config import Config
from gateway.compose.log import LogPlan, audit_plan, ledger_plan
from gateway.compose.state import Inception, SetupError, StateFolder
from gateway.core.errors import Fault
from gateway.ledger.keeper import Keeper
from gateway.ledger.lock import is_held
from gateway.ledger.observer import Observer

_SILENT: Final = timedelta(seconds=15)


@unique
class Verdict(IntEnum):
    """How it is. The number is the command's exit status."""

    SERVING = 0
    """It runs, and takes statements in."""
    IMPAIRED = 1
    """It runs, and is checking or waiting, cannot record what leaves, or has a silent process."""
    DOWN = 2
    """It does not run, or the ledger has halted."""
    UNKNOWN = 3
    """What it would be told from cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStatus:
    """How a log is.

    Attributes:
        name: Ledger or audit.
        signed: How many entries are signed for; None where it cannot be read.
        root: The root over them, hex.
        note: The signed checkpoint as readers are shown it.
        recorded: How many entries are recorded.
        newest_time: When the newest was received.
        state: What its integrator does; empty where nobody says.
        reason: Why it has halted, or what it waits for.
        lag: How many blocks the stream holds that are not folded; None where nobody says.
        waiting: How many entries wait to be recorded.
        flaw: Why it cannot be read; empty where it can.
    """

    name: str
    signed: int | None = None
    root: str = ""
    note: str = ""
    recorded: int | None = None
    newest_time: datetime | None = None
    state: str = ""
    reason: str = ""
    lag: int | None = None
    waiting: int = 0
    flaw: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process of the gateway, as it says.

    Attributes:
        name: Its name.
        pid: Its id.
        started_time: Since when it runs.
        written_time: When it last said so.
        serving: Whether it takes statements in; None where it is not its work.
        streams: Open streams.
        metrics: Where it serves its metrics; empty where it does not.
        silent: Whether it has said nothing for a while.
    """

    name: str
    pid: int
    started_time: datetime
    written_time: datetime
    serving: bool | None
    streams: int
    metrics: str
    silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a gateway is.

    Attributes:
        verdict: In one word.
        running: Whether somebody uses the folder.
        address: Where it listens; empty where it does not.
        processes: Its processes.
        logs: Both logs.
    """

    verdict: Verdict
    running: bool
    address: str
    processes: tuple[Process, ...]
    logs: tuple[LogStatus, ...]


def status_of(state: StateFolder, now: datetime) -> Status:
    """Tell how a gateway is.

    Args:
        state: Its state folder.
        now: The present, UTC.

    Returns:
        How it is.

    Raises:
        SetupError: The folder was never begun, or what it says of itself cannot be read.
    """
    inception = Inception.read(state)
    if inception is None:
        raise SetupError(f"no ledger was begun in {state.root}")
    config = Config.read(state.config)
    limits = config.limits
    running = is_held(state.root)
    said = list(_bulletins(state)) if running else []
    plans = {"ledger": (ledger_plan(state, inception.origin, limits), inception.log_key)}
    if inception.audit_log_key:
        audit = audit_plan(state, inception.origin, limits)
        plans["audit"] = (audit, inception.audit_log_key)
    logs = tuple(
        _log(name, plan, said, partial(keeper_of, plan, pin, config.nats))
        for name, (plan, pin) in plans.items()
    )
    processes = tuple(_process(each, now) for each in said)
    return Status(
        verdict=_judge(running, processes, logs),
        running=running,
        address=_address(state) if running else "",
        processes=processes,
        logs=logs,
    )


def _judge(
    running: bool,  # noqa: FBT001 - one of the three things it is judged by
    processes: tuple[Process, ...],
    logs: tuple[LogStatus, ...],
) -> Verdict:
    ledger = logs[0]
    if not running or ledger.state == "halted":
        return Verdict.DOWN
    if any(log.flaw for log in logs):
        return Verdict.UNKNOWN
    workers = [each for each in processes if each.serving is not None]
    well = (
        workers
        and all(each.serving for each in workers)
        and not any(each.silent for each in processes)
        and all(log.state == "folding" for log in logs)
    )
    return Verdict.SERVING if well else Verdict.IMPAIRED


def _bulletins(state: StateFolder) -> Iterator[Mapping[str, Any]]:
    """Give what living processes say."""
    for path in sorted(folder_of(state).glob("*.json")):
        try:
            said: dict[str, Any] = json.loads(path.read_bytes())
            alive = said["version"] == VERSION and _alive(said["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # it has just ended, or is another version's
        if alive:
            yield said


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _process(said: Mapping[str, Any], now: datetime) -> Process:
    written = datetime.fromisoformat(said["written_time"])
    return Process(
        name=said["name"],
        pid=said["pid"],
        started_time=datetime.fromisoformat(said["started_time"]),
        written_time=written,
        serving=said.get("serving"),
        streams=said.get("streams", 0),
        metrics=said.get("metrics", ""),
        silent=now - written > _SILENT,
    )


def _log(
    name: str, plan: LogPlan, said: list[Mapping[str, Any]], keeper: Callable[[], Keeper]
) -> LogStatus:
    each = [part for one in said if (part := one.get("logs", {}).get(name)) is not None]
    states = [part for part in each if part.get("state")]
    # Whoever folds knows best; workers only hear it.
    told = next((part for part in states if "lag" in part), states[0] if states else {})
    stated = {
        "state": str(told.get("state", "")),
        "reason": str(told.get("reason") or ""),
        "lag": told.get("lag"),
        "waiting": sum(part.get("waiting", 0) for part in each),
    }
    try:
        mark = keeper().mark
        with Observer.opened(plan.store, plan.origin) as store:
            tail, note = store.tail(1), store.note
            recorded = store.head.size
    except Fault as fault:
        return LogStatus(name=name, flaw=fault.detail, **stated)
    return LogStatus(
        name=name,
        signed=mark.size,
        root=mark.root.hex(),
        note=(note or b"").decode("utf-8", "replace"),
        recorded=recorded,
        newest_time=tail.until if tail else None,
        **stated,
    )


def _address(state: StateFolder) -> str:
    try:
        return state.listen.read_text("utf-8").strip()
    except OSError:
        return ""
