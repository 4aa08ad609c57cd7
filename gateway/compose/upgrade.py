"""`forewarn-gateway upgrade`: brings a state folder to what this gateway reads.

* Everything is looked at before anything is changed. What was written by a newer gateway, or is in
  doubt, is refused, and the folder stays as it was.
* The stores first, each on its own (`gateway.ledger.refold`), then the configuration: whatever a
  run that was killed has left, the next one goes on with.
* What is replaced is kept beside it until `drop` is asked for.
* Nobody else uses the folder meanwhile: it is locked.

A folder from before there were audit logs gets one from `init`, not from here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from gateway.compose.company import keeper_of
from gateway.compose.config import VERSION, Config, document
from gateway.compose.log import LogPlan, audit_plan, ledger_plan
from gateway.compose.nats import Nats
from gateway.compose.state import Inception, SetupError, StateFolder, write_whole
from gateway.ledger import schema
from gateway.ledger.lock import StateLock
from gateway.ledger.observer import Observer
from gateway.ledger.refold import Owner, refold

_LOCK_SECONDS: Final = 5.0

Progress = Callable[[str, int, int], None]
"""Told which file, how many of its blocks are folded, and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """What an upgrade has done.

    Attributes:
        kept: What was replaced, where it is kept now; empty where all was up to date.
    """

    kept: tuple[Path, ...]


async def upgrade(state: StateFolder, progress: Progress) -> Upgraded:
    """Bring a state folder to this version. The gateway has to be stopped.

    Args:
        state: The folder.
        progress: Told how far it is.

    Returns:
        What was done.

    Raises:
        SetupError: The folder was never begun, or its files are a newer gateway's.
        Fault: A gateway uses it, or a store is in doubt; the text says what to do.
    """
    inception = _begun(state)
    config = Config.read(state.config)
    lock = await StateLock.acquire(state.root, within=_LOCK_SECONDS)
    try:
        owners = [
            (plan, _owner(plan, pin, config.nats)) for plan, pin in _plans(state, inception, config)
        ]
        # Newer ones and strangers are refused before the first is touched.
        for plan, owner in owners:
            schema.version(plan.store, owner.origin)
        kept = [
            refold(plan.store, owner, partial(progress, plan.store.name)) for plan, owner in owners
        ]
        kept.append(_rewrite(state, config))
    finally:
        lock.release()
    return Upgraded(kept=tuple(path for path in kept if path is not None))


async def drop(state: StateFolder) -> tuple[Path, ...]:
    """Remove what upgrades have kept, once what took its place is proven.

    Args:
        state: The folder.

    Returns:
        What was removed.

    Raises:
        SetupError: The folder was never begun.
        Fault: A gateway uses it, or a store does not hold what was signed: nothing was removed.
    """
    inception = _begun(state)
    config = Config.read(state.config)
    lock = await StateLock.acquire(state.root, within=_LOCK_SECONDS)
    try:
        for plan, pin in _plans(state, inception, config):
            mark = _owner(plan, pin, config.nats).mark
            with Observer.opened(plan.store, plan.origin) as store:
                if store.head.size < mark.size or store.root_at(mark.size) != mark.root:
                    raise SetupError(
                        f"{plan.store.name} does not hold what was signed: run "
                        "`forewarn-gateway doctor` first; nothing was removed"
                    )
        removed = tuple(sorted(state.root.glob("*.version-*")))
        for path in removed:
            path.unlink()
    finally:
        lock.release()
    return removed


def _begun(state: StateFolder) -> Inception:
    inception = Inception.read(state)
    if inception is None:
        raise SetupError(f"no ledger was begun in {state.root}: there is nothing to upgrade")
    return inception


def _plans(state: StateFolder, inception: Inception, config: Config) -> list[tuple[LogPlan, str]]:
    plans = [(ledger_plan(state, inception.origin, config.limits), inception.log_key)]
    if inception.audit_log_key:
        plan = audit_plan(state, inception.origin, config.limits)
        plans.append((plan, inception.audit_log_key))
    return plans


def _owner(plan: LogPlan, pin: str, nats: Nats) -> Owner:
    keeper = keeper_of(plan, pin, nats)
    return Owner(summarize=plan.summarize, verifier=keeper.verifier, mark=keeper.mark)


def _rewrite(state: StateFolder, config: Config) -> Path | None:
    """Write the configuration as this version does, with every setting in it.

    Returns:
        Where the file before it is kept; None where it is of this version.
    """
    said = document(state.config).get("version")
    if said == VERSION:
        return None
    kept = state.config.with_name(f"{state.config.name}.version-{said or 0}")
    try:
        if not kept.exists():
            # Whole or not at all: killed before the rename, the next run makes it anew.
            half = kept.with_name(f"{kept.name}.new")
            shutil.copy2(state.config, half)
            half.replace(kept)
    except OSError as error:
        raise SetupError(f"{kept} cannot be written: {error.strerror}") from None
    write_whole(state.config, config.render())
    return kept
