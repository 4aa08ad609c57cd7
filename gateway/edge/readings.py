"""Readings: what calls read of the store, in a few threads, turn by turn among members.

* Members take turns. One that asks for very much at once waits for itself; the others wait for no
  more than what it has in a thread already.
* The threads are for this alone: recording never waits behind reading.
* Who waits no longer gives its turn away. A thread is taken until it is done, also where nobody
  waits for the answer any more.
* What holds content is read only once there is room for it among the member's answers.

It looks into no answer, and bounds nothing else but what runs at once: `turnstile` bounds what
waits.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final, ParamSpec, TypeVar

from gateway.core.identity import MemberId
from gateway.edge.callers import Caller

# Most of a reading holds the interpreter's lock: more threads would not read more.
THREADS: Final = 4

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Readings:
    """Runs readings."""

    def __init__(self, threads: int = THREADS) -> None:
        """Begin with nothing to read.

        Args:
            threads: How many readings run at once.
        """
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="reading")
        self._free = threads
        self._waiting: OrderedDict[MemberId, deque[asyncio.Future[None]]] = OrderedDict()

    async def content(
        self, caller: Caller, most: int, read: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Read the content of an answer, once there is room for it and it is the member's turn.

        Args:
            caller: Who calls.
            most: The largest that the answer can be, in bytes.
            read: Reads it, in a thread.
            *args: What is read.
            **kwargs: Likewise.

        Returns:
            What was read.

        Raises:
            Refusal: TOO_MANY_CALLS, the member does not take its answers.
            Exception: Whatever the reading raises.
        """
        await caller.place.room(most)
        try:
            return await self.run(caller.id, read, *args, **kwargs)
        except Exception:
            caller.place.holds(0)
            raise

    async def run(
        self, member: MemberId, read: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Read something for a member, once it is its turn.

        Args:
            member: The member.
            read: Reads it, in a thread.
            *args: What is read.
            **kwargs: Likewise.

        Returns:
            What was read.

        Raises:
            Exception: Whatever the reading raises.
        """
        await self._turn(member)
        loop = asyncio.get_running_loop()

        def done(_: Future[_T]) -> None:
            with suppress(RuntimeError):  # the loop has ended, and with it all turns
                loop.call_soon_threadsafe(self._give_turn)

        try:
            reading = self._threads.submit(read, *args, **kwargs)
        except BaseException:
            self._give_turn()
            raise
        reading.add_done_callback(done)
        return await asyncio.wrap_future(reading)

    def close(self) -> None:
        """Wait for what is being read; nothing is read after."""
        self._threads.shutdown(cancel_futures=True)

    async def _turn(self, member: MemberId) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(member, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            # It may have come in the same moment: then it is another's.
            if not turn.cancelled():
                self._give_turn()
            raise

    def _give_turn(self) -> None:
        """Give a thread that has become free to the member whose turn it is."""
        while self._waiting:
            member, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[member] = turns  # behind all others
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
