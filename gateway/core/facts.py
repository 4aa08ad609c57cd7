"""The facts of each kind: the typed dates and choices that tables, audiences and clocks read.

* One frozen class for each kind that has facts; constructing one refuses what can never be right.
* A rule that needs only the facts of one statement stands here; a rule that needs the case, the
  directory or the time stands in `protocols`, `directory` or the admission.

Choices that nothing in the gateway reads (a severity, a cause) are checked on the wire and have no
field here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, unique
from typing import Final, TypeAlias

from gateway.core.envelope import PublicKey
from gateway.core.errors import invalid
from gateway.core.identity import MemberId, MemberKind, SystemId
from gateway.core.statements import check_slug, check_uuid7

MAX_TOKEN_LIFETIME: Final = timedelta(seconds=300)
_HANDLE: Final = re.compile(r"h-[a-z2-7]{26}")


@unique
class Precision(IntEnum):
    """How exactly a time is meant."""

    INSTANT = 1
    DAY = 2
    WEEK = 3
    MONTH = 4
    QUARTER = 5
    YEAR = 6


@unique
class AgencyType(IntEnum):
    """What kind of agency a member is."""

    CIVIL = 1
    NATIONAL_SECURITY = 2


@unique
class ReportKind(IntEnum):
    """Where a breach report stands in the life of a breach."""

    INITIAL = 1
    SUPPLEMENTAL = 2
    INTERMEDIATE = 3
    FINAL = 4
    RETRACTION = 5


@unique
class ParticipationChoice(IntEnum):
    """Whether a member takes part."""

    IN = 1
    OUT = 2


def check_handle(field: str, handle: str) -> str:
    """Give back a handle: `h-` and 26 characters of base32, so that none can be a name.

    Args:
        field: Path of the field, for the refusal.
        handle: What should be a handle.

    Returns:
        The handle itself.

    Raises:
        Refusal: FIELD_INVALID.
    """
    if not _HANDLE.fullmatch(handle):
        raise invalid(field, "is not a random handle: h- and 26 characters of a-z and 2-7")
    return handle


# --- Directory ---------------------------------------------------------------------------------


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


# --- Release -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PreciseTime:
    """A time, UTC, and how exactly it is meant."""

    time: datetime
    precision: Precision


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTimes:
    """When each circle is planned to have access; at least one of them.

    Attributes:
        government_access: Government reviewers.
        trusted_partner_access: Trusted partners other than government.
        public_release: The public.
    """

    government_access: PreciseTime | None = None
    trusted_partner_access: PreciseTime | None = None
    public_release: PreciseTime | None = None

    def __post_init__(self) -> None:
        """Refuse a plan without any time."""
        if not (self.government_access or self.trusted_partner_access or self.public_release):
            raise invalid("header.facts.planned", "holds no planned time; state at least one")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreReleaseNoticeFacts:
    """A release that is planned.

    Attributes:
        handle: Random name of the model in this case.
        planned: The plan.
    """

    handle: str
    planned: PlannedTimes

    def __post_init__(self) -> None:
        """Refuse what could be a name."""
        check_handle("header.facts.handle", self.handle)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeAmendmentFacts:
    """The plan as it stands now, whole."""

    planned: PlannedTimes


# --- Grant -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyAccessApplicationFacts:
    """Systems for which access is asked; all of one member."""

    grantee_systems: tuple[SystemId, ...]

    def __post_init__(self) -> None:
        """Refuse systems of several members."""
        _only_member(self.grantee_systems)

    @property
    def grantee(self) -> MemberId:
        """The member whose systems these are."""
        return self.grantee_systems[0].member


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAccessGrantFacts:
    """The terms of a grant that tables and enforcement points read.

    Attributes:
        grant_id: UUIDv7, the same in every version.
        version: 1, and one more for each version that follows.
        grantee_systems: Systems that may use the model; all of one member, the grantee.
        not_before_time: From when.
        not_after_time: Until when.
        offer_expire_time: Until when the offer may be accepted; None for no end.
        claim_by_time: Until when access has to be claimed; None for no end.
        cosigners: Members that may cosign.
        cosigners_required: How many of them have to.
        max_token_lifetime: Longest life of an access token; at most 300 s.
        max_staleness: Longest time an enforcement point relies on what it last heard.
        lab_signatures: How many different keys of the lab have to sign; 1 or 2.
    """

    grant_id: str
    version: int
    grantee_systems: tuple[SystemId, ...]
    not_before_time: datetime
    not_after_time: datetime
    offer_expire_time: datetime | None
    claim_by_time: datetime | None
    cosigners: frozenset[MemberId]
    cosigners_required: int
    max_token_lifetime: timedelta
    max_staleness: timedelta
    lab_signatures: int

    def __post_init__(self) -> None:
        """Refuse terms that can never hold."""
        check_uuid7("header.facts.grant_id", self.grant_id)
        _only_member(self.grantee_systems)
        if self.not_after_time <= self.not_before_time:
            raise invalid("header.facts.not_after_time", "is not after not_before_time")
        if self.grantee in self.cosigners:
            raise invalid("header.facts.cosigners", "names the grantee, who accepts instead")
        if self.cosigners_required > len(self.cosigners):
            raise invalid("header.facts.cosigners_required", "is more than there are cosigners")
        if not timedelta(0) < self.max_token_lifetime <= MAX_TOKEN_LIFETIME:
            raise invalid("header.facts.max_token_lifetime", "is not between 0 and 300 seconds")
        if self.max_staleness <= timedelta(0):
            raise invalid("header.facts.max_staleness", "is not a positive time")
        if self.lab_signatures not in {1, 2}:
            raise invalid("header.facts.lab_signatures", "is neither 1 nor 2")

    @property
    def grantee(self) -> MemberId:
        """The member whose systems these are."""
        return self.grantee_systems[0].member

    def widened_by(self, later: ModelAccessGrantFacts) -> tuple[str, ...]:
        """Name the terms in which a later version gives more than this one.

        Args:
            later: The later version.

        Returns:
            The names of the fields, empty where it only takes away.
        """
        checks = {
            "grantee_systems": set(later.grantee_systems) <= set(self.grantee_systems),
            "not_before_time": later.not_before_time >= self.not_before_time,
            "not_after_time": later.not_after_time <= self.not_after_time,
            "max_token_lifetime": later.max_token_lifetime <= self.max_token_lifetime,
            "max_staleness": later.max_staleness <= self.max_staleness,
            "lab_signatures": later.lab_signatures >= self.lab_signatures,
            "cosigners": later.cosigners == self.cosigners,
            "cosigners_required": later.cosigners_required == self.cosigners_required,
        }
        return tuple(name for name, narrower in checks.items() if not narrower)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantNarrowingFacts:
    """The terms as they stand now, whole."""

    grant: ModelAccessGrantFacts


# --- Breach ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachReportFacts:
    """Where a report stands.

    Attributes:
        report_kind: Where it stands in the life of the breach.
        regimes: Slugs of the regimes under which it is made.
        contained: Whether the reporter holds the breach to be contained.
    """

    report_kind: ReportKind
    regimes: tuple[str, ...]
    contained: bool

    def __post_init__(self) -> None:
        """Refuse what is not a slug."""
        for regime in self.regimes:
            check_slug("header.facts.regimes", regime)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherFacts:
    """Facts that no table reads; the wire has checked them."""


Facts: TypeAlias = (
    GenesisFacts
    | MemberEnrolmentFacts
    | MemberUpdateFacts
    | KeyRegistrationFacts
    | KeyRevocationFacts
    | SystemFacts
    | MemberFacts
    | MemberSuccessionFacts
    | RegistrarSuccessionFacts
    | ParticipationFacts
    | PreReleaseNoticeFacts
    | NoticeAmendmentFacts
    | EarlyAccessApplicationFacts
    | ModelAccessGrantFacts
    | GrantNarrowingFacts
    | BreachReportFacts
    | OtherFacts
)


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
        raise invalid("header.facts.systems", f"holds one that is not under /{kind}/{member}/")
    if len(set(systems)) != len(systems):
        raise invalid("header.facts.systems", "names the same system twice")


def _only_member(systems: tuple[SystemId, ...]) -> None:
    """Refuse systems of several members."""
    if len({(system.kind, system.member) for system in systems}) != 1:
        raise invalid("header.facts.grantee_systems", "are not all of one member")


def _check_distinct_keys(keys: tuple[PublicKey, ...]) -> None:
    """Refuse a key that is named twice."""
    if len({key.keyid for key in keys}) != len(keys):
        raise invalid("header.facts.keys", "names the same key twice")
