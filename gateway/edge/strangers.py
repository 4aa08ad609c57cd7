"""Strangers: how often one may call that may not call at all.

* A system that the directory does not know, or not as active, is counted by its name; who has no
  name here, by its address. So a stranger uses up nobody's rate but its own.
* Beyond the rate, its calls are refused with RATE_EXCEEDED and the time to come back at, whatever
  else speaks against them, and are counted on the audit log under no name.
* Whoever may call is never counted here.

TLS has let it in: it has a certificate of an authority that the gateway accepts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.core.allowance import Allowance
from gateway.core.errors import Reason, Refusal

PER_SECOND: Final = 10.0
BURST: Final = 100


class Strangers:
    """Counts calls of whoever may not call."""

    def __init__(
        self, clock: Callable[[], float], *, per_second: float = PER_SECOND, burst: int = BURST
    ) -> None:
        """Begin with nobody known.

        Args:
            clock: Seconds that only go forward.
            per_second: How often one may call, on average.
            burst: How often at once.
        """
        self._clock = clock
        self._allowance = Allowance[str](rate=per_second, burst=burst)
        self._text = (
            f"whoever may not call is answered {per_second:g} times a second, and {burst} at once; "
            "go on after the time that is named"
        )

    def pass_now(self, name: str) -> None:
        """Let a stranger have its answer, or none.

        Args:
            name: The system's name, or the site of its address.

        Raises:
            Refusal: RATE_EXCEEDED, with the time after which it would pass.
        """
        now = self._clock()
        if not self._allowance.admit(name, now):
            wait = self._allowance.wait(name, now)
            raise Refusal(Reason.RATE_EXCEEDED, self._text, retry_after=wait)
