"""What a member was shown of its inbox between two sizes of the ledger, in short.

* A span is a number of entries and the root of their tree. A leaf is the label `forewarn/inbox/v1`,
  a newline, a NUL, the index (u64, big-endian) and the leaf hash of the entry in the ledger; tree
  and proofs are those of RFC 6962.
* The entries of a span stand in the ledger's order, each index once, all between its sizes.
* A span holds at most 4,096 entries, of at most 256 senders; what is longer is cut into several.

It is this library's own reckoning: the exchange makes its own, and both run the same vectors.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

from forewarn.exchange.v1 import inbox_pb2
from forewarn_client import commitment, merkle
from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.records import VerifiedRecord

MOST_ENTRIES: Final = 4096
MOST_SENDERS: Final = 256
_LABEL: Final = b"forewarn/inbox/v1\n\x00"
_INDEX_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An entry that a member was shown.

    Attributes:
        index: Its index in the ledger.
        leaf_hash: Its leaf hash in the ledger, 32 bytes.
        sender: Id of the member that sent it; empty where that does not matter.
    """

    index: int
    leaf_hash: bytes
    sender: str = ""

    @classmethod
    def of(cls, record: VerifiedRecord) -> Self:
        """Take an entry that was verified."""
        evidence = record.evidence
        leaf_hash = commitment.entry_leaf_hash(evidence.entry_body, evidence.salt)
        return cls(index=record.index, leaf_hash=leaf_hash, sender=record.sender)

    @property
    def leaf(self) -> bytes:
        """Its leaf in the tree of a span."""
        return _LABEL + self.index.to_bytes(_INDEX_BYTES, "big") + self.leaf_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Entries that were delivered to one member, in short.

    Attributes:
        from_size: The first index that it may hold.
        to_size: One more than the last index that it may hold.
        count: How many entries it holds.
        root: Root of their tree, 32 bytes.
    """

    from_size: int
    to_size: int
    count: int
    root: bytes

    def __post_init__(self) -> None:
        """Refuse one that cannot be.

        Raises:
            VerificationError: ENTRY_MALFORMED.
        """
        if not 0 <= self.from_size <= self.to_size <= merkle.MAX_SIZE:
            raise _malformed("its sizes are not in order")
        if not 0 <= self.count <= min(self.to_size - self.from_size, MOST_ENTRIES):
            raise _malformed("it holds more entries than it can")
        if len(self.root) != merkle.HASH_BYTES:
            raise _malformed(f"its root is not {merkle.HASH_BYTES} bytes")
        if (self.count == 0) != (self.root == merkle.EMPTY_ROOT):
            raise _malformed("its root is that of an empty tree, or it holds nothing, but not both")

    @classmethod
    def of(cls, entries: Sequence[Shown], from_size: int, to_size: int) -> Self:
        """Put entries in short.

        Args:
            entries: The entries, in the ledger's order.
            from_size: The first index that could be among them.
            to_size: One more than the last.

        Returns:
            Their span.

        Raises:
            VerificationError: ENTRY_MALFORMED; they are not in order, lie outside, are too many, or
                one of them has no hash.
        """
        indexes = [from_size - 1, *(each.index for each in entries), to_size]
        if any(one >= two for one, two in pairwise(indexes)):
            raise _malformed("its entries are not in order between its sizes")
        if any(len(each.leaf_hash) != merkle.HASH_BYTES for each in entries):
            raise _malformed(f"a leaf hash is not {merkle.HASH_BYTES} bytes")
        root = merkle.tree_root([merkle.leaf_hash(each.leaf) for each in entries])
        return cls(from_size=from_size, to_size=to_size, count=len(entries), root=root)

    @classmethod
    def of_message(cls, message: inbox_pb2.InboxSpan) -> Self:
        """Take it out of the form in which it travels.

        Raises:
            VerificationError: ENTRY_MALFORMED; it cannot be.
        """
        return cls(
            from_size=message.from_size,
            to_size=message.to_size,
            count=message.count,
            root=message.root,
        )

    def message(self) -> inbox_pb2.InboxSpan:
        """Put it into the form in which it travels."""
        return inbox_pb2.InboxSpan(
            from_size=self.from_size, to_size=self.to_size, count=self.count, root=self.root
        )

    def may_hold(self, index: int) -> bool:
        """Tell whether an entry at an index falls between its sizes."""
        return self.from_size <= index < self.to_size

    def verify_is_of(self, entries: Sequence[Shown]) -> None:
        """Verify that it is the span of these entries, all of them and no others.

        Args:
            entries: The entries, in the ledger's order.

        Raises:
            VerificationError: ANSWER_MISMATCHED; it is another.
        """
        if self != Span.of(entries, self.from_size, self.to_size):
            raise VerificationError(
                Flaw.ANSWER_MISMATCHED, "the span is of other entries than these", "span-differs"
            )

    def verify_holds(self, entry: Shown, position: int, proof: Sequence[bytes]) -> None:
        """Verify that it holds an entry.

        Args:
            entry: The entry.
            position: Its place among the leaves, from 0.
            proof: Hashes from leaf to root.

        Raises:
            VerificationError: PROOF_INVALID; it is not shown to, or the entry lies outside.
        """
        if not self.may_hold(entry.index):
            raise VerificationError(
                Flaw.PROOF_INVALID, f"the span does not reach over entry {entry.index}"
            )
        merkle.verify_inclusion(
            merkle.leaf_hash(entry.leaf), position, self.count, proof, self.root
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A span, and the entries in it.

    Attributes:
        span: The span.
        entries: Its entries, in the ledger's order.
    """

    span: Span
    entries: tuple[Shown, ...]

    @classmethod
    def of(cls, entries: Sequence[Shown], from_size: int, to_size: int) -> Self:
        """Put entries in short, and keep them; see `Span.of`."""
        return cls(span=Span.of(entries, from_size, to_size), entries=tuple(entries))


def cut(entries: Sequence[Shown], from_size: int, to_size: int) -> Iterator[Stretch]:
    """Cut what was shown into stretches that are no longer than a span may be.

    Args:
        entries: All that was shown between both sizes, in the ledger's order.
        from_size: The first index that could be among them.
        to_size: One more than the last; larger than `from_size`.

    Yields:
        The stretches: each begins where the one before ends.

    Raises:
        VerificationError: As `Span.of`.
    """
    start, begin, senders = 0, from_size, set[str]()
    for position, entry in enumerate(entries):
        senders.add(entry.sender)
        if position - start == MOST_ENTRIES or len(senders) > MOST_SENDERS:
            # What follows the last entry belongs to the next stretch, so that both stay whole.
            yield Stretch.of(entries[start:position], begin, entry.index)
            start, begin, senders = position, entry.index, {entry.sender}
    yield Stretch.of(entries[start:], begin, to_size)


def by_sender(entries: Iterable[Shown]) -> dict[str, list[Shown]]:
    """Sort entries by who sent them.

    Args:
        entries: The entries, in the ledger's order.

    Returns:
        Those of each sender in the same order, the senders ascending.
    """
    found: dict[str, list[Shown]] = {}
    for entry in entries:
        found.setdefault(entry.sender, []).append(entry)
    return dict(sorted(found.items()))


def _malformed(detail: str) -> VerificationError:
    return VerificationError(
        Flaw.ENTRY_MALFORMED, f"the span of an inbox is none: {detail}", "span-malformed"
    )
