"""The terms of a grant: what follows on what, and what only takes away.

* An offer is version 1, and each later version is one more, for the same grant and grantee.
* Systems are named under the path that the directory gives their member; nobody else's, and none of
  another trust domain.
* What is said in a grant reaches grantor and grantee, and terms reach every cosigner: nobody is
  bound by what it was not told.
* A narrowing gives nothing that the version before did not; widening is a new case.
* A grant is put in force only with every cosignature that its offer asks for.

It knows nothing of states and roles: `protocols` has asked those already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from gateway.core.directory import Directory
from gateway.core.errors import Reason, Refusal, invalid
from gateway.core.facts import (
    EarlyAccessApplicationFacts,
    GrantNarrowingFacts,
    ModelAccessGrantFacts,
)
from gateway.core.identity import MemberId
from gateway.core.statements import Header, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantCase:
    """What the terms of a grant are judged by.

    Attributes:
        terms: The terms that hold; None while there is only an application.
        grantor: The lab that grants, or is asked to.
        grantee: The member that is granted access, or asks for it.
        parties: The parties of the case.
        cosigned: Members that have cosigned the current offer.
        in_force: Whether the grant is active or suspended.
        now: When the statement was received, UTC.
    """

    terms: ModelAccessGrantFacts | None
    grantor: MemberId
    grantee: MemberId
    parties: frozenset[MemberId]
    cosigned: frozenset[MemberId]
    in_force: bool
    now: datetime


def terms_of(header: Header) -> ModelAccessGrantFacts | None:
    """Give the terms that an offer or a narrowing states, or None for other kinds."""
    if isinstance(header.facts, GrantNarrowingFacts):
        return header.facts.grant
    return header.facts if isinstance(header.facts, ModelAccessGrantFacts) else None


def check_opening(header: Header, audience: tuple[MemberId, ...]) -> None:
    """Refuse an offer or application that does not reach those whom its terms name.

    Args:
        header: Header of a statement that opens a case, of any kind.
        audience: The members that it goes to.

    Raises:
        Refusal: FIELD_INVALID.
    """
    facts = header.facts
    if isinstance(facts, EarlyAccessApplicationFacts):
        if facts.grantee != header.sender:
            raise invalid("header.facts.grantee_systems", "are not the applicant's own")
        if len(audience) != 1:
            raise invalid("header.recipients", "of an application is the one lab that is asked")
    elif isinstance(facts, ModelAccessGrantFacts):
        if facts.version != 1:
            raise invalid("header.facts.version", "of a first offer is 1")
        if not facts.cosigners | {facts.grantee} <= set(audience):
            raise invalid("header.recipients", "do not include the grantee and every cosigner")


def check_systems(header: Header, directory: Directory) -> None:
    """Refuse grantee systems that are not under the path that the directory gives their member.

    Args:
        header: Header of a statement of any kind.
        directory: The directory at the size at which it is judged.

    Raises:
        Refusal: FIELD_INVALID.
    """
    facts = header.facts
    asked = facts if isinstance(facts, EarlyAccessApplicationFacts) else terms_of(header)
    if asked is None:
        return
    member = directory.members.get(asked.grantee)
    for system in asked.grantee_systems:
        known = member is not None and system.kind is member.kind
        if not known or system.trust_domain != directory.trust_domain:
            raise invalid(
                "header.facts.grantee_systems", "are not under the path of a member of the exchange"
            )


def check_terms(header: Header, audience: tuple[MemberId, ...], case: GrantCase) -> None:
    """Refuse a statement that the terms of its grant do not allow.

    Args:
        header: Header of a statement in a grant case.
        audience: The members that it goes to.
        case: The case.

    Raises:
        Refusal: FIELD_INVALID, GRANT_WIDENED, COSIGNATURES_MISSING or CASE_WRONG_STATE.
    """
    check = _CHECKS.get(header.kind)
    if check is not None:
        check(header, case)
    _check_reach(header, audience, case)


def _check_reach(header: Header, audience: tuple[MemberId, ...], case: GrantCase) -> None:
    """Refuse a statement that one whom it concerns would not get."""
    concerned = {case.grantor}
    if header.kind is not Kind.GRANT_COSIGNATURE:
        concerned.add(case.grantee)
    terms = terms_of(header)
    if terms is not None:
        concerned |= terms.cosigners
    if not concerned <= {header.sender, *audience}:
        raise invalid(
            "header.recipients",
            "do not include grantor and grantee, and for terms every cosigner; name them",
        )


def _check_offer(header: Header, case: GrantCase) -> None:
    offer = terms_of(header)
    if offer is None:
        raise _no_terms()
    if not offer.cosigners <= case.parties - {case.grantor}:
        raise invalid("header.facts.cosigners", "names a member that is not a party of the case")
    if offer.grantee != case.grantee:
        raise invalid("header.facts.grantee_systems", "are not those of the case's grantee")
    if case.terms is not None and offer.grant_id != case.terms.grant_id:
        raise invalid("header.facts.grant_id", "stays the same in a case")
    if offer.version != (case.terms.version if case.terms is not None else 0) + 1:
        raise invalid("header.facts.version", "does not follow on the newest one")


def _check_narrowing(header: Header, case: GrantCase) -> None:
    _check_offer(header, case)
    narrowed = terms_of(header)
    if narrowed is None or case.terms is None:
        raise _no_terms()
    widened = case.terms.widened_by(narrowed)
    if widened:
        raise invalid(
            f"header.facts.grant.{widened[0]}",
            "gives more than before; widening is a new offer in a new case",
            Reason.GRANT_WIDENED,
        )


def _check_acceptance(_header: Header, case: GrantCase) -> None:
    expires = case.terms.offer_expire_time if case.terms is not None else None
    if expires is not None and expires <= case.now:
        raise Refusal(Reason.CASE_WRONG_STATE, "the offer has expired; ask for a new one")


def _check_activation(_header: Header, case: GrantCase) -> None:
    if case.terms is None:
        raise _no_terms()
    if len(case.cosigned & case.terms.cosigners) < case.terms.cosigners_required:
        raise Refusal(
            Reason.COSIGNATURES_MISSING, "the offer waits for cosignatures of named cosigners"
        )


def _check_destruction(_header: Header, case: GrantCase) -> None:
    if case.in_force and case.terms is not None and case.now <= case.terms.not_after_time:
        raise Refusal(
            Reason.CASE_WRONG_STATE, "the grant is in force; complete it before attesting"
        )


def _no_terms() -> Refusal:
    return Refusal(Reason.CASE_WRONG_STATE, "the case holds no offer yet")


_Check: TypeAlias = Callable[[Header, GrantCase], None]

_CHECKS: Final[Mapping[Kind, _Check]] = {
    Kind.MODEL_ACCESS_GRANT: _check_offer,
    Kind.GRANT_NARROWING: _check_narrowing,
    Kind.GRANT_ACCEPTANCE: _check_acceptance,
    Kind.GRANT_ACTIVATION: _check_activation,
    Kind.DESTRUCTION_ATTESTATION: _check_destruction,
}
