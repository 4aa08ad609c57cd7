"""What the directory says of one member, each thing with the indexes between which it held.

* A key or a system counts from the entry after the one that registered it, up to and including the
  one that ended it: a member may end a key by a statement that the same key signs.
* A member counts from the entry after its enrolment on, except while suspended, and until it left
  or was succeeded.

Positions in the ledger decide, never clocks.
"""

from dataclasses import dataclass

from forewarn.statement.v1 import directory_pb2
from forewarn_client.dsse import PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of the ledger.

    Attributes:
        after: Index of the entry that began it.
        until: Index of the entry that ended it; None while it lasts.
    """

    after: int
    until: int | None = None

    def covers(self, index: int) -> bool:
        """Tell whether an entry falls into it.

        Args:
            index: Index of the entry.

        Returns:
            True after the beginning and up to the end, the end included.
        """
        return self.after < index and (self.until is None or index <= self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberKey:
    """A signing key of a member.

    Attributes:
        key: The key.
        span: When it was the member's.
    """

    key: PublicKey
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSystem:
    """A system of a member.

    Attributes:
        name: Its SPIFFE ID.
        span: When it called for the member.
    """

    name: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Whether a member takes part in a framework.

    Attributes:
        framework: Slug of the framework.
        handle: Handle of the model it concerns; empty for all.
        taking_part: True for in.
        index: Index of the statement that says so.
    """

    framework: str
    handle: str
    taking_part: bool
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRecord:
    """A member.

    Attributes:
        member: Its id.
        kind: Its kind, as in `lab`.
        profile: What the directory says of it now.
        span: From its enrolment until it left or was succeeded.
        keys: All keys that it ever had. Empty for the registrar, whose quorum is kept apart.
        systems: All systems that it ever had.
        suspensions: When it was suspended.
        successor: Id of the member that continues it; empty for none.
        choices: What it takes part in, the newest word for each framework and model.
    """

    member: str
    kind: str
    profile: directory_pb2.MemberProfile
    span: Span
    keys: tuple[MemberKey, ...] = ()
    systems: tuple[MemberSystem, ...] = ()
    suspensions: tuple[Span, ...] = ()
    successor: str = ""
    choices: tuple[Choice, ...] = ()

    def active_at(self, index: int) -> bool:
        """Tell whether the member could speak and be addressed just before an entry.

        Args:
            index: Index of the entry.

        Returns:
            True where it was enrolled, had not left and was not suspended.
        """
        suspended = any(span.covers(index) for span in self.suspensions)
        return self.span.covers(index) and not suspended

    def keys_at(self, index: int) -> dict[str, PublicKey]:
        """Give the keys that were the member's just before an entry.

        Args:
            index: Index of the entry.

        Returns:
            The keys by their ids.
        """
        return {item.key.keyid: item.key for item in self.keys if item.span.covers(index)}

    def systems_at(self, index: int) -> frozenset[str]:
        """Give the systems that called for the member just before an entry.

        Args:
            index: Index of the entry.

        Returns:
            Their SPIFFE IDs.
        """
        return frozenset(item.name for item in self.systems if item.span.covers(index))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrarEra:
    """The registrar's keys over a stretch of the ledger.

    Attributes:
        keys: Its keys by their ids.
        quorum: How many of them have to sign.
        span: The stretch.
    """

    keys: dict[str, PublicKey]
    quorum: int
    span: Span
