"""Brief readings: done where they are asked for, as long as they are brief.

* Most readings of the store take less than handing them to a thread and back, which means waking
  it, taking turns at the interpreter's lock at every step of SQLite, and waking the loop again.
* One that took long, because the disk was slow or there was much to read, is followed by one in a
  thread, and so on until one is brief again: the loop is held up once, not for as long as it lasts.
* The first is done in a thread: what has to be read at the start is not known.

It bounds nothing: whoever asks keeps what is read at once small.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Final, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

LONGEST_SECONDS: Final = 0.05


class Brief:
    """Does readings of one kind."""

    def __init__(self, longest: float = LONGEST_SECONDS) -> None:
        """Begin with nothing known of how long they take.

        Args:
            longest: Seconds that a brief one takes.
        """
        self._longest = longest
        self._was_brief = False

    async def run(self, read: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Read something, here or in a thread.

        Args:
            read: Reads it.
            *args: What is read.
            **kwargs: Likewise.

        Returns:
            What was read.

        Raises:
            Exception: Whatever the reading raises.
        """
        timed = partial(self._timed, partial(read, *args, **kwargs))
        return timed() if self._was_brief else await asyncio.to_thread(timed)

    def _timed(self, read: Callable[[], _T]) -> _T:
        begun = monotonic()
        try:
            return read()
        finally:
            self._was_brief = monotonic() - begun <= self._longest
