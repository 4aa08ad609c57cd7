"""How far it is with what takes long, told to a person at a terminal, and to nobody else."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from forewarn_client.cli import output

_FEW: Final = 5
_PAUSE: Final = 2.0
"""Seconds between two sentences; what takes no longer is not told at all."""


@contextmanager
def bar(total: int, what: str) -> Iterator[Callable[[], None]]:
    """Show a progress bar on a terminal, where there is much to do.

    Args:
        total: How many there are.
        what: What is done to them.

    Yields:
        To be called after each.
    """
    if output.wants_json() or total < _FEW or not sys.stderr.isatty():
        yield lambda: None
        return
    # Loaded late: it takes longer than most commands.
    from rich.console import Console  # noqa: PLC0415 - loaded late
    from rich.progress import Progress  # noqa: PLC0415 - loaded late

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


class CatchingUp:
    """Tells on a terminal which entry of how many was reached."""

    def __init__(self) -> None:
        """Begin now."""
        self._told_at = time.monotonic()
        self._count = 0
        self._told = False

    def reached(self, index: int, size: int) -> None:
        """Tell how far it is, if that was not told just now.

        Args:
            index: Index of the entry that was reached.
            size: Size of the ledger as it is known.
        """
        self._count += 1
        if not sys.stderr.isatty():
            return
        now, left = time.monotonic(), size - index - 1
        if left > 0 and now - self._told_at >= _PAUSE:
            self._told_at, self._told = now, True
            output.remark(
                f"Catching up: at entry {index:,} of {size:,}, {self._count:,} of them for you."
            )
        if left <= 0 and self._told:
            self._told = False
            output.remark(f"Caught up, at entry {index:,}.")
