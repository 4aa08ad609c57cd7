"""The integrator: folds the stream into the store, signs the head, and tells the workers.

* In this order for every block: store committed, head signed (its mark on disk), note published
  in the store, note announced. A crash between two of them is mended at the next start.
* Before it folds, at start and after every interruption, it compares the last folded message with
  what the stream holds at that sequence. JetStream hands lost sequences out again after damage: a
  number that looks right proves nothing.
* It goes on after the last folded message; nothing is folded twice.
* A store that is behind the last signed checkpoint, because it was lost or rolled back, is folded
  anew from the stream, and nothing is signed until the tree has reached that checkpoint again.
* Where the ledger cannot be proven whole it halts, says why and what to do, and folds no more.
  What may pass by itself (no answer, no space) it tries again.

It judges no entry (the fold does), and answers no caller (the recorder does).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from hashlib import sha256
from typing import Final, TypeVar

from gateway.core.errors import Fault, Reason
from gateway.core.merkle import TreeHead
from gateway.ledger.keeper import Keeper
from gateway.ledger.store import Store
from gateway.ports.blocks import Announcer, BlockReader, StreamInterrupted, StreamMessage

_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")

_RECHECK_SECONDS: Final = 0.05
_RETRY_SECONDS: Final = 0.5


class Integrator:
    """The only writer of a node's store, and the only signer of its log."""

    def __init__(
        self, *, stream: BlockReader, store: Store, keeper: Keeper, announcer: Announcer
    ) -> None:
        """Put the parts together; nothing is read yet.

        Args:
            stream: The blocks.
            store: The store, used by nobody else from now on.
            keeper: The log key, used by nobody else from now on.
            announcer: Tells workers of new notes.
        """
        self._stream = stream
        self._store = store
        self._keeper = keeper
        self._announcer = announcer
        # Store and keeper belong to this thread: the loop never waits for a disk.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="integrator")
        self._halted: Fault | None = None
        self._stalled: Fault | None = None
        self._caught_up = False

    @property
    def halted(self) -> Fault | None:
        """Why it folds no more; None while it runs."""
        return self._halted

    @property
    def stalled(self) -> Fault | None:
        """What keeps it from folding just now, while it tries again; None where nothing does."""
        return self._stalled

    @property
    def serving(self) -> bool:
        """Whether the ledger is proven, folded up to what the stream held, and moving."""
        return self._caught_up and self._halted is None and self._stalled is None

    async def run(self) -> None:
        """Fold for ever.

        Raises:
            Fault: The ledger cannot be proven whole; `halted` says the same from then on.
        """
        try:
            while True:
                try:
                    await self._follow(stop_at_end=False)
                except StreamInterrupted as interruption:
                    _log.info("the stream was interrupted, checking it again: %s", interruption)
                    await asyncio.sleep(_RECHECK_SECONDS)
                except Fault as fault:
                    if fault.reason is not Reason.LEDGER_UNAVAILABLE:
                        raise
                    self._stalled = fault
                    _log.warning("the integrator waits: %s", fault.detail)
                    await asyncio.sleep(_RETRY_SECONDS)
        except Fault as fault:
            self._halted = fault
            _log.critical("the integrator halts: %s", fault.detail)
            raise
        except Exception as error:
            self._halted = Fault(
                Reason.INTERNAL, "the integrator failed: see its log, and start again"
            )
            _log.exception("the integrator halts")
            raise self._halted from error

    async def catch_up(self) -> TreeHead:
        """Prove, fold and sign what the stream holds now, and stop there.

        Returns:
            The head after it.

        Raises:
            Fault: The ledger cannot be proven whole, or stream or store failed.
        """
        while True:
            try:
                await self._follow(stop_at_end=True)
            except StreamInterrupted as interruption:
                _log.info("the stream was interrupted, checking it again: %s", interruption)
            else:
                return await self._in_thread(self._store.head)

    async def close(self) -> None:
        """Wait for the block in hand, then close the store."""
        await asyncio.to_thread(self._thread.shutdown)
        self._store.close()

    async def _follow(self, *, stop_at_end: bool) -> None:
        """Check the stream, then fold what comes after the last folded message."""
        folded = await self._prove()
        end = (await self._stream.bounds()).last
        self._stalled = None
        if folded >= end:
            await self._reach_end()
            if stop_at_end:
                return
        async with aclosing(self._stream.follow(folded)) as messages:
            async for message in messages:
                note = await self._in_thread(partial(self._fold, message))
                if note is not None:
                    await self._announcer.announce(note)
                if message.sequence == end:
                    await self._reach_end()
                    if stop_at_end:
                        return

    async def _prove(self) -> int:
        """Compare the last folded message with what the stream holds at its sequence.

        Returns:
            Its sequence; 0 where nothing was folded.

        Raises:
            Fault: LEDGER_NOT_PROVEN, the stream holds another message there, or none.
        """
        last = await self._in_thread(self._store.last_block)
        if last is None:
            return 0
        held = await self._stream.message(last.sequence)
        if held is None or sha256(held).digest() != last.sha256:
            what = "nothing" if held is None else "another message"
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"the stream holds {what} at sequence {last.sequence}, which the store has folded: "
                "JetStream lost messages. Stop, keep a copy of the state folder, and restore the "
                "JetStream folder; the store still holds every block",
            )
        return last.sequence

    async def _reach_end(self) -> None:
        """Sign and announce, having folded all that the stream held when it was checked.

        This also mends a crash between commit and signature, or between that and announcement.

        Raises:
            Fault: LEDGER_NOT_PROVEN, the stream ends before what has been signed.
        """
        head = await self._in_thread(self._store.head)
        signed = self._keeper.mark.size
        if head.size < signed:
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"{signed} entries were signed, but store and stream hold only {head.size}: both "
                "lost entries. Stop, keep a copy of the state folder, and restore the JetStream "
                "folder from its newest backup",
            )
        note = await self._in_thread(partial(self._sign, head))
        if note is not None:
            await self._announcer.announce(note)
        self._caught_up = True

    def _fold(self, message: StreamMessage) -> bytes | None:
        """Fold one message and sign the head after it. Runs in the integrator's thread."""
        # Killed here, the store knows nothing of the message: it is folded after the restart.
        head = self._store.fold(message)
        # Killed here, the store is ahead of the mark: the restart signs.
        return self._sign(head)

    def _sign(self, head: TreeHead) -> bytes | None:
        """Sign and publish a head; None where it has to reach the mark first."""
        if head.size < self._keeper.mark.size:
            return None
        note = self._keeper.sign(head, self._store.root_at)
        # Killed here, the mark is ahead of what readers know: the restart publishes the same note.
        self._store.publish(note)
        # Killed here, nobody was told: the restart announces it, and readers ask the store besides.
        return note

    async def _in_thread(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
