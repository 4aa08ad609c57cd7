"""The turnstile: how many calls a member has open at once.

* What the gateway takes on is bounded and shared by all; no single member can take it all.
* A call counts from its admission until gRPC has done with it: an answer or a stream that its
  caller does not read counts as long as it is kept for that caller.

It counts what is open, and knows nothing of rates.
"""

from __future__ import annotations

from collections import Counter

from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId


class Turnstile:
    """Counts open calls by member."""

    def __init__(self, most: int) -> None:
        """Begin with nobody inside.

        Args:
            most: Most calls that one member has open at once, whatever its systems and connections.
        """
        self._most = most
        self._open: Counter[MemberId] = Counter()

    def enter(self, member: MemberId) -> None:
        """Let a call in; `leave` has to follow.

        Args:
            member: The member that calls.

        Raises:
            Refusal: TOO_MANY_CALLS, and the call is not let in.
        """
        if self._open[member] >= self._most:
            raise Refusal(
                Reason.TOO_MANY_CALLS,
                f"the member has {self._most} calls open already, streams included; end some, or "
                "try again shortly",
            )
        self._open[member] += 1

    def leave(self, member: MemberId) -> None:
        """Count a call out that was let in."""
        self._open[member] -= 1
        if not self._open[member]:
            del self._open[member]
