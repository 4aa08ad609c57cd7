"""What a member was delivered between two sizes of the ledger, as one number and one hash.

* A span is the entries that were delivered to a member, by all senders or by one, at an index from
  `from_size` on and below `to_size`. Their tree has one leaf for each, in the ledger's order.
* Leaf: `"forewarn/inbox/v1" 0x0A 0x00 || index (u64, big-endian) || leaf hash in the ledger`. Tree
  and proofs as in RFC 6962. So whoever holds an entry with its opening can find its leaf, and
  nobody can tell from a root what another one received.
* Spans are compared in constant time. They are equal only as a whole: what is left out, added,
  moved or changed gives another count or another root.

It does not know where entries come from, verify a signature, or record anything.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.core import merkle
from gateway.core.errors import Reason, Refusal, invalid
from gateway.core.identity import MemberId
from gateway.core.proof import HASH_BYTES, MAX_SIZE
from gateway.core.statements import MAX_CLOCK_SKEW

MAX_ENTRIES: Final = 4096
"""Most entries of a span."""

MAX_SENDERS: Final = 256
"""Most senders whose entries are confirmed at once."""

_LEAF_LABEL: Final = b"forewarn/inbox/v1\n\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One entry that was delivered to a member.

    Attributes:
        index: Its index in the ledger.
        sender: Id of the member that sent it.
        leaf_hash: Its leaf hash in the ledger, 32 bytes.
    """

    index: int
    sender: str
    leaf_hash: bytes

    @property
    def leaf(self) -> bytes:
        """Its leaf in the tree of a span."""
        return _LEAF_LABEL + self.index.to_bytes(8, "big") + self.leaf_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Entries that were delivered to one member, in short. Making one that cannot be is refused.

    Attributes:
        from_size: The first index that it may hold.
        to_size: One more than the last index that it may hold.
        count: How many entries it holds.
        root: Root of their tree, 32 bytes; the empty root where there are none.
    """

    from_size: int
    to_size: int
    count: int
    root: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.from_size <= self.to_size <= MAX_SIZE:
            raise invalid("span.to_size", "is not a size of the ledger from from_size on")
        if not 0 <= self.count <= min(self.to_size - self.from_size, MAX_ENTRIES):
            raise invalid(
                "span.count",
                f"is more than {MAX_ENTRIES}, or than fit between the two sizes; confirm in parts",
            )
        if len(self.root) != HASH_BYTES:
            raise invalid("span.root", f"is not {HASH_BYTES} bytes")
        if (self.count == 0) != (self.root == merkle.EMPTY_ROOT):
            raise invalid("span.root", "is that of an empty tree if and only if count is 0")

    def same_as(self, other: Span) -> bool:
        """Tell whether both are of the same sizes and hold the same, in constant time."""
        return hmac.compare_digest(self._whole, other._whole)

    @property
    def _whole(self) -> bytes:
        numbers = (self.from_size, self.to_size, self.count)
        return b"".join(number.to_bytes(8, "big") for number in numbers) + self.root


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What a recipient signed: that it has what one sender sent it.

    Attributes:
        exchange: Origin of the ledger.
        recipient: Id of the member that received.
        sender: Id of the member that sent.
        span: What of this sender it received.
        created_time: When it was signed, UTC.
    """

    exchange: str
    recipient: str
    sender: str
    span: Span
    created_time: datetime

    def check(self, exchange: str, recipient: MemberId, now: datetime) -> None:
        """Refuse one for another exchange, by another member, or from the future.

        Args:
            exchange: Origin of this ledger.
            recipient: The member whose system calls.
            now: When the gateway received it, UTC.

        Raises:
            Refusal: EXCHANGE_FOREIGN, SENDER_MISMATCH, CREATED_IN_FUTURE or FIELD_INVALID.
        """
        if self.exchange != exchange:
            raise invalid(
                "confirmation.exchange",
                f"names another exchange; this one is {exchange}",
                Reason.EXCHANGE_FOREIGN,
            )
        if self.recipient != recipient:
            raise invalid(
                "confirmation.recipient",
                "is not the member whose system calls; each member confirms its own inbox",
                Reason.SENDER_MISMATCH,
            )
        if self.created_time - now > MAX_CLOCK_SKEW:
            raise invalid(
                "confirmation.created_time",
                "is more than 5 minutes ahead of the exchange; check the recipient's clock",
                Reason.CREATED_IN_FUTURE,
            )
        if not self.span.count:
            raise invalid(
                "confirmation.span.count", "is 0; of whom nothing came, nothing is signed"
            )


class Tree:
    """The tree of some entries, with proofs."""

    def __init__(self, entries: Iterable[Delivered]) -> None:
        """Hash entries.

        Args:
            entries: What was delivered, in the ledger's order.
        """
        leaves = [merkle.leaf_hash(entry.leaf) for entry in entries]
        appended = merkle.append(_Hashes({}), 0, leaves)
        tiles = {at: merkle.split_tile(content) for at, content in appended.tiles.items()}
        self.head = appended.head
        self._prover = merkle.Prover(_Hashes(tiles), appended.head.size)

    def inclusion(self, position: int) -> tuple[bytes, ...]:
        """Prove one of the entries.

        Args:
            position: Which of them, from 0.

        Returns:
            The sibling hashes, leaf to root.

        Raises:
            ValueError: There is no such entry.
        """
        return self._prover.inclusion(position)


def span_of(entries: Sequence[Delivered], from_size: int, to_size: int) -> Span:
    """Put entries in short.

    Args:
        entries: All that was delivered between both sizes, in the ledger's order.
        from_size: The first index that could be among them.
        to_size: One more than the last.

    Returns:
        Their span.

    Raises:
        Refusal: FIELD_INVALID, they are more than a span may hold.
    """
    head = Tree(entries).head
    return Span(from_size=from_size, to_size=to_size, count=head.size, root=head.root)


def by_sender(entries: Iterable[Delivered]) -> dict[str, list[Delivered]]:
    """Sort entries by who sent them.

    Args:
        entries: What was delivered, in the ledger's order.

    Returns:
        The entries of each sender in the same order, the senders ascending.
    """
    found: dict[str, list[Delivered]] = {}
    for entry in entries:
        found.setdefault(entry.sender, []).append(entry)
    return dict(sorted(found.items()))


def differs() -> Refusal:
    """Build the refusal of a span that is not what the ledger holds."""
    return Refusal(
        Reason.INBOX_DIFFERS,
        "what the caller was shown of its inbox is not what the ledger holds for it: keep both, "
        "list the entries between the two sizes again, and ask whoever runs the exchange",
    )


class _Hashes:
    """The tiles of a small tree: `gateway.core.merkle.Tiles`."""

    def __init__(self, tiles: dict[tuple[int, int], tuple[bytes, ...]]) -> None:
        self._tiles = tiles

    def hashes(self, level: int, n: int) -> Sequence[bytes]:
        return self._tiles.get((level, n), ())
