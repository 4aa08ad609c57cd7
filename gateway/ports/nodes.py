"""Ports between the nodes of one exchange: signed notes that they say, and the lease they keep.

* Nodes share the stream, and nothing else. Each folds it for itself; what one has signed the others
  hear and compare.
* A note may be lost and be said twice. Whoever hears one verifies it.

Blocks and what a node tells its own workers are in `gateway.ports.blocks`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Protocol


class SignedNotes(Protocol):
    """What the integrators of all nodes say to one another of one log."""

    async def say(self, note: bytes) -> None:
        """Say a note that was signed here. Never fails and never waits for a listener."""

    def keep(self, note: bytes) -> None:
        """Have a note ready for whoever asks, without saying it."""

    async def ask(self) -> None:
        """Ask the others to say their newest note again. Never fails."""

    def heard(self) -> AsyncGenerator[bytes, None]:
        """Yield what the others say, for ever, unverified; the oldest are dropped from too many.

        At the first and at every new connection the others are asked: what was said before is
        heard as well. Close the generator when done (`contextlib.aclosing`).
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands where the lease is kept.

    Attributes:
        value: What was written last.
        revision: Its revision: greater with every write, whoever writes.
    """

    value: bytes = field(repr=False)
    revision: int


class LeasePlace(Protocol):
    """One place that all nodes read and write, where of two that write at once one fails."""

    async def read(self) -> Standing | None:
        """Read what stands there; None where nobody has written yet.

        Raises:
            Fault: LEDGER_UNAVAILABLE, no answer in time.
        """

    async def write(self, value: bytes, *, revision: int) -> int | None:
        """Write, if what stands there is of a revision.

        Args:
            value: What to write.
            revision: The revision that must stand there; 0 for none.

        Returns:
            The new revision; None where another stands there, and nothing was written.

        Raises:
            Fault: LEDGER_UNAVAILABLE, no answer in time: whether it was written is unknown.
        """
