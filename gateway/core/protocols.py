"""How the tables of cases are applied: what a statement opens, or does to its case.

* What opens a case and what belongs in one is told apart by the tables alone.
* A refusal says in this order: no place in such a case, not in this role, not in this state, not
  referring to what it must.
* A case that does not exist and one that is not the sender's are refused alike.

It reads nothing: the admission hands it the case as a `Situation`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.core import coverage
from gateway.core.coverage import CoverageDeterminationFacts
from gateway.core.errors import Reason, Refusal, invalid
from gateway.core.facts import (
    BreachReportFacts,
    NoticeAmendmentFacts,
    PlannedTimes,
    PreReleaseNoticeFacts,
    ReportKind,
)
from gateway.core.grants import GrantCase, check_terms, terms_of
from gateway.core.identity import MemberId, MemberKind
from gateway.core.statements import Header, Kind
from gateway.core.tables import (
    OPENINGS,
    TABLES,
    Opening,
    Protocol,
    Refers,
    Role,
    Row,
    State,
    Then,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A statement of this case that `refers_to` names.

    Attributes:
        digest: Its digest.
        kind: Its kind.
    """

    digest: bytes
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A case as it stands at the size at which a statement in it is judged.

    Attributes:
        protocol: Its table.
        state: Its state.
        opener: Header of the statement that opened it.
        parties: The opener's sender and audience.
        current: Header of its newest versioned statement.
        current_digest: Digest of that statement.
        cited: Those of the statements named by `refers_to` that belong to this case.
        cosigned: Members that have cosigned the current offer.
        sender_kind: Kind of the member that sends the statement now.
        now: When the statement was received, UTC.
    """

    protocol: Protocol
    state: State
    opener: Header
    parties: frozenset[MemberId]
    current: Header
    current_digest: bytes
    cited: tuple[Cited, ...]
    cosigned: frozenset[MemberId]
    sender_kind: MemberKind
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What a statement does to its case.

    Attributes:
        state: State after it.
        alone: Whether no other statement of the case may be judged beside it.
    """

    state: State
    alone: bool


def opening(header: Header, sender_kind: MemberKind) -> Opening:
    """Give the opening of a statement that names no case.

    Args:
        header: The statement's header.
        sender_kind: Kind of the member that sends it.

    Returns:
        The opening.

    Raises:
        Refusal: CASE_NOT_FOUND, its kind belongs in a case; SENDER_NOT_PERMITTED, such a member
            does not open one with it.
    """
    found = OPENINGS.get(header.kind)
    continues = isinstance(header.facts, BreachReportFacts) and (
        header.facts.report_kind is not ReportKind.INITIAL
    )
    if found is None or continues:
        raise case_not_found()
    if sender_kind not in found.senders:
        raise Refusal(
            Reason.SENDER_NOT_PERMITTED, f"a member of kind {sender_kind} does not send this kind"
        )
    return found


def transition(header: Header, audience: tuple[MemberId, ...], situation: Situation) -> Transition:
    """Give what a statement does to the case that it names.

    Args:
        header: The statement's header.
        audience: The members that it goes to, without the sender.
        situation: The case.

    Returns:
        The transition.

    Raises:
        Refusal: CASE_UNEXPECTED, the table has no such row; SENDER_NOT_PERMITTED, it has none for
            any role of the sender; CASE_WRONG_STATE, it has one, in other states;
            REFERENCE_INVALID, the statement does not refer to what the row asks for;
            COSIGNATURES_MISSING, GRANT_WIDENED or FIELD_INVALID, the terms of the grant say no;
            FIELD_INVALID, a determination does not say what its reconsideration came to.
    """
    rows = [row for row in TABLES[situation.protocol] if _is_about(row, header)]
    if not rows:
        raise Refusal(
            Reason.CASE_UNEXPECTED, f"a {situation.protocol} case has no place for such a statement"
        )
    roles = _roles(header.sender, situation)
    rows = [row for row in rows if row.by & roles]
    if not rows:
        raise Refusal(
            Reason.SENDER_NOT_PERMITTED, "the sender's role in the case does not send this kind"
        )
    rows = [row for row in rows if situation.state in row.states]
    if not rows:
        raise Refusal(
            Reason.CASE_WRONG_STATE,
            f"the case is {situation.state}, in which this kind is not sent; read the case again",
        )
    row = rows[0]
    _check_reference(row, header, situation)
    if situation.protocol is Protocol.GRANT:
        check_terms(header, audience, _grant_case(situation))
    if isinstance(header.facts, CoverageDeterminationFacts):
        coverage.check_review(header.facts, _reconsidered(situation))
    return Transition(state=_state_after(row, header, situation), alone=row.alone)


