"""A node among others: both of its logs compared with what others sign, and its turn to sign.

* Whether there may be others follows from where NATS is (`gateway.compose.nats`): with a child of
  its own a gateway is alone, its keepers sign, and nothing here is made.
* The lease is one for both logs. A node that has halted in one of them gives it up.
* Which node signs is decided among those that have the keys of both logs.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from gateway.compose.log import LogPlan, check_pinned, verifier_of
from gateway.compose.nats import Nats
from gateway.compose.state import Inception
from gateway.core.errors import Fault
from gateway.ledger.beside import Beside, SayingAnnouncer
from gateway.ledger.endorsing import NodeEndorser
from gateway.ledger.integrator import Integrator
from gateway.ledger.keeper import Keeper
from gateway.ledger.lease import Candidate, Lease
from gateway.ledger.lease_kv import KvLeasePlace
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.notes import NatsSignedNotes
from gateway.ledger.store import Store
from gateway.ledger.stream import JetStreamReader
from gateway.ports.conditions import State

# A server that has just become the leader may not have all of a stream at hand yet.
_DOUBT_SECONDS: Final = 30.0
# Longer than a note is ever under way; whoever hands in then waits for a node to take its turn.
_UNSIGNED_SECONDS: Final = 5.0
# What waits for a signature is no reason not to give it.
_WELL: Final = {State.FOLDING, State.UNSIGNED}
_LAST_WORD_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One log of a node among others.

    Attributes:
        plan: How it is made.
        keeper: Its mark, and its key if it is here.
        integrator: Folds it.
        endorser: Gives its notes.
        notes: What nodes say of it.
    """

    plan: LogPlan
    keeper: Keeper
    integrator: Integrator
    endorser: NodeEndorser
    notes: NatsSignedNotes

    @classmethod
    def of(cls, plan: LogPlan, connection: RoleConnection, store: Store, keeper: Keeper) -> Side:
        """Make it; nothing runs yet.

        Args:
            plan: How it is made.
            connection: The integrator's.
            store: Its store, open.
            keeper: Its mark, and its key if it is here.
        """
        endorser = NodeEndorser(keeper, evidence_folder=plan.evidence)
        notes = NatsSignedNotes(connection, plan.log)
        workers = plan.announcer(connection)
        integrator = Integrator(
            stream=JetStreamReader(connection, plan.log),
            store=store,
            endorser=endorser,
            announcer=SayingAnnouncer(workers, notes, endorser),
            doubt_seconds=_DOUBT_SECONDS,
            unsigned_seconds=_UNSIGNED_SECONDS,
        )
        return cls(plan=plan, keeper=keeper, integrator=integrator, endorser=endorser, notes=notes)


class Company:
    """Both logs of a node among others, and its side of the lease."""

    def __init__(
        self, sides: Sequence[Side], connection: RoleConnection, *, nats: Nats, called: str
    ) -> None:
        """Put them together.

        Args:
            sides: Both logs.
            connection: The integrator's.
            nats: The settings.
            called: Name of this node, for people and for the lease.
        """
        self._sides = sides
        candidate = Candidate(
            node=called,
            token=secrets.token_hex(16),
            fit=self._fit,
            notes=self._notes,
            heard=self._heard,
        )
        self._lease = Lease(
            KvLeasePlace(connection),
            candidate,
            seconds=nats.lease_seconds,
            clock=asyncio.get_running_loop().time,
            written=lambda: datetime.now(UTC).isoformat(timespec="seconds"),
        )

    @asynccontextmanager
    async def kept(self) -> AsyncGenerator[list[asyncio.Task[None]], None]:
        """Hear, compare and take turns for a while; the integrators run by themselves.

        Yields:
            What has to run for ever.
        """
        besides = [
            Beside(
                integrator=side.integrator,
                endorser=side.endorser,
                notes=side.notes,
                lease=self._lease,
            )
            for side in self._sides
        ]
        runs = [each.run() for each in besides]
        tasks = [asyncio.create_task(each) for each in (*runs, self._lease.run())]
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.give_up()

    async def give_up(self) -> None:
        """Let go of the lease, so that another node signs at once."""
        with suppress(Fault, TimeoutError):
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await self._lease.let_go()

    def _fit(self) -> bool:
        return all(
            side.keeper.can_sign and side.integrator.condition.state in _WELL
            for side in self._sides
        )

    def _notes(self) -> Mapping[str, bytes]:
        newest = {side.plan.log.stream: side.endorser.note for side in self._sides}
        return {stream: note for stream, note in newest.items() if note is not None}

    def _heard(self, notes: Mapping[str, bytes]) -> None:
        for side in self._sides:
            note = notes.get(side.plan.log.stream)
            if note is not None and note != side.endorser.note:
                side.endorser.hear(note)
                side.integrator.look_again()


def keeper_of(plan: LogPlan, pinned: str, nats: Nats) -> Keeper:
    """Open a log's mark and key as this node has to have them.

    Args:
        plan: How the log is made.
        pinned: The verifier key that the folder was begun with.
        nats: Where NATS is. A node alone must have the key; one among others may.

    Raises:
        SetupError: The pinned key cannot be read.
        Fault: LEDGER_NOT_PROVEN, mark or key is not whole, or the key is another.
    """
    if nats.external is None:
        keeper = Keeper.load(plan.keeper, plan.origin)
        check_pinned(keeper, pinned, plan)
        return keeper
    return Keeper.attend(plan.keeper, verifier_of(pinned))


def can_sign(plans: Sequence[LogPlan], inception: Inception, nats: Nats) -> bool:
    """Tell whether a node has the keys of both logs.

    Args:
        plans: How both are made.
        inception: What the folder was begun with.
        nats: Where NATS is.

    Raises:
        Fault: LEDGER_NOT_PROVEN, a mark or a key is not whole, or a key is another.
    """
    pins = inception.log_key, inception.audit_log_key
    return all(keeper_of(plan, pin, nats).can_sign for plan, pin in zip(plans, pins, strict=True))
