"""Every header field and every enum value of the protos has its counterpart in the core."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from forewarn.statement.v1 import (
    alert_pb2,
    breach_pb2,
    directory_pb2,
    grant_pb2,
    header_pb2,
    release_pb2,
    values_pb2,
)
from gateway.core import enrolment, facts
from gateway.core.identity import MemberId, MemberKind
from gateway.core.statements import (
    Group,
    GroupRecipient,
    Header,
    Kind,
    NamedRecipient,
    Tlp,
)
from gateway.wire.headers import MEMBER_KINDS, header_from, time_from
from tests.world import samples
from tests.world.actors import Actor, Pen, community, desk_of, everyone, sector
from tests.world.kinds import facts_of

AURORA = Actor(id="aurora", kind=MemberKind.LAB, pen=Pen())


def read(kind: Kind, *to: Any, facts: Any = None, **changes: Any) -> Header:
    draft = AURORA.say(kind, *to, facts=facts or facts_of(kind), **changes)
    return header_from(draft.header)


@pytest.mark.parametrize(
    ("stated", "ours", "prefix"),
    [
        (header_pb2.StatementKind, Kind, "STATEMENT_KIND_"),
        (header_pb2.TlpLevel, Tlp, "TLP_LEVEL_"),
        (directory_pb2.AgencyType, enrolment.AgencyType, "AGENCY_TYPE_"),
        (
            directory_pb2.ParticipationChoice,
            enrolment.ParticipationChoice,
            "PARTICIPATION_CHOICE_",
        ),
        (breach_pb2.ReportKind, facts.ReportKind, "REPORT_KIND_"),
        (values_pb2.Precision, facts.Precision, "PRECISION_"),
    ],
    ids=["kind", "tlp", "agency type", "participation", "report kind", "precision"],
)
def test_every_value_of_an_enum_converts(stated: Any, ours: type[Enum], prefix: str) -> None:
    named = {name.removeprefix(prefix): number for name, number in stated.items() if number}
    assert named == {each.name: each.value for each in ours}


def test_every_kind_of_member_converts() -> None:
    named = {
        number: name.removeprefix("MEMBER_KIND_")
        for name, number in values_pb2.MemberKind.items()
        if number
    }
    assert named == {number: kind.name for number, kind in MEMBER_KINDS.items()}
    assert set(MEMBER_KINDS.values()) == set(MemberKind)


def test_enums_that_the_core_does_not_read_stay_on_the_wire() -> None:
    """A new enum in the protos has to be decided on: read by the core, or named here."""
    unread = {
        "AbsenceKind",
        "AccessLevel",
        "Affordance",
        "BreachKind",
        "CapabilityDomain",
        "ClosureReason",
        "Confidence",
        "DeclinationReason",
        "EndingCause",
        "EndingReason",
        "IncidentType",
        "KeyAlgorithm",
        "LogVisibility",
        "ModelStage",
        "ModelVariant",
        "NoticeType",
        "PapLevel",
        "ReleaseMode",
        "Severity",
        "SizeTier",
        "StalenessAction",
        "SubmitterCapacity",
        "WithdrawalType",
    }
    read_by_the_core = {
        "AgencyType",
        "MemberKind",
        "ParticipationChoice",
        "Precision",
        "ReportKind",
        "StatementKind",
        "TlpLevel",
    }
    files = (alert_pb2, breach_pb2, directory_pb2, grant_pb2, header_pb2, release_pb2, values_pb2)
    stated = {name for file in files for name in file.DESCRIPTOR.enum_types_by_name}
    stated.add("DeclinationReason")
    assert stated == unread | read_by_the_core


def test_recipients() -> None:
    civil = Actor(id="civil-ai", kind=MemberKind.AGENCY, pen=Pen())
    header = read(
        Kind.ALERT,
        civil,
        desk_of(civil, "incident"),
        sector("energy"),
        everyone(MemberKind.OPERATOR),
        community("fin-sharing"),
    )
    name = MemberId("civil-ai")
    assert header.recipients == (
        NamedRecipient(member=name),
        NamedRecipient(member=name, desk="incident"),
        GroupRecipient(group=Group.SECTOR, name="energy"),
        GroupRecipient(group=Group.KIND, name="operator"),
        GroupRecipient(group=Group.COMMUNITY, name="fin-sharing"),
    )


def test_every_field_of_a_header() -> None:
    later = samples.NOON + timedelta(days=1)
    header = read(
        Kind.TRIAGE,
        on_behalf_of="harbor-bank",
        case=bytes(32),
        refers_to=(b"\x01" * 32,),
        expire_time=samples.timestamp(later),
        embargo_until_time=samples.timestamp(later),
        tlp="GREEN",
        community="fin-sharing",
        protection_regime_date="2026-11-21",
        profile="custom",
    )
    assert header.on_behalf_of == "harbor-bank"
    assert (header.case, header.refers_to) == (bytes(32), (b"\x01" * 32,))
    assert (header.created_time, header.expire_time) == (samples.NOON, later)
    assert header.embargo_until_time == later
    assert (header.tlp, header.community) == (Tlp.GREEN, "fin-sharing")
    assert (header.protection_regime_date, header.profile) == ("2026-11-21", "custom")
    assert header.facts == facts.OtherFacts()
    bare = read(Kind.TRIAGE)
    assert (bare.on_behalf_of, bare.case, bare.expire_time) == (None, None, None)


def test_fields_that_no_rule_reads_are_named() -> None:
    """A new header field has to be decided on: read by the core, or named here."""
    unread = {"pap", "cui", "market_sensitive", "protection_regime"}
    renamed = {"case_digest": "case"}
    stated = {
        renamed.get(field.name, field.name)
        for field in header_pb2.Header.DESCRIPTOR.fields
        if field.containing_oneof is None
    }
    assert stated - unread == set(Header.__slots__) - {"facts"}


def test_plans() -> None:
    stated = samples.notice_facts()
    stated.planned.government_access.CopyFrom(samples.precise(samples.NOON, "WEEK"))
    stated.planned.ClearField("public_release")
    read_facts = read(Kind.PRE_RELEASE_NOTICE, facts=stated).facts
    assert isinstance(read_facts, facts.PreReleaseNoticeFacts)
    assert read_facts.handle == samples.HANDLE
    assert read_facts.planned == facts.PlannedTimes(
        government_access=facts.PreciseTime(time=samples.NOON, precision=facts.Precision.WEEK)
    )


def test_terms() -> None:
    stated = samples.terms(
        "spiffe://exchange.example/operator/harbor-bank/desk-a",
        version=3,
        cosigners=["civil-ai"],
        cosigners_required=1,
        claim_by_time=samples.timestamp(samples.NOON),
        lab_signatures=2,
    )
    terms = read(Kind.MODEL_ACCESS_GRANT, facts=stated).facts
    assert isinstance(terms, facts.ModelAccessGrantFacts)
    assert (terms.version, terms.grantee, terms.lab_signatures) == (3, "harbor-bank", 2)
    assert terms.cosigners == {MemberId("civil-ai")}
    assert terms.cosigners_required == 1
    assert (terms.claim_by_time, terms.offer_expire_time) == (samples.NOON, None)
    assert terms.max_token_lifetime == timedelta(seconds=300)
    assert terms.max_staleness == timedelta(minutes=15)
    narrowed = grant_pb2.GrantNarrowingFacts(grant=stated)
    assert read(Kind.GRANT_NARROWING, facts=narrowed).facts == facts.GrantNarrowingFacts(
        grant=terms
    )


@pytest.mark.parametrize("kind", facts.ReportKind)
def test_reports(kind: facts.ReportKind) -> None:
    stated = samples.report_facts(kind.name)
    stated.contained = True
    assert read(Kind.BREACH_REPORT, facts=stated).facts == facts.BreachReportFacts(
        report_kind=kind, regimes=("voluntary",), contained=True
    )


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_kept_to_the_microsecond(time: datetime) -> None:
    assert time_from(samples.timestamp(time)) == time
    cut = Timestamp(seconds=samples.timestamp(time).seconds, nanos=999_999_999)
    assert time_from(cut).microsecond == 999_999
