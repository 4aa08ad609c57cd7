"""What a header has to mean to be worth signing: rules that no single field can state.

* A statement id is a UUIDv7; digests have 32 bytes; nothing is named twice; members, desks, groups,
  handles and regimes are written as such; nobody speaks for itself on its own behalf.
* A statement that expires does so after it is made.
* A determination stands on a basis exactly where it determines something, and ends after it begins.
* A grant ends after it begins, is for systems of one operator or agency, does not ask for more
  cosigners than it names, and keeps the limits on tokens, staleness and the lab's keys.

The exchange refuses what breaks them, with the same reasons. They are for authors, and for the
statements of the directory: exchange and members have to take the very same ones for it. Nothing
else that is received is judged by them. What only the exchange knows (who is a member, the state of
a case) is not here.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Final

from forewarn.statement.v1 import breach_pb2, coverage_pb2, directory_pb2, grant_pb2, header_pb2
from forewarn_client import dsse, identifiers, identity, times
from forewarn_client.errors import VerificationError
from forewarn_client.identity import SystemName
from forewarn_client.strict import StrictError

_SLUG: Final = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*", re.ASCII)
_SLUG_RULE: Final = "is not a slug: lower-case letters, digits, inner hyphens or dots"
_MEMBER_RULE: Final = "is not a member id: 1 to 32 of a-z and 0-9, with '-' inside only"
_GRANTEES: Final = {"agency", "operator"}
_LONGEST_TOKEN_SECONDS: Final = 300
_LAB_SIGNATURES: Final = {1, 2}


def nonsense(header: header_pb2.Header, now: datetime) -> Iterator[StrictError]:
    """Find what can never be right in a header whose fields keep their own rules.

    Args:
        header: The header.
        now: When it is made, with an offset.

    Yields:
        One error for each thing, by the path of its field.
    """
    yield from impossible(header)
    if header.HasField("expire_time"):
        expires = times.from_timestamp(header.expire_time)
        if expires <= now.astimezone(UTC):
            yield StrictError("STATEMENT_EXPIRED", "header.expire_time", "has passed already")


def impossible(header: header_pb2.Header) -> Iterator[StrictError]:
    """Find what can never be right in such a header, whenever it was made.

    Args:
        header: The header.

    Yields:
        One error for each thing, by the path of its field.
    """
    if not identifiers.is_uuid7(header.statement_id):
        yield _wrong("statement_id", "is not a UUIDv7 in its canonical lower-case form")
    yield from _references(header)
    yield from _addresses(header)
    if header.protection_regime_date and not _is_date(header.protection_regime_date):
        yield _wrong("protection_regime_date", "is not a date, as in 2026-11-20")
    yield from _facts(header)


def _references(header: header_pb2.Header) -> Iterator[StrictError]:
    if header.case_digest and len(header.case_digest) != dsse.DIGEST_BYTES:
        yield _wrong("case_digest", "is not a digest: 64 hex digits")
    for number, digest in enumerate(header.refers_to):
        if len(digest) != dsse.DIGEST_BYTES:
            yield _wrong(f"refers_to[{number}]", "is not a digest: 64 hex digits")
    yield from _doubles("refers_to", header.refers_to)


def _addresses(header: header_pb2.Header) -> Iterator[StrictError]:
    for number, recipient in enumerate(header.recipients):
        path = f"recipients[{number}]"
        match recipient.WhichOneof("recipient"):
            case "member":
                yield from _members(path, [recipient.member])
            case "desk":
                yield from _members(path, [recipient.desk.member])
                yield from _slugs(path, [recipient.desk.desk])
            case "sector" | "community" as group:
                yield from _slugs(path, [getattr(recipient, group)])
            case _:
                pass
    named = [recipient.SerializeToString(deterministic=True) for recipient in header.recipients]
    yield from _doubles("recipients", named)
    if header.community:
        yield from _slugs("community", [header.community])
    if header.on_behalf_of:
        yield from _members("on_behalf_of", [header.on_behalf_of])
        if header.on_behalf_of == header.sender:
            yield _wrong("on_behalf_of", "names the sender itself; leave it out")


def _facts(header: header_pb2.Header) -> Iterator[StrictError]:
    name = header.WhichOneof("facts") or ""
    match getattr(header, name, None):
        case grant_pb2.ModelAccessGrantFacts() as terms:
            yield from _terms(name, terms)
        case grant_pb2.GrantNarrowingFacts() as narrowing:
            yield from _terms(f"{name}.grant", narrowing.grant)
        case grant_pb2.EarlyAccessApplicationFacts() as application:
            yield from _grantee(f"{name}.grantee_systems", application.grantee_systems)
        case breach_pb2.BreachReportFacts() as report:
            yield from _slugs(f"{name}.regimes", report.regimes)
        case coverage_pb2.CoverageDeterminationFacts() as determination:
            yield from _determination(name, determination)
        case directory_pb2.ParticipationFacts() as participation:
            yield from _slugs(f"{name}.framework", [participation.framework])
            if participation.handle and not identifiers.is_handle(participation.handle):
                yield _wrong(f"{name}.handle", "is not a handle: h- and 26 of a-z and 2-7")
        case directory_pb2.MemberEnrolmentFacts() as enrolment:
            yield from _members(f"{name}.member", [enrolment.member])
            yield from _profile(f"{name}.profile", enrolment.profile)
        case directory_pb2.MemberUpdateFacts() as update:
            yield from _profile(f"{name}.profile", update.profile)
        case _:
            pass


def _profile(path: str, profile: directory_pb2.MemberProfile) -> Iterator[StrictError]:
    for field in ("sectors", "desks", "communities"):
        yield from _slugs(f"{path}.{field}", getattr(profile, field))
    yield from _members(f"{path}.clients", profile.clients)


def _terms(path: str, terms: grant_pb2.ModelAccessGrantFacts) -> Iterator[StrictError]:
    yield from _grantee(f"{path}.grantee_systems", terms.grantee_systems)
    yield from _members(f"{path}.cosigners", terms.cosigners)
    begins, ends = (
        times.from_timestamp(time) for time in (terms.not_before_time, terms.not_after_time)
    )
    if ends <= begins:
        yield _wrong(f"{path}.not_after_time", "is not after not_before_time")
    if terms.cosigners_required > len(set(terms.cosigners)):
        yield _wrong(f"{path}.cosigners_required", "is more than there are cosigners")
    lifetime = terms.max_token_lifetime.ToTimedelta().total_seconds()
    if not 0 < lifetime <= _LONGEST_TOKEN_SECONDS:
        yield _wrong(f"{path}.max_token_lifetime", "is not between 0 and 300 seconds")
    if terms.max_staleness.ToTimedelta().total_seconds() <= 0:
        yield _wrong(f"{path}.max_staleness", "is not a positive time")
    if terms.lab_signatures not in _LAB_SIGNATURES:
        yield _wrong(f"{path}.lab_signatures", "is neither 1 nor 2")


def _determination(
    path: str, facts: coverage_pb2.CoverageDeterminationFacts
) -> Iterator[StrictError]:
    undetermined = facts.outcome == coverage_pb2.COVERAGE_OUTCOME_NOT_DETERMINED
    if (facts.basis_class == coverage_pb2.BASIS_CLASS_UNSPECIFIED) is not undetermined:
        yield _wrong(f"{path}.basis_class", "is stated exactly where something is determined")
    if facts.HasField("valid_until_time"):
        decided, ends = (
            times.from_timestamp(time) for time in (facts.decided_time, facts.valid_until_time)
        )
        if ends <= decided:
            yield _wrong(f"{path}.valid_until_time", "is not after decided_time")


def _grantee(path: str, systems: Sequence[str]) -> Iterator[StrictError]:
    try:
        names = [SystemName.parse(system) for system in systems]
    except VerificationError as error:
        yield _wrong(path, f"holds what is no system: {error.detail}")
        return
    if len({(name.trust_domain, name.kind, name.member) for name in names}) != 1:
        yield _wrong(path, "are not all of one member")
    elif names[0].kind not in _GRANTEES:
        yield _wrong(path, "are not those of an operator or an agency")
    yield from _doubles(path, systems)


def _members(path: str, names: Sequence[str]) -> Iterator[StrictError]:
    if not all(identity.is_member_id(name) for name in names):
        yield _wrong(path, _MEMBER_RULE)


def _slugs(path: str, names: Sequence[str]) -> Iterator[StrictError]:
    if not all(_SLUG.fullmatch(name) for name in names):
        yield _wrong(path, _SLUG_RULE)


def _doubles(path: str, items: Sequence[str] | Sequence[bytes]) -> Iterator[StrictError]:
    if len({*items}) != len(items):
        yield _wrong(path, "names the same twice")


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _wrong(path: str, description: str) -> StrictError:
    return StrictError("FIELD_INVALID", f"header.{path}", description)
