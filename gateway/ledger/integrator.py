"""The integrator: folds the stream into the store, has the head endorsed, and tells the workers.

* In this order for every block: store committed, head signed (its mark on disk), note published
  in the store, note announced. A crash between two of them is mended at the next start.
* A node beside others may wait for another's signature instead: then it is asked to look again
  whenever one was heard. See `endorsing`.
* Where a signature that is another node's to give has not come for a while, its condition says so.
* Before it folds, at start and after every interruption, it compares the last folded message with
  what the stream holds at that sequence. JetStream hands lost sequences out again after damage: a
  number that looks right proves nothing.
* It goes on after the last folded message; nothing is folded twice.
* A store that is behind the last signed checkpoint, because it was lost or rolled back, is folded
  anew from the stream, and nothing is signed until the tree has reached that checkpoint again.
* Where the ledger cannot be proven whole it halts, says why and what to do, and folds no more.
  What may pass by itself (no answer, no space) it tries again. In a cluster a server that has just
  become the stream's leader may know less than it soon will: that is doubted for a while.

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
from math import inf
from typing import Final, TypeVar

from gateway.core.errors import Fault, Reason
from gateway.core.merkle import TreeHead
from gateway.ledger.announced import AnnouncedHead
from gateway.ledger.bearing import Bearing
from gateway.ledger.endorsing import Endorser
from gateway.ledger.store import Store
from gateway.ports.blocks import (
    Announcer,
    BlockReader,
    StreamBehind,
    StreamInterrupted,
    StreamMessage,
)
from gateway.ports.conditions import Condition
from gateway.ports.reading import LedgerHead

_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")

_RECHECK_SECONDS: Final = 0.05
_RETRY_SECONDS: Final = 0.5


class Integrator:
    """The only writer of a node's store."""

    def __init__(
        self,
        *,
        stream: BlockReader,
        store: Store,
        endorser: Endorser,
        announcer: Announcer,
        doubt_seconds: float = 0.0,
        unsigned_seconds: float = inf,
    ) -> None:
        """Put the parts together; nothing is read yet.

        Args:
            stream: The blocks.
            store: The store, used by nobody else from now on.
            endorser: Gives the notes, used by nobody else from now on.
            announcer: Tells workers of new notes.
            doubt_seconds: How long a stream that holds less than was folded is asked again.
            unsigned_seconds: How long what was folded may wait for a signature before that is said.
        """
        self._stream = stream
        self._store = store
        self._endorser = endorser
        self._announced = AnnouncedHead(announcer)
        self._doubt_seconds = doubt_seconds
        self._bearing = Bearing(lambda: self.unendorsed, unsigned_seconds)
        # Store and endorser belong to this thread: the loop never waits for a disk.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="integrator")
        # What is given out goes out in its order, though two loops have it given out.
        self._giving = asyncio.Lock()
        self._look = asyncio.Event()
        self._folded = 0
        self._size = 0
        self._progress = asyncio.Event()
        self._told: asyncio.Queue[Fault] = asyncio.Queue()

    @property
    def announced(self) -> LedgerHead:
        """The newest head that was announced."""
        return self._announced

    @property
    def halted(self) -> Fault | None:
        """Why it folds no more; None while it runs."""
        return self._bearing.halted

    @property
    def condition(self) -> Condition:
        """How it is."""
        return self._bearing.condition

    @property
    def turned(self) -> asyncio.Event:
        """An event that the next change of condition sets. Take it before looking, then wait."""
        return self._bearing.turned

    @property
    def trouble(self) -> str:
        """What has halted it, or keeps it from folding, in a sentence; empty where nothing does."""
        return self._bearing.trouble

    async def lag(self) -> int:
        """Tell how many blocks the stream holds that are not folded.

        Raises:
            Fault: LEDGER_UNAVAILABLE, the stream did not answer in time.
        """
        return max(0, (await self._stream.bounds()).last - self._folded)

    @property
    def unendorsed(self) -> bool:
        """Whether entries are folded that no signed note covers yet."""
        return self._size > self._endorser.mark.size

    async def run(self) -> None:
        """Fold for ever.

        Raises:
            Fault: The ledger cannot be proven whole; `halted` says the same from then on.
        """
        parts = (self._fold_on(), self._attend(), self._listen())
        loops = [asyncio.create_task(each) for each in parts]
        try:
            done, _ = await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        except Fault as fault:
            self._bearing.halt(fault)
            _log.critical(
                "the integrator halts: %s",
                fault.detail,
                extra={"event": "halt", "reason": fault.reason},
            )
            raise
        except Exception as error:
            failure = Fault(Reason.INTERNAL, "the integrator failed: see its log, and start again")
            self._bearing.halt(failure)
            _log.exception(
                "the integrator halts", extra={"event": "halt", "reason": Reason.INTERNAL}
            )
            raise failure from error
        finally:
            for each in loops:
                each.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    def look_again(self) -> None:
        """Have the head endorsed anew: a note was heard, or the turn to sign has come."""
        self._look.set()

    async def settled(self) -> None:
        """Wait until all that the stream holds now is folded.

        Raises:
            Fault: LEDGER_UNAVAILABLE, the stream does not answer.
        """
        end = (await self._stream.bounds()).last
        while self._folded < end:
            self._progress.clear()
            await self._progress.wait()

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
                _say_interrupted(interruption)
            else:
                return await self._in_thread(self._store.head)

    async def publish_cosigned(self, note: bytes) -> None:
        """Let readers see a note that enough witnesses have cosigned.

        Args:
            note: A note of this log, signed here before.

        Raises:
            Fault: The store failed.
        """
        await self._in_thread(partial(self._store.publish_cosigned, note))
        await self._announced.announce(note)

    async def close(self) -> None:
        """Wait for the block in hand, then close the store."""
        await asyncio.to_thread(self._thread.shutdown)
        self._store.close()

    def halt(self, fault: Fault) -> None:
        """Have it halt for what somebody else found: nothing more is folded or signed.

        Args:
            fault: What was found.
        """
        self._told.put_nowait(fault)

    async def _listen(self) -> None:
        raise await self._told.get()

    async def _fold_on(self) -> None:
        doubted_since: float | None = None
        while True:
            try:
                await self._follow(stop_at_end=False)
            except StreamInterrupted as interruption:
                _say_interrupted(interruption)
                await asyncio.sleep(_RECHECK_SECONDS)
            except StreamBehind as behind:
                now = asyncio.get_running_loop().time()
                doubted_since = now if doubted_since is None else doubted_since
                if now - doubted_since >= self._doubt_seconds:
                    raise
                self._bearing.stall(behind)
                self._bearing.wait("the integrator asks the stream again: %s", behind)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            except Fault as fault:
                if fault.reason is not Reason.LEDGER_UNAVAILABLE:
                    raise
                self._bearing.stall(fault)
                self._bearing.wait("the integrator waits: %s", fault)
                await asyncio.sleep(_RETRY_SECONDS)
            doubted_since = None

    async def _attend(self) -> None:
        """Have the head endorsed whenever somebody says that it can be."""
        while True:
            await self._look.wait()
            self._look.clear()
            try:
                await self._give(self._endorse_head)
            except Fault as fault:
                if fault.reason is not Reason.LEDGER_UNAVAILABLE:
                    raise
                self._bearing.wait("the integrator waits: %s", fault)
                await asyncio.sleep(_RETRY_SECONDS)
                self._look.set()

    async def _follow(self, *, stop_at_end: bool) -> None:
        """Check the stream, then fold what comes after the last folded message."""
        folded = await self._prove()
        self._advance(folded)
        end = (await self._stream.bounds()).last
        if folded >= end:
            await self._reach_end()
            # Not before: a store that has no room can be read, and would seem well in between.
            self._bearing.go_on()
            if stop_at_end:
                return
        async with aclosing(self._stream.follow(folded)) as messages:
            async for message in messages:
                await self._give(partial(self._fold, message))
                self._bearing.go_on()
                self._advance(message.sequence)
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
            kind = StreamBehind if held is None else Fault
            raise kind(
                Reason.LEDGER_NOT_PROVEN,
                f"the stream holds {what} at sequence {last.sequence}, which the store has folded: "
                "JetStream lost messages. Stop and run `forewarn-gateway ledger repair`; the store "
                "still has them",
            )
        return last.sequence

    async def _reach_end(self) -> None:
        """Sign and announce, having folded all that the stream held when it was checked.

        This also mends a crash between commit and signature, or between that and announcement.

        Raises:
            Fault: LEDGER_NOT_PROVEN, the stream ends before what has been signed.
        """
        head = await self._in_thread(self._store.head)
        signed = self._endorser.mark.size
        if head.size < signed:
            raise StreamBehind(
                Reason.LEDGER_NOT_PROVEN,
                f"{signed} entries were signed, but store and stream hold only {head.size}: both "
                "lost entries. Stop, run `forewarn-gateway ledger check`, and restore the newest "
                "backup",
            )
        await self._give(self._endorse_head)
        self._bearing.catch_up()

    def _advance(self, sequence: int) -> None:
        self._folded = sequence
        self._progress.set()

    async def _give(self, work: Callable[[], bytes | None]) -> None:
        """Do work in the integrator's thread, and announce the note that it gives."""
        async with self._giving:
            note = await self._in_thread(work)
            self._bearing.watch(self._endorser.mark.size)
            if note is not None:
                await self._announced.announce(note)

    def _fold(self, message: StreamMessage) -> bytes | None:
        """Fold one message and endorse the head after it. Runs in the integrator's thread."""
        # Killed here, the store knows nothing of the message: it is folded after the restart.
        head = self._store.fold(message)
        # Killed here, the store is ahead of the mark: the restart signs.
        return self._endorse(head)

    def _endorse_head(self) -> bytes | None:
        return self._endorse(self._store.head())

    def _endorse(self, head: TreeHead) -> bytes | None:
        """Have a head endorsed and publish the note; None where there is none yet."""
        self._size = head.size
        note = self._endorser.endorse(head, self._store.root_at)
        if note is None:
            return None
        # Killed here, the mark is ahead of what readers know: the restart publishes the same note.
        self._store.publish(note)
        # Killed here, nobody was told: the restart announces it, and readers ask the store besides.
        return note

    async def _in_thread(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def _say_interrupted(interruption: StreamInterrupted) -> None:
    _log.info(
        "the stream was interrupted, checking it again: %s",
        interruption,
        extra={"event": "stream_interrupted"},
    )
