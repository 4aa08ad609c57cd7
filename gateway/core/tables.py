"""Cases as tables: who may send what, in which state, and what the state is then.

* A case is opened by a statement and named by its digest. Each row of a table gives a kind, the
  roles that may send it, the states in which they may, and the state after it.
* Anything that is not in a table is refused.
* No row into RELEASED depends on another member's act: voluntary means voluntary.
* What happens by time alone (expired, late) is a view, never a stored state.

Tables are data: code, tests and documentation read the same rows. `protocols` applies them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from gateway.core.facts import ReportKind
from gateway.core.identity import MemberKind
from gateway.core.statements import Kind


@unique
class Protocol(StrEnum):
    """Which table a case follows."""

    RELEASE = "release"
    COVERAGE = "coverage"
    GRANT = "grant"
    BREACH = "breach"
    ALERT = "alert"


@unique
class State(StrEnum):
    """Where a case stands."""

    NOTIFIED = "NOTIFIED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    QUESTIONS_OPEN = "QUESTIONS_OPEN"
    WITHDRAWN = "WITHDRAWN"
    RELEASED = "RELEASED"

    REQUESTED = "REQUESTED"
    UNDER_REVIEW = "UNDER_REVIEW"
    DETERMINED = "DETERMINED"
    RECONSIDERATION = "RECONSIDERATION"
    DECLINED = "DECLINED"

    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"
    DESTRUCTION_ATTESTED = "DESTRUCTION_ATTESTED"

    REPORTED = "REPORTED"
    TRIAGED = "TRIAGED"
    CONTAINED = "CONTAINED"
    FINAL = "FINAL"
    RETRACTED = "RETRACTED"
    CLOSED = "CLOSED"

    ISSUED = "ISSUED"
    CANCELLED = "CANCELLED"


@unique
class Role(StrEnum):
    """What a member is in a case."""

    ORIGINATOR = "originator"
    RECIPIENT = "recipient"
    RECIPIENT_AGENCY = "recipient agency"
    GRANTOR = "grantor"
    GRANTEE = "grantee"
    COSIGNER = "cosigner"


@unique
class Then(StrEnum):
    """States that a row computes instead of naming."""

    UNCHANGED = "unchanged"
    NOTIFIED_IF_MOVED = "NOTIFIED where a planned time moved, else unchanged"
    CONTAINED_IF_SO = "CONTAINED where the report says so, else unchanged"


@unique
class Refers(StrEnum):
    """What `refers_to` has to name, beside statements that the sender may read."""

    ANYTHING = "anything"
    OFFER = "the newest offer"
    NOTICE = "the notice or its newest amendment"
    DETERMINATION = "the newest determination"
    ALERT = "the alert or its newest update"
    QUESTION = "a question of this case"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A kind that opens a case.

    Attributes:
        protocol: The table of the case.
        senders: Kinds of members that may open it.
        recipients: Kinds of members that it may go to.
        to: State of the new case.
    """

    protocol: Protocol
    senders: frozenset[MemberKind]
    recipients: frozenset[MemberKind]
    to: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What may happen in a case.

    Attributes:
        kind: Kind of the statement.
        by: Roles that may send it; any one of them is enough.
        states: States in which they may.
        to: State after it.
        reports: Report kinds that the row is about; empty for statements that are no reports.
        refers: What the statement has to refer to.
        alone: Whether no other statement of the case may be judged beside it. False where nothing
            that another row reads changes, so that thousands of acknowledgements do not queue.
    """

    kind: Kind
    by: frozenset[Role]
    states: frozenset[State]
    to: State | Then
    reports: frozenset[ReportKind] = frozenset()
    refers: Refers = Refers.ANYTHING
    alone: bool = True


def _members(*kinds: MemberKind) -> frozenset[MemberKind]:
    return frozenset(kinds)


def _row(  # noqa: PLR0913 - the columns of a table
    kind: Kind,
    by: set[Role],
    states: set[State],
    to: State | Then,
    *,
    reports: frozenset[ReportKind] = frozenset(),
    refers: Refers = Refers.ANYTHING,
    alone: bool = True,
) -> Row:
    return Row(
        kind=kind,
        by=frozenset(by),
        states=frozenset(states),
        to=to,
        reports=reports,
        refers=refers,
        alone=alone,
    )


def _common(by: set[Role], states: set[State], *kinds: Kind) -> tuple[Row, ...]:
    """Give the rows of common answers, which change nothing and do not queue."""
    return tuple(
        _row(
            kind,
            by,
            states,
            Then.UNCHANGED,
            refers=Refers.QUESTION if kind is Kind.ANSWER else Refers.ANYTHING,
            alone=False,
        )
        for kind in kinds
    )


_LAB, _AGENCY, _OPERATOR, _RELAY = (
    MemberKind.LAB,
    MemberKind.AGENCY,
    MemberKind.OPERATOR,
    MemberKind.RELAY,
)

OPENINGS: Final[Mapping[Kind, Opening]] = {
    Kind.PRE_RELEASE_NOTICE: Opening(
        protocol=Protocol.RELEASE,
        senders=_members(_LAB),
        recipients=_members(_AGENCY),
        to=State.NOTIFIED,
    ),
    Kind.COVERAGE_REQUEST: Opening(
        protocol=Protocol.COVERAGE,
        senders=_members(_LAB),
        recipients=_members(_AGENCY),
        to=State.REQUESTED,
    ),
    Kind.EARLY_ACCESS_APPLICATION: Opening(
        protocol=Protocol.GRANT,
        senders=_members(_OPERATOR, _AGENCY),
        recipients=_members(_LAB),
        to=State.REQUESTED,
    ),
    Kind.MODEL_ACCESS_GRANT: Opening(
        protocol=Protocol.GRANT,
        senders=_members(_LAB),
        recipients=_members(_OPERATOR, _AGENCY, _LAB, _RELAY),
        to=State.OFFERED,
    ),
    Kind.BREACH_REPORT: Opening(
        protocol=Protocol.BREACH,
        senders=_members(_LAB, _OPERATOR, _AGENCY, _RELAY),
        recipients=_members(_AGENCY),
        to=State.REPORTED,
    ),
    Kind.ALERT: Opening(
        protocol=Protocol.ALERT,
        senders=_members(_AGENCY, _RELAY),
        recipients=_members(_LAB, _AGENCY, _OPERATOR, _RELAY),
        to=State.ISSUED,
    ),
}

_R, _G, _A = Role, State, Then
_COVERAGE_WAITING = {_G.REQUESTED, _G.UNDER_REVIEW}
_COVERAGE_ANY = _COVERAGE_WAITING | {_G.DETERMINED, _G.RECONSIDERATION, _G.DECLINED}
_RELEASE_OPEN = {_G.NOTIFIED, _G.ACKNOWLEDGED, _G.QUESTIONS_OPEN}
_GRANT_OPEN = {_G.REQUESTED, _G.OFFERED, _G.ACCEPTED, _G.ACTIVE, _G.SUSPENDED}
_GRANT_BEFORE = {_G.REQUESTED, _G.OFFERED, _G.ACCEPTED}
_GRANT_ANY = _GRANT_OPEN | {
    *(_G.REVOKED, _G.COMPLETED, _G.TERMINATED, _G.DESTRUCTION_ATTESTED),
}
_BREACH_RUNNING = {_G.REPORTED, _G.TRIAGED, _G.CONTAINED}
_BREACH_ANY = _BREACH_RUNNING | {_G.FINAL, _G.RETRACTED, _G.CLOSED}
_ALERT_ANY = {_G.ISSUED, _G.CANCELLED}
_PARTY = {_R.ORIGINATOR, _R.RECIPIENT}

TABLES: Final[Mapping[Protocol, tuple[Row, ...]]] = {
    Protocol.RELEASE: (
        _row(Kind.ACKNOWLEDGEMENT, {_R.RECIPIENT_AGENCY}, {_G.NOTIFIED}, _G.ACKNOWLEDGED),
        _row(
            Kind.QUESTION,
            {_R.RECIPIENT_AGENCY},
            {_G.NOTIFIED, _G.ACKNOWLEDGED},
            _G.QUESTIONS_OPEN,
        ),
        _row(
            Kind.ANSWER,
            {_R.ORIGINATOR},
            {_G.QUESTIONS_OPEN},
            _G.ACKNOWLEDGED,
            refers=Refers.QUESTION,
        ),
        _row(
            Kind.NOTICE_AMENDMENT,
            {_R.ORIGINATOR},
            _RELEASE_OPEN,
            _A.NOTIFIED_IF_MOVED,
            refers=Refers.NOTICE,
        ),
        _row(Kind.NOTICE_WITHDRAWAL, {_R.ORIGINATOR}, _RELEASE_OPEN, _G.WITHDRAWN),
        _row(Kind.RELEASE_CONFIRMATION, {_R.ORIGINATOR}, _RELEASE_OPEN, _G.RELEASED),
    ),
    Protocol.COVERAGE: (
        _row(Kind.CASE_PROGRESS, {_R.RECIPIENT_AGENCY}, _COVERAGE_WAITING, _G.UNDER_REVIEW),
        _row(
            Kind.COVERAGE_DETERMINATION,
            {_R.RECIPIENT_AGENCY},
            _COVERAGE_WAITING,
            _G.DETERMINED,
        ),
        _row(
            Kind.RECONSIDERATION_REQUEST,
            {_R.ORIGINATOR},
            {_G.DETERMINED},
            _G.RECONSIDERATION,
            refers=Refers.DETERMINATION,
        ),
        _row(
            Kind.COVERAGE_DETERMINATION,
            {_R.RECIPIENT_AGENCY},
            {_G.RECONSIDERATION},
            _G.DETERMINED,
            refers=Refers.DETERMINATION,
        ),
        _row(Kind.DECLINATION, {_R.RECIPIENT_AGENCY}, _COVERAGE_WAITING, _G.DECLINED),
        *_common(
            _PARTY, _COVERAGE_ANY, Kind.ACKNOWLEDGEMENT, Kind.QUESTION, Kind.ANSWER, Kind.FEEDBACK
        ),
    ),
    Protocol.GRANT: (
        _row(Kind.MODEL_ACCESS_GRANT, {_R.GRANTOR}, {_G.REQUESTED, _G.OFFERED}, _G.OFFERED),
        _row(Kind.GRANT_ACCEPTANCE, {_R.GRANTEE}, {_G.OFFERED}, _G.ACCEPTED, refers=Refers.OFFER),
        _row(
            Kind.GRANT_COSIGNATURE,
            {_R.COSIGNER},
            {_G.OFFERED, _G.ACCEPTED},
            _A.UNCHANGED,
            refers=Refers.OFFER,
        ),
        _row(Kind.GRANT_ACTIVATION, {_R.GRANTOR}, {_G.ACCEPTED}, _G.ACTIVE),
        _row(
            Kind.GRANT_SUSPENSION,
            {_R.GRANTOR, _R.GRANTEE, _R.COSIGNER},
            {_G.ACTIVE},
            _G.SUSPENDED,
        ),
        _row(Kind.GRANT_RESUMPTION, {_R.GRANTOR}, {_G.SUSPENDED}, _G.ACTIVE),
        _row(Kind.GRANT_NARROWING, {_R.GRANTOR}, {_G.ACTIVE, _G.SUSPENDED}, _A.UNCHANGED),
        _row(Kind.GRANT_REVOCATION, {_R.GRANTOR}, _GRANT_OPEN, _G.REVOKED),
        _row(Kind.GRANT_COMPLETION, {_R.GRANTEE}, {_G.ACTIVE, _G.SUSPENDED}, _G.COMPLETED),
        _row(Kind.DECLINATION, {_R.GRANTOR, _R.GRANTEE}, _GRANT_BEFORE, _G.TERMINATED),
        _row(Kind.GRANT_WITHDRAWAL, {_R.GRANTOR, _R.GRANTEE}, _GRANT_BEFORE, _G.TERMINATED),
        _row(
            Kind.DESTRUCTION_ATTESTATION,
            {_R.GRANTEE},
            {_G.REVOKED, _G.COMPLETED, _G.ACTIVE, _G.SUSPENDED},
            _G.DESTRUCTION_ATTESTED,
        ),
        *_common(_PARTY, _GRANT_ANY, Kind.ACKNOWLEDGEMENT, Kind.QUESTION, Kind.ANSWER),
    ),
    Protocol.BREACH: (
        _row(Kind.TRIAGE, {_R.RECIPIENT_AGENCY}, {_G.REPORTED, _G.TRIAGED}, _G.TRIAGED),
        _row(
            Kind.BREACH_REPORT,
            {_R.ORIGINATOR},
            _BREACH_RUNNING,
            _A.CONTAINED_IF_SO,
            reports=frozenset({ReportKind.SUPPLEMENTAL, ReportKind.INTERMEDIATE}),
        ),
        _row(
            Kind.BREACH_REPORT,
            {_R.ORIGINATOR},
            _BREACH_RUNNING,
            _G.FINAL,
            reports=frozenset({ReportKind.FINAL}),
        ),
        _row(
            Kind.BREACH_REPORT,
            {_R.ORIGINATOR},
            _BREACH_ANY - {_G.RETRACTED},
            _G.RETRACTED,
            reports=frozenset({ReportKind.RETRACTION}),
        ),
        _row(Kind.CASE_CLOSURE, {_R.RECIPIENT_AGENCY}, {_G.FINAL, _G.RETRACTED}, _G.CLOSED),
        *_common(
            _PARTY, _BREACH_ANY, Kind.ACKNOWLEDGEMENT, Kind.QUESTION, Kind.ANSWER, Kind.FEEDBACK
        ),
    ),
    Protocol.ALERT: (
        _row(Kind.ALERT_UPDATE, {_R.ORIGINATOR}, {_G.ISSUED}, _G.ISSUED, refers=Refers.ALERT),
        _row(Kind.ALERT_CANCELLATION, {_R.ORIGINATOR}, {_G.ISSUED}, _G.CANCELLED),
        *_common({_R.RECIPIENT}, _ALERT_ANY, Kind.ACKNOWLEDGEMENT, Kind.SIGHTING),
        *_common(_PARTY, _ALERT_ANY, Kind.QUESTION, Kind.ANSWER),
    ),
}

# Kinds whose newest statement in a case other rows refer to or read.
VERSIONED: Final[Mapping[Protocol, frozenset[Kind]]] = {
    Protocol.RELEASE: frozenset({Kind.PRE_RELEASE_NOTICE, Kind.NOTICE_AMENDMENT}),
    Protocol.COVERAGE: frozenset({Kind.COVERAGE_REQUEST, Kind.COVERAGE_DETERMINATION}),
    Protocol.GRANT: frozenset({Kind.MODEL_ACCESS_GRANT, Kind.GRANT_NARROWING}),
    Protocol.BREACH: frozenset({Kind.BREACH_REPORT}),
    Protocol.ALERT: frozenset({Kind.ALERT, Kind.ALERT_UPDATE}),
}
