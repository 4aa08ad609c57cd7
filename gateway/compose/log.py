"""One log, wired: the ledger and the audit log are made of the same parts, with other names.

* Each has its own stream, store, tree and key, and its own high-water mark.
* Where they differ is said here, and nowhere below: the places in NATS, the file, the reading of an
  entry for the index, and how long its recorder waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.compose.ledger import House
from gateway.compose.limits import Limits
from gateway.compose.state import StateFolder
from gateway.core import audit
from gateway.ledger.announcements import NatsAnnouncements, NatsAnnouncer
from gateway.ledger.head import Head
from gateway.ledger.integrator import Integrator
from gateway.ledger.keeper import Keeper
from gateway.ledger.nats_roles import AUDIT, LEDGER, Log
from gateway.ledger.reader import StoreReader
from gateway.ledger.recorder import BlockRecorder, RecorderLimits
from gateway.ledger.store import Store, Summarizer
from gateway.ledger.stream import JetStreamAppender, JetStreamReader
from gateway.wire import audit as audit_events
from gateway.wire import entries


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlan:
    """How a log is made.

    Attributes:
        log: Its places in NATS.
        origin: Its origin, which names its key.
        store: Its store's file.
        keeper: The folder of its key.
        summarize: Reads what its index keeps of an entry.
        limits: How much its recorder takes on, and how long it waits.
    """

    log: Log
    origin: str
    store: Path
    keeper: Path
    summarize: Summarizer
    limits: RecorderLimits

    def open_store(self) -> Store:
        """Open the writing side of its store."""
        return Store.open(self.store, self.origin, summarize=self.summarize)

    def integrator(self, house: House, store: Store, keeper: Keeper) -> Integrator:
        """Make its integrator.

        Args:
            house: The connections.
            store: Its store, open.
            keeper: Its key.
        """
        return Integrator(
            stream=JetStreamReader(house.integrator, self.log),
            store=store,
            endorser=keeper,
            announcer=NatsAnnouncer(house.integrator, self.log),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogParts:
    """The running parts of a log.

    Attributes:
        reader: The store's reading side.
        integrator: Folds and signs.
        head: The newest signed checkpoint.
        recorder: The way in.
    """

    reader: StoreReader
    integrator: Integrator
    head: Head
    recorder: BlockRecorder


def ledger_plan(state: StateFolder, origin: str, limits: Limits) -> LogPlan:
    """Say how the ledger of a state folder is made.

    Args:
        state: The state folder.
        origin: The ledger's origin.
        limits: What the gateway takes on.

    Returns:
        The plan.
    """
    return LogPlan(
        log=LEDGER,
        origin=origin,
        store=state.store,
        keeper=state.keeper,
        summarize=entries.summarize,
        limits=limits.recorder,
    )


def audit_plan(state: StateFolder, origin: str, limits: Limits) -> LogPlan:
    """Say how the audit log beside a ledger is made.

    Args:
        state: The state folder.
        origin: The ledger's origin.
        limits: What the gateway takes on.

    Returns:
        The plan.
    """
    return LogPlan(
        log=AUDIT,
        origin=audit.origin_of(origin),
        store=state.audit_store,
        keeper=state.audit_keeper,
        summarize=audit_events.summarize,
        limits=limits.audit_recorder,
    )


def wire(
    plan: LogPlan,
    *,
    house: House,
    store: Store,
    keeper: Keeper,
    node: str,
    now: Callable[[], datetime],
) -> LogParts:
    """Wire a log; nothing runs yet.

    Args:
        plan: How it is made.
        house: The connections.
        store: Its store, open.
        keeper: Its key.
        node: Name of the gateway, for people.
        now: The clock, UTC.

    Returns:
        The parts.
    """
    reader = StoreReader(plan.store, plan.origin)
    head = Head(
        reader=reader,
        announcements=NatsAnnouncements(house.worker, plan.log),
        verifier=keeper.verifier,
    )
    recorder = BlockRecorder(
        appender=JetStreamAppender(house.worker, plan.log),
        reader=reader,
        head=head,
        node=node,
        now=now,
        limits=plan.limits,
    )
    return LogParts(
        reader=reader,
        integrator=plan.integrator(house, store, keeper),
        head=head,
        recorder=recorder,
    )
