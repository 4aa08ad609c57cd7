"""The facts of the directory's statements: who a member is, what it signs and calls with.

* One frozen class for each shape of facts; constructing one refuses what can never be right.
* A key or system is never named twice in one statement, and a system is under its member's path.

Whether a statement fits the directory as it stands is for `directory` to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, unique

from gateway.core.envelope import PublicKey
from gateway.core.errors import invalid
from gateway.core.identity import MemberId, MemberKind, SystemId
from gateway.core.statements import check_handle, check_slug


@unique
class AgencyType(IntEnum):
    """What kind of agency a member is."""

    CIVIL = 1
    NATIONAL_SECURITY = 2


@unique
class ParticipationChoice(IntEnum):
    """Whether a member takes part."""

    IN = 1
    OUT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """Keys of the registrar, and how many different ones have to sign.

    Attributes:
        keys: The keys, all different.
        threshold: How many have to sign; at least 1, at most all.
    """

    keys: tuple[PublicKey, ...]
    threshold: int

    def __post_init__(self) -> None:
        """Refuse a quorum that cannot be reached, and a key that would count twice."""
        _check_distinct_keys(self.keys)
        if not 1 <= self.threshold <= len(self.keys):
            raise invalid("header.facts.quorum", "is not between 1 and the number of keys")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenesisFacts:
    """Entry 0 of a ledger.

    Attributes:
        trust_domain: SPIFFE trust domain of every system.
        registrar: The registrar's id.
        quorum: Its keys.
        systems: Systems from which it calls.
    """

    trust_domain: str
    registrar: MemberId
    quorum: Quorum
    systems: tuple[SystemId, ...]

    def __post_init__(self) -> None:
        """Refuse systems that are not the registrar's own."""
        check_systems(self.systems, MemberKind.REGISTRAR, self.registrar)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberProfile:
    """What audiences and tables read of a member.

    Attributes:
        display_name: Name for people.
        agency_type: Kind of agency; None for others.
        sectors: Slugs of an operator's sectors.
        desks: Slugs of its desks.
        communities: Slugs of its communities.
        clients: Members to which a relay passes on, and for which it may speak.
    """

    display_name: str
    agency_type: AgencyType | None = None
    sectors: frozenset[str] = frozenset()
    desks: frozenset[str] = frozenset()
    communities: frozenset[str] = frozenset()
    clients: frozenset[MemberId] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what is not a slug."""
        for slug in (*self.sectors, *self.desks, *self.communities):
            check_slug("header.facts.profile", slug)

    def check_for(self, kind: MemberKind) -> None:
        """Refuse a profile that does not fit the kind of its member.

        Args:
            kind: Kind of the member.

        Raises:
            Refusal: FIELD_INVALID.
        """
        if (kind is MemberKind.AGENCY) != (self.agency_type is not None):
            raise invalid("header.facts.profile.agency_type", "is for agencies, and required there")
        if self.sectors and kind is not MemberKind.OPERATOR:
            raise invalid("header.facts.profile.sectors", "are for operators")
        if self.clients and kind is not MemberKind.RELAY:
            raise invalid("header.facts.profile.clients", "are for relays")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEnrolmentFacts:
    """A new member.

    Attributes:
        member: Its id.
        kind: Its kind; never the registrar, which the genesis entry names.
        profile: What the directory says of it.
        keys: Its first signing keys, all different.
        systems: Its first systems.
    """

    member: MemberId
    kind: MemberKind
    profile: MemberProfile
    keys: tuple[PublicKey, ...]
    systems: tuple[SystemId, ...]

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        if self.kind is MemberKind.REGISTRAR:
            raise invalid("header.facts.kind", "is registrar, which only the genesis entry names")
        self.profile.check_for(self.kind)
        _check_distinct_keys(self.keys)
        check_systems(self.systems, self.kind, self.member)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberUpdateFacts:
    """What the directory says of a member from now on."""

    member: MemberId
    profile: MemberProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRegistrationFacts:
    """A signing key that a member has from now on."""

    member: MemberId
    key: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevocationFacts:
    """A signing key that no longer signs."""

    member: MemberId
    keyid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFacts:
    """A system that may call, or no longer may: registration and suspension alike."""

    member: MemberId
    system: SystemId


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFacts:
    """A member that is suspended, reinstated or departs."""

    member: MemberId


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSuccessionFacts:
    """A member that another one continues."""

    predecessor: MemberId
    successor: MemberId

    def __post_init__(self) -> None:
        """Refuse a member that succeeds itself."""
        if self.predecessor == self.successor:
            raise invalid("header.facts.successor", "is the predecessor itself")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrarSuccessionFacts:
    """The registrar's keys from now on."""

    quorum: Quorum


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipationFacts:
    """Whether a member takes part in a framework, for one model or for all.

    Attributes:
        framework: Slug of the framework.
        handle: Handle of the model; empty for all.
        choice: In or out.
    """

    framework: str
    handle: str
    choice: ParticipationChoice

    def __post_init__(self) -> None:
        """Refuse what is not a slug or a handle."""
        check_slug("header.facts.framework", self.framework)
        if self.handle:
            check_handle("header.facts.handle", self.handle)


def check_systems(systems: tuple[SystemId, ...], kind: MemberKind, member: MemberId) -> None:
    """Refuse systems that do not stand under the path of their member, and doubles.

    Args:
        systems: The systems.
        kind: Kind of the member.
        member: The member.

    Raises:
        Refusal: FIELD_INVALID.
    """
    if any((system.kind, system.member) != (kind, member) for system in systems):
        raise invalid("header.facts.systems", "holds one that is not under its member's own path")
    if len(set(systems)) != len(systems):
        raise invalid("header.facts.systems", "names the same system twice")


def _check_distinct_keys(keys: tuple[PublicKey, ...]) -> None:
    """Refuse a key that is named twice."""
    if len({key.keyid for key in keys}) != len(keys):
        raise invalid("header.facts.keys", "names the same key twice")
