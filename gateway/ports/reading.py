"""Ports of the ledger: snapshots of what is folded, its signed head, and the way in for one entry.

* A snapshot is one consistent state of the store; nothing in it changes while it is open.
* Nobody shows an entry at or above the size of the signed head.

How blocks travel is in `gateway.ports.blocks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, unique
from typing import Protocol

from gateway.core.entry import EntrySummary
from gateway.core.fold import Entry, Outcome
from gateway.core.inbox import Delivered


@unique
class Box(IntEnum):
    """Which of a member's entries are meant. The numbers are those on the wire."""

    RECEIVED = 1
    SENT = 2
    ALL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """An accepted entry.

    Attributes:
        index: Its index, from 0.
        body: The serialized entry body, as recorded.
        salt: The opening: the salt of its commitment.
        summary: What the index knows of it; None where it is opaque, and nobody's.
    """

    index: int
    body: bytes
    salt: bytes
    summary: EntrySummary | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """A case as it stands at the snapshot's size.

    Attributes:
        digest: Digest of the statement that opened it.
        protocol: The table it follows, as in `release`.
        state: Its state.
        opened_index: Index of the entry that opened it.
        last_index: Index of its last entry.
    """

    digest: bytes
    protocol: str
    state: str
    opened_index: int
    last_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedBlock:
    """What the fold made of one block message.

    Attributes:
        sequence: Where the stream held it.
        sha256: SHA-256 of the message, which is its identity.
        size_before: Size of the ledger before it.
        size_after: Size of the ledger after it.
        outcomes: The verdict on each of its entries, in order.
    """

    sequence: int
    sha256: bytes
    size_before: int
    size_after: int
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberQuery:
    """Which of a member's entries to list.

    Attributes:
        member: The member's id.
        box: Delivered to it, sent by it, or both.
        after: Only entries at a greater index; -1 for all.
        limit: At most so many.
        before_size: Only entries below this size.
        kinds: Only these kinds; all where empty.
        sender: Only by this sender; all where empty.
        case_digest: Only of this case; all where empty.
    """

    member: str
    box: Box
    after: int
    limit: int
    before_size: int
    kinds: tuple[int, ...] = ()
    sender: str = ""
    case_digest: bytes = b""


