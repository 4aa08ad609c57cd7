"""Every row of every table, and everything that is in none.

The tables stand here a second time, as the domain writes them down; what the gateway does in every
protocol, state, role and kind is compared with that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import protocols
from gateway.core.coverage import Review
from gateway.core.errors import Reason, Refusal
from gateway.core.facts import GrantNarrowingFacts, NoticeAmendmentFacts, PlannedTimes, ReportKind
from gateway.core.identity import MemberId, MemberKind
from gateway.core.protocols import Cited, Situation, opening, transition
from gateway.core.statements import Header, Kind
from gateway.core.tables import OPENINGS, TABLES, Protocol, Role, Row, State
from tests.world import headers
from tests.world.samples import NOON

OPEN = {
    Protocol.RELEASE: "NOTIFIED ACKNOWLEDGED QUESTIONS_OPEN",
    Protocol.GRANT: "REQUESTED OFFERED ACCEPTED ACTIVE SUSPENDED",
}
# The common answers of the cases whose state they do not change.
ANSWERS = """
        ACKNOWLEDGEMENT | {who} | any | unchanged
        QUESTION | {who} | any | unchanged
        ANSWER | {who} | any | unchanged
"""
STATES = {
    Protocol.RELEASE: OPEN[Protocol.RELEASE] + " WITHDRAWN RELEASED",
    Protocol.COVERAGE: "REQUESTED UNDER_REVIEW DETERMINED RECONSIDERATION DECLINED",
    Protocol.GRANT: OPEN[Protocol.GRANT] + " REVOKED COMPLETED TERMINATED DESTRUCTION_ATTESTED",
    Protocol.BREACH: "REPORTED TRIAGED CONTAINED FINAL RETRACTED CLOSED",
    Protocol.ALERT: "ISSUED CANCELLED",
}
# statement | by | from | to
WRITTEN = {
    Protocol.RELEASE: """
        ACKNOWLEDGEMENT | agency | NOTIFIED | ACKNOWLEDGED
        QUESTION | agency | NOTIFIED ACKNOWLEDGED | QUESTIONS_OPEN
        ANSWER | sender | QUESTIONS_OPEN | ACKNOWLEDGED
        NOTICE_AMENDMENT | sender | open | NOTIFIED
        NOTICE_WITHDRAWAL | sender | open | WITHDRAWN
        RELEASE_CONFIRMATION | sender | open | RELEASED
    """,
    Protocol.COVERAGE: """
        CASE_PROGRESS | agency | REQUESTED UNDER_REVIEW | UNDER_REVIEW
        COVERAGE_DETERMINATION | agency | REQUESTED UNDER_REVIEW RECONSIDERATION | DETERMINED
        RECONSIDERATION_REQUEST | sender | DETERMINED | RECONSIDERATION
        DECLINATION | agency | REQUESTED UNDER_REVIEW | DECLINED
        FEEDBACK | sender agency other | any | unchanged
    """
    + ANSWERS.format(who="sender agency other"),
    Protocol.GRANT: """
        MODEL_ACCESS_GRANT | grantor | REQUESTED OFFERED | OFFERED
        GRANT_ACCEPTANCE | grantee | OFFERED | ACCEPTED
        GRANT_COSIGNATURE | cosigner | OFFERED ACCEPTED | unchanged
        GRANT_ACTIVATION | grantor | ACCEPTED | ACTIVE
        GRANT_SUSPENSION | grantor grantee cosigner | ACTIVE | SUSPENDED
        GRANT_RESUMPTION | grantor | SUSPENDED | ACTIVE
        GRANT_NARROWING | grantor | ACTIVE SUSPENDED | unchanged
        GRANT_REVOCATION | grantor | open | REVOKED
        GRANT_COMPLETION | grantee | ACTIVE SUSPENDED | COMPLETED
        DECLINATION | grantor grantee | REQUESTED OFFERED ACCEPTED | TERMINATED
        GRANT_WITHDRAWAL | grantor grantee | REQUESTED OFFERED ACCEPTED | TERMINATED
        DESTRUCTION_ATTESTATION | grantee | REVOKED COMPLETED expired | DESTRUCTION_ATTESTED
    """
    + ANSWERS.format(who="grantor grantee cosigner"),
    Protocol.BREACH: """
        TRIAGE | agency | REPORTED TRIAGED | TRIAGED
        SUPPLEMENTAL | sender | REPORTED TRIAGED CONTAINED | unchanged
        INTERMEDIATE | sender | REPORTED TRIAGED CONTAINED | unchanged
        FINAL | sender | REPORTED TRIAGED CONTAINED | FINAL
        RETRACTION | sender | REPORTED TRIAGED CONTAINED FINAL CLOSED | RETRACTED
        CASE_CLOSURE | agency | FINAL RETRACTED | CLOSED
        FEEDBACK | sender agency other | any | unchanged
    """
    + ANSWERS.format(who="sender agency other"),
    Protocol.ALERT: """
        ALERT_UPDATE | sender | ISSUED | ISSUED
        ALERT_CANCELLATION | sender | ISSUED | CANCELLED
        ACKNOWLEDGEMENT | agency other | any | unchanged
        SIGHTING | agency other | any | unchanged
        QUESTION | sender agency other | any | unchanged
        ANSWER | sender agency other | any | unchanged
    """,
}
# Who is who in every case; a stranger is no party.
MEMBERS = {
    "sender": ("aurora", MemberKind.LAB),
    "agency": ("civil-ai", MemberKind.AGENCY),
    "other": ("harbor-bank", MemberKind.OPERATOR),
    "stranger": ("quay-bank", MemberKind.OPERATOR),
}
GRANT_MEMBERS = {
    "grantor": ("aurora", MemberKind.LAB),
    "grantee": ("harbor-bank", MemberKind.OPERATOR),
    "cosigner": ("civil-ai", MemberKind.AGENCY),
    "stranger": ("quay-bank", MemberKind.OPERATOR),
}
REPORTS = {kind.name: kind for kind in ReportKind}
WORDS = [kind.name for kind in Kind if kind is not Kind.BREACH_REPORT] + list(REPORTS)
NEWEST = headers.digest_of("newest")
ASKED = headers.digest_of("question")
EXPIRED = NOON + timedelta(days=31)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One point of the whole space: somebody says something in some state."""

    protocol: Protocol
    state: State
    role: str
    word: str
    now: datetime = NOON

    def __str__(self) -> str:
        return f"{self.role}: {self.word} in {self.protocol}/{self.state}"


