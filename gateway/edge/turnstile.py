"""The turnstile: how many calls a member has open at once, and how much it says in them.

* What the gateway takes on is bounded and shared by all; no single member can take it all: neither
  the calls, nor what may wait to be recorded.
* A call counts from its admission until gRPC has done with it: an answer or a stream that its
  caller does not read counts as long as it is kept for that caller.

It counts what is open, and knows nothing of rates.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId

MOST_BYTES: Final = 32 << 20
"""Most bytes in the requests that one member has open: half of what may wait to be recorded."""

STREAM_BYTES: Final = 4 << 20
"""What a stream of requests counts for: the most that it may have without an answer."""


class Turnstile:
    """Counts open calls, and the bytes of their requests, by member."""

    def __init__(self, most: int, *, most_bytes: int = MOST_BYTES) -> None:
        """Begin with nobody inside.

        Args:
            most: Most calls that one member has open at once, whatever its systems and connections.
            most_bytes: Most bytes in their requests; one request fits in any case.
        """
        self._most = most
        self._most_bytes = most_bytes
        self._open: Counter[MemberId] = Counter()
        self._bytes: Counter[MemberId] = Counter()

    def enter(self, member: MemberId, size: int) -> None:
        """Let a call in; `leave` has to follow.

        Args:
            member: The member that calls.
            size: Size of its request, in bytes.

        Raises:
            Refusal: TOO_MANY_CALLS, and the call is not let in.
        """
        full = self._open[member] >= self._most
        if full or (self._open[member] and self._bytes[member] + size > self._most_bytes):
            raise Refusal(
                Reason.TOO_MANY_CALLS,
                f"the member has {self._most} calls or {self._most_bytes >> 20} MiB of requests "
                "open already, streams included; end some, or try again shortly",
            )
        self._open[member] += 1
        self._bytes[member] += size

    def leave(self, member: MemberId, size: int) -> None:
        """Count a call out that was let in with a request of that size."""
        self._open[member] -= 1
        self._bytes[member] -= size
        if not self._open[member]:
            del self._open[member], self._bytes[member]
