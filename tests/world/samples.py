"""A valid example of every kind's facts and body: what a test does not care about.

Each call makes a new message, so that a test may spoil it. Nothing in them is required by a table;
what is (a handle, a version, a grantee) tests state themselves or take as it is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from forewarn.statement.v1 import (
    alert_pb2,
    answers_pb2,
    breach_pb2,
    coverage_pb2,
    directory_pb2,
    grant_pb2,
    release_pb2,
    values_pb2,
)
from gateway.core.statements import Kind

NOON: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
HANDLE: Final = "h-" + "abcdefghijklmnopqrstuvwxyz"
GRANT_ID: Final = "0193a7c2-0000-7000-8000-00000000beef"


def timestamp(time: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(time)
    return made


def unknown() -> values_pb2.Absence:
    return values_pb2.Absence(kind="ABSENCE_KIND_UNKNOWN")


def unknown_text() -> values_pb2.StatedText:
    return values_pb2.StatedText(absent=unknown())


def precise(time: datetime, precision: str = "DAY") -> values_pb2.PreciseTime:
    return values_pb2.PreciseTime(time=timestamp(time), precision=f"PRECISION_{precision}")


def planned(**times: datetime) -> release_pb2.PlannedTimes:
    return release_pb2.PlannedTimes(**{name: precise(time) for name, time in times.items()})


def notice_facts() -> release_pb2.PreReleaseNoticeFacts:
    return release_pb2.PreReleaseNoticeFacts(
        notice_type="NOTICE_TYPE_NEW_MODEL",
        release_mode="RELEASE_MODE_API",
        handle=HANDLE,
        planned=planned(public_release=NOON + timedelta(days=62)),
    )


def notice_body() -> release_pb2.PreReleaseNoticeBody:
    return release_pb2.PreReleaseNoticeBody(
        evaluation_summary=unknown_text(),
        elicitation=unknown_text(),
        planned_safeguards=unknown_text(),
        lineage=unknown_text(),
    )


def terms(system: str, **changes: Any) -> grant_pb2.ModelAccessGrantFacts:
    """Terms for one system, on which every field can be changed."""
    stated: dict[str, Any] = {
        "grant_id": GRANT_ID,
        "version": 1,
        "grantee_systems": [system],
        "not_before_time": timestamp(NOON),
        "not_after_time": timestamp(NOON + timedelta(days=30)),
        "max_token_lifetime": Duration(seconds=300),
        "max_staleness": Duration(seconds=900),
        "staleness_action": "STALENESS_ACTION_DENY",
        "lab_signatures": 1,
    }
    return grant_pb2.ModelAccessGrantFacts(**(stated | changes))


def grant_body() -> grant_pb2.ModelAccessGrantBody:
    return grant_pb2.ModelAccessGrantBody(
        models=[
            grant_pb2.GrantedModel(
                handle=HANDLE,
                endpoint="https://models.aurora.example/v1",
                stage="MODEL_STAGE_RELEASE_CANDIDATE",
                variant="MODEL_VARIANT_DEPLOYED",
                affordances=["AFFORDANCE_SAMPLING"],
            )
        ],
        access_level="ACCESS_LEVEL_AL1",
        actions=["inference"],
        purpose_code="defensive-security",
        limits=grant_pb2.UsageLimits(requests_per_minute=60),
        obligations=grant_pb2.GrantObligations(log_visibility="LOG_VISIBILITY_LAB_BLIND"),
    )


def report_facts(stage: str = "INITIAL") -> breach_pb2.BreachReportFacts:
    return breach_pb2.BreachReportFacts(
        report_kind=f"REPORT_KIND_{stage}",
        regimes=["voluntary"],
        incident_type="INCIDENT_TYPE_EXERCISE",
        breach_kind="BREACH_KIND_OTHER",
        times=breach_pb2.BreachTimes(
            aware=values_pb2.StatedTime(known=precise(NOON)),
            occurred=values_pb2.StatedTime(absent=unknown()),
        ),
    )


def report_body() -> breach_pb2.BreachReportBody:
    return breach_pb2.BreachReportBody(
        title="An exercise",
        parties=breach_pb2.BreachParties(
            entity="Harbor Bank", submitter="Harbor Bank", capacity="SUBMITTER_CAPACITY_SELF"
        ),
        awareness=breach_pb2.Awareness(trigger=unknown_text(), decided_by=unknown_text()),
        qualifies_because=unknown_text(),
        statement=values_pb2.StatedText(known="An exercise was held."),
        internal_use=values_pb2.StatedChoice(known=False),
    )


def determination(
    outcome: str = "COVERED", **changes: Any
) -> coverage_pb2.CoverageDeterminationFacts:
    stated: dict[str, Any] = {
        "outcome": f"COVERAGE_OUTCOME_{outcome}",
        "basis_class": "BASIS_CLASS_BENCHMARK",
        "decided_by": "director of evaluations",
        "decided_time": timestamp(NOON),
    }
    return coverage_pb2.CoverageDeterminationFacts(**(stated | changes))


def alert_body() -> alert_pb2.AlertBody:
    return alert_pb2.AlertBody(title="Patch the model server", summary="Details follow.")


# The facts of every kind that has some, but for those of the directory, which name members.
FACTS: Final[Mapping[Kind, Callable[[], Message]]] = {
    Kind.PARTICIPATION: lambda: directory_pb2.ParticipationFacts(
        framework="us-draft-2026-05", choice="PARTICIPATION_CHOICE_IN"
    ),
    Kind.DECLINATION: lambda: answers_pb2.DeclinationFacts(reason="DECLINATION_REASON_TERMS"),
    Kind.PRE_RELEASE_NOTICE: notice_facts,
    Kind.NOTICE_AMENDMENT: lambda: release_pb2.NoticeAmendmentFacts(
        planned=notice_facts().planned, release_mode="RELEASE_MODE_API"
    ),
    Kind.NOTICE_WITHDRAWAL: lambda: release_pb2.NoticeWithdrawalFacts(
        withdrawal_type="WITHDRAWAL_TYPE_CANCELLED"
    ),
    Kind.RELEASE_CONFIRMATION: lambda: release_pb2.ReleaseConfirmationFacts(
        released_time=timestamp(NOON), release_mode="RELEASE_MODE_API"
    ),
    Kind.GRANT_SUSPENSION: lambda: grant_pb2.GrantSuspensionFacts(
        cause="ENDING_CAUSE_SECURITY_INCIDENT"
    ),
    Kind.GRANT_REVOCATION: lambda: grant_pb2.GrantRevocationFacts(
        cause="ENDING_CAUSE_TERMS_VIOLATED"
    ),
    Kind.DESTRUCTION_ATTESTATION: lambda: grant_pb2.DestructionAttestationFacts(
        destroyed_time=timestamp(NOON)
    ),
    Kind.BREACH_REPORT: report_facts,
    Kind.TRIAGE: lambda: breach_pb2.TriageFacts(case_number="2026-0042", lead_desk="incident"),
    Kind.CASE_CLOSURE: lambda: breach_pb2.CaseClosureFacts(reason="CLOSURE_REASON_RESOLVED"),
    Kind.ALERT: lambda: alert_pb2.AlertFacts(severity="SEVERITY_HIGH"),
    Kind.ALERT_UPDATE: lambda: alert_pb2.AlertUpdateFacts(severity="SEVERITY_CRITICAL"),
    Kind.SIGHTING: lambda: alert_pb2.SightingFacts(
        seen_time=values_pb2.StatedTime(absent=unknown())
    ),
    Kind.COVERAGE_REQUEST: lambda: coverage_pb2.CoverageRequestFacts(handle=HANDLE),
    Kind.CASE_PROGRESS: lambda: coverage_pb2.CaseProgressFacts(
        stage="PROGRESS_STAGE_UNDER_BENCHMARK"
    ),
    Kind.COVERAGE_DETERMINATION: determination,
}

# The bodies in which something is required; the others may be empty.
BODIES: Final[Mapping[Kind, Callable[[], Message]]] = {
    Kind.QUESTION: lambda: answers_pb2.QuestionBody(text="Which safeguards are planned?"),
    Kind.ANSWER: lambda: answers_pb2.AnswerBody(text="Two classifiers."),
    Kind.FEEDBACK: lambda: answers_pb2.FeedbackBody(text="It helped."),
    Kind.PRE_RELEASE_NOTICE: notice_body,
    Kind.NOTICE_AMENDMENT: lambda: release_pb2.NoticeAmendmentBody(text="A week later."),
    Kind.EARLY_ACCESS_APPLICATION: lambda: grant_pb2.EarlyAccessApplicationBody(
        purpose="To test our defences."
    ),
    Kind.MODEL_ACCESS_GRANT: grant_body,
    Kind.GRANT_NARROWING: lambda: grant_pb2.GrantNarrowingBody(grant=grant_body()),
    Kind.DESTRUCTION_ATTESTATION: lambda: grant_pb2.DestructionAttestationBody(
        text="All output, by overwriting.", attested_by="Head of IT"
    ),
    Kind.BREACH_REPORT: report_body,
    Kind.ALERT: alert_body,
    Kind.ALERT_UPDATE: lambda: alert_pb2.AlertUpdateBody(change="Worse.", alert=alert_body()),
    Kind.ALERT_CANCELLATION: lambda: alert_pb2.AlertCancellationBody(note="A false alarm."),
    Kind.SIGHTING: lambda: alert_pb2.SightingBody(text="Seen once."),
    Kind.COVERAGE_REQUEST: lambda: coverage_pb2.CoverageRequestBody(
        text="Is it covered?", evidence=unknown_text()
    ),
    Kind.COVERAGE_DETERMINATION: lambda: coverage_pb2.CoverageDeterminationBody(
        tear_line="Covered, on its own evaluation."
    ),
    Kind.RECONSIDERATION_REQUEST: lambda: coverage_pb2.ReconsiderationRequestBody(
        grounds="New safeguards."
    ),
}