def roles(protocol: Protocol) -> Mapping[str, tuple[str, MemberKind]]:
    return GRANT_MEMBERS if protocol is Protocol.GRANT else MEMBERS


def moments(protocol: Protocol) -> Iterator[Moment]:
    for state in STATES[protocol].split():
        for role in roles(protocol):
            for word in WORDS:
                yield Moment(protocol=protocol, state=State(state), role=role, word=word)


def expected(moment: Moment) -> State | Reason:
    """Say what the written tables say."""
    lines = WRITTEN[moment.protocol].strip().splitlines()
    columns = [[column.strip() for column in line.split("|")] for line in lines]
    named = [rest for word, *rest in columns if word == moment.word]
    if not named:
        return Reason.CASE_UNEXPECTED
    ((by, states, then),) = named
    acting = moment.role
    if (moment.protocol, moment.state, acting) == (Protocol.GRANT, State.REQUESTED, "cosigner"):
        acting = "stranger"  # an application has no cosigners
    if acting not in by.split():
        return Reason.SENDER_NOT_PERMITTED
    words = states.replace("open", OPEN.get(moment.protocol, "")).split()
    expired = "expired" in words and moment.now > NOON and moment.state in {"ACTIVE", "SUSPENDED"}
    if moment.state.value not in words and words != ["any"] and not expired:
        return Reason.CASE_WRONG_STATE
    return moment.state if then == "unchanged" else State(then)


def facts_for(moment: Moment) -> Any:  # noqa: PLR0911 - one a kind
    match moment.word:
        case "NOTICE_AMENDMENT":
            return NoticeAmendmentFacts(planned=headers.plan(days=69))
        case "COVERAGE_DETERMINATION":
            again = moment.state is State.RECONSIDERATION
            return headers.determination(review=Review.UPHELD if again else None)
        case "MODEL_ACCESS_GRANT" if moment.state is State.REQUESTED:
            return headers.terms("harbor-bank")
        case "MODEL_ACCESS_GRANT":
            return headers.terms("harbor-bank", version=2, cosigners=COSIGNERS)
        case "GRANT_NARROWING":
            grant = headers.terms("harbor-bank", version=2, cosigners=COSIGNERS)
            return GrantNarrowingFacts(grant=grant)
        case word if word in REPORTS:
            return headers.report(REPORTS[word])
        case _:
            return None


COSIGNERS = frozenset({MemberId("civil-ai")})


def said(moment: Moment, **changes: Any) -> Header:
    kind = Kind.BREACH_REPORT if moment.word in REPORTS else Kind[moment.word]
    stated = {
        "case": headers.digest_of("case"),
        "refers_to": (NEWEST, ASKED),
        "facts": facts_for(moment),
    }
    return headers.header(kind, roles(moment.protocol)[moment.role][0], **(stated | changes))


