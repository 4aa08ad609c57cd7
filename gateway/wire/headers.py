"""Headers from protobuf: each message of a header to its class in the core.

* Field for field; what the core's constructors refuse is refused.
* Kinds whose facts no table reads become `OtherFacts`: the strict parse has checked them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from forewarn.statement.v1 import (
    breach_pb2,
    coverage_pb2,
    directory_pb2,
    grant_pb2,
    header_pb2,
    release_pb2,
    values_pb2,
)
from gateway.core import coverage, enrolment, facts
from gateway.core.envelope import PublicKey
from gateway.core.errors import Refusal, invalid
from gateway.core.identity import MemberId, MemberKind, SystemId
from gateway.core.statements import (
    Group,
    GroupRecipient,
    Header,
    Kind,
    NamedRecipient,
    Recipient,
    Tlp,
    check_slug,
    parse_member,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

MEMBER_KINDS: Final[Mapping[int, MemberKind]] = {
    values_pb2.MEMBER_KIND_LAB: MemberKind.LAB,
    values_pb2.MEMBER_KIND_AGENCY: MemberKind.AGENCY,
    values_pb2.MEMBER_KIND_OPERATOR: MemberKind.OPERATOR,
    values_pb2.MEMBER_KIND_RELAY: MemberKind.RELAY,
    values_pb2.MEMBER_KIND_WITNESS: MemberKind.WITNESS,
    values_pb2.MEMBER_KIND_REGISTRAR: MemberKind.REGISTRAR,
}


def header_from(message: header_pb2.Header) -> Header:
    """Make a header of the core out of a strictly parsed message.

    Args:
        message: The message.

    Returns:
        The header.

    Raises:
        Refusal: Whatever the constructors refuse.
        ValueError: Only for a message that was not parsed strictly: an enum's number is unknown.
        OverflowError: Likewise: a time or duration is beyond what Python holds.
    """
    kind = Kind(message.kind)
    return Header(
        exchange=message.exchange,
        statement_id=message.statement_id,
        kind=kind,
        sender=parse_member("header.sender", message.sender),
        on_behalf_of=(
            parse_member("header.on_behalf_of", message.on_behalf_of)
            if message.on_behalf_of
            else None
        ),
        recipients=tuple(_recipient(recipient) for recipient in message.recipients),
        case=message.case_digest or None,
        refers_to=tuple(message.refers_to),
        created_time=time_from(message.created_time),
        expire_time=_time(message, "expire_time"),
        embargo_until_time=_time(message, "embargo_until_time"),
        tlp=Tlp(message.tlp),
        community=message.community,
        protection_regime_date=message.protection_regime_date,
        profile=message.profile,
        facts=_facts(message, kind),
    )


def time_from(timestamp: Timestamp) -> datetime:
    """Give a time, UTC, cut to the microsecond."""
    return _EPOCH + timedelta(seconds=timestamp.seconds, microseconds=timestamp.nanos // 1000)


def _duration(duration: Duration) -> timedelta:
    """Give a duration, cut to the microsecond."""
    return timedelta(seconds=duration.seconds, microseconds=duration.nanos // 1000)


def _time(message: Any, field: str) -> datetime | None:  # noqa: ANN401 - any generated message
    return time_from(getattr(message, field)) if message.HasField(field) else None


def _recipient(message: header_pb2.Recipient) -> Recipient:
    match message.WhichOneof("recipient"):
        case "member":
            return NamedRecipient(member=parse_member("header.recipients", message.member))
        case "desk":
            return NamedRecipient(
                member=parse_member("header.recipients", message.desk.member),
                desk=check_slug("header.recipients", message.desk.desk),
            )
        case "kind":
            return GroupRecipient(group=Group.KIND, name=_member_kind(message.kind).value)
        case "sector":
            return GroupRecipient(group=Group.SECTOR, name=message.sector)
        case _:
            return GroupRecipient(group=Group.COMMUNITY, name=message.community)


def _member_kind(number: int) -> MemberKind:
    try:
        return MEMBER_KINDS[number]
    except KeyError:
        raise ValueError("a number names no kind of member") from None


def _facts(message: header_pb2.Header, kind: Kind) -> facts.Facts | None:
    field = message.WhichOneof("facts")
    if field is None:
        return None
    convert = _FACTS.get(kind)
    return facts.OtherFacts() if convert is None else convert(getattr(message, field))


def _member(message: Any) -> MemberId:  # noqa: ANN401 - any facts with a member
    return parse_member("header.facts.member", message.member)


def _systems(uris: Iterable[str], field: str) -> tuple[SystemId, ...]:
    try:
        return tuple(SystemId.parse(uri) for uri in uris)
    except Refusal:
        raise invalid(field, "holds what is no SPIFFE ID of a system") from None


def _keys(messages: Iterable[directory_pb2.SigningKey]) -> tuple[PublicKey, ...]:
    return tuple(PublicKey(spki_der=message.spki) for message in messages)


def _quorum(message: Any) -> enrolment.Quorum:  # noqa: ANN401 - genesis or succession
    return enrolment.Quorum(keys=_keys(message.keys), threshold=message.quorum)


def _genesis(message: directory_pb2.GenesisFacts) -> facts.Facts:
    return enrolment.GenesisFacts(
        trust_domain=message.trust_domain,
        registrar=parse_member("header.facts.registrar", message.registrar),
        quorum=_quorum(message),
        systems=_systems(message.systems, "header.facts.systems"),
    )


def _profile(message: directory_pb2.MemberProfile) -> enrolment.MemberProfile:
    return enrolment.MemberProfile(
        display_name=message.display_name,
        agency_type=enrolment.AgencyType(message.agency_type) if message.agency_type else None,
        sectors=frozenset(message.sectors),
        desks=frozenset(message.desks),
        communities=frozenset(message.communities),
        clients=frozenset(
            parse_member("header.facts.profile.clients", client) for client in message.clients
        ),
    )


def _enrolment(message: directory_pb2.MemberEnrolmentFacts) -> facts.Facts:
    return enrolment.MemberEnrolmentFacts(
        member=_member(message),
        kind=_member_kind(message.kind),
        profile=_profile(message.profile),
        keys=_keys(message.keys),
        systems=_systems(message.systems, "header.facts.systems"),
    )


def _system(
    message: directory_pb2.SystemRegistrationFacts | directory_pb2.SystemSuspensionFacts,
) -> facts.Facts:
    (system,) = _systems([message.system], "header.facts.system")
    return enrolment.SystemFacts(member=_member(message), system=system)


def _succession(message: directory_pb2.MemberSuccessionFacts) -> facts.Facts:
    return enrolment.MemberSuccessionFacts(
        predecessor=parse_member("header.facts.predecessor", message.predecessor),
        successor=parse_member("header.facts.successor", message.successor),
    )


def _participation(message: directory_pb2.ParticipationFacts) -> facts.Facts:
    return enrolment.ParticipationFacts(
        framework=message.framework,
        handle=message.handle,
        choice=enrolment.ParticipationChoice(message.choice),
    )


def _planned(message: release_pb2.PlannedTimes) -> facts.PlannedTimes:
    def precise(field: str) -> facts.PreciseTime | None:
        if not message.HasField(field):
            return None
        stated: values_pb2.PreciseTime = getattr(message, field)
        return facts.PreciseTime(
            time=time_from(stated.time), precision=facts.Precision(stated.precision)
        )

    return facts.PlannedTimes(
        government_access=precise("government_access"),
        trusted_partner_access=precise("trusted_partner_access"),
        public_release=precise("public_release"),
    )


def _grant(message: grant_pb2.ModelAccessGrantFacts) -> facts.ModelAccessGrantFacts:
    return facts.ModelAccessGrantFacts(
        grant_id=message.grant_id,
        version=message.version,
        grantee_systems=_systems(message.grantee_systems, "header.facts.grantee_systems"),
        not_before_time=time_from(message.not_before_time),
        not_after_time=time_from(message.not_after_time),
        offer_expire_time=_time(message, "offer_expire_time"),
        claim_by_time=_time(message, "claim_by_time"),
        cosigners=frozenset(
            parse_member("header.facts.cosigners", cosigner) for cosigner in message.cosigners
        ),
        cosigners_required=message.cosigners_required,
        max_token_lifetime=_duration(message.max_token_lifetime),
        max_staleness=_duration(message.max_staleness),
        lab_signatures=message.lab_signatures,
    )


def _report(message: breach_pb2.BreachReportFacts) -> facts.Facts:
    return facts.BreachReportFacts(
        report_kind=facts.ReportKind(message.report_kind),
        regimes=tuple(message.regimes),
        contained=message.contained,
    )


def _determination(message: coverage_pb2.CoverageDeterminationFacts) -> facts.Facts:
    return coverage.CoverageDeterminationFacts(
        outcome=coverage.Outcome(message.outcome),
        basis=coverage.Basis(message.basis_class) if message.basis_class else None,
        decided_time=time_from(message.decided_time),
        valid_until_time=_time(message, "valid_until_time"),
        review=coverage.Review(message.review) if message.review else None,
    )


_FACTS: Final[Mapping[Kind, Callable[[Any], facts.Facts]]] = {
    Kind.GENESIS: _genesis,
    Kind.MEMBER_ENROLMENT: _enrolment,
    Kind.MEMBER_UPDATE: lambda m: enrolment.MemberUpdateFacts(
        member=_member(m), profile=_profile(m.profile)
    ),
    Kind.KEY_REGISTRATION: lambda m: enrolment.KeyRegistrationFacts(
        member=_member(m), key=PublicKey(spki_der=m.key.spki)
    ),
    Kind.KEY_REVOCATION: lambda m: enrolment.KeyRevocationFacts(member=_member(m), keyid=m.key_id),
    Kind.SYSTEM_REGISTRATION: _system,
    Kind.SYSTEM_SUSPENSION: _system,
    Kind.MEMBER_SUSPENSION: lambda m: enrolment.MemberFacts(member=_member(m)),
    Kind.MEMBER_REINSTATEMENT: lambda m: enrolment.MemberFacts(member=_member(m)),
    Kind.MEMBER_SUCCESSION: _succession,
    Kind.MEMBER_DEPARTURE: lambda m: enrolment.MemberFacts(member=_member(m)),
    Kind.REGISTRAR_SUCCESSION: lambda m: enrolment.RegistrarSuccessionFacts(quorum=_quorum(m)),
    Kind.PARTICIPATION: _participation,
    Kind.PRE_RELEASE_NOTICE: lambda m: facts.PreReleaseNoticeFacts(
        handle=m.handle, planned=_planned(m.planned)
    ),
    Kind.NOTICE_AMENDMENT: lambda m: facts.NoticeAmendmentFacts(planned=_planned(m.planned)),
    Kind.EARLY_ACCESS_APPLICATION: lambda m: facts.EarlyAccessApplicationFacts(
        grantee_systems=_systems(m.grantee_systems, "header.facts.grantee_systems")
    ),
    Kind.MODEL_ACCESS_GRANT: _grant,
    Kind.GRANT_NARROWING: lambda m: facts.GrantNarrowingFacts(grant=_grant(m.grant)),
    Kind.BREACH_REPORT: _report,
    Kind.COVERAGE_REQUEST: lambda m: coverage.CoverageRequestFacts(handle=m.handle),
    Kind.COVERAGE_DETERMINATION: _determination,
}
