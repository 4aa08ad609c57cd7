"""One log, wired: the ledger and the audit log are made of the same parts, with other names.

* Each has its own stream, store, tree and key, and its own high-water mark.
* A log has two sides, which may be in different processes: the integrator's, which folds and signs,
  and a worker's, which appends and reads. They are made from the same plan, and share nothing.
* Where they differ is said here, and nowhere below: the places in NATS, the file, the reading of an
  entry for the index, and how long its recorder waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.compose import generations
from gateway.compose.limits import Limits
from gateway.compose.measured import MeasuredAppender
from gateway.compose.state import SetupError, StateFolder
from gateway.core import audit
from gateway.core.checkpoint import NoteError, NoteVerifier
from gateway.core.errors import Fault, Reason
from gateway.core.witness_policy import WitnessPolicy
from gateway.ledger.announced_here import AnnouncedHere
from gateway.ledger.announcements import NatsAnnouncements, NatsAnnouncer
from gateway.ledger.conditions import NatsConditions
from gateway.ledger.head import Head
from gateway.ledger.integrator import Integrator
from gateway.ledger.keeper import Keeper
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_roles import ALONE, Log
from gateway.ledger.reader import StoreReader
from gateway.ledger.recorder import BlockRecorder, RecorderLimits
from gateway.ledger.store import Store, Summarizer
from gateway.ledger.stream import JetStreamAppender, JetStreamReader
from gateway.ports.blocks import Announcements, Announcer
from gateway.ports.metering import Meter
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
        evidence: The folder for what contradicts a signed checkpoint.
        node: The name under which this run of the node speaks to its own workers.
        here: Where its two sides hear each other in one process; None where they are in several,
            and hear each other over NATS.
    """

    log: Log
    origin: str
    store: Path
    keeper: Path
    summarize: Summarizer
    limits: RecorderLimits
    evidence: Path
    node: str
    here: AnnouncedHere | None = None

    def open_store(self) -> Store:
        """Open the writing side of its store."""
        return Store.open(self.store, self.origin, summarize=self.summarize)

    def announcer(self, connection: RoleConnection) -> Announcer:
        """Make what tells its workers of new notes.

        Args:
            connection: The integrator's.
        """
        return self.here or NatsAnnouncer(connection, self.log, node=self.node)

    def announcements(self, connection: RoleConnection) -> Announcements:
        """Make what a worker hears of new notes.

        Args:
            connection: The worker's.
        """
        return self.here or NatsAnnouncements(connection, self.log, node=self.node)

    def integrator(self, connection: RoleConnection, store: Store, keeper: Keeper) -> Integrator:
        """Make its integrator, on a node that is alone; among others, see `company`.

        Args:
            connection: The integrator's.
            store: Its store, open.
            keeper: Its key.
        """
        return Integrator(
            stream=JetStreamReader(connection, self.log),
            store=store,
            endorser=keeper,
            announcer=self.announcer(connection),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogParts:
    """A worker's side of a log.

    Attributes:
        reader: The store's reading side.
        head: The newest signed checkpoint.
        cosigned: The newest that witnesses stand behind; None where there are no witnesses.
        recorder: The way in.
        conditions: How its integrator is.
    """

    reader: StoreReader
    head: Head
    cosigned: Head | None
    recorder: BlockRecorder
    conditions: NatsConditions

    @property
    def heads(self) -> tuple[Head, ...]:
        """The heads that it has."""
        return (self.head,) if self.cosigned is None else (self.head, self.cosigned)


def ledger_plan(state: StateFolder, origin: str, limits: Limits, *, node: str = ALONE) -> LogPlan:
    """Say how the ledger of a state folder is made.

    Args:
        state: The state folder.
        origin: The ledger's origin.
        limits: What the gateway takes on.
        node: The name under which this run of the node speaks to its own workers.

    Returns:
        The plan.
    """
    return LogPlan(
        log=generations.logs_of(state)[0],
        origin=origin,
        store=state.store,
        keeper=state.keeper,
        summarize=entries.summarize,
        limits=limits.recorder,
        evidence=state.evidence / "ledger",
        node=node,
    )


def audit_plan(state: StateFolder, origin: str, limits: Limits, *, node: str = ALONE) -> LogPlan:
    """Say how the audit log beside a ledger is made.

    Args:
        state: The state folder.
        origin: The ledger's origin.
        limits: What the gateway takes on.
        node: The name under which this run of the node speaks to its own workers.

    Returns:
        The plan.
    """
    return LogPlan(
        log=generations.logs_of(state)[1],
        origin=audit.origin_of(origin),
        store=state.audit_store,
        keeper=state.audit_keeper,
        summarize=audit_events.summarize,
        limits=limits.audit_recorder,
        evidence=state.evidence / "audit",
        node=node,
    )


def plans_of(
    state: StateFolder, origin: str, limits: Limits, *, node: str = ALONE
) -> tuple[LogPlan, LogPlan]:
    """Say how both logs of a state folder are made, in the order of `LOGS`.

    Args:
        state: The state folder.
        origin: The ledger's origin.
        limits: What the gateway takes on.
        node: The name under which this run of the node speaks to its own workers.

    Returns:
        The ledger's plan, and that of the audit log.
    """
    return (
        ledger_plan(state, origin, limits, node=node),
        audit_plan(state, origin, limits, node=node),
    )


def verifier_of(pinned: str) -> NoteVerifier:
    """Read a verifier key as the marker holds it.

    Args:
        pinned: The key.

    Raises:
        SetupError: It is none.
    """
    try:
        return NoteVerifier.parse(pinned)
    except NoteError:
        raise SetupError(
            "inception.json is damaged: restore it from a copy of the state folder"
        ) from None


def check_pinned(keeper: Keeper, pinned: str, plan: LogPlan) -> None:
    """Refuse a log key that is not the one that members have pinned.

    Args:
        keeper: The keeper of the key.
        pinned: The verifier key that the folder was begun with.
        plan: The log.

    Raises:
        Fault: LEDGER_NOT_PROVEN, it is another.
    """
    if str(keeper.verifier) != pinned:
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"the log key in {plan.keeper} is not the one that members have pinned: restore the "
            "keeper's folder from a copy",
        )


def wire(  # noqa: PLR0913 - what a worker has of a log
    plan: LogPlan,
    *,
    connection: RoleConnection,
    verifier: NoteVerifier,
    node: str,
    now: Callable[[], datetime],
    meter: Meter | None = None,
    witnesses: WitnessPolicy | None = None,
) -> LogParts:
    """Wire a worker's side of a log; nothing runs yet.

    Args:
        plan: How it is made.
        connection: The worker's.
        verifier: The public half of its key.
        node: Name of the gateway, for people.
        now: The clock, UTC.
        meter: Counts its blocks; None where nothing is counted.
        witnesses: Who stands behind checkpoints; None for nobody.

    Returns:
        The parts.
    """
    appender = JetStreamAppender(connection, plan.log)
    reader = StoreReader(plan.store, plan.origin)

    def heard(behind: WitnessPolicy | None) -> Head:
        announcements = plan.announcements(connection)
        return Head(reader=reader, announcements=announcements, verifier=verifier, witnesses=behind)

    head = heard(None)
    recorder = BlockRecorder(
        appender=appender if meter is None else MeasuredAppender(appender, meter),
        reader=reader,
        head=head,
        node=node,
        now=now,
        limits=plan.limits,
    )
    conditions = NatsConditions(connection, plan.log, node=plan.node)
    return LogParts(
        reader=reader,
        head=head,
        cosigned=heard(witnesses) if witnesses is not None else None,
        recorder=recorder,
        conditions=conditions,
    )
