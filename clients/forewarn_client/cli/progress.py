"""How far a reader has come that has much to catch up with, told to a person now and then."""

import sys
import time
from typing import Final

from forewarn_client.cli import output

_PAUSE: Final = 2.0
"""Seconds between two sentences; what takes no longer is not told at all."""


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
