"""The stream, examined: every sequence is asked for, and compared with the store's copy.

* Nothing that JetStream says of itself is believed: neither its counts nor its last sequence tell
  of a message that was lost. Each sequence from 1 to the last that either engine knows is read.
* What the stream holds beyond the store is whole if it can be read without a hole.

It reads through the same door as the integrator, and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from hashlib import sha256
from typing import Final

from gateway.care.findings import Damage
from gateway.care.inspection import Inspection
from gateway.care.replay import Replay
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.raw import RawStore, Unreadable
from gateway.ledger.stream import JetStreamReader
from gateway.ledger.stream_setup import changed_settings

_AT_ONCE: Final = 64


async def examine(
    inspection: Inspection, integrator: RoleConnection, store: RawStore | None, replay: Replay
) -> None:
    """Compare a log's stream with its store.

    Args:
        inspection: The check of the log.
        integrator: A connection as the integrator.
        store: The store, open for reading; None where it cannot be read.
        replay: What was folded of the store; folded on with what only the stream holds.

    Raises:
        Fault: LEDGER_UNAVAILABLE, nats-server does not answer.
    """
    site = inspection.site
    name = f"stream {site.log.stream}"
    changed = await changed_settings(integrator, site.log)
    if changed is None:
        inspection.add(Damage.STREAM_MISSING, name, "nats-server has no such stream")
        return
    if changed:
        inspection.add(Damage.STREAM_SETTINGS, name, f"changed: {', '.join(changed)}")
    reader = JetStreamReader(integrator, site.log)
    bounds = await reader.bounds()
    known = _Hashes(store)
    last = max(bounds.last, known.last)
    if bounds.last < known.last:
        detail = f"it ends at {bounds.last}, the store has folded it up to {known.last}"
        inspection.add(Damage.STREAM_ENDS_EARLY, name, detail)
    async with aclosing(_messages(reader, bounds.last)) as messages:
        async for sequence, message in messages:
            folded = known.at(sequence)
            where = f"{name}, sequence {sequence}"
            if message is None:
                inspection.add(
                    Damage.STREAM_HOLE, where, "it holds nothing there and goes on after"
                )
            elif folded is not None and sha256(message).digest() != folded:
                detail = "it holds another message than the store has folded"
                inspection.add(Damage.STREAM_CHANGED, where, detail)
            elif sequence == replay.blocks + 1:
                await asyncio.to_thread(replay.fold, sequence, message)
            inspection.tell("reading the stream", sequence, last)


async def _messages(
    reader: JetStreamReader, last: int
) -> AsyncGenerator[tuple[int, bytes | None], None]:
    """Ask for every sequence, many at once, and give the answers in order."""
    for first in range(1, last + 1, _AT_ONCE):
        wanted = range(first, min(first + _AT_ONCE, last + 1))
        found = await asyncio.gather(*map(reader.message, wanted))
        for sequence, message in zip(wanted, found, strict=True):
            yield sequence, message


class _Hashes:
    """The hashes that a store has recorded, read ahead in the order of the stream."""

    def __init__(self, store: RawStore | None) -> None:
        self._store = store
        self._page: dict[int, bytes] = {}
        self._read = 0
        self.last = self._last()

    def at(self, sequence: int) -> bytes | None:
        """Give the hash at a sequence; ask in ascending order."""
        if self._store is None or sequence > self.last:
            return None
        if sequence > self._read:
            try:
                self._page = dict(self._store.hashes(sequence - 1, 1024))
            except Unreadable:
                # The check of the store says so itself.
                self._store = None
                return None
            self._read = max(self._page, default=sequence)
        return self._page.get(sequence)

    def _last(self) -> int:
        try:
            return self._store.last[0] if self._store is not None else 0
        except Unreadable:
            return 0
