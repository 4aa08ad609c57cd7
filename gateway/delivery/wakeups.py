"""Wake-ups: who has to look again when the ledger has grown.

* At every growth of the head the store is asked once whose boxes it touched, and only streams over
  these are woken, however many are open: whoever follows what is delivered to it is not woken by
  what it sends itself.
* A new directory entry wakes everybody: it may have suspended any of them. So does the first head
  after the start.
* A wake-up is a hint. It carries nothing, it is never counted, and none is lost: a bell that rings
  while nobody waits is still ringing when somebody does.
* Where it cannot be told who was touched, everybody is woken.

It reads no entry and decides about nobody's rights: streams do.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gateway.admission.brief import Brief
from gateway.core.errors import Fault, Reason
from gateway.ports.reading import Box, LedgerHead, LedgerReader

_log: Final = logging.getLogger(__name__)


class Bell:
    """One stream's wake-up."""

    def __init__(self) -> None:
        """Begin silent."""
        self._rung = asyncio.Event()
        self._since = 0.0

    @property
    def rung(self) -> bool:
        """Whether it rings."""
        return self._rung.is_set()

    def ring(self) -> None:
        """Wake the stream, now or as soon as it waits."""
        if not self._rung.is_set():
            self._since = time.monotonic()
            self._rung.set()

    @property
    def since(self) -> float:
        """Since when it rings, on the monotonic clock; means nothing while it is silent."""
        return self._since

    def silence(self) -> None:
        """Forget what rang so far. Do this before looking: what comes after rings again."""
        self._rung.clear()

    async def wait(self, seconds: float) -> None:
        """Wait until it rings, but no longer than some seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return


class Wakeups:
    """The bells of all open streams, by member and box."""

    def __init__(self, *, reader: LedgerReader, head: LedgerHead) -> None:
        """Begin without a stream; `run` does the waking.

        Args:
            reader: The store, asked whom a growth touched.
            head: The head, whose growth wakes.
        """
        self._reader = reader
        self._brief = Brief()
        self._head = head
        self._bells: defaultdict[tuple[str, Box], set[Bell]] = defaultdict(set)
        self._closed = False
        self._listening = 0
        # Taken here and not when `run` begins: a stream may open and look in between.
        self._seen = head.size

    @property
    def head_size(self) -> int:
        """Size of the newest signed checkpoint."""
        return self._head.size

    @property
    def listening(self) -> int:
        """How many streams are open."""
        return self._listening

    @contextmanager
    def listen(self, member: str, box: Box) -> Iterator[Bell]:
        """Be woken for a member for a while.

        Args:
            member: Id of the member.
            box: Which of its entries are meant.
        """
        bell = Bell()
        heard = [(member, each) for each in (Box.SENT, Box.RECEIVED) if box in (each, Box.ALL)]
        for each in heard:
            self._bells[each].add(bell)
        self._listening += 1
        try:
            yield bell
        finally:
            self._listening -= 1
            for each in heard:
                self._bells[each].discard(bell)
                if not self._bells[each]:
                    del self._bells[each]

    def check_open(self) -> None:
        """Refuse to go on once the gateway is stopping.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        if self._closed:
            raise Fault(
                Reason.LEDGER_UNAVAILABLE, "the gateway is stopping: resume from the last cursor"
            )

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self._ring(None)

    async def run(self) -> None:
        """Wake until cancelled."""
        seen = self._seen
        while True:
            head = await self._head.wait_beyond(seen)
            if self._bells:
                try:
                    self._ring(await self._brief.run(self._touched, seen, head.size))
                except Fault as fault:
                    _log.warning(
                        "nobody can be told apart, all are woken",
                        extra={"event": "all_woken", "reason": fault.reason},
                    )
                    self._ring(None)
            seen = head.size

    def _touched(self, before: int, after: int) -> set[tuple[str, Box]] | None:
        """Name the boxes that a growth touched; None for all."""
        with self._reader.snapshot() as snapshot:
            last = snapshot.last_directory_index
            # From the beginning means: at start, when it is not worth asking.
            if before == 0 or (last is not None and last >= before):
                return None
            return snapshot.boxes_touched(before, after)

    def _ring(self, boxes: set[tuple[str, Box]] | None) -> None:
        for box in list(self._bells) if boxes is None else boxes & self._bells.keys():
            for bell in self._bells[box]:
                bell.ring()
