"""Facts refuse what can never be right."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.core.errors import Reason, Refusal
from gateway.core.facts import (
    BreachReportFacts,
    EarlyAccessApplicationFacts,
    PlannedTimes,
    PreReleaseNoticeFacts,
    ReportKind,
)
from gateway.core.identity import MemberId, MemberKind
from tests.world import headers
from tests.world.samples import NOON

BANK = "harbor-bank"


def refused(make: Any, *args: Any, **changes: Any) -> str:
    with pytest.raises(Refusal) as caught:
        make(*args, **changes)
    assert caught.value.reason is Reason.FIELD_INVALID
    (violation,) = caught.value.violations
    return violation.field.removeprefix("header.facts.")


def test_a_plan_holds_a_time() -> None:
    assert refused(PlannedTimes) == "planned"
    for name in ("government_access", "trusted_partner_access", "public_release"):
        PlannedTimes(**{name: headers.day(NOON)})


def test_a_notice_names_a_model_by_its_handle() -> None:
    handle = "the-model-nobody-knows"
    assert refused(PreReleaseNoticeFacts, handle=handle, planned=headers.plan()) == "handle"


def test_regimes_are_slugs() -> None:
    stated: dict[str, Any] = {"report_kind": ReportKind.INITIAL, "contained": False}
    BreachReportFacts(regimes=("us-circia", "eu-gpai-code-9.3"), **stated)
    assert refused(BreachReportFacts, regimes=("us-circia", "A law"), **stated) == "regimes"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"grant_id": "1"}, "grant_id"),
        ({"not_after_time": NOON}, "not_after_time"),
        ({"not_before_time": NOON + timedelta(days=40)}, "not_after_time"),
        ({"cosigners": frozenset({MemberId(BANK)})}, "cosigners"),
        ({"cosigners_required": 1}, "cosigners_required"),
        ({"max_token_lifetime": timedelta(seconds=300, microseconds=1)}, "max_token_lifetime"),
        ({"max_token_lifetime": timedelta(0)}, "max_token_lifetime"),
        ({"max_staleness": timedelta(0)}, "max_staleness"),
        ({"lab_signatures": 0}, "lab_signatures"),
        ({"lab_signatures": 3}, "lab_signatures"),
    ],
)
def test_terms_that_can_never_hold(changes: dict[str, Any], field: str) -> None:
    assert refused(headers.terms, BANK, **changes) == field


TWO_MEMBERS = (headers.system_of(BANK), headers.system_of("quay-bank"))
TWO_KINDS = (headers.system_of(BANK), headers.system_of(BANK, MemberKind.AGENCY))
TWO_DOMAINS = (headers.system_of(BANK), headers.system_of(BANK, trust_domain="elsewhere.example"))
TWICE = (headers.system_of(BANK), headers.system_of(BANK))


@pytest.mark.parametrize("systems", [TWO_MEMBERS, TWO_KINDS, TWO_DOMAINS, TWICE])
def test_grantee_systems_are_different_ones_of_one_member(systems: Any) -> None:
    assert refused(EarlyAccessApplicationFacts, grantee_systems=systems) == "grantee_systems"
    assert refused(headers.terms, BANK, grantee_systems=systems) == "grantee_systems"


@pytest.mark.parametrize("kind", MemberKind)
def test_operators_and_agencies_are_granted_access(kind: MemberKind) -> None:
    systems = (headers.system_of("somebody", kind), headers.system_of("somebody", kind, "desk-b"))
    if kind in {MemberKind.OPERATOR, MemberKind.AGENCY}:
        assert headers.terms(BANK, grantee_systems=systems).grantee == "somebody"
        assert EarlyAccessApplicationFacts(grantee_systems=systems).grantee == "somebody"
    else:
        assert refused(headers.terms, BANK, grantee_systems=systems) == "grantee_systems"
        assert refused(EarlyAccessApplicationFacts, grantee_systems=systems) == "grantee_systems"
