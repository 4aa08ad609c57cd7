"""The facts of each kind: the typed dates and choices that tables, audiences and clocks read.

* One frozen class for each kind that has facts; constructing one refuses what can never be right.
* A rule that needs only the facts of one statement stands here; a rule that needs the case or the
  time stands in `protocols`, `grants` or the admission. Facts of the directory are in `enrolment`,
  those of coverage in `coverage`.

Choices that nothing in the gateway reads (a severity, a cause) are checked on the wire and have no
field here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, unique
from typing import Final, TypeAlias

from gateway.core.coverage import CoverageDeterminationFacts, CoverageRequestFacts
from gateway.core.enrolment import (
    GenesisFacts,
    KeyRegistrationFacts,
    KeyRevocationFacts,
    MemberEnrolmentFacts,
    MemberFacts,
    MemberSuccessionFacts,
    MemberUpdateFacts,
    ParticipationFacts,
    RegistrarSuccessionFacts,
    SystemFacts,
)
from gateway.core.errors import invalid
from gateway.core.identity import MemberId, MemberKind, SystemId
from gateway.core.statements import check_handle, check_slug, check_uuid7

MAX_TOKEN_LIFETIME: Final = timedelta(seconds=300)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_GRANTEES: Final = frozenset({MemberKind.OPERATOR, MemberKind.AGENCY})


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
class ReportKind(IntEnum):
    """Where a breach report stands in the life of a breach."""

    INITIAL = 1
    SUPPLEMENTAL = 2
    INTERMEDIATE = 3
    FINAL = 4
    RETRACTION = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PreciseTime:
    """A time, UTC, and how exactly it is meant."""

    time: datetime
    precision: Precision

    @property
    def earliest(self) -> datetime:
        """The first instant that may be meant."""
        if self.precision is Precision.INSTANT:
            return self.time
        day = self.time.replace(hour=0, minute=0, second=0, microsecond=0)
        match self.precision:
            case Precision.DAY:
                return day
            case Precision.WEEK:
                # Never before the first day there is: 0001-01-01 was a Monday.
                return day - timedelta(days=day.weekday())
            case Precision.MONTH:
                return day.replace(day=1)
            case Precision.QUARTER:
                return day.replace(month=day.month - (day.month - 1) % 3, day=1)
            case Precision.YEAR:
                return day.replace(month=1, day=1)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyAccessApplicationFacts:
    """Systems for which access is asked; all of one member."""

    grantee_systems: tuple[SystemId, ...]

    def __post_init__(self) -> None:
        """Refuse systems that are not those of one possible grantee."""
        _check_grantee(self.grantee_systems)

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
        _check_grantee(self.grantee_systems)
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
            "claim_by_time": (later.claim_by_time or _NEVER) <= (self.claim_by_time or _NEVER),
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
    | CoverageRequestFacts
    | CoverageDeterminationFacts
    | OtherFacts
)


def _check_grantee(systems: tuple[SystemId, ...]) -> None:
    """Refuse systems of several members, of members that are granted nothing, and doubles."""
    field = "header.facts.grantee_systems"
    if len({(system.trust_domain, system.kind, system.member) for system in systems}) != 1:
        raise invalid(field, "are not all of one member")
    if systems[0].kind not in _GRANTEES:
        raise invalid(field, "are not those of an operator or an agency")
    if len(set(systems)) != len(systems):
        raise invalid(field, "name the same system twice")
