"""Real material: every file makes a statement, and says afterwards what it said before."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from forewarn.statement.v1 import alert_pb2, breach_pb2, values_pb2
from forewarn_client import authoring, kinds
from tests.story import material

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PRECISIONS = {
    "DATE": values_pb2.PRECISION_DAY,
    "MONTH": values_pb2.PRECISION_MONTH,
    "YEAR": values_pb2.PRECISION_YEAR,
}


def files(found: list[Path]) -> list[Any]:
    """Make one parameter a file, or a single skipped one that says what is missing."""
    missing = pytest.mark.skip(reason=f"no real material at {material.WHERE} or shared/data")
    return [pytest.param(path, id=path.name) for path in found] or [
        pytest.param(None, id="absent", marks=missing)
    ]


def statement(kind: str, document: material.Document, folder: Path) -> kinds.Parsed:
    """Compose a statement and read it back from its bytes."""
    draft = authoring.compose(
        kind, document, sender="aurora", exchange="exchange.example/ledger", now=NOW, folder=folder
    )
    return kinds.parse_statement(draft.payload)


@pytest.mark.parametrize("path", files(material.case_studies(material.folder())))
def test_a_case_study_keeps_its_facts_as_a_breach_report(path: Path) -> None:
    study = material.read_case_study(path)
    document = material.breach_document(study, submitter="Aurora")

    parsed = statement("BreachReport", document, path.parent)

    facts, body = parsed.header.breach_report, parsed.body
    assert isinstance(body, breach_pb2.BreachReportBody)
    exercise = study["case-study-type"] == "exercise"
    assert facts.incident_type == (
        breach_pb2.INCIDENT_TYPE_EXERCISE if exercise else breach_pb2.INCIDENT_TYPE_INCIDENT
    )
    known = facts.times.occurred.known
    assert known.precision == PRECISIONS[study["incident-date-granularity"]]
    when = known.time.ToDatetime().date()
    assert when <= study["incident-date"]
    assert when.strftime("%Y-%m-%d").startswith(material.occurred(study))
    assert facts.times.aware.absent.kind == values_pb2.ABSENCE_KIND_UNKNOWN
    assert facts.breach_kind == breach_pb2.BREACH_KIND_UNKNOWN
    assert (body.title, body.parties.entity) == (study["name"], study["target"])
    assert body.statement.known == study["summary"]
    if study["actor"] == "Unknown":
        assert body.parties.actor.absent.kind == values_pb2.ABSENCE_KIND_UNKNOWN
    else:
        assert body.parties.actor.known == study["actor"]
    if "reporter" in study:
        assert study["reporter"] in body.awareness.trigger.known
    else:
        assert body.awareness.trigger.absent.kind == values_pb2.ABSENCE_KIND_UNKNOWN
    assert [(step.tactic, step.technique, step.description) for step in body.techniques] == [
        (step["tactic"], step["technique"], step["description"]) for step in study["procedure"]
    ]
    assert [(item.title, item.url) for item in body.references][1:] == [
        (item["title"], item["url"]) for item in study.get("references") or ()
    ]


@pytest.mark.parametrize("path", files(material.advisories(material.folder())))
def test_an_advisory_travels_with_its_signature_and_digest(path: Path) -> None:
    document = material.alert_document(path, recipients=["sector:healthcare"])

    parsed = statement("Alert", document, path.parent)

    body = parsed.body
    assert isinstance(body, alert_pb2.AlertBody)
    names = [path.name, f"{path.name}.asc", f"{path.name}.sha512"]
    assert [item.file_name for item in body.attachments] == names
    for item in body.attachments:
        on_disk = (path.parent / item.file_name).read_bytes()
        assert item.data == on_disk
        assert item.sha256 == hashlib.sha256(on_disk).digest()
    advisory, _, digest = body.attachments
    assert material.stated_sha512(digest.data) == hashlib.sha512(advisory.data).hexdigest()
    assert parsed.header.alert.severity > alert_pb2.SEVERITY_INFORMATIONAL


def test_what_a_case_study_does_not_say_stays_unknown() -> None:
    study = {
        "id": "AML.CS9999",
        "name": "A study with gaps",
        "summary": "Nobody knows.",
        "incident-date": NOW.date(),
        "incident-date-granularity": "YEAR",
        "procedure": [
            {
                "tactic": "{{discovery.id}}",
                "technique": "{{discover_model.id}}",
                "description": "As given.",
            }
        ],
        "target": "A model",
        "case-study-type": "incident",
    }

    parsed = statement("BreachReport", material.breach_document(study, submitter="Aurora"), Path())

    body = parsed.body
    assert isinstance(body, breach_pb2.BreachReportBody)
    unknown = (body.parties.actor, body.awareness.trigger, body.qualifies_because)
    assert [item.absent.kind for item in unknown] == [values_pb2.ABSENCE_KIND_UNKNOWN] * 3
    assert body.techniques[0].technique == "{{discover_model.id}}"


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], "informational"),
        (["NONE"], "informational"),
        (["LOW", "CRITICAL", "HIGH"], "critical"),
    ],
)
def test_an_advisory_is_as_severe_as_its_highest_score(scores: list[str], expected: str) -> None:
    flaws = [{"scores": [{"cvss_v3": {"baseSeverity": word}}]} for word in scores]

    assert material.severity(flaws) == expected
