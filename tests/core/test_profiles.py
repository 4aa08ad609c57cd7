"""What lead-time profiles say of a plan, and the policy that ships."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import profiles as policy_files
from gateway.core.errors import Refusal
from gateway.core.facts import PlannedTimes, PreciseTime, Precision
from gateway.core.profiles import Anchor, LeadTimeProfile, lead_time
from tests.world.headers import day, plan, utc
from tests.world.samples import NOON

POLICY = policy_files.load()
NAMED = {profile.id: profile for profile in POLICY.lead_times}
DRAFT = NAMED["us-draft-2026-05"]
ORDER = NAMED["us-eo-14409"]


def profile(**changes: object) -> LeadTimeProfile:
    stated: dict[str, object] = {
        "id": "custom-a",
        "version": 1,
        "title": "A policy",
        "anchor": Anchor.PUBLIC_RELEASE,
        "min_lead_days": 90,
        "max_access_days": 90,
        "source": "made up",
    }
    return LeadTimeProfile(**(stated | changes))  # type: ignore[arg-type]  # chosen by the test


def test_62_days_ahead_are_28_short_of_90() -> None:
    view = lead_time(DRAFT, plan(days=62), NOON)
    assert (view.lead_days, view.short_by_days) == (62, 28)
    anchor = (NOON + timedelta(days=62)).replace(hour=0)
    assert view.anchor_time == anchor
    assert view.access_from_time == anchor - timedelta(days=90)


def test_a_profile_without_a_floor_is_never_missed() -> None:
    plans = PlannedTimes(trusted_partner_access=day(NOON + timedelta(days=3)))
    view = lead_time(ORDER, plans, NOON)
    assert (view.lead_days, view.short_by_days) == (3, 0)
    assert view.access_from_time == NOON.replace(hour=0) - timedelta(days=27)


def test_a_plan_that_does_not_state_the_anchor() -> None:
    view = lead_time(ORDER, plan(), NOON)
    assert (view.anchor_time, view.access_from_time) == (None, None)
    assert (view.lead_days, view.short_by_days) == (0, 0)


def test_a_ceiling_of_none_says_nothing_of_access() -> None:
    assert lead_time(NAMED["eu-gpai-code"], plan(), NOON).access_from_time is None


@pytest.mark.parametrize(
    ("received", "released", "days"),
    [
        (utc(2026, 11, 21, 23), utc(2026, 11, 22, 0), 1),
        (utc(2026, 11, 21, 0), utc(2026, 11, 21, 23), 0),
        (utc(2026, 11, 21), utc(2026, 11, 20, 23), -1),
        (utc(2028, 2, 28), utc(2028, 3, 1), 2),
        # In UTC, wherever the clock stands.
        (datetime(2026, 11, 21, 1, tzinfo=timezone(timedelta(hours=2))), utc(2026, 11, 21), 1),
    ],
)
def test_days_are_days_of_the_calendar(received: datetime, released: datetime, days: int) -> None:
    instant = PreciseTime(time=released, precision=Precision.INSTANT)
    view = lead_time(DRAFT, PlannedTimes(public_release=instant), received)
    assert (view.lead_days, view.short_by_days) == (days, 90 - days)


@pytest.mark.parametrize(
    ("precision", "earliest"),
    [
        (Precision.INSTANT, utc(2027, 2, 17, 15)),
        (Precision.DAY, utc(2027, 2, 17)),
        (Precision.WEEK, utc(2027, 2, 15)),
        (Precision.MONTH, utc(2027, 2, 1)),
        (Precision.QUARTER, utc(2027, 1, 1)),
        (Precision.YEAR, utc(2027, 1, 1)),
    ],
)
def test_a_coarse_time_counts_from_its_first_instant(
    precision: Precision, earliest: datetime
) -> None:
    stated = PreciseTime(time=utc(2027, 2, 17, 15), precision=precision)
    assert stated.earliest == earliest
    view = lead_time(DRAFT, PlannedTimes(public_release=stated), NOON)
    assert view.anchor_time == earliest
    assert view.lead_days == (earliest.date() - NOON.date()).days


any_time = st.datetimes(timezones=st.just(UTC))


@given(any_time, st.sampled_from(Precision), any_time)
def test_any_plan_has_an_answer(
    planned: datetime, precision: Precision, received: datetime
) -> None:
    stated = PreciseTime(time=planned, precision=precision)
    assert stated.earliest <= planned
    assert PreciseTime(time=stated.earliest, precision=precision).earliest == stated.earliest
    for each in POLICY.lead_times:
        plans = PlannedTimes(public_release=stated, trusted_partner_access=stated)
        view = lead_time(each, plans, received)
        assert view.short_by_days == max(0, each.min_lead_days - view.lead_days)
        assert view.access_from_time is None or view.access_from_time <= stated.earliest


def test_a_profile_that_cannot_be_meant() -> None:
    for changes in ({"version": 0}, {"min_lead_days": -1}, {"max_access_days": -1}):
        with pytest.raises(ValueError, match="not negative"):
            profile(**changes)
    with pytest.raises(Refusal):
        profile(id="Not A Slug")


def test_the_policy_that_ships() -> None:
    assert set(NAMED) == {"us-draft-2026-05", "us-eo-14409", "eu-gpai-code"}
    assert (DRAFT.min_lead_days, DRAFT.max_access_days, DRAFT.anchor) == (
        90,
        90,
        Anchor.PUBLIC_RELEASE,
    )
    assert (ORDER.min_lead_days, ORDER.max_access_days, ORDER.anchor) == (
        0,
        30,
        Anchor.TRUSTED_PARTNER_ACCESS,
    )
    assert len(POLICY.sectors) == 16
    assert {"financial-services", "healthcare"} <= POLICY.sectors
    assert all(profile.source and profile.title for profile in POLICY.lead_times)


def test_a_profile_is_recorded_with_its_version() -> None:
    assert POLICY.version_of("us-eo-14409") == "us-eo-14409@1"
    assert POLICY.version_of("custom") == "custom"
    assert POLICY.version_of("") == ""
    assert POLICY.version_of("us-eo-1") is None
