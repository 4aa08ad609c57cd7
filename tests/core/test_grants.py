"""The terms of a grant: what follows on what, whom it reaches, and what only takes away."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.directory import Directory
from gateway.core.errors import Reason, Refusal
from gateway.core.facts import GrantNarrowingFacts, ModelAccessGrantFacts
from gateway.core.grants import GrantCase, check_opening, check_systems, check_terms
from gateway.core.identity import MemberId, MemberKind
from gateway.core.statements import Header, Kind
from tests.world import directories, headers
from tests.world.samples import NOON

LAB, BANK, AGENCY = MemberId("aurora"), MemberId("harbor-bank"), MemberId("civil-ai")
TERMS = headers.terms(BANK, cosigners=frozenset({AGENCY}), cosigners_required=1)


def case(**changes: Any) -> GrantCase:
    stated: dict[str, Any] = {
        "terms": TERMS,
        "grantor": LAB,
        "grantee": BANK,
        "parties": frozenset({LAB, BANK, AGENCY}),
        "cosigned": frozenset(),
        "in_force": False,
        "now": NOON,
    }
    return GrantCase(**(stated | changes))


def said(kind: Kind, by: MemberId = LAB, **changes: Any) -> Header:
    return headers.header(kind, by, **changes)


def offer(**changes: Any) -> Header:
    return said(Kind.MODEL_ACCESS_GRANT, facts=replace(TERMS, version=2, **changes))


def narrowing(**changes: Any) -> Header:
    facts = GrantNarrowingFacts(grant=replace(TERMS, version=2, **changes))
    return said(Kind.GRANT_NARROWING, facts=facts)


def refusal(header: Header, to: tuple[MemberId, ...] = (BANK, AGENCY), **changes: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        check_terms(header, to, case(**changes))
    return caught.value


def fields_of(refused: Refusal) -> list[str]:
    assert refused.reason is Reason.FIELD_INVALID
    return [violation.field for violation in refused.violations]


def test_the_next_offer_follows_on_the_last() -> None:
    check_terms(offer(), (BANK, AGENCY), case())
    check_terms(offer(not_after_time=NOON + timedelta(days=90)), (BANK, AGENCY), case())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"version": 1}, "header.facts.version"),
        ({"version": 3}, "header.facts.version"),
        ({"grant_id": "0193a7c2-0000-7000-8000-00000000cafe"}, "header.facts.grant_id"),
        (
            {"grantee_systems": (headers.system_of("quay-bank"),)},
            "header.facts.grantee_systems",
        ),
        ({"cosigners": frozenset({MemberId("natsec-ai")})}, "header.facts.cosigners"),
        ({"cosigners": frozenset({LAB})}, "header.facts.cosigners"),
    ],
)
def test_an_offer_that_does_not_follow_is_refused(changes: dict[str, Any], field: str) -> None:
    changed = replace(replace(TERMS, version=2), **changes)
    header = said(Kind.MODEL_ACCESS_GRANT, facts=changed)
    assert fields_of(refusal(header)) == [field]


def test_the_first_offer_on_an_application_is_version_1_for_the_applicant() -> None:
    applied: dict[str, Any] = {"terms": None, "parties": frozenset({LAB, BANK})}
    first = replace(TERMS, cosigners=frozenset(), cosigners_required=0)
    check_terms(said(Kind.MODEL_ACCESS_GRANT, facts=first), (BANK,), case(**applied))
    later = said(Kind.MODEL_ACCESS_GRANT, facts=replace(first, version=2))
    assert fields_of(refusal(later, **applied)) == ["header.facts.version"]
    other = replace(first, grantee_systems=(headers.system_of("quay-bank"),))
    header = said(Kind.MODEL_ACCESS_GRANT, facts=other)
    assert fields_of(refusal(header, **applied)) == ["header.facts.grantee_systems"]


@pytest.mark.parametrize(
    "changes",
    [
        {"not_before_time": NOON - timedelta(seconds=1)},
        {"not_after_time": NOON + timedelta(days=31)},
        {"max_token_lifetime": timedelta(seconds=300)},
        {"max_staleness": timedelta(hours=1)},
        {"grantee_systems": (headers.system_of(BANK), headers.system_of(BANK, system="desk-b"))},
        {"cosigners_required": 0},
        {"cosigners": frozenset({AGENCY, MemberId("natsec-ai")})},
        {"lab_signatures": 1},
        {"claim_by_time": None},
        {"claim_by_time": NOON + timedelta(days=9)},
    ],
)
def test_a_narrowing_gives_nothing_more(changes: dict[str, Any]) -> None:
    tight = replace(
        TERMS,
        max_token_lifetime=timedelta(seconds=60),
        lab_signatures=2,
        claim_by_time=NOON + timedelta(days=8),
    )
    wider = GrantNarrowingFacts(grant=replace(tight, version=2, **changes))
    parties = case().parties | {MemberId("natsec-ai")}
    refused = refusal(
        said(Kind.GRANT_NARROWING, facts=wider),
        (BANK, AGENCY, MemberId("natsec-ai")),
        terms=tight,
        parties=parties,
    )
    assert refused.reason is Reason.GRANT_WIDENED
    (violation,) = refused.violations
    assert violation.field == f"header.facts.grant.{next(iter(changes))}"


def test_a_narrowing_may_take_away() -> None:
    check_terms(narrowing(not_after_time=NOON + timedelta(days=1)), (BANK, AGENCY), case())
    check_terms(narrowing(), (BANK, AGENCY), case())


def test_a_narrowing_needs_terms() -> None:
    applied: dict[str, Any] = {"terms": None, "parties": frozenset({LAB, BANK, AGENCY})}
    header = said(Kind.GRANT_NARROWING, facts=GrantNarrowingFacts(grant=TERMS))
    assert refusal(header, **applied).reason is Reason.CASE_WRONG_STATE
    assert refusal(said(Kind.GRANT_ACTIVATION), **applied).reason is Reason.CASE_WRONG_STATE


times = st.integers(1, 4).map(lambda days: NOON + timedelta(days=days))
some_terms = st.builds(
    replace,
    st.just(TERMS),
    grantee_systems=st.lists(
        st.sampled_from("abc").map(lambda name: headers.system_of(BANK, system=name)),
        min_size=1,
        max_size=3,
        unique=True,
    ).map(tuple),
    not_before_time=st.integers(0, 2).map(lambda days: NOON - timedelta(days=days)),
    not_after_time=times,
    claim_by_time=st.none() | times,
    offer_expire_time=st.none() | times,
    max_token_lifetime=st.integers(1, 3).map(lambda seconds: timedelta(seconds=seconds)),
    max_staleness=st.integers(1, 3).map(lambda seconds: timedelta(seconds=seconds)),
    lab_signatures=st.integers(1, 2),
    version=st.integers(1, 3),
)


@given(some_terms, some_terms, some_terms)
def test_taking_away_is_an_order(
    one: ModelAccessGrantFacts, two: ModelAccessGrantFacts, three: ModelAccessGrantFacts
) -> None:
    assert one.widened_by(one) == ()
    if not one.widened_by(two) and not two.widened_by(three):
        assert one.widened_by(three) == ()
    if not one.widened_by(two) and not two.widened_by(one):
        free: dict[str, Any] = {
            "version": 1,
            "offer_expire_time": None,
            "grantee_systems": TERMS.grantee_systems,
        }
        assert replace(one, **free) == replace(two, **free)


def test_every_term_is_compared_or_free_for_a_reason() -> None:
    free = {
        "grant_id",  # has to stay the same
        "version",  # has to follow
        "offer_expire_time",  # the offer has been accepted by then
    }
    widest = replace(
        TERMS,
        grantee_systems=(headers.system_of(BANK, system="desk-z"),),
        not_before_time=NOON - timedelta(days=1),
        not_after_time=NOON + timedelta(days=99),
        cosigners=frozenset({MemberId("natsec-ai")}),
        cosigners_required=0,
        max_staleness=timedelta(days=1),
    )
    tight = replace(
        TERMS,
        claim_by_time=NOON,
        max_token_lifetime=timedelta(seconds=1),
        lab_signatures=2,
    )
    named = set(tight.widened_by(widest))
    assert named | free == {field.name for field in fields(ModelAccessGrantFacts)}


def test_an_offer_is_accepted_until_it_expires() -> None:
    terms = replace(TERMS, offer_expire_time=NOON)
    accepted = said(Kind.GRANT_ACCEPTANCE, BANK)
    check_terms(accepted, (LAB,), case(terms=terms, now=NOON - timedelta(microseconds=1)))
    assert refusal(accepted, (LAB,), terms=terms).reason is Reason.CASE_WRONG_STATE
    assert "expired" in refusal(accepted, (LAB,), terms=terms).detail


def test_a_grant_waits_for_its_cosignatures() -> None:
    activated = said(Kind.GRANT_ACTIVATION)
    assert refusal(activated).reason is Reason.COSIGNATURES_MISSING
    # Only those that the offer names count.
    stranger = frozenset({MemberId("natsec-ai")})
    assert refusal(activated, cosigned=stranger).reason is Reason.COSIGNATURES_MISSING
    check_terms(activated, (BANK,), case(cosigned=frozenset({AGENCY})))


def test_destruction_is_attested_when_the_grant_is_over() -> None:
    attested = said(Kind.DESTRUCTION_ATTESTATION, BANK)
    over = TERMS.not_after_time
    assert refusal(attested, (LAB,), in_force=True).reason is Reason.CASE_WRONG_STATE
    assert refusal(attested, (LAB,), in_force=True, now=over).reason is Reason.CASE_WRONG_STATE
    check_terms(attested, (LAB,), case(in_force=True, now=over + timedelta(microseconds=1)))
    check_terms(attested, (LAB,), case())


@pytest.mark.parametrize("kind", [Kind.GRANT_REVOCATION, Kind.GRANT_RESUMPTION])
def test_nobody_is_bound_by_what_it_was_not_told(kind: Kind) -> None:
    check_terms(said(kind), (BANK,), case())
    assert fields_of(refusal(said(kind), (AGENCY,))) == ["header.recipients"]


def test_terms_reach_every_cosigner() -> None:
    assert fields_of(refusal(offer(), (BANK,))) == ["header.recipients"]
    assert fields_of(refusal(narrowing(), (BANK,))) == ["header.recipients"]


def test_what_a_cosigner_says_reaches_the_lab() -> None:
    check_terms(said(Kind.GRANT_COSIGNATURE, AGENCY), (LAB,), case())
    assert fields_of(refusal(said(Kind.GRANT_COSIGNATURE, AGENCY), (BANK,))) == [
        "header.recipients"
    ]
    check_terms(said(Kind.GRANT_SUSPENSION, AGENCY), (BANK, LAB), case())
    assert fields_of(refusal(said(Kind.GRANT_SUSPENSION, AGENCY), (LAB,))) == ["header.recipients"]


def refused_opening(header: Header, audience: tuple[MemberId, ...]) -> list[str]:
    with pytest.raises(Refusal) as caught:
        check_opening(header, audience)
    return fields_of(caught.value)


def test_an_offer_opens_a_case_with_all_whom_it_names() -> None:
    first = said(Kind.MODEL_ACCESS_GRANT, facts=TERMS)
    check_opening(first, (AGENCY, BANK))
    assert refused_opening(first, (BANK,)) == ["header.recipients"]
    assert refused_opening(first, (AGENCY,)) == ["header.recipients"]
    assert refused_opening(offer(), (AGENCY, BANK)) == ["header.facts.version"]
    own = replace(TERMS, cosigners=frozenset({LAB}))
    header = said(Kind.MODEL_ACCESS_GRANT, facts=own)
    assert refused_opening(header, (BANK,)) == ["header.recipients"]


def test_an_application_is_for_oneself_and_to_one_lab() -> None:
    applied = said(Kind.EARLY_ACCESS_APPLICATION, BANK, facts=headers.application(BANK))
    check_opening(applied, (LAB,))
    assert refused_opening(applied, (LAB, MemberId("borealis"))) == ["header.recipients"]
    foreign = said(Kind.EARLY_ACCESS_APPLICATION, AGENCY, facts=headers.application(BANK))
    assert refused_opening(foreign, (LAB,)) == ["header.facts.grantee_systems"]


DIRECTORY: Directory = directories.directory(aurora=MemberKind.LAB, harbor_bank=MemberKind.OPERATOR)


@pytest.mark.parametrize(
    "system",
    [
        headers.system_of(BANK, trust_domain="elsewhere.example"),
        headers.system_of(BANK, MemberKind.AGENCY),
        headers.system_of("nobody"),
    ],
    ids=["another trust domain", "another kind", "no member"],
)
def test_systems_stand_under_the_path_of_a_member(system: Any) -> None:
    check_systems(said(Kind.MODEL_ACCESS_GRANT, facts=headers.terms(BANK)), DIRECTORY)
    for header in (
        said(Kind.MODEL_ACCESS_GRANT, facts=headers.terms(BANK, grantee_systems=(system,))),
        said(
            Kind.GRANT_NARROWING,
            facts=GrantNarrowingFacts(grant=headers.terms(BANK, grantee_systems=(system,))),
        ),
        said(
            Kind.EARLY_ACCESS_APPLICATION,
            BANK,
            facts=replace(headers.application(BANK), grantee_systems=(system,)),
        ),
    ):
        with pytest.raises(Refusal) as caught:
            check_systems(header, DIRECTORY)
        assert fields_of(caught.value) == ["header.facts.grantee_systems"]
