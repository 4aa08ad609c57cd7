"""A node beside others: what it hears reaches its endorser, and its turn to sign begins and ends.

* What others have signed is compared as it comes. While something is folded that no known note
  covers, the others are asked every second.
* A turn begins in this order: the lease taken; everything folded that the stream then held; the
  others asked once more for what they know; only then the first signature.
* What is signed here is said to the others after this node's own workers were told.

One `Beside` for each log; the lease is one for both.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from functools import partial
from typing import Final

from gateway.core.errors import Fault
from gateway.ledger.endorsing import NodeEndorser
from gateway.ledger.integrator import Integrator
from gateway.ledger.lease import Lease
from gateway.ports.blocks import Announcer
from gateway.ports.nodes import SignedNotes

_log: Final = logging.getLogger(__name__)

_ASK_SECONDS: Final = 1.0
_LISTEN_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 0.5


class SayingAnnouncer:
    """Tells this node's workers of a note and, if it was signed here, the other nodes."""

    def __init__(self, workers: Announcer, notes: SignedNotes, endorser: NodeEndorser) -> None:
        """Put an announcer and what is said to others together."""
        self._workers = workers
        self._notes = notes
        self._endorser = endorser

    async def announce(self, note: bytes) -> None:
        """Announce; see `gateway.ports.blocks.Announcer.announce`."""
        await self._workers.announce(note)
        # Workers are also told what witnesses have cosigned, which is of an earlier head.
        newest = self._endorser.note or note
        if self._endorser.signing:
            await self._notes.say(newest)
        else:
            self._notes.keep(newest)


class Beside:
    """One log of a node beside others."""

    def __init__(
        self, *, integrator: Integrator, endorser: NodeEndorser, notes: SignedNotes, lease: Lease
    ) -> None:
        """Put the parts together; `run` does the work.

        Args:
            integrator: Folds the log on this node.
            endorser: Its endorser.
            notes: What nodes say of this log.
            lease: This node's side of the lease.
        """
        self._integrator = integrator
        self._endorser = endorser
        self._notes = notes
        self._lease = lease

    async def run(self) -> None:
        """Hear, ask and take turns until cancelled."""
        loops = [
            asyncio.create_task(each) for each in (self._listen(), self._ask(), self._take_turns())
        ]
        try:
            done, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in loops:
                each.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    async def _listen(self) -> None:
        async with aclosing(self._notes.heard()) as heard:
            async for note in heard:
                # What is no news is not given out again: it would be said, and heard, for ever.
                if self._endorser.hear(note):
                    self._integrator.look_again()

    async def _ask(self) -> None:
        while True:
            await asyncio.sleep(_ASK_SECONDS)
            if self._integrator.unendorsed and not self._endorser.signing:
                await self._notes.ask()

    async def _take_turns(self) -> None:
        term = 0
        while True:
            term = await self._lease.gained(term)
            await self._settle()
            await self._notes.ask()
            await asyncio.sleep(_LISTEN_SECONDS)
            # From here on this node signs, if the lease has not ended in the meantime.
            self._endorser.take_turn(partial(self._lease.lasts, term))
            self._integrator.look_again()

    async def _settle(self) -> None:
        while True:
            try:
                await self._integrator.settled()
            except Fault as fault:
                _log.info(
                    "the stream has to be read before signing: %s",
                    fault.detail,
                    extra={"event": "integrator_waits", "reason": fault.reason},
                )
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return
