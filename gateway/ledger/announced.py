"""The head as its own integrator announces it: for what runs beside the integrator.

* What is announced is signed and on disk; it is taken as it is, and passed on.
* It never goes back: of two notes the larger counts.

Workers have a head of their own, which trusts no announcement: `head`.
"""

from __future__ import annotations

import asyncio

from gateway.core.checkpoint import Checkpoint
from gateway.core.errors import Fault, Reason
from gateway.core.note import parse_note
from gateway.ports.blocks import Announcer
from gateway.ports.reading import SignedHead


class AnnouncedHead:
    """An announcer that remembers: `gateway.ports.blocks.Announcer` and `reading.LedgerHead`."""

    def __init__(self, announcer: Announcer) -> None:
        """Pass on to an announcer what is announced."""
        self._announcer = announcer
        self._current: SignedHead | None = None
        self._grew = asyncio.Event()

    async def announce(self, note: bytes) -> None:
        """Announce the newest note; see `gateway.ports.blocks.Announcer.announce`."""
        head = Checkpoint.parse(parse_note(note).text)
        if self._current is None or head.size > self._current.size:
            self._current = SignedHead(note=note, size=head.size, root=head.root)
            self._grew.set()
            self._grew = asyncio.Event()
        await self._announcer.announce(note)

    @property
    def current(self) -> SignedHead:
        """The newest; see `gateway.ports.reading.LedgerHead.current`."""
        if self._current is None:
            raise Fault(Reason.LEDGER_UNAVAILABLE, "nothing is signed yet: try again shortly")
        return self._current

    @property
    def size(self) -> int:
        """Size of the newest; 0 before the first."""
        return self._current.size if self._current else 0

    async def wait_beyond(self, size: int) -> SignedHead:
        """Wait for a larger one; see `gateway.ports.reading.LedgerHead.wait_beyond`."""
        while self._current is None or self._current.size <= size:
            await self._grew.wait()
        return self._current
