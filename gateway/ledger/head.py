"""The newest signed checkpoint that a worker has seen: `gateway.ports.reading.LedgerHead`.

* A note counts only if the log's own key signed it; the head never goes back.
* Announcements are hints: where one may have been missed, the store is asked.
* Where witnesses have to stand behind it, only a note counts that they have cosigned: such a head
  follows the plain one by as long as they take. Whoever cosigns it later is shown as well.
* Every announcement is a pulse, also one that brings no larger head: a block may have been folded
  whose entries were all refused.

It does not check consistency between heads: the keeper does before it signs, and members do.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import Final

from gateway.admission.brief import Brief
from gateway.core.checkpoint import Checkpoint, NoteError, NoteVerifier, open_checkpoint
from gateway.core.errors import Fault, Reason
from gateway.core.note import parse_note
from gateway.core.witness_policy import WitnessPolicy
from gateway.ports.blocks import Announcements
from gateway.ports.reading import LedgerReader, SignedHead

_log: Final = logging.getLogger(__name__)


class Head:
    """One worker's view of the log's head."""

    def __init__(
        self,
        *,
        reader: LedgerReader,
        announcements: Announcements,
        verifier: NoteVerifier,
        witnesses: WitnessPolicy | None = None,
    ) -> None:
        """Begin without a head.

        Args:
            reader: The store, asked when an announcement may have been missed.
            announcements: Where new notes are heard.
            verifier: The log's key; its name is the origin.
            witnesses: Who has to have cosigned a note; None for nobody.
        """
        self._witnesses = witnesses
        self._reader = reader
        self._brief = Brief()
        self._announcements = announcements
        self._verifier = verifier
        self._current: SignedHead | None = None
        self._pulse = asyncio.Event()

    @property
    def current(self) -> SignedHead:
        """Note, size and root; see `gateway.ports.reading.LedgerHead.current`."""
        if self._current is None:
            raise Fault(
                Reason.LEDGER_UNAVAILABLE, "no signed checkpoint is known yet: try again shortly"
            )
        return self._current

    @property
    def size(self) -> int:
        """Size of the newest signed checkpoint; 0 before the first."""
        return self._current.size if self._current else 0

    @property
    def pulse(self) -> asyncio.Event:
        """An event that the next announcement sets. Take it before looking, then wait for it."""
        return self._pulse

    async def wait_beyond(self, size: int) -> SignedHead:
        """Wait for a larger head; see `gateway.ports.reading.LedgerHead.wait_beyond`."""
        while self._current is None or self._current.size <= size:
            await self._pulse.wait()
        return self._current

    async def run(self) -> None:
        """Listen until cancelled."""
        async with aclosing(self._announcements.notes()) as announcements:
            async for announcement in announcements:
                if announcement.note is None:
                    await self.refresh()
                    continue
                self._hear(announcement.note)
                if self._witnesses is not None and not self._shows(announcement.note):
                    # Only the newest note is heard: a plain one may have come in place of one that
                    # was cosigned, which the store has.
                    await self.refresh()

    async def refresh(self) -> None:
        """Ask the store for the newest note; a store that fails is left for the next time."""
        try:
            note = await self._brief.run(self._read)
        except Fault as fault:
            _log.warning(
                "the head could not be read: %s",
                fault,
                extra={"event": "head_unread", "reason": fault.reason},
            )
            return
        if note is not None:
            self._hear(note)

    def _shows(self, note: bytes) -> bool:
        return self._current is not None and self._current.note == note

    def _read(self) -> bytes | None:
        with self._reader.snapshot() as snapshot:
            return snapshot.note if self._witnesses is None else snapshot.cosigned

    def _hear(self, note: bytes) -> None:
        try:
            checkpoint = open_checkpoint(note, [self._verifier], self._verifier.name)
        except NoteError as error:
            _log.warning(
                "a note was heard that the log did not sign: %s",
                error,
                extra={"event": "note_unsigned"},
            )
            return
        if self._is_newer(checkpoint, note):
            self._current = SignedHead(note=note, size=checkpoint.size, root=checkpoint.root)
        self._pulse.set()
        self._pulse = asyncio.Event()

    def _is_newer(self, checkpoint: Checkpoint, note: bytes) -> bool:
        current, witnesses = self._current, self._witnesses
        if witnesses is None:
            return current is None or checkpoint.size > current.size
        parsed = parse_note(note)
        if current is None or checkpoint.size > current.size:
            return witnesses.stands_behind(parsed)
        # Who cosigns after the quorum has, cosigns the same head: readers may ask for just these.
        same = (checkpoint.size, checkpoint.root) == (current.size, current.root)
        before = witnesses.behind(parse_note(current.note))
        return same and set(before) < set(witnesses.behind(parsed))
