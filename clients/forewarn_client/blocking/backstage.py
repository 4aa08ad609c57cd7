"""The thread behind the blocking interface: one event loop, shared by the process's connections.

* It starts with the first connection and ends with the last. One is enough: it only waits.
* Any thread may have work done and waits for it. Interrupted there (Ctrl-C), the work is
  cancelled and has ended before the interruption goes on.
* Whoever waits on this thread itself would wait for ever, and so is refused; after a fork, too.

It knows nothing of exchanges.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

from forewarn_client.errors import RequestError

_R = TypeVar("_R")

Work = Callable[[], Awaitable[_R]]
"""What is to be done; made in the loop's thread: an interruption leaves nothing half-made."""

_LONGEST_END: Final = 10.0
"""Seconds that cancelled work may take to end before it is left to itself."""


class Errand(Generic[_R]):
    """Work that is done on the loop while a thread waits for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Work[_R]) -> None:
        """Begin the work.

        Args:
            loop: The loop, running in another thread.
            work: Called in the loop's thread; what it gives is awaited there.
        """
        self._loop = loop
        self._outcome: concurrent.futures.Future[_R] = concurrent.futures.Future()
        self._task: asyncio.Task[_R] | None = None
        loop.call_soon_threadsafe(self._begin, work)

    def wait(self, seconds: float | None = None) -> _R:
        """Wait for what comes of it.

        Args:
            seconds: For how long at most; without end where None.

        Returns:
            What the work gives.

        Raises:
            TimeoutError: It is not done yet; it goes on, and may be waited for again.
            RequestError: It was cancelled.
        """
        try:
            done, _ = concurrent.futures.wait([self._outcome], seconds)
        except BaseException:
            # Ctrl-C, or whatever a handler of a signal raises.
            self.end()
            raise
        if not done:
            raise TimeoutError(f"nothing came within {seconds} s")
        return self._outcome.result()

    def cancel(self) -> None:
        """Have it cancelled, if it is still under way; it ends a moment later."""
        if not self._outcome.done():
            # The loop of one that has just ended may be closed by now.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._cancel)

    def end(self) -> None:
        """Have it cancelled, and wait until it has ended."""
        self.cancel()
        concurrent.futures.wait([self._outcome], _LONGEST_END)

    def _begin(self, work: Work[_R]) -> None:
        self._task = self._loop.create_task(_done(work))
        self._task.add_done_callback(self._end)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _end(self, task: asyncio.Task[_R]) -> None:
        if task.cancelled():
            error: BaseException | None = RequestError("it was stopped: the connection is closed")
        else:
            error = task.exception()
        if error is None:
            self._outcome.set_result(task.result())
        else:
            self._outcome.set_exception(error)


class Backstage:
    """The loop and its thread, for as long as somebody needs them."""

    def __init__(self) -> None:
        """Begin without; the first `enter` starts the thread."""
        self._lock = threading.Lock()
        self._users = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def enter(self) -> None:
        """Need the loop from here on."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._users = 0
                self._loop = asyncio.new_event_loop()
                self._loop.set_exception_handler(_overhear)
                # A program that forgets to close its connection still comes to its end.
                self._thread = threading.Thread(
                    target=_run, args=(self._loop,), name="forewarn", daemon=True
                )
                self._thread.start()
            self._users += 1

    def leave(self) -> None:
        """Need it no more; the last one ends the thread."""
        with self._lock:
            self._users -= 1
            if self._users or self._loop is None or self._thread is None:
                return
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_LONGEST_END)

    def send(self, work: Work[_R]) -> Errand[_R]:
        """Have work done.

        Args:
            work: Called in the loop's thread; what it gives is awaited there.

        Returns:
            The errand, to be waited for.

        Raises:
            RequestError: There is no loop, or this is its own thread.
        """
        loop, thread, refused = self._loop, self._thread, ""
        if thread is threading.current_thread():
            refused = (
                "a blocking call within a callback of the library would wait for itself: make it "
                "in another thread"
            )
        elif thread is None or not thread.is_alive():
            refused = "not connected: use `with`, and connect anew after a fork"
        if refused or loop is None:
            raise RequestError(refused)
        return Errand(loop, work)


async def _done(work: Work[_R]) -> _R:
    return await work()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def _overhear(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Leave out what gRPC's loops say to one another where a process has several of them."""
    if not isinstance(context.get("exception"), BlockingIOError):
        loop.default_exception_handler(context)
