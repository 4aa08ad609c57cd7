"""Ports of the stream: blocks appended, blocks read, and checkpoints announced.

* A stream sequence is a position and never an identity: JetStream hands lost sequences out again
  after damage. Readers compare messages, not numbers.
* An announcement is a hint that the ledger has grown; it is never the record.

What the ledger holds once blocks are folded is in `gateway.ports.reading`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Protocol

from gateway.core.errors import Fault

MAX_BLOCK_BYTES = 4 * 1024 * 1024
"""Largest block in bytes. The largest entry fits, or three statements of the largest size to few;
the stream itself takes messages twice as large, so that this number can grow without a new one."""


@unique
class AppendOutcome(StrEnum):
    """How a block came to be in the stream."""

    STORED = "stored"
    ALREADY_STORED = "already_stored"
    """An earlier attempt with the same bytes had been stored and its acknowledgement was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """The acknowledgement of one block: it is on disk in the stream.

    Attributes:
        sequence: Where the stream holds it, from 1.
        outcome: Whether this call stored it. An integrator that sees a sequence which it has
            already folded halts, unless the outcome is ALREADY_STORED.
    """

    sequence: int
    outcome: AppendOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamMessage:
    """One block message as the stream holds it.

    Attributes:
        sequence: Its position, from 1.
        message: Its bytes, verbatim.
    """

    sequence: int
    message: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a stream holds: sequences `first` to `last`, both included; empty if last < first."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A reason to look at the ledger again.

    Attributes:
        note: The newest signed checkpoint note heard of, unverified; None when one may have been
            missed, so that the store has to be asked.
    """

    note: bytes | None


class StreamInterrupted(Exception):  # noqa: N818 - an event of the stream, not an error in it
    """A follower can no longer vouch that nothing changed behind it.

    The connection was lost or replaced, the consumer was reset, or its heartbeat stayed away.
    Compare the last folded message with what the stream holds there, then follow on.
    """


class StreamBehind(Fault):
    """The stream holds less than was folded from it.

    Either it lost messages, or, in a cluster, the server that answered has just become the stream's
    leader and does not have all of it at hand yet. Asked again a little later, it has, or has not.
    """


class BlockAppender(Protocol):
    """The one way into the ledger: blocks appended to the stream."""

    async def append(self, message: bytes) -> Appended:
        """Append one block and wait until the stream has it on disk.

        Safe to repeat with the same bytes: the block is stored once. An attempt whose outcome is
        unknown is repeated by the adapter, within a bounded time.

        Args:
            message: The serialized block, 1 to MAX_BLOCK_BYTES bytes.

        Returns:
            Where the block is, and whether this call put it there.

        Raises:
            ValueError: The block is empty or too large.
            Fault: LEDGER_UNAVAILABLE, no acknowledgement in time. The outcome is unknown: the
                block may still turn up in the stream.
        """


class BlockReader(Protocol):
    """The stream of blocks, for the integrator."""

    async def message(self, sequence: int) -> bytes | None:
        """Return what the stream's leader holds at one sequence, verbatim; None for nothing.

        Raises:
            Fault: LEDGER_UNAVAILABLE, the stream did not answer in time.
        """

    async def bounds(self) -> Bounds:
        """Return the first and the last sequence that the stream holds.

        Raises:
            Fault: LEDGER_UNAVAILABLE, the stream did not answer in time.
        """

    def follow(self, after: int) -> AsyncGenerator[StreamMessage, None]:
        """Yield every message after a sequence, in order and without a gap, for ever.

        At most a bounded number of messages is held in memory, however slowly they are taken.
        Close the generator when done (`contextlib.aclosing`).

        Args:
            after: The sequence of the last message already folded; 0 for none.

        Raises:
            StreamInterrupted: The follower has to check its last message and follow anew.
            StreamBehind: LEDGER_NOT_PROVEN, the stream ends before `after`.
            Fault: LEDGER_NOT_PROVEN, the stream lacks a message that it must hold;
                LEDGER_UNAVAILABLE, the stream did not answer in time.
        """


class Announcer(Protocol):
    """Tells every worker of a new checkpoint; a hint that may be lost, never the record."""

    async def announce(self, note: bytes) -> None:
        """Announce the newest signed checkpoint note. Never fails and never waits for readers."""


class Announcements(Protocol):
    """Hears of new checkpoints."""

    def notes(self) -> AsyncGenerator[Announcement, None]:
        """Yield announcements for ever, the latest only: a slow reader skips, it never blocks.

        The first one, and the first after every reconnect, has no note: whatever was announced
        before it may have been missed. Close the generator when done (`contextlib.aclosing`).
        """


# Reading the ledger. Snapshots are synchronous: they are for worker threads.