def opener_of(moment: Moment) -> Header:
    if moment.protocol is Protocol.COVERAGE:
        return headers.header(Kind.COVERAGE_REQUEST, "aurora", facts=headers.coverage_request())
    if moment.state is State.REQUESTED:
        facts = headers.application("harbor-bank")
        return headers.header(Kind.EARLY_ACCESS_APPLICATION, "harbor-bank", facts=facts)
    if moment.protocol is Protocol.GRANT:
        facts_of_offer = headers.terms("harbor-bank", cosigners=COSIGNERS)
        return headers.header(Kind.MODEL_ACCESS_GRANT, "aurora", facts=facts_of_offer)
    if moment.protocol is Protocol.RELEASE:
        return headers.header(Kind.PRE_RELEASE_NOTICE, "aurora", facts=headers.notice())
    if moment.protocol is Protocol.BREACH:
        facts_of_report = headers.report(ReportKind.INITIAL)
        return headers.header(Kind.BREACH_REPORT, "aurora", facts=facts_of_report)
    return headers.header(Kind.ALERT, "aurora")


def current_of(moment: Moment, opener: Header) -> Header:
    if moment.state not in {State.DETERMINED, State.RECONSIDERATION}:
        return opener
    facts = headers.determination()
    return headers.header(Kind.COVERAGE_DETERMINATION, "civil-ai", facts=facts)


def situation(moment: Moment, **changes: Any) -> Situation:
    opener = opener_of(moment)
    parties = {"aurora", "harbor-bank", "civil-ai"}
    if (moment.protocol, moment.state) == (Protocol.GRANT, State.REQUESTED):
        parties.remove("civil-ai")
    stated: dict[str, Any] = {
        "protocol": moment.protocol,
        "state": moment.state,
        "opener": opener,
        "parties": frozenset(MemberId(party) for party in parties),
        "current": current_of(moment, opener),
        "current_digest": NEWEST,
        "cited": (Cited(digest=ASKED, kind=Kind.QUESTION),),
        "cosigned": frozenset(),
        "sender_kind": roles(moment.protocol)[moment.role][1],
        "now": moment.now,
    }
    return Situation(**(stated | changes))


def outcome(moment: Moment, **changes: Any) -> State | Reason:
    """Say what the gateway does; a statement goes to all other parties."""
    place = situation(moment)
    header = said(moment, **changes)
    try:
        return transition(header, tuple(sorted(place.parties - {header.sender})), place).state
    except Refusal as refusal:
        return refusal.reason


@pytest.mark.parametrize("protocol", Protocol)
def test_what_is_written_happens_and_nothing_else(protocol: Protocol) -> None:
    different = {
        str(moment): (outcome(moment), expected(moment))
        for moment in moments(protocol)
        if outcome(moment) != expected(moment)
    }
    assert different == {}


def test_an_expired_grant_can_be_attested_as_destroyed() -> None:
    late = [replace(moment, now=EXPIRED) for moment in moments(Protocol.GRANT)]
    assert [str(m) for m in late if outcome(m) != expected(m)] == []
    attested = {
        m.state.value
        for m in late
        if m.word == "DESTRUCTION_ATTESTATION" and outcome(m) is State.DESTRUCTION_ATTESTED
    }
    assert attested == {"ACTIVE", "SUSPENDED", "REVOKED", "COMPLETED"}


def test_every_row_is_written_and_used() -> None:
    for protocol, rows in TABLES.items():
        used = {
            (Kind.BREACH_REPORT if m.word in REPORTS else Kind[m.word], m.state)
            for m in moments(protocol)
            if isinstance(outcome(replace(m, now=EXPIRED)), State)
        }
        assert used == {(row.kind, state) for row in rows for state in row.states}


def weaker_rows(row: Row) -> list[Row]:
    return [replace(row, by=row.by - {role}) for role in row.by] + [
        replace(row, states=row.states - {state}) for state in row.states
    ]


@settings(max_examples=40)
@given(st.data())
def test_taking_a_permission_away_never_admits_more(data: st.DataObject) -> None:
    protocol = data.draw(st.sampled_from(Protocol))
    rows = list(TABLES[protocol])
    at = data.draw(st.integers(0, len(rows) - 1))
    weaker = data.draw(st.sampled_from([None, *weaker_rows(rows[at])]))
    rows[at : at + 1] = [weaker] if weaker is not None else []
    words = {row.kind.name for row in TABLES[protocol]} | set(REPORTS)
    asked = [moment for moment in moments(protocol) if moment.word in words]
    admitted = {m for m in asked if isinstance(outcome(m), State)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocols, "TABLES", {**TABLES, protocol: tuple(rows)})
        still = {m for m in asked if isinstance(outcome(m), State)}
    assert still <= admitted


