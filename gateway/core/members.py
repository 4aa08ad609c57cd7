"""What the directory records: members, their keys, and the part of the ledger in which each holds.

* What entry i registers holds from i + 1 on; what it ends still holds at i itself, so that a key
  can sign its own revocation, and no longer after. Positions in the ledger decide, never clocks.
* A record is never removed: what has ended stays, so that no key is ever handed on.

How statements change these records is for `chain` to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique

from gateway.core.enrolment import MemberProfile
from gateway.core.envelope import PublicKey
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId, MemberKind


@unique
class Standing(StrEnum):
    """Whether a member takes part at present."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DEPARTED = "departed"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The part of the ledger in which something holds.

    Attributes:
        registered: Index of the entry that registered it.
        ended: Index of the entry that ended it; None while it holds.
    """

    registered: int
    ended: int | None = None

    def holds_at(self, index: int) -> bool:
        """Tell whether it holds for the entry at an index."""
        return self.registered < index and (self.ended is None or index <= self.ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A signing key, whose it is, and where in the ledger it signs."""

    key: PublicKey
    member: MemberId
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What the directory says of a member at present."""

    id: MemberId
    kind: MemberKind
    profile: MemberProfile
    standing: Standing


def signing_keys(
    known: Mapping[str, KeyRecord], member: MemberId, keyids: Iterable[str], index: int
) -> Mapping[str, PublicKey]:
    """Give the named keys, each of which a member signs the entry at an index with.

    Args:
        known: The keys that the directory holds, by their ids.
        member: The member that says the statement.
        keyids: Ids of the keys that the envelope names.
        index: Index of the entry.

    Returns:
        The keys by their ids.

    Raises:
        Refusal: KEY_UNKNOWN, KEY_NOT_OF_SENDER or KEY_REVOKED.
    """
    return {keyid: _signing_key(known.get(keyid), member, index) for keyid in keyids}


def _signing_key(record: KeyRecord | None, member: MemberId, index: int) -> PublicKey:
    if record is None:
        raise Refusal(
            Reason.KEY_UNKNOWN,
            "a signature is by a key that the directory does not list; register it",
        )
    if record.member != member:
        raise Refusal(
            Reason.KEY_NOT_OF_SENDER,
            "a signature is by the key of another member; use your own",
        )
    if not record.span.holds_at(index):
        raise Refusal(
            Reason.KEY_REVOKED, "a signature is by a revoked key; sign with a key in force"
        )
    return record.key
