"""What is said over core NATS, as a listener hears it: the newest message on a subject.

* A listener keeps the newest message only. A slow one skips; it never holds up NATS.
* Whatever was said while there was no connection is lost: the listener is told that it may have
  missed something.

The module knows no subject and reads no message.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import nats.errors
from nats.aio.msg import Msg

from gateway.ledger.nats_connection import RoleConnection, Session, SessionEnded


async def newest(connection: RoleConnection, subject: str) -> AsyncGenerator[bytes | None, None]:
    """Yield what is said on a subject, for ever; close it when done (`contextlib.aclosing`).

    Args:
        connection: A role that may subscribe to it.
        subject: The subject.

    Yields:
        The newest message; None first, and again after every reconnect, because whatever was said
        before may have been missed.
    """
    while True:
        session = await connection.session()
        letterbox = _Letterbox()
        try:
            subscription = await session.race(
                session.client.subscribe(subject, cb=letterbox.receive)
            )
            # After this the server has the subscription: whatever was said before it is covered
            # by the None, whatever is said later is heard.
            await session.settle()
        except (nats.errors.Error, SessionEnded, TimeoutError):
            await session.close()
            continue
        try:
            yield None
            while (letter := await letterbox.take(session)) is not None:
                yield letter
        finally:
            with contextlib.suppress(nats.errors.Error, SessionEnded):
                await session.race(subscription.unsubscribe())


class _Letterbox:
    """Holds one letter, the newest."""

    def __init__(self) -> None:
        self._letter: bytes | None = None
        self._arrived = asyncio.Event()

    async def receive(self, msg: Msg) -> None:
        self._letter = msg.data
        self._arrived.set()

    async def take(self, session: Session) -> bytes | None:
        """Wait for a letter; None once the session has ended."""
        if self._letter is None and not session.ended.done():
            await session.event(self._arrived)
        letter, self._letter = self._letter, None
        self._arrived.clear()
        return None if session.ended.done() else letter