def test_released_depends_on_nobody_else() -> None:
    rows = [row for row in TABLES[Protocol.RELEASE] if row.to is State.RELEASED]
    assert {role for row in rows for role in row.by} == {Role.ORIGINATOR}
    ends = {State.WITHDRAWN, State.RELEASED}
    reachable = {OPENINGS[Kind.PRE_RELEASE_NOTICE].to} | {
        row.to for row in TABLES[Protocol.RELEASE] if isinstance(row.to, State)
    }
    # Whatever the others did or did not do, the lab's own word is enough.
    for state in reachable - ends:
        asked = Moment(
            protocol=Protocol.RELEASE, state=state, role="sender", word="RELEASE_CONFIRMATION"
        )
        assert outcome(asked, refers_to=()) is State.RELEASED


@pytest.mark.parametrize(
    ("word", "role", "state"),
    [
        ("ANSWER", "sender", "QUESTIONS_OPEN"),
        ("NOTICE_AMENDMENT", "sender", "NOTIFIED"),
        ("GRANT_ACCEPTANCE", "grantee", "OFFERED"),
        ("GRANT_COSIGNATURE", "cosigner", "OFFERED"),
        ("ALERT_UPDATE", "sender", "ISSUED"),
        ("RECONSIDERATION_REQUEST", "sender", "DETERMINED"),
        ("COVERAGE_DETERMINATION", "agency", "RECONSIDERATION"),
        ("ANSWER", "sender", "ISSUED"),
        ("ANSWER", "agency", "UNDER_REVIEW"),
        ("ANSWER", "grantor", "OFFERED"),
    ],
)
def test_some_statements_refer_to_what_they_answer(word: str, role: str, state: str) -> None:
    protocol = next(p for p in Protocol if state in STATES[p].split())
    moment = Moment(protocol=protocol, state=State(state), role=role, word=word)
    assert isinstance(outcome(moment), State)
    place = situation(moment, cited=(Cited(digest=ASKED, kind=Kind.FEEDBACK),))
    audience = tuple(place.parties)
    with pytest.raises(Refusal) as caught:
        transition(said(moment, refers_to=(headers.digest_of("older"),)), audience, place)
    assert caught.value.reason is Reason.REFERENCE_INVALID


def test_an_amendment_that_moves_no_date_changes_no_state() -> None:
    moment = Moment(
        protocol=Protocol.RELEASE,
        state=State.ACKNOWLEDGED,
        role="sender",
        word="NOTICE_AMENDMENT",
    )
    same = NoticeAmendmentFacts(planned=headers.plan())
    assert outcome(moment, facts=same) is State.ACKNOWLEDGED
    partners = PlannedTimes(
        public_release=headers.plan().public_release, trusted_partner_access=headers.day(NOON)
    )
    assert outcome(moment, facts=NoticeAmendmentFacts(planned=partners)) is State.NOTIFIED


@pytest.mark.parametrize("kind", [ReportKind.SUPPLEMENTAL, ReportKind.INTERMEDIATE])
def test_a_report_that_says_contained_moves_the_case(kind: ReportKind) -> None:
    for state in (State.REPORTED, State.TRIAGED, State.CONTAINED):
        moment = Moment(protocol=Protocol.BREACH, state=state, role="sender", word=kind.name)
        assert outcome(moment, facts=headers.report(kind, contained=True)) is State.CONTAINED
        assert outcome(moment, facts=headers.report(kind)) is state


def test_what_opens_a_case() -> None:
    openers = {
        Kind.PRE_RELEASE_NOTICE: {"lab"},
        Kind.COVERAGE_REQUEST: {"lab"},
        Kind.EARLY_ACCESS_APPLICATION: {"operator", "agency"},
        Kind.MODEL_ACCESS_GRANT: {"lab"},
        Kind.BREACH_REPORT: {"lab", "operator", "agency", "relay"},
        Kind.ALERT: {"agency", "relay"},
    }
    for kind in Kind:
        for member in MemberKind:
            facts = headers.report(ReportKind.INITIAL) if kind is Kind.BREACH_REPORT else None
            header = headers.header(kind, "someone", facts=facts)
            if kind in openers and member in openers[kind]:
                assert opening(header, member) is OPENINGS[kind]
                continue
            with pytest.raises(Refusal) as caught:
                opening(header, member)
            lacks_right = kind in openers
            assert caught.value.reason is (
                Reason.SENDER_NOT_PERMITTED if lacks_right else Reason.CASE_NOT_FOUND
            )


@pytest.mark.parametrize("kind", set(ReportKind) - {ReportKind.INITIAL})
def test_only_an_initial_report_opens_a_case(kind: ReportKind) -> None:
    header = headers.header(Kind.BREACH_REPORT, "aurora", facts=headers.report(kind))
    with pytest.raises(Refusal) as caught:
        opening(header, MemberKind.LAB)
    assert caught.value.reason is Reason.CASE_NOT_FOUND
