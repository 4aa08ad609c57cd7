"""The recorder: gathers admitted entries into blocks, and answers each once it is decided.

* While one block is in flight, into the stream and through the fold, arriving entries gather; when
  it is answered, the next goes out. There is no timer: an idle recorder sends at once, a busy one
  packs hundreds. A block that is not acknowledged in time holds up nobody.
* An entry is answered when the integrator has folded its block and a signed checkpoint covers it.
  The verdicts are found in the store by the SHA-256 of the block, never by a stream sequence.
* Announcements say when to look. In case one was lost, it looks besides: soon, then at growing
  intervals, up to a second.
* Everything is bounded: bytes and entries of a block, bytes and entries that wait, and the wait.
* If the store has folded another block at the sequence where this one is said to be, the stream has
  lost messages and reused their numbers: the recorder halts.

Nothing passes between it and the integrator but through the stream and the store. It does not judge
entries, and does not judge stale ones again: admission does.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

from gateway.admission.brief import Brief
from gateway.core.errors import Fault, Reason
from gateway.core.fold import Entry, Outcome
from gateway.ledger.head import Head
from gateway.ports.blocks import MAX_BLOCK_BYTES, BlockAppender
from gateway.ports.reading import FoldedBlock, LedgerReader
from gateway.wire.blocks import encode_block, encode_entry

_log: Final = logging.getLogger(__name__)

# Longer than most blocks are in flight: where nothing is lost, it hardly ever looks besides.
_FIRST_LOOK: Final = 0.05

# What a block adds to its entries: a tag and length for each, its node, version and time.
_ENTRY_OVERHEAD: Final = 6
_BLOCK_OVERHEAD: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderLimits:
    """How much the recorder takes on, and how long it waits.

    Attributes:
        block_bytes: Largest block, in bytes.
        block_entries: Most entries in a block.
        blocks: Most blocks in flight. With more, the stream takes them faster than the fold, which
            then has many small ones to commit and sign.
        waiting_entries: Most entries that are not answered yet.
        waiting_bytes: Most bytes that they may hold.
        answer_seconds: Longest wait for an answer.
        look_seconds: Longest time between two looks into the store.
        late_seconds: How long a block that was never acknowledged may still turn up.
    """

    block_bytes: int = MAX_BLOCK_BYTES
    block_entries: int = 512
    blocks: int = 1
    waiting_entries: int = 4096
    waiting_bytes: int = 64 << 20
    answer_seconds: float = 30.0
    look_seconds: float = 1.0
    late_seconds: float = 3.0


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiting:
    """An entry that is not answered yet."""

    encoded: bytes
    answer: asyncio.Future[Outcome]

    @property
    def size(self) -> int:
        return len(self.encoded) + _ENTRY_OVERHEAD


@dataclass(slots=True, kw_only=True, eq=False)
class _Sent:
    """A block that was handed to the stream."""

    sha256: bytes
    entries: Sequence[_Waiting]
    sequence: int | None = None
    failure: Fault | None = None
    give_up_at: float = field(default=0.0)

    def answer(self, folded: FoldedBlock) -> None:
        for waiting, outcome in zip(self.entries, folded.outcomes, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(outcome)

    def fail(self, fault: Fault) -> None:
        for waiting in self.entries:
            if not waiting.answer.done():
                waiting.answer.set_exception(Fault(fault.reason, fault.detail))


class BlockRecorder:
    """The block builder of one worker; see `gateway.ports.reading.Recorder`."""

    def __init__(
        self,
        *,
        appender: BlockAppender,
        reader: LedgerReader,
        head: Head,
        node: str,
        now: Callable[[], datetime],
        limits: RecorderLimits | None = None,
    ) -> None:
        """Put the parts together; `run` does the work.

        Args:
            appender: The stream.
            reader: The store of the node.
            head: The worker's head.
            node: Name of the gateway node, for people.
            now: The clock, with its time zone.
            limits: How much it takes on.
        """
        self._appender = appender
        self._reader = reader
        self._brief = Brief()
        self._head = head
        self._node = node
        self._now = now
        self._limits = limits or RecorderLimits()
        self._gathered: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._sent: dict[bytes, _Sent] = {}
        self._settled = asyncio.Event()
        self._waiting_entries = 0
        self._waiting_bytes = 0
        self._halted: Fault | None = None

    @property
    def waiting_entries(self) -> int:
        """How many entries are not answered yet."""
        return self._waiting_entries

    @property
    def waiting_bytes(self) -> int:
        """How many bytes these hold."""
        return self._waiting_bytes

    @property
    def halted(self) -> Fault | None:
        """Why it takes no more entries; None while it runs."""
        return self._halted

    async def record(self, entry: Entry) -> Outcome:
        """Record an entry; see `gateway.ports.reading.Recorder.record`."""
        limits = self._limits
        if self._halted is not None:
            raise Fault(self._halted.reason, self._halted.detail)
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(encoded=encode_entry(entry), answer=answer)
        if waiting.size + _BLOCK_OVERHEAD > limits.block_bytes:
            raise Fault(Reason.INTERNAL, "an admitted entry is larger than a block can be")
        if (
            self._waiting_entries >= limits.waiting_entries
            or self._waiting_bytes + waiting.size > limits.waiting_bytes
        ):
            raise Fault(
                Reason.LEDGER_UNAVAILABLE,
                "too many statements wait to be recorded: nothing was sent, try again shortly",
            )
        self._waiting_entries += 1
        self._waiting_bytes += waiting.size
        self._gathered.append(waiting)
        self._arrived.set()
        try:
            async with asyncio.timeout(limits.answer_seconds):
                return await answer
        except TimeoutError:
            raise Fault(
                Reason.LEDGER_UNAVAILABLE,
                "the ledger did not answer in time, whether it recorded the statement is unknown: "
                "hand in the same bytes again, it will not be recorded twice",
            ) from None
        finally:
            self._waiting_entries -= 1
            self._waiting_bytes -= waiting.size

    async def run(self) -> None:
        """Build blocks and answer entries until cancelled.

        Raises:
            Fault: The stream has contradicted the store; `halted` says the same from then on.
        """
        build = asyncio.create_task(self._build())
        answer = asyncio.create_task(self._answer())
        try:
            await asyncio.wait((build, answer), return_when=asyncio.FIRST_COMPLETED)
            for task in (build, answer):
                if task.done():
                    task.result()
        except Fault as fault:
            self._halt(fault)
            raise
        except Exception as error:
            _log.exception("the recorder failed", extra={"event": "recorder_failed"})
            failure = Fault(Reason.INTERNAL, "the recorder failed: see the gateway's log")
            self._halt(failure)
            raise failure from error
        finally:
            build.cancel()
            answer.cancel()
            await asyncio.gather(build, answer, return_exceptions=True)

    async def _build(self) -> None:
        while True:
            await self._arrived.wait()
            await self._room()
            entries = self._take()
            if entries:
                await self._send(entries)
            else:
                self._arrived.clear()

    async def _room(self) -> None:
        """Wait until another block may be sent; one that seems to be overdue is looked for."""
        pause = min(_FIRST_LOOK, self._limits.look_seconds)
        while sum(each.failure is None for each in self._sent.values()) >= self._limits.blocks:
            self._settled.clear()
            try:
                async with asyncio.timeout(pause):
                    await self._settled.wait()
            except TimeoutError:
                pause = min(2 * pause, self._limits.look_seconds)
                # What it finds is announced as if it had been heard.
                await self._head.refresh()

    def _take(self) -> list[_Waiting]:
        """Take the entries of the next block; those whose caller has gone are left out."""
        taken: list[_Waiting] = []
        room = self._limits.block_bytes - _BLOCK_OVERHEAD
        while self._gathered and len(taken) < self._limits.block_entries:
            if self._gathered[0].answer.done():
                self._gathered.popleft()
                continue
            room -= self._gathered[0].size
            if room < 0:
                break
            taken.append(self._gathered.popleft())
        return taken

    async def _send(self, entries: Sequence[_Waiting]) -> None:
        """Append one block, and wait for its acknowledgement."""
        message = encode_block(
            [waiting.encoded for waiting in entries], node=self._node, sealed_time=self._now()
        )
        block = _Sent(sha256=sha256(message).digest(), entries=entries)
        self._sent[block.sha256] = block
        # Killed from here on, the block may be in the stream. If it is, it is folded after the
        # restart; the caller has no answer and asks again, and finds its statement recorded.
        try:
            appended = await self._appender.append(message)
        except Fault as fault:
            if fault.reason is not Reason.LEDGER_UNAVAILABLE:
                raise
            # The outcome is unknown. It may have been stored, so it is looked for a little longer.
            _log.warning(
                "a block was not acknowledged: %s",
                fault.detail,
                extra={"event": "block_unacknowledged", "reason": fault.reason},
            )
            block.failure = fault
            block.give_up_at = asyncio.get_running_loop().time() + self._limits.late_seconds
            return
        block.sequence = appended.sequence
        if block.sha256 not in self._sent:
            # Answered before it was acknowledged: nobody looks for it any more.
            await self._folded((block,))

    async def _answer(self) -> None:
        """Look for the verdicts on what was sent, at every announcement and every second."""
        while True:
            # Taken before looking: an announcement while it looks is not missed.
            pulse = self._head.pulse
            await self._look()
            try:
                async with asyncio.timeout(self._limits.look_seconds):
                    await pulse.wait()
            except TimeoutError:
                if self._sent:
                    await self._head.refresh()

    async def _look(self) -> None:
        if not self._sent:
            return
        for folded in await self._folded(tuple(self._sent.values())):
            if folded.size_after <= self._head.size:
                self._sent.pop(folded.sha256).answer(folded)
        now = asyncio.get_running_loop().time()
        for block in tuple(self._sent.values()):
            if block.failure is not None and now >= block.give_up_at:
                block.fail(block.failure)
            if all(waiting.answer.done() for waiting in block.entries):
                del self._sent[block.sha256]
        self._settled.set()

    async def _folded(self, blocks: Sequence[_Sent]) -> list[FoldedBlock]:
        """Give what the fold made of blocks, as far as it has come and can be read.

        Raises:
            Fault: LEDGER_NOT_PROVEN, the store has another block where one was acknowledged.
        """
        try:
            return await self._brief.run(self._read, blocks)
        except Fault as fault:
            if fault.reason is not Reason.LEDGER_UNAVAILABLE:
                raise
            _log.warning(
                "verdicts could not be read, trying again: %s",
                fault.detail,
                extra={"event": "verdicts_unread", "reason": fault.reason},
            )
            return []

    def _read(self, blocks: Sequence[_Sent]) -> list[FoldedBlock]:
        with self._reader.snapshot() as snapshot:
            for block in blocks:
                held = None if block.sequence is None else snapshot.block_at(block.sequence)
                if held is not None and held.sha256 != block.sha256:
                    raise Fault(
                        Reason.LEDGER_NOT_PROVEN,
                        f"the stream acknowledged a block at sequence {block.sequence}, where the "
                        "store has folded another: JetStream lost messages and reuses their "
                        "numbers. Stop, and run `forewarn-gateway ledger repair`",
                    )
            found = [snapshot.block(block.sha256) for block in blocks]
        return [block for block in found if block is not None]

    def _halt(self, fault: Fault) -> None:
        self._halted = fault
        gathered = _Sent(sha256=b"", entries=tuple(self._gathered))
        self._gathered.clear()
        for block in (*self._sent.values(), gathered):
            block.fail(fault)
        self._sent.clear()
        _log.critical(
            "the recorder halts: %s",
            fault.detail,
            extra={"event": "halt", "reason": fault.reason},
        )