def case_not_found() -> Refusal:
    """Build the one answer to a case that does not exist and to one that is not the caller's."""
    return Refusal(Reason.CASE_NOT_FOUND, "there is no such case among the sender's own")


def _is_about(row: Row, header: Header) -> bool:
    if row.kind is not header.kind:
        return False
    if isinstance(header.facts, BreachReportFacts):
        return header.facts.report_kind in row.reports
    return True


def _roles(member: MemberId, situation: Situation) -> frozenset[Role]:
    """Name the roles of a member in a case."""
    roles: set[Role] = set()
    if member == situation.opener.sender:
        roles.add(Role.ORIGINATOR)
    elif member in situation.parties:
        roles.add(Role.RECIPIENT)
        if situation.sender_kind is MemberKind.AGENCY:
            roles.add(Role.RECIPIENT_AGENCY)
    if situation.protocol is Protocol.GRANT:
        roles |= _grant_roles(member, situation)
    return frozenset(roles)


def _grant_roles(member: MemberId, situation: Situation) -> set[Role]:
    """Name the roles of a member in a grant: the terms say who is grantee and cosigner."""
    grantor, grantee = _sides(situation)
    if member == grantee:
        return {Role.GRANTEE}
    if member == grantor:
        return {Role.GRANTOR}
    terms = terms_of(situation.current)
    return {Role.COSIGNER} if terms is not None and member in terms.cosigners else set()


def _sides(situation: Situation) -> tuple[MemberId, MemberId]:
    """Give grantor and grantee of a grant case."""
    terms = terms_of(situation.current)
    if terms is not None:
        return situation.current.sender, terms.grantee
    # There is only an application, which went to one lab: the lab that is asked to grant.
    applicant = situation.opener.sender
    (asked,) = situation.parties - {applicant}
    return asked, applicant


def _grant_case(situation: Situation) -> GrantCase:
    grantor, grantee = _sides(situation)
    return GrantCase(
        terms=terms_of(situation.current),
        grantor=grantor,
        grantee=grantee,
        parties=situation.parties,
        cosigned=situation.cosigned,
        in_force=situation.state in {State.ACTIVE, State.SUSPENDED},
        now=situation.now,
    )


def _reconsidered(situation: Situation) -> CoverageDeterminationFacts | None:
    """Give the determination that is being reconsidered, or None."""
    facts = situation.current.facts
    waiting = situation.state is State.RECONSIDERATION
    return facts if waiting and isinstance(facts, CoverageDeterminationFacts) else None


def _plan(header: Header) -> PlannedTimes | None:
    if isinstance(header.facts, PreReleaseNoticeFacts | NoticeAmendmentFacts):
        return header.facts.planned
    return None


def _check_reference(row: Row, header: Header, situation: Situation) -> None:
    """Refuse a statement that does not refer to what its row asks for."""
    if row.refers is Refers.ANYTHING:
        return
    if row.refers is Refers.QUESTION:
        fits = any(cited.kind is Kind.QUESTION for cited in situation.cited)
    else:
        fits = situation.current_digest in header.refers_to
    if not fits:
        raise invalid(
            "header.refers_to",
            f"does not name {row.refers}; read the case again and refer to it",
            Reason.REFERENCE_INVALID,
        )


def _state_after(row: Row, header: Header, situation: Situation) -> State:
    if isinstance(row.to, State):
        return row.to
    if row.to is Then.NOTIFIED_IF_MOVED and _plan(header) != _plan(situation.current):
        return State.NOTIFIED
    facts = header.facts
    if row.to is Then.CONTAINED_IF_SO and isinstance(facts, BreachReportFacts) and facts.contained:
        return State.CONTAINED
    return situation.state
