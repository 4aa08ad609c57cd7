"""How a method that is awaited becomes one that is waited for, its signature and words unchanged.

* `waits` makes a method wait; `arrives` makes one that yields give an `Incoming`.
* What is offered takes the parameters of the method that it is made from, for readers, for type
  checkers and at run time alike: it cannot drift from it.

Which methods there are stands in `members`.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from functools import partial, wraps
from types import TracebackType
from typing import Any, Concatenate, Final, Generic, ParamSpec, Protocol, Self, TypeVar

from forewarn_client.blocking.backstage import Errand, Work
from forewarn_client.errors import RequestError

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")
_Given = TypeVar("_Given")

_END: Final = object()
_MOMENT: Final = 0.02


class Stage(Protocol):
    """A connection, as seen from what it offers."""

    @property
    def inner(self) -> Any:  # noqa: ANN401 - whichever of the asynchronous classes it is
        """The asynchronous member."""
        ...

    def send(self, work: Work[_R]) -> Errand[_R]:
        """Have work done for this connection."""
        ...

    def keep(self, incoming: "Incoming[Any]") -> None:
        """Close this with the connection."""
        ...


class Incoming(Generic[_T]):
    """What comes, one at a time: an iterator that can also be asked to wait for so long only.

    It may be shared by threads, each of which then gets others. It ends with its connection; close
    it before that, or use it in `with`, where what comes later is not wanted any more.
    """

    def __init__(self, stage: Stage, source: AsyncIterator[_T]) -> None:
        """Take what comes from an asynchronous iterator."""
        self._stage = stage
        self._source = source
        self._turn = threading.Lock()
        self._pending: Errand[Any] | None = None
        self._stepping: asyncio.Task[Any] | None = None
        self._ended = False
        self._closed = threading.Event()
        stage.keep(self)

    def __iter__(self) -> Iterator[_T]:
        """Give itself."""
        return self

    def __next__(self) -> _T:
        """Wait for the next one, however long it takes."""
        return self.next()

    def next(self, timeout: float | None = None) -> _T:
        """Wait for the next one.

        Args:
            timeout: For how many seconds at most; however long it takes where None.

        Returns:
            It.

        Raises:
            TimeoutError: None came in that time. Ask again: nothing is lost.
            StopIteration: There is no more.
            ForewarnError: As the method that gave this says; nothing comes after it.
        """
        with self._turn:
            if self._ended or self._closed.is_set():
                raise StopIteration
            if self._pending is None:
                self._pending = self._stage.send(self._step)
            try:
                found = self._pending.wait(timeout)
            except TimeoutError:
                raise
            except BaseException as error:
                self._ended, self._pending = True, None
                if self._closed.is_set() and isinstance(error, RequestError):
                    # Closed by another thread while this one was waiting.
                    raise StopIteration from None
                raise
            self._pending = None
            if found is _END:
                self._ended = True
                raise StopIteration
            taken: _T = found
            return taken

    def close(self) -> None:
        """End it; what has not come yet is not waited for."""
        self._closed.set()
        # Another thread may be waiting, or just be about to.
        while not self._turn.acquire(timeout=_MOMENT):
            if self._pending is not None:
                self._pending.cancel()
        try:
            self._pending = None
            self._stage.send(self._finish).wait()
        finally:
            self._turn.release()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    async def _finish(self) -> None:
        if self._stepping is not None:
            # Interrupted wherever it was, the thread that asked may not have known of it yet.
            self._stepping.cancel()
            await asyncio.wait({self._stepping})
        closing = getattr(self._source, "aclose", None)
        if closing is not None:
            await closing()

    async def _step(self) -> Any:  # noqa: ANN401 - the next one, or the mark of the end
        self._stepping = asyncio.current_task()
        try:
            return await anext(self._source, _END)
        finally:
            self._stepping = None


class Handing(Incoming[_T], Generic[_Given, _T]):
    """Things given, and what becomes of each: given on as outcomes come back.

    They are taken from their source in the thread that asks for outcomes, so the source may do
    what it likes there.
    """

    def __init__(
        self,
        stage: Stage,
        hand_in: Callable[[AsyncIterator[_Given]], AsyncIterator[_T]],
        given: Iterable[_Given],
        at_once: int,
    ) -> None:
        """Take a source, what hands its things in, and how many may be under way."""
        self._given = iter(given)
        self._at_once = at_once
        self._under_way = 0
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._all_given = False
        self._failed: BaseException | None = None
        super().__init__(stage, hand_in(self._queued()))

    def next(self, timeout: float | None = None) -> _T:
        """Give as many things as there is room for, and wait for the next outcome."""
        while not self._all_given and self._under_way < self._at_once:
            try:
                thing = next(self._given, _END)
            except BaseException as error:  # noqa: BLE001 - raised again, after the outcomes
                thing, self._failed = _END, error
            self._all_given = thing is _END
            self._under_way += thing is not _END
            self._stage.send(partial(self._queue.put, thing)).wait()
        try:
            found = super().next(timeout)
        except StopIteration:
            if self._failed is not None:
                raise self._failed from None
            raise
        self._under_way -= 1
        return found

    async def _queued(self) -> AsyncIterator[_Given]:
        while (thing := await self._queue.get()) is not _END:
            yield thing


def waits(
    method: Callable[Concatenate[Any, _P], Awaitable[_R]],
) -> Callable[Concatenate[Any, _P], _R]:
    """Make of a method that is awaited one that waits.

    Args:
        method: A method of an asynchronous class.

    Returns:
        The same for the blocking class.
    """

    @wraps(method)
    def waiting(self: Stage, /, *values: _P.args, **named: _P.kwargs) -> _R:
        return self.send(lambda: method(self.inner, *values, **named)).wait()

    return waiting


def arrives(
    method: Callable[Concatenate[Any, _P], AsyncIterator[_R]],
) -> Callable[Concatenate[Any, _P], Incoming[_R]]:
    """Make of a method that yields as things come one that gives an `Incoming`.

    Args:
        method: A method of an asynchronous class.

    Returns:
        The same for the blocking class.
    """

    @wraps(method)
    def arriving(self: Stage, /, *values: _P.args, **named: _P.kwargs) -> Incoming[_R]:
        return Incoming(self, method(self.inner, *values, **named))

    return arriving


def stays(
    method: Callable[Concatenate[Any, _P], _R],
) -> Callable[Concatenate[Any, _P], _R]:
    """Offer a method as it is: it waits for nothing.

    Args:
        method: A method of an asynchronous class.

    Returns:
        The same for the blocking class.
    """

    @wraps(method)
    def staying(self: Stage, /, *values: _P.args, **named: _P.kwargs) -> _R:
        return method(self.inner, *values, **named)

    return staying
