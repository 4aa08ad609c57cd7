"""Batches: calls that gather while a batch is worked on, and then share a snapshot.

* Opening a snapshot costs as much as much of what is done in one. While one batch is worked on, and
  as long as each round of the loop brings more, arriving items gather; then they are the next.
* A batch is done on the loop as long as that is brief (`brief`); the loop has its turn before each.
* There is no timer: an idle gateway works on an item at once, a busy one on dozens.
* What one item is refused for, or fails with, is its own: a batch that breaks is done again, item
  by item.

The order of the answers is that of the items; who waits no longer is left out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Final, Generic, TypeVar

from gateway.admission.brief import Brief
from gateway.core.errors import Fault, Refusal

_T = TypeVar("_T")
_R = TypeVar("_R")

# So that the loop is not held up for long, and the store's log can shrink in between.
MOST: Final = 16


class Batches(Generic[_T, _R]):
    """Works on items, as many at once as have gathered."""

    def __init__(self, begin: Callable[[], AbstractContextManager[Callable[[_T], _R]]]) -> None:
        """Begin with nothing to do.

        Args:
            begin: Opens what the items of a batch share, and gives what works on one.
        """
        self._begin = begin
        self._brief = Brief()
        self._gathered: deque[tuple[_T, asyncio.Future[_R]]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def do(self, item: _T) -> _R:
        """Work on an item, together with others.

        Args:
            item: The item.

        Returns:
            What came of it.

        Raises:
            Exception: Whatever it was refused for or failed with.
        """
        return await self._add(item)

    async def do_all(self, items: Iterable[_T]) -> list[_R]:
        """Work on several items, in order.

        Args:
            items: The items.

        Returns:
            What came of each.

        Raises:
            Exception: Whatever the first of those that did not come to anything failed with.
        """
        return await asyncio.gather(*[self._add(item) for item in items])

    def _add(self, item: _T) -> asyncio.Future[_R]:
        answer: asyncio.Future[_R] = asyncio.get_running_loop().create_future()
        self._gathered.append((item, answer))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return answer

    async def _work(self) -> None:
        try:
            while batch := await self._gather():
                items = [item for item, _ in batch]
                outcomes: list[_R | Exception]
                try:
                    outcomes = await self._brief.run(self._outcomes, items)
                except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it was
                    outcomes = [error] * len(batch)
                for (_, answer), outcome in zip(batch, outcomes, strict=True):
                    if answer.done():
                        continue
                    if isinstance(outcome, Exception):
                        answer.set_exception(outcome)
                    else:
                        answer.set_result(outcome)
        finally:
            self._working = None

    async def _gather(self) -> list[tuple[_T, asyncio.Future[_R]]]:
        """Let the loop go round as long as that brings more, then take a batch."""
        before = -1
        while before < len(self._gathered) < MOST:
            before = len(self._gathered)
            await asyncio.sleep(0)
        return self._take()

    def _take(self) -> list[tuple[_T, asyncio.Future[_R]]]:
        taken: list[tuple[_T, asyncio.Future[_R]]] = []
        while self._gathered and len(taken) < MOST:
            item, answer = self._gathered.popleft()
            if not answer.done():
                taken.append((item, answer))
        return taken

    def _outcomes(self, items: Sequence[_T]) -> list[_R | Exception]:
        try:
            return self._together(items)
        except Exception as error:  # noqa: BLE001 - whose it is shows when each is alone
            if len(items) == 1:
                return [error]
        return [outcome for item in items for outcome in self._outcomes([item])]

    def _together(self, items: Sequence[_T]) -> list[_R | Exception]:
        outcomes: list[_R | Exception] = []
        with self._begin() as work:
            for item in items:
                try:
                    outcomes.append(work(item))
                except (Refusal, Fault) as error:
                    outcomes.append(error)
        return outcomes
