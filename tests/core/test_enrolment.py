"""The directory's facts refuse what does not fit together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.core.enrolment import (
    AgencyType,
    GenesisFacts,
    MemberEnrolmentFacts,
    MemberProfile,
    MemberSuccessionFacts,
    ParticipationChoice,
    ParticipationFacts,
    Quorum,
)
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId, MemberKind
from tests.world import directories, headers
from tests.world.directories import REGISTRAR
from tests.world.samples import HANDLE

KEYS = tuple(headers.public_key(f"key {number}") for number in range(3))
GENESIS = directories.genesis().facts
ENROLMENT = directories.enrolment("aurora", MemberKind.LAB).facts


def refused(make: Any, *args: Any, **changes: Any) -> str:
    with pytest.raises(Refusal) as caught:
        make(*args, **changes)
    assert caught.value.reason is Reason.FIELD_INVALID
    (violation,) = caught.value.violations
    return violation.field.removeprefix("header.facts.")


@pytest.mark.parametrize("threshold", [0, 4])
def test_a_quorum_that_cannot_be_reached(threshold: int) -> None:
    assert refused(Quorum, keys=KEYS, threshold=threshold) == "quorum"


def test_a_key_counts_once() -> None:
    assert refused(Quorum, keys=(*KEYS, KEYS[0]), threshold=1) == "keys"
    assert refused(replace, ENROLMENT, keys=(KEYS[0], KEYS[0])) == "keys"
    assert Quorum(keys=KEYS, threshold=3).threshold == 3


def test_the_registrar_calls_from_its_own_systems() -> None:
    assert isinstance(GENESIS, GenesisFacts)
    foreign = headers.system_of(REGISTRAR, MemberKind.AGENCY)
    assert refused(replace, GENESIS, systems=(foreign,)) == "systems"


@pytest.mark.parametrize(
    "systems",
    [
        (headers.system_of("borealis", MemberKind.LAB),),
        (headers.system_of("aurora", MemberKind.AGENCY),),
        (headers.system_of("aurora", MemberKind.LAB), headers.system_of("aurora", MemberKind.LAB)),
    ],
    ids=["another member's", "another kind's", "twice"],
)
def test_a_member_calls_from_its_own_systems(systems: Any) -> None:
    assert isinstance(ENROLMENT, MemberEnrolmentFacts)
    assert refused(replace, ENROLMENT, systems=systems) == "systems"


def test_only_the_genesis_names_a_registrar() -> None:
    assert refused(replace, ENROLMENT, kind=MemberKind.REGISTRAR) == "kind"


@pytest.mark.parametrize("kind", MemberKind)
def test_a_profile_fits_the_kind(kind: MemberKind) -> None:
    fitting = directories.profile(kind)
    fitting.check_for(kind)
    other = None if kind is MemberKind.AGENCY else AgencyType.NATIONAL_SECURITY
    assert refused(replace(fitting, agency_type=other).check_for, kind) == "profile.agency_type"
    of_operators = replace(fitting, sectors=frozenset({"energy"}))
    of_relays = replace(fitting, clients=frozenset({MemberId("harbor-bank")}))
    for profile, only, field in (
        (of_operators, MemberKind.OPERATOR, "profile.sectors"),
        (of_relays, MemberKind.RELAY, "profile.clients"),
    ):
        if kind is only:
            profile.check_for(kind)
        else:
            assert refused(profile.check_for, kind) == field


@pytest.mark.parametrize("field", ["sectors", "desks", "communities"])
def test_groups_and_desks_are_slugs(field: str) -> None:
    slugs: Any = {field: frozenset({"not a slug"})}
    assert refused(MemberProfile, display_name="Aurora", **slugs) == "profile"


def test_nobody_succeeds_itself() -> None:
    same = MemberId("aurora")
    assert refused(MemberSuccessionFacts, predecessor=same, successor=same) == "successor"


def test_participation_names_a_framework_and_a_handle() -> None:
    stated: dict[str, Any] = {"framework": "us-eo-14409", "choice": ParticipationChoice.OUT}
    ParticipationFacts(handle="", **stated)
    ParticipationFacts(handle=HANDLE, **stated)
    assert refused(ParticipationFacts, handle="its-name", **stated) == "handle"
    assert refused(ParticipationFacts, handle="", **{**stated, "framework": ""}) == "framework"
