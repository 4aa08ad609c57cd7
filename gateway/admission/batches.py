"""Batches: calls that gather while a batch is in a thread, and then share one.

* A hop to a thread, a snapshot and a handover of the interpreter's lock cost more than most of what
  is done in them. While one batch is worked on, arriving items gather; then they are the next.
* There is no timer: an idle gateway works on an item at once, a busy one on dozens.
* What one item is refused for, or fails with, is its own: a batch that breaks is done again, item
  by item.

The order of the answers is that of the items; who waits no longer is left out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final, Generic, TypeVar

from gateway.core.errors import Fault, Refusal

_T = TypeVar("_T")
_R = TypeVar("_R")

# So that nobody waits for very many others, and the store's log can shrink in between.
MOST: Final = 64


class Batches(Generic[_T, _R]):
    """Works on items in a thread, as many at once as have gathered."""

    def __init__(self, begin: Callable[[], AbstractContextManager[Callable[[_T], _R]]]) -> None:
        """Begin with nothing to do.

        Args:
            begin: Opens what the items of a batch share, in a thread, and gives what works on one.
        """
        self._begin = begin
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
        answer: asyncio.Future[_R] = asyncio.get_running_loop().create_future()
        self._gathered.append((item, answer))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        try:
            while batch := self._take():
                outcomes = await asyncio.to_thread(self._outcomes, [item for item, _ in batch])
                for (_, answer), outcome in zip(batch, outcomes, strict=True):
                    if answer.done():
                        continue
                    if isinstance(outcome, Exception):
                        answer.set_exception(outcome)
                    else:
                        answer.set_result(outcome)
        finally:
            self._working = None

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
