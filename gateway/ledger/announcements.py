"""New checkpoints over core NATS: said once, heard by every worker, kept by nobody.

* Every node announces under its own name, to its own workers: what they hear, the store beside them
  holds.
* A note is a hint that the store has grown. It may be lost; it is never the record, and whoever
  hears it verifies it.
* The newest note is said again on every new session, so a listener whose own connection held
  while the announcer's was down still hears it.
* A listener keeps the newest note only. A slow reader skips notes; it never holds up NATS.

Nothing here signs, verifies or reads a checkpoint.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

import nats.errors

from gateway.core.errors import Fault
from gateway.ledger.letters import newest
from gateway.ledger.nats_connection import RoleConnection, Session, SessionEnded
from gateway.ledger.nats_roles import ALONE, LEDGER, Log
from gateway.ports.blocks import Announcement

_log = logging.getLogger(__name__)


class NatsAnnouncer:
    """Announces as the integrator; see `gateway.ports.blocks.Announcer`."""

    def __init__(self, integrator: RoleConnection, log: Log = LEDGER, *, node: str = ALONE) -> None:
        """Announce a log's notes over a connection, and again on each of its new sessions."""
        self._connection = integrator
        self._subject = log.announced(node)
        self._newest: bytes | None = None
        integrator.on_session(self._say)

    async def announce(self, note: bytes) -> None:
        """Announce the newest note; while NATS is away it is kept and said at the next session."""
        self._newest = note
        with contextlib.suppress(Fault):
            await self._say(await self._connection.session(within=0))

    async def _say(self, session: Session) -> None:
        if self._newest is not None:
            try:
                await session.race(session.client.publish(self._subject, self._newest))
            except (nats.errors.Error, SessionEnded) as error:
                _log.debug("checkpoint not announced, the next session repeats it: %r", error)


class NatsAnnouncements:
    """Listens as a worker; see `gateway.ports.blocks.Announcements`."""

    def __init__(self, worker: RoleConnection, log: Log = LEDGER, *, node: str = ALONE) -> None:
        """Listen for what a node's integrator announces of a log, over a connection."""
        self._connection = worker
        self._subject = log.announced(node)

    async def notes(self) -> AsyncGenerator[Announcement, None]:
        """Yield announcements for ever; see `gateway.ports.blocks.Announcements.notes`."""
        async with aclosing(newest(self._connection, self._subject)) as letters:
            async for letter in letters:
                yield Announcement(note=letter)
