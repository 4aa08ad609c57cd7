"""Streams: a member's entries from a place on, those of the past first, then each as it comes.

* Everything that is delivered is read from the store, page by page, from a position that only goes
  forward: no gap and no duplicate, whatever wake-ups were lost, and also across a restart.
* The caller's standing is asked before every page. Once it may no longer call, the stream ends.
* The first page is given at once, also an empty one: it tells that the stream is open. Later empty
  pages are not given.
* The next page is read when the one before has been taken: a slow reader costs one page.

What a page holds, and who may have it, is for the reading to say: this module does not look inside.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sized
from typing import Final, Protocol, TypeVar

from gateway.delivery.wakeups import Wakeups
from gateway.ports.metering import Meter
from gateway.ports.reading import Box

# In case a wake-up was lost; a stream that is at the head then costs a comparison.
LOOK_SECONDS: Final = 5.0


class Page(Protocol):
    """What a stream needs to know of a page."""

    @property
    def records(self) -> Sized:
        """What it holds."""

    @property
    def position(self) -> int:
        """Where the next page begins."""

    @property
    def more(self) -> bool:
        """Whether more is there already."""


_P = TypeVar("_P", bound=Page)


class Streams:
    """Open streams."""

    def __init__(
        self,
        wakeups: Wakeups,
        *,
        look_seconds: float = LOOK_SECONDS,
        meter: Meter | None = None,
    ) -> None:
        """Keep what wakes them.

        Args:
            wakeups: The bells.
            look_seconds: Longest time between two looks, in case a wake-up was lost.
            meter: Counts how long what is new takes to be handed on.
        """
        self._meter = meter
        self._wakeups = wakeups
        self._look_seconds = look_seconds

    async def follow(
        self,
        *,
        member: str,
        box: Box,
        start: int,
        standing: Callable[[], Awaitable[object]],
        read: Callable[[int], Awaitable[_P]],
    ) -> AsyncGenerator[_P, None]:
        """Give pages until either side ends it.

        Args:
            member: Id of the member whose entries they are.
            box: Which of them.
            start: Position of the first page.
            standing: Raises once the caller may no longer call.
            read: Reads the page at a position.

        Yields:
            Pages, the first at once.

        Raises:
            Refusal: Whatever `standing` refuses with.
            Fault: The store cannot be read, or the gateway is stopping.
        """
        position, first = start, True
        with self._wakeups.listen(member, box) as bell:
            while True:
                rung = bell.since if bell.rung else None
                # Silenced before looking: what is recorded from here on rings again.
                bell.silence()
                self._wakeups.check_open()
                await standing()
                if first or self._wakeups.head_size > position:
                    page = await read(position)
                    position = page.position
                    if self._meter is not None and rung is not None and len(page.records):
                        self._meter.delivered(time.monotonic() - rung)
                    if first or len(page.records):
                        yield page
                    first = False
                    if page.more:
                        continue
                await bell.wait(self._look_seconds)