class LedgerSnapshot(Protocol):
    """The ledger at one moment: all that it answers is true at the same `size`.

    That size may be ahead of the newest signed checkpoint. Judge at `size`; show members nothing
    at or above the size of the `LedgerHead`. Every method raises Fault where the store fails.
    """

    @property
    def size(self) -> int:
        """Number of entries."""

    def statement(self, sender: str, statement_id: str) -> StoredEntry | None:
        """Find the entry that recorded a sender's statement by the sender's id for it."""

    def by_digest(self, digest: bytes) -> StoredEntry | None:
        """Find an entry by the digest of its statement."""

    def index_of(self, digest: bytes) -> int | None:
        """Find the index of an entry by the digest of its statement; its body is not read."""

    def by_index(self, index: int) -> StoredEntry | None:
        """Find an entry by its index."""

    def case(self, case_digest: bytes) -> CaseRow | None:
        """Find a case by the digest of the statement that opened it."""

    def case_as_read(self, case_digest: bytes, member: str, before_size: int) -> CaseRow | None:
        """Find a case as one of its readers sees it; no body is read.

        Args:
            case_digest: Digest of the statement that opened it.
            member: The reader's id.
            before_size: Only entries below this size count.

        Returns:
            The case, its state and last entry those of the last entry that the member may read;
            None where there is no such case, or the member may not read the entry that opened it.
        """

    def case_entries(
        self,
        case_digest: bytes,
        kinds: Sequence[int] = (),
        *,
        after: int = -1,
        limit: int | None = None,
    ) -> list[StoredEntry]:
        """List a case's entries, the opener first.

        Args:
            case_digest: Digest of the statement that opened it.
            kinds: Only these kinds; all where empty.
            after: Only entries at a greater index; -1 for all.
            limit: At most so many; None for all.
        """

    def readable_in_case(
        self, case_digest: bytes, member: str, after: int, limit: int
    ) -> list[StoredEntry]:
        """List those of a case's entries that a member may read, the opener first.

        Args:
            case_digest: Digest of the statement that opened it.
            member: The member's id.
            after: Only entries at a greater index; -1 for all.
            limit: At most so many.
        """

    def newest(self, case_digest: bytes, kinds: Sequence[int]) -> StoredEntry | None:
        """Find the newest of a case's entries of some kinds."""

    def directory_entries(self, from_index: int, limit: int) -> list[StoredEntry]:
        """List at most `limit` directory entries from an index on, in order."""

    @property
    def last_directory_index(self) -> int | None:
        """Index of the newest directory entry; None before the genesis entry."""

    def member_entries(self, query: MemberQuery) -> list[StoredEntry]:
        """List entries that were sent by a member or delivered to it, in order."""

    def member_horizon(self, query: MemberQuery, most: int) -> int | None:
        """Tell how far a look at a member's entries may go.

        Args:
            query: Whose entries, in which boxes and which case; of whatever kind and sender.
            most: Most entries of each box to look at.

        Returns:
            An index below which no more of them lie; None where there are no more in all.
        """

    def member_cases(self, member: str, protocol: str, after: int, limit: int) -> list[CaseRow]:
        """List the cases whose opener a member sent or received, in the order of opening.

        Args:
            member: The member's id.
            protocol: Only this protocol; all where empty.
            after: Only cases opened at a greater index; -1 for all.
            limit: At most so many.
        """

    def delivered(self, member: str, from_size: int, to_size: int, limit: int) -> list[Delivered]:
        """List what was delivered to a member between two sizes, in order; no body is read.

        Args:
            member: The member's id.
            from_size: Only entries at this index or a greater one.
            to_size: Only entries below this index.
            limit: At most so many.
        """

    def first_released(self, member: str, index: int) -> int | None:
        """Find, in an audit log, the first event by which an entry left for a member.

        Args:
            member: The member's id.
            index: Index of the entry in the ledger.

        Returns:
            Index of the event in the audit log.
        """

    def not_released(self, member: str, indexes: Sequence[int]) -> list[int]:
        """Pick, of some entries, those of which an audit log tells no release to a member.

        Args:
            member: The member's id.
            indexes: Indexes of the entries in the ledger.

        Returns:
            Some of the indexes, in the same order.
        """

    def first_confirmed(self, member: str, sender: str, index: int, before_size: int) -> int | None:
        """Find, in an audit log, the first event by which a member confirmed to have an entry.

        One that it signed goes before one that it did not.

        Args:
            member: The recipient's id.
            sender: The sender's id.
            index: Index of the entry in the ledger.
            before_size: Only events below this index of the audit log.

        Returns:
            Index of the event in the audit log.
        """

    def boxes_touched(self, from_size: int, to_size: int) -> set[tuple[str, Box]]:
        """Name the boxes, SENT or RECEIVED of which member, of the entries between two sizes."""

    def readable(self, index: int, member: str) -> bool:
        """Tell whether a member may read an entry; False also where there is none.

        The entry itself is not read: how long it takes says nothing of one that is another's.
        """

    @property
    def last_received_time(self) -> datetime | None:
        """When the newest entry was received; None where no entry says so."""

    def block(self, sha256: bytes) -> FoldedBlock | None:
        """Find what the fold made of a block, by the SHA-256 of its message."""

    def block_at(self, sequence: int) -> FoldedBlock | None:
        """Find what was folded at a sequence of the stream."""

    @property
    def note(self) -> bytes | None:
        """The newest signed checkpoint note; None before the first."""

    @property
    def cosigned(self) -> bytes | None:
        """The newest note that enough witnesses have cosigned; None where there is none."""

    def leaf_hash(self, index: int) -> bytes:
        """Give the leaf hash of an entry; ValueError where there is none."""

    def prove(self, indexes: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
        """Prove entries in the tree of a size, each from leaf to root (RFC 6962 section 2.1.1).

        Raises:
            ValueError: The size is beyond the snapshot's, or an index is not below the size.
        """

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the tree of a size begins with that of an earlier one (RFC 6962 2.1.2).

        Raises:
            ValueError: The sizes are the wrong way round, or beyond the snapshot's.
        """


class LedgerReader(Protocol):
    """The store of one node, for reading; safe to use from many threads."""

    def snapshot(self) -> AbstractContextManager[LedgerSnapshot]:
        """Open a snapshot. Keep it short: while it is open, the store cannot shrink its log."""

    def prove(self, indexes: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
        """Prove entries; see `LedgerSnapshot.prove`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """A signed checkpoint that has been verified: the note's bytes, and what it says."""

    note: bytes
    size: int
    root: bytes


class LedgerHead(Protocol):
    """The newest signed checkpoint that this worker has seen. It never goes back."""

    @property
    def current(self) -> SignedHead:
        """Note, size and root together; Fault LEDGER_UNAVAILABLE before the first."""

    @property
    def size(self) -> int:
        """Its size; 0 before the first."""

    async def wait_beyond(self, size: int) -> SignedHead:
        """Wait until the head is larger than a size, and give it."""


class Recorder(Protocol):
    """The way into the ledger for what has been admitted."""

    async def record(self, entry: Entry) -> Outcome:
        """Put an entry into the next block, and answer once the fold has decided.

        An entry that is answered as accepted is on disk in the stream and in the store, and the
        worker's `LedgerHead` covers it.

        Raises:
            Fault: LEDGER_UNAVAILABLE, too much waits already, or no answer came in time: then the
                outcome is unknown, and the same statement may be handed in again.
                LEDGER_NOT_PROVEN, the stream has contradicted the store.
        """
