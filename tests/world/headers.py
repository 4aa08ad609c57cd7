"""Headers of the core, made directly: for tests that need no bytes."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway.core.coverage import (
    Basis,
    CoverageDeterminationFacts,
    CoverageRequestFacts,
    Outcome,
    Review,
)
from gateway.core.envelope import PublicKey
from gateway.core.facts import (
    BreachReportFacts,
    EarlyAccessApplicationFacts,
    ModelAccessGrantFacts,
    PlannedTimes,
    PreciseTime,
    Precision,
    PreReleaseNoticeFacts,
    ReportKind,
)
from gateway.core.identity import MemberId, MemberKind, SystemId
from gateway.core.statements import Header, Kind, NamedRecipient, Tlp
from tests.world.actors import ORIGIN, TRUST_DOMAIN, make_key, spki_of
from tests.world.samples import GRANT_ID, HANDLE, NOON

STATEMENT_ID: Final = "0193a7c2-0000-7000-8000-000000000001"


def digest_of(name: str) -> bytes:
    """Make the digest that belongs to a name."""
    return hashlib.sha256(name.encode()).digest()


def public_key(name: str) -> PublicKey:
    """Make the public key that belongs to a name."""
    return PublicKey(spki_der=spki_of(make_key(name)))


def system_of(
    member: str,
    kind: MemberKind = MemberKind.OPERATOR,
    system: str = "desk-a",
    trust_domain: str = TRUST_DOMAIN,
) -> SystemId:
    return SystemId(trust_domain=trust_domain, kind=kind, member=MemberId(member), system=system)


def header(kind: Kind, sender: str, **changes: Any) -> Header:
    """Make a header; every field can be changed."""
    stated: dict[str, Any] = {
        "exchange": ORIGIN,
        "statement_id": STATEMENT_ID,
        "kind": kind,
        "sender": MemberId(sender),
        "on_behalf_of": None,
        "recipients": (),
        "case": None,
        "refers_to": (),
        "created_time": NOON,
        "expire_time": None,
        "embargo_until_time": None,
        "tlp": Tlp.AMBER,
        "community": "",
        "protection_regime_date": "",
        "profile": "",
        "facts": None,
    }
    return Header(**(stated | changes))


def to(*members: str) -> tuple[NamedRecipient, ...]:
    return tuple(NamedRecipient(member=MemberId(member)) for member in members)


def day(time: datetime) -> PreciseTime:
    return PreciseTime(time=time, precision=Precision.DAY)


def plan(days: int = 62) -> PlannedTimes:
    return PlannedTimes(public_release=day(NOON + timedelta(days=days)))


def notice(days: int = 62) -> PreReleaseNoticeFacts:
    return PreReleaseNoticeFacts(handle=HANDLE, planned=plan(days))


def application(member: str) -> EarlyAccessApplicationFacts:
    return EarlyAccessApplicationFacts(grantee_systems=(system_of(member),))


def terms(member: str, **changes: Any) -> ModelAccessGrantFacts:
    """Terms of a grant; every field can be changed."""
    stated: dict[str, Any] = {
        "grant_id": GRANT_ID,
        "version": 1,
        "grantee_systems": (system_of(member),),
        "not_before_time": NOON,
        "not_after_time": NOON + timedelta(days=30),
        "offer_expire_time": None,
        "claim_by_time": None,
        "cosigners": frozenset(),
        "cosigners_required": 0,
        "max_token_lifetime": timedelta(seconds=300),
        "max_staleness": timedelta(minutes=15),
        "lab_signatures": 1,
    }
    return ModelAccessGrantFacts(**(stated | changes))


def report(kind: ReportKind, *, contained: bool = False) -> BreachReportFacts:
    return BreachReportFacts(report_kind=kind, regimes=("voluntary",), contained=contained)


def coverage_request() -> CoverageRequestFacts:
    return CoverageRequestFacts(handle=HANDLE)


def determination(
    outcome: Outcome = Outcome.COVERED,
    basis: Basis | None = Basis.BENCHMARK,
    review: Review | None = None,
    valid_until_time: datetime | None = None,
) -> CoverageDeterminationFacts:
    return CoverageDeterminationFacts(
        outcome=outcome,
        basis=basis,
        decided_time=NOON,
        valid_until_time=valid_until_time,
        review=review,
    )


def utc(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)
