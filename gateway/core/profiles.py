"""Lead-time profiles: what a policy would say of the planned times of a notice.

* A profile is data with a version and a source. No profile is the default, and no acceptance ever
  hangs on one: what a profile says is shown, and blocks nothing.
* `min_lead_days` is a floor on notice, `max_access_days` a ceiling on the government's access;
  both count back from the profile's anchor.
* Days are calendar days, UTC. A time planned coarsely counts from the first day that it may mean.

It reads no file: `gateway.profiles` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique

from gateway.core.facts import PlannedTimes, PreciseTime
from gateway.core.statements import check_slug


@unique
class Anchor(StrEnum):
    """The planned event that a profile counts back from."""

    PUBLIC_RELEASE = "public_release"
    TRUSTED_PARTNER_ACCESS = "trusted_partner_access"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadTimeProfile:
    """A policy on lead times.

    Attributes:
        id: Slug of the profile.
        version: Its version, from 1.
        title: What it is, for people.
        anchor: What it counts back from.
        min_lead_days: Notice that it asks for, in days; 0 for no floor.
        max_access_days: Longest access that it gives to government, in days; 0 for no ceiling.
        source: Law or published policy that it follows.
    """

    id: str
    version: int
    title: str
    anchor: Anchor
    min_lead_days: int
    max_access_days: int
    source: str

    def __post_init__(self) -> None:
        """Refuse a profile that cannot be meant."""
        check_slug("profile.id", self.id)
        if self.version < 1 or self.min_lead_days < 0 or self.max_access_days < 0:
            raise ValueError(
                f"profile {self.id}: a version is 1 or more, and days are not negative"
            )

    @property
    def name(self) -> str:
        """Id and version, as an entry records them: `us-eo-14409@1`."""
        return f"{self.id}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadTime:
    """What a profile says of a plan. Information, never a condition.

    Attributes:
        profile: The profile.
        anchor_time: The first instant for which its anchor is planned, UTC; None where the plan
            does not say.
        lead_days: Days from receipt to the anchor; negative where it has passed, 0 without one.
        short_by_days: Days missing to the floor; 0 where the notice is in time.
        access_from_time: When the government's access could begin at the earliest; None where the
            profile says nothing of it or the plan has no anchor.
    """

    profile: LeadTimeProfile
    anchor_time: datetime | None
    lead_days: int
    short_by_days: int
    access_from_time: datetime | None


def lead_time(profile: LeadTimeProfile, planned: PlannedTimes, received: datetime) -> LeadTime:
    """Tell what a profile says of a plan.

    Args:
        profile: The profile.
        planned: The planned times of a notice.
        received: When the notice was received, UTC.

    Returns:
        The view.
    """
    anchor = _anchor(profile, planned)
    if anchor is None:
        return LeadTime(
            profile=profile, anchor_time=None, lead_days=0, short_by_days=0, access_from_time=None
        )
    # What was planned for a month may happen on its first day.
    earliest = anchor.earliest
    lead_days = (earliest.date() - received.astimezone(UTC).date()).days
    return LeadTime(
        profile=profile,
        anchor_time=earliest,
        lead_days=lead_days,
        short_by_days=max(0, profile.min_lead_days - lead_days),
        access_from_time=_access_from(profile, earliest),
    )


def _access_from(profile: LeadTimeProfile, anchor: datetime) -> datetime | None:
    if not profile.max_access_days:
        return None
    try:
        return anchor - timedelta(days=profile.max_access_days)
    except OverflowError:
        # A plan for the year 1 is nonsense, but it is the sender's: nothing is refused for it.
        return datetime.min.replace(tzinfo=UTC)


def _anchor(profile: LeadTimeProfile, planned: PlannedTimes) -> PreciseTime | None:
    if profile.anchor is Anchor.PUBLIC_RELEASE:
        return planned.public_release
    return planned.trusted_partner_access
