"""Coverage: what a determination may state, and what a request may be about."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from gateway.core.coverage import (
    Announced,
    Basis,
    CoverageRequestFacts,
    Outcome,
    Review,
    check_opening,
    check_review,
)
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId
from gateway.core.statements import Kind
from tests.world import headers
from tests.world.samples import HANDLE, NOON

LAB, CIVIL, NATSEC = MemberId("aurora"), MemberId("civil-ai"), MemberId("natsec-ai")
NOTICE = Announced(sender=LAB, handle=HANDLE, audience=frozenset({CIVIL, NATSEC}))


@pytest.mark.parametrize(("outcome", "basis"), list(product(Outcome, [None, *Basis])))
def test_a_basis_stands_exactly_where_something_is_determined(
    outcome: Outcome, basis: Basis | None
) -> None:
    if (outcome is Outcome.NOT_DETERMINED) is (basis is None):
        assert headers.determination(outcome, basis).basis is basis
        return
    with pytest.raises(Refusal) as caught:
        headers.determination(outcome, basis)
    assert caught.value.violations[0].field == "header.facts.basis_class"


def test_a_determination_does_not_end_before_it_is_decided() -> None:
    later = NOON + timedelta(seconds=1)
    assert headers.determination(valid_until_time=later).valid_until_time == later
    with pytest.raises(Refusal) as caught:
        headers.determination(valid_until_time=NOON)
    assert caught.value.violations[0].field == "header.facts.valid_until_time"


def test_a_handle_is_no_name() -> None:
    with pytest.raises(Refusal):
        CoverageRequestFacts(handle="Aurora-5")


LATER = NOON + timedelta(days=90)
BEFORE = headers.determination()


@pytest.mark.parametrize(
    ("stated", "holds"),
    [
        (headers.determination(review=Review.UPHELD), True),
        (headers.determination(review=Review.CHANGED), False),
        (headers.determination(), False),
        (headers.determination(Outcome.NOT_COVERED, review=Review.CHANGED), True),
        (headers.determination(Outcome.NOT_COVERED, review=Review.UPHELD), False),
        (headers.determination(basis=Basis.BY_ANALOGY, review=Review.CHANGED), True),
        (headers.determination(basis=Basis.BY_ANALOGY, review=Review.UPHELD), False),
        (headers.determination(review=Review.CHANGED, valid_until_time=LATER), True),
        (headers.determination(review=Review.UPHELD, valid_until_time=LATER), False),
    ],
)
def test_a_review_says_what_it_came_to(stated: object, holds: object) -> None:
    if holds:
        check_review(stated, BEFORE)  # type: ignore[arg-type] # a determination
        return
    with pytest.raises(Refusal) as caught:
        check_review(stated, BEFORE)  # type: ignore[arg-type] # a determination
    assert caught.value.violations[0].field == "header.facts.review"


def test_a_first_determination_reviews_nothing() -> None:
    check_review(BEFORE, None)
    for review in Review:
        with pytest.raises(Refusal):
            check_review(headers.determination(review=review), None)


@pytest.mark.parametrize(
    ("audience", "notices", "field"),
    [
        ((CIVIL,), [NOTICE], ""),
        ((NATSEC,), [NOTICE], ""),
        ((CIVIL, NATSEC), [NOTICE], "header.recipients"),
        ((), [NOTICE], "header.recipients"),
        ((CIVIL,), [], "header.refers_to"),
        (
            (CIVIL,),
            [Announced(sender=LAB, handle=HANDLE, audience=frozenset({NATSEC}))],
            "header.refers_to",
        ),
        (
            (CIVIL,),
            [Announced(sender=MemberId("borealis"), handle=HANDLE, audience=frozenset({CIVIL}))],
            "header.refers_to",
        ),
        (
            (CIVIL,),
            [Announced(sender=LAB, handle="h-" + "z" * 26, audience=frozenset({CIVIL}))],
            "header.facts.handle",
        ),
    ],
)
def test_a_request_is_about_a_notice_of_the_lab_to_the_agency(
    audience: tuple[MemberId, ...], notices: list[Announced], field: str
) -> None:
    header = headers.header(Kind.COVERAGE_REQUEST, "aurora", facts=headers.coverage_request())
    if not field:
        check_opening(header, audience, notices)
        return
    with pytest.raises(Refusal) as caught:
        check_opening(header, audience, notices)
    assert caught.value.violations[0].field == field
    wrong_reference = field == "header.refers_to"
    expected = Reason.REFERENCE_INVALID if wrong_reference else Reason.FIELD_INVALID
    assert caught.value.reason is expected


def test_other_openers_are_not_asked() -> None:
    check_opening(headers.header(Kind.ALERT, "civil-ai"), (), [])
