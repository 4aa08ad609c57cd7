"""The turnstile: how much a member has open at once: calls, what it says in them, what it is told.

* What the gateway takes on is bounded and shared by all; no single member can take it all: neither
  the calls, nor what may wait to be recorded, nor the memory for answers.
* A call counts from its admission until gRPC has done with it: an answer or a stream that its
  caller does not read counts as long as it is kept for that caller.
* Room for an answer is taken before it is read from the store. A member that does not read its
  answers waits for room of its own, and then is refused; the others notice nothing.

It counts what is open, and knows nothing of rates: `rates` does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId

MOST_BYTES: Final = 32 << 20
"""Most bytes in the requests that one member has open: half of what may wait to be recorded."""

MOST_ANSWER_BYTES: Final = 64 << 20
"""Most bytes in the answers that are kept for one member, until it has taken them."""

STREAM_BYTES: Final = 4 << 20
"""What a stream of requests counts for: the most that it may have without an answer."""

READER_SECONDS: Final = 60.0
"""How long an answer waits for room, and a message of a stream to be taken."""


@dataclass(slots=True, eq=False)
class _Inside:
    """What one member has open."""

    most_answers: int
    calls: int = 0
    bytes: int = 0
    answers: int = 0
    waiting: deque[tuple[int, asyncio.Future[None]]] = field(default_factory=deque)

    def take_now(self, size: int) -> bool:
        """Take room for an answer, if there is some and nobody waits for it."""
        free = not self.waiting and self._fits(size)
        if free:
            self.answers += size
        return free

    async def take(self, size: int) -> None:
        """Take room for an answer, first come, first served."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            # It may have come in the same moment: then it is the next one's.
            self.give(0 if turn.cancelled() else size)
            raise

    def give(self, size: int) -> None:
        """Give room back."""
        self.answers -= size
        self._let_in()

    def _fits(self, size: int) -> bool:
        return not self.answers or self.answers + size <= self.most_answers

    def _let_in(self) -> None:
        while self.waiting:
            size, turn = self.waiting[0]
            if not turn.done():
                if not self._fits(size):
                    return
                self.answers += size
                turn.set_result(None)
            self.waiting.popleft()


class Place:
    """One call's place; `Turnstile.enter` gives it."""

    __slots__ = ("_answer", "_inside", "_leave", "_patience")

    def __init__(self, inside: _Inside, patience: float, leave: Callable[[], None]) -> None:
        """Begin without an answer."""
        self._inside = inside
        self._patience = patience
        self._leave = leave
        self._answer = 0

    @property
    def has_room(self) -> bool:
        """Whether room for an answer was taken."""
        return bool(self._answer)

    async def room(self, most: int) -> None:
        """Take room for the call's next answer; what it held before has been taken by now.

        Args:
            most: The largest that the answer can be, in bytes; one answer fits in any case.

        Raises:
            Refusal: TOO_MANY_CALLS, the member has not taken its other answers in time.
        """
        self.holds(0)
        try:
            if not self._inside.take_now(most):
                async with asyncio.timeout(self._patience):
                    await self._inside.take(most)
        except TimeoutError:
            raise Refusal(
                Reason.TOO_MANY_CALLS,
                f"answers of {self._inside.most_answers >> 20} MiB wait for the member to read "
                "them; read or cancel them, then try again",
            ) from None
        self._answer = most

    def holds(self, size: int) -> None:
        """Say how large the answer is for which room was taken.

        Args:
            size: Its size in bytes; 0 where there is none.
        """
        before, self._answer = self._answer, size
        self._inside.give(before - size)

    def leave(self) -> None:
        """Count the call out."""
        self.holds(0)
        self._leave()


class Turnstile:
    """Counts open calls, the bytes of their requests, and those of their answers, by member."""

    def __init__(
        self,
        most: int,
        *,
        most_bytes: int = MOST_BYTES,
        most_answers: int = MOST_ANSWER_BYTES,
        patience: float = READER_SECONDS,
    ) -> None:
        """Begin with nobody inside.

        Args:
            most: Most calls that one member has open at once, whatever its systems and connections.
            most_bytes: Most bytes in their requests; one request fits in any case.
            most_answers: Most bytes in their answers; one answer fits in any case.
            patience: Seconds for which an answer waits for room.
        """
        self._most = most
        self._most_bytes = most_bytes
        self._most_answers = most_answers
        self._patience = patience
        self._inside: dict[MemberId, _Inside] = {}

    def enter(self, member: MemberId, size: int) -> Place:
        """Let a call in.

        Args:
            member: The member that calls.
            size: Size of its request, in bytes.

        Returns:
            Its place, which has to be left.

        Raises:
            Refusal: TOO_MANY_CALLS, and the call is not let in.
        """
        inside = self._inside.get(member) or _Inside(self._most_answers)
        full = inside.calls >= self._most
        if full or (inside.calls and inside.bytes + size > self._most_bytes):
            raise Refusal(
                Reason.TOO_MANY_CALLS,
                f"the member has {self._most} calls or {self._most_bytes >> 20} MiB of requests "
                "open already, streams included; end some, or try again shortly",
            )
        self._inside[member] = inside
        inside.calls += 1
        inside.bytes += size
        return Place(inside, self._patience, partial(self._leave, member, size))

    def _leave(self, member: MemberId, size: int) -> None:
        inside = self._inside[member]
        inside.calls -= 1
        inside.bytes -= size
        if not inside.calls:
            del self._inside[member]
