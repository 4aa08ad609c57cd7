"""What a caller asks to list or follow, checked and in one canonical form.

* A filter says which box it means; absent is refused, never taken for everything.
* Kinds are a set: their order and repetition change nothing, also not the cursor.
* A filter narrows. It never widens what its caller may read: the caller's member is not part of it.
* One that matches little is not looked through to the end for one page: a page looks at a bounded
  number of the member's entries, then says where to go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.errors import Reason, invalid
from gateway.core.identity import MemberId
from gateway.core.statements import DIGEST_BYTES, Kind, parse_member
from gateway.core.tables import Protocol
from gateway.ports.reading import Box, LedgerSnapshot, MemberQuery, SignedHead, StoredEntry

MAX_KINDS: Final = 32
MAX_LOOKED: Final = 4096
"""Most entries in each of a member's boxes that are looked at for one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A checked filter.

    Attributes:
        box: Delivered, sent, or both.
        kinds: Only these kinds, ascending; all where empty.
        sender: Only this sender; all where empty.
        case_digest: Only this case; all where empty.
    """

    box: Box
    kinds: tuple[Kind, ...]
    sender: str
    case_digest: bytes

    @property
    def canonical(self) -> bytes:
        """The same bytes for the same meaning."""
        return pb.EntryFilter(
            box=f"BOX_{self.box.name}",
            kinds=[f"STATEMENT_KIND_{kind.name}" for kind in self.kinds],
            sender=self.sender,
            case_digest=self.case_digest,
        ).SerializeToString(deterministic=True)

    def end(self, snapshot: LedgerSnapshot, member: MemberId, start: int, head: SignedHead) -> int:
        """Give the index at which a page ends at the latest.

        Args:
            snapshot: Where to read.
            member: Whose entries.
            start: Index at which it begins.
            head: The newest signed checkpoint.

        Returns:
            The index; the head's size where the rest is not long, or all of it matches.
        """
        if not self.kinds and not self.sender:
            return head.size
        horizon = snapshot.member_horizon(self._query(member, start, head.size, 1), MAX_LOOKED)
        return head.size if horizon is None else horizon

    def fetch(
        self, snapshot: LedgerSnapshot, member: MemberId, end: int
    ) -> Callable[[int, int], list[StoredEntry]]:
        """Give the reading of a member's entries under this filter.

        Args:
            snapshot: Where to read.
            member: Whose entries.
            end: Nothing at or above this index is read.

        Returns:
            A function from first index and greatest number to entries.
        """

        def read(start: int, limit: int) -> list[StoredEntry]:
            return snapshot.member_entries(self._query(member, start, end, limit))

        return read

    def _query(self, member: MemberId, start: int, end: int, limit: int) -> MemberQuery:
        return MemberQuery(
            member=member,
            box=self.box,
            after=start - 1,
            limit=limit,
            before_size=end,
            kinds=self.kinds,
            sender=self.sender,
            case_digest=self.case_digest,
        )


def parse_filter(request: pb.ListEntriesRequest | pb.FollowRequest) -> Filter:
    """Check the filter of a request.

    Args:
        request: The request.

    Returns:
        The filter.

    Raises:
        Refusal: FIELD_MISSING, ENUM_UNKNOWN, FIELD_TOO_LONG or FIELD_INVALID.
    """
    if not request.HasField("filter") or request.filter.box == pb.BOX_UNSPECIFIED:
        raise invalid("filter.box", "is missing; say received, sent or all", Reason.FIELD_MISSING)
    given = request.filter
    if len(given.kinds) > MAX_KINDS:
        raise invalid("filter.kinds", f"holds more than {MAX_KINDS}", Reason.FIELD_TOO_LONG)
    try:
        kinds = tuple(sorted({Kind(number) for number in given.kinds}))
    except ValueError:
        raise invalid("filter.kinds", "holds an unknown kind", Reason.ENUM_UNKNOWN) from None
    try:
        box = Box(given.box)
    except ValueError:
        raise invalid("filter.box", "is unknown", Reason.ENUM_UNKNOWN) from None
    if given.sender:
        parse_member("filter.sender", given.sender)
    if given.case_digest:
        check_digest("filter.case_digest", given.case_digest)
    return Filter(box=box, kinds=kinds, sender=given.sender, case_digest=given.case_digest)


def check_digest(field: str, digest: bytes) -> bytes:
    """Give back a statement's digest.

    Args:
        field: Path of the field, for the refusal.
        digest: What should be one.

    Returns:
        The digest itself.

    Raises:
        Refusal: FIELD_MISSING or FIELD_INVALID.
    """
    if not digest:
        raise invalid(field, "is missing", Reason.FIELD_MISSING)
    if len(digest) != DIGEST_BYTES:
        raise invalid(field, "is not 32 bytes of SHA-256")
    return digest


def check_protocol(protocol: str) -> str:
    """Give back the name of a case table; empty for all.

    Args:
        protocol: As the caller gave it.

    Returns:
        The name itself.

    Raises:
        Refusal: FIELD_INVALID.
    """
    known = [each.value for each in Protocol]
    if protocol and protocol not in known:
        raise invalid("protocol", f"is none of {', '.join(known)}")
    return protocol
