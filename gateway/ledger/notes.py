"""Signed notes over core NATS, from node to node.

* The signer says each note once. A lost one is no problem: whoever has folded further than the
  newest note it knows asks, and every node that knows a note says its newest again.
* A note is said on the same subject whether it was asked for or not: nobody's inbox is needed.
* A letterbox holds a bounded number of notes and drops the oldest: a node that lags compares later
  ones, which extend those.

Nothing here verifies a note: `endorsing` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

import nats.errors
from nats.aio.msg import Msg

from gateway.core.errors import Fault
from gateway.ledger.nats_connection import RoleConnection, Session, SessionEnded
from gateway.ledger.nats_roles import LEDGER, Log
from gateway.ledger.places import PLACE_BYTES

_log: Final = logging.getLogger(__name__)

_LETTERS: Final = 1024


class NatsSignedNotes:
    """Says and hears as an integrator; see `gateway.ports.nodes.SignedNotes`."""

    def __init__(self, integrator: RoleConnection, log: Log = LEDGER) -> None:
        """Say and hear a log's notes over a connection."""
        self._connection = integrator
        self._log = log
        self._newest: bytes | None = None

    async def say(self, note: bytes) -> None:
        """Say a note that was signed here; see `gateway.ports.nodes.SignedNotes.say`."""
        self.keep(note)
        await self._publish(self._log.notes, note)

    def keep(self, note: bytes) -> None:
        """Have a note ready; see `gateway.ports.nodes.SignedNotes.keep`."""
        self._newest = note

    async def ask(self) -> None:
        """Ask the others; see `gateway.ports.nodes.SignedNotes.ask`."""
        await self._publish(self._log.asking, b"")

    async def heard(self) -> AsyncGenerator[bytes, None]:
        """Yield what the others say; see `gateway.ports.nodes.SignedNotes.heard`."""
        while True:
            session = await self._connection.session()
            letterbox = _Letterbox()
            try:
                client = session.client
                hear = client.subscribe(self._log.notes, cb=letterbox.receive)
                subscriptions = [await session.race(hear)]
                answer = client.subscribe(self._log.asking, cb=self._answer)
                subscriptions.append(await session.race(answer))
                # After this the server has both: whatever is said from here on is heard.
                await session.settle()
            except (nats.errors.Error, SessionEnded, TimeoutError):
                await session.close()
                continue
            await self.ask()
            try:
                while (note := await letterbox.take(session)) is not None:
                    yield note
            finally:
                for each in subscriptions:
                    with contextlib.suppress(nats.errors.Error, SessionEnded):
                        await session.race(each.unsubscribe())

    async def _answer(self, _msg: Msg) -> None:
        if self._newest is not None:
            await self._publish(self._log.notes, self._newest)

    async def _publish(self, subject: str, content: bytes) -> None:
        try:
            session = await self._connection.session(within=0)
            await session.race(session.client.publish(subject, content))
        except (Fault, nats.errors.Error, SessionEnded) as error:
            _log.debug("nothing was said on %s: %r", subject, error)


class _Letterbox:
    """Holds the newest letters, in order."""

    def __init__(self) -> None:
        self._letters: deque[bytes] = deque(maxlen=_LETTERS)
        self._arrived = asyncio.Event()

    async def receive(self, msg: Msg) -> None:
        if len(msg.data) <= PLACE_BYTES:
            self._letters.append(msg.data)
            self._arrived.set()

    async def take(self, session: Session) -> bytes | None:
        """Wait for a note; None once the session has ended."""
        while not self._letters:
            if session.ended.done():
                return None
            self._arrived.clear()
            await session.event(self._arrived)
        return self._letters.popleft()
