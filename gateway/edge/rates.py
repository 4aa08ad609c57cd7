"""Rates: how many statements, confirmations and other calls a member makes in a second.

* Each member has its own: what one uses up is no other's. Its systems and connections share it.
* A call beyond the rate is refused, and told exactly when the next one fits. A refused call uses
  nothing up.
* The statements of a stream are not refused but taken in more slowly; where one would have to wait
  for long, the stream ends.
* What is kept is one number for each member that has called.

It counts what begins, and knows nothing of what is open: `turnstile` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often.

    Attributes:
        per_second: So often on average; above 0.
        burst: So often at once, after a while of rest; at least 1.
    """

    per_second: float
    burst: int


STATEMENTS: Final = Rate(per_second=5000, burst=10_000)
"""How often one member hands in statements, unless a gateway is told otherwise."""

CALLS: Final = Rate(per_second=2000, burst=4000)
"""The same of all other calls."""

CONFIRMATIONS: Final = Rate(per_second=2, burst=120)
"""How often one member confirms its inbox: each time is on record for ever, with every sender."""

LONGEST_WAIT: Final = 5.0
"""Seconds for which a stream is not read from, before it is refused."""

# Whoever comes back exactly when it was told to is not too early.
_ROUNDING: Final = 1e-9


class Meter:
    """Lets each member do one thing at a rate."""

    def __init__(self, rate: Rate, what: str, clock: Callable[[], float]) -> None:
        """Begin with everyone rested.

        Args:
            rate: How often.
            what: What is counted, for people, as in `statements`.
            clock: Seconds that only go forward.
        """
        self._apart = 1 / rate.per_second
        self._ahead = (rate.burst - 1) * self._apart
        self._text = (
            f"the member makes more than {rate.per_second:g} {what} a second, and {rate.burst} at "
            "once; go on after the time that is named"
        )
        self._clock = clock
        # For each member, when everything that it did would have been done one by one. A burst may
        # be ahead of the clock by so much and no more.
        self._due: dict[MemberId, float] = {}

    def pass_now(self, member: MemberId) -> None:
        """Let a member pass, or refuse it.

        Args:
            member: The member.

        Raises:
            Refusal: RATE_EXCEEDED, with the time after which it would pass.
        """
        self._pass(member, 0.0)

    async def pass_soon(self, member: MemberId, longest: float = LONGEST_WAIT) -> None:
        """Let a member pass as soon as its rate allows.

        Args:
            member: The member.
            longest: How many seconds it is made to wait at most.

        Raises:
            Refusal: RATE_EXCEEDED, it would have to wait for longer.
        """
        seconds = self._pass(member, longest)
        if seconds > 0:
            await asyncio.sleep(seconds)

    def _pass(self, member: MemberId, longest: float) -> float:
        """Count one, and give the seconds after which it may be; or count nothing and refuse."""
        now = self._clock()
        due = max(self._due.get(member, now), now)
        seconds = due - self._ahead - now
        if seconds > longest + _ROUNDING:
            raise Refusal(Reason.RATE_EXCEEDED, self._text, retry_after=seconds - longest)
        self._due[member] = due + self._apart
        return seconds


class Rates:
    """What a member may do how often.

    Attributes:
        statements: Statements handed in, by themselves or on a stream.
        confirmations: Confirmations of its inbox.
        calls: All other calls; a stream counts once.
    """

    def __init__(
        self, *, statements: Rate, confirmations: Rate, calls: Rate, clock: Callable[[], float]
    ) -> None:
        """Begin with everyone rested.

        Args:
            statements: How often statements.
            confirmations: How often confirmations.
            calls: How often other calls.
            clock: Seconds that only go forward.
        """
        self.statements = Meter(statements, "statements", clock)
        self.confirmations = Meter(confirmations, "confirmations of its inbox", clock)
        self.calls = Meter(calls, "calls", clock)
