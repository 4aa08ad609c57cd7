"""Attending to an inbox: handing its entries on, and having them confirmed at a calm moment.

* What was handed on is confirmed a few seconds later, all of it together. The moment is drawn at
  random, so that many who are told the same do not ask at once.
* It never delays an entry, and never loses one: where confirming fails, that is told once, and
  tried again, each time after a longer while. Reading goes on.
* What does not verify ends it at once, loudly: an inbox that differs is one such thing.
* An entry counts as received once the reader has asked for the next one, or has settled.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final

from forewarn_client.cursors import Cursor
from forewarn_client.errors import ForewarnError, HomeError, VerificationError
from forewarn_client.filters import Box, Filter
from forewarn_client.inboxes.confirming import Confirming
from forewarn_client.inboxes.span import Shown
from forewarn_client.outcomes import Delivery

CALM: Final = (1.5, 5.0)
"""After how many seconds what was handed on is confirmed: at least, and at most."""

AGAIN: Final = (30.0, 900.0)
"""After how many seconds it is tried again: at first, doubled each time, and at most."""

SETTLING: Final = 15.0
"""For how many seconds at most the last ones are waited for at the end."""


def is_whole(entry_filter: Filter) -> bool:
    """Tell whether who reads with a filter is shown the whole inbox."""
    return entry_filter.box is not Box.SENT and entry_filter == Filter(box=entry_filter.box)


class Attending:
    """Hands deliveries on, and has them confirmed."""

    def __init__(
        self, confirming: Confirming, entry_filter: Filter, tell: Callable[[str], None]
    ) -> None:
        """Take what confirms.

        Args:
            confirming: It.
            entry_filter: What is followed: the whole inbox, and perhaps what was sent, too.
            tell: Is told in a sentence where confirming fails.
        """
        self._confirming = confirming
        self._member = confirming.member
        self._gives_cursors = entry_filter == Filter()
        self._tell = tell
        self._told = False
        self._stirred = asyncio.Event()
        self._handed: Delivery | None = None
        self._after = -1
        self._taken = 0

    async def over(
        self, entries: AsyncIterator[Delivery], cursor: str
    ) -> AsyncGenerator[Delivery, None]:
        """Hand entries on.

        Args:
            entries: They, as they come.
            cursor: The cursor after which they come.

        Yields:
            The same.

        Raises:
            VerificationError: The inbox differs, or an answer to it does not hold.
            ForewarnError: Whatever `entries` raises.
        """
        self._after = Cursor.parse(cursor).after
        confirming = asyncio.create_task(self._confirm_when_calm())
        try:
            while True:
                delivery = await self._next(entries, confirming)
                if delivery is None:
                    return
                self._handed = delivery
                yield delivery
                self._take()
        finally:
            confirming.cancel()
            await asyncio.gather(confirming, return_exceptions=True)

    async def settle(self) -> None:
        """Have confirmed what was handed on, the last one too, without waiting for a calm moment.

        Raises:
            VerificationError: The inbox differs, or the answer does not hold.
        """
        self._take()
        try:
            async with asyncio.timeout(SETTLING):
                await self._confirm()
        except TimeoutError:
            self._say("the exchange does not answer")

    async def _next(
        self, entries: AsyncIterator[Delivery], confirming: asyncio.Task[None]
    ) -> Delivery | None:
        step = asyncio.ensure_future(_step(entries))
        try:
            await asyncio.wait({step, confirming}, return_when=asyncio.FIRST_COMPLETED)
            if confirming.done():
                # It only ends with what has to be told; the entry comes again the next time.
                confirming.result()
            return await step
        finally:
            if not step.done():
                # Nobody closes what is still running: it ends first.
                step.cancel()
                await asyncio.gather(step, return_exceptions=True)

    def _take(self) -> None:
        """Count what was handed on as received."""
        delivery, self._handed = self._handed, None
        if delivery is None:
            return
        record = delivery.record
        after, self._after = self._after, record.index
        if self._member in record.audience:
            cursor = delivery.cursor if self._gives_cursors else ""
            self._taken = record.index + 1
            try:
                self._confirming.take(after, Shown.of(record), cursor)
            except HomeError as error:
                # As on a full disk. What is not kept is listed when there is room again.
                self._say(str(error))
            self._stirred.set()

    async def _confirm_when_calm(self) -> None:
        again = AGAIN[0]
        while True:
            await self._stirred.wait()
            await asyncio.sleep(random.uniform(*CALM))  # noqa: S311 - nothing secret hangs on it
            while not await self._confirm():
                await asyncio.sleep(again * random.uniform(1.0, 1.25))  # noqa: S311 - as above
                again = min(again * 2, AGAIN[1])
            again = AGAIN[0]

    async def _confirm(self) -> bool:
        """Have confirmed what was taken; tell whether it is, or need not be."""
        self._stirred.clear()
        if self._taken <= self._confirming.keeper.confirmed:
            return True
        try:
            await self._confirming.up_to(self._taken)
        except VerificationError:
            raise
        except ForewarnError as error:
            self._say(str(error))
            return False
        self._told = False
        return True

    def _say(self, what: str) -> None:
        if not self._told:
            self._told = True
            self._tell(
                "What you were shown is not confirmed yet, which takes nothing away from it; it is "
                f"tried again: {what}"
            )


async def _step(entries: AsyncIterator[Delivery]) -> Delivery | None:
    return await anext(entries, None)
