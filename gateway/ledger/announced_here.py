"""New checkpoints within one process: an integrator and its worker, side by side.

* The same promises as over NATS: an announcement is a hint, a listener keeps the newest note only,
  and begins by asking the store.
* Nothing can be lost on the way, so no listener is ever told that it missed something.

Whoever hears a note verifies it, as one that came over NATS (`announcements`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from gateway.ports.blocks import Announcement


class AnnouncedHere:
    """Announces and is heard; see `gateway.ports.blocks.Announcer` and `Announcements`."""

    def __init__(self) -> None:
        """Begin with nothing announced."""
        self._announced = 0
        self._newest: bytes | None = None
        self._changed = asyncio.Event()

    async def announce(self, note: bytes) -> None:
        """Announce the newest note."""
        self._announced += 1
        self._newest = note
        self._changed.set()
        self._changed = asyncio.Event()

    async def notes(self) -> AsyncGenerator[Announcement, None]:
        """Yield announcements for ever; see `gateway.ports.blocks.Announcements.notes`."""
        heard = self._announced
        yield Announcement(note=None)
        while True:
            while heard == self._announced:
                await self._changed.wait()
            heard = self._announced
            yield Announcement(note=self._newest)
