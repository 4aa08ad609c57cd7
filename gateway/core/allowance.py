"""Allowances: how often each of many may do something, where nobody vouches for their number.

* Each name has a number of times to begin with, which fills up again at a rate. Who has none left
  is told so, and nothing is counted then.
* So many names are remembered; the one that was counted longest ago is forgotten first, and begins
  anew. Whoever has very many names is bounded elsewhere.

It sees names and times, uses no clock, and knows nothing of what is counted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

_REMEMBERED: Final = 16_384

NameT = TypeVar("NameT", bound=Hashable)


class Allowance(Generic[NameT]):
    """Counts by name."""

    def __init__(self, *, rate: float, burst: float, remembered: int = _REMEMBERED) -> None:
        """Begin with nobody known.

        Args:
            rate: How often one may go on, per second.
            burst: How often at once.
            remembered: How many names are remembered.
        """
        self._rate = rate
        self._burst = burst
        self._remembered = remembered
        # What each has left, and when that was so.
        self._left: OrderedDict[NameT, tuple[float, float]] = OrderedDict()

    def admit(self, name: NameT, now: float) -> bool:
        """Count one.

        Args:
            name: Who.
            now: Seconds on a clock that never runs backwards.

        Returns:
            False where it has none left: nothing is counted then.
        """
        left, since = self._left.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        admitted = left >= 1
        self._left[name] = (left - 1 if admitted else left, now)
        if len(self._left) > self._remembered:
            self._left.popitem(last=False)
        return admitted

    def wait(self, name: NameT, now: float) -> float:
        """Give the seconds after which one that has none left has one again.

        Args:
            name: Who.
            now: Seconds on the same clock.

        Returns:
            Seconds; 0 for whoever has one left.
        """
        left, since = self._left.get(name, (self._burst, now))
        return max(0.0, (1 - left) / self._rate - (now - since))
