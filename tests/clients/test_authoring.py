"""Authoring: what a document says is what is signed, and what it leaves open is all named."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from forewarn.statement.v1 import alert_pb2, header_pb2, release_pb2, values_pb2
from forewarn_client import (
    attachments,
    authoring,
    document,
    dsse,
    identifiers,
    kinds,
    render,
    times,
)
from forewarn_client.authoring import AuthoringError, Missing

NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
STATEMENT_ID = "0197a0de-7c1d-7b1e-9c3a-2d7c1b0a9f8e"


def compose(kind: str, values: Mapping[str, Any], **more: Any) -> kinds.Parsed:
    draft = authoring.compose(
        kind,
        values,
        sender="aurora",
        exchange="exchange.example/ledger",
        now=NOW,
        statement_id=STATEMENT_ID,
        **more,
    )
    return kinds.parse_statement(draft.payload)


def problems(kind: str, values: Mapping[str, Any], **more: Any) -> dict[str, str]:
    with pytest.raises(AuthoringError) as caught:
        compose(kind, values, **more)
    return {problem.field: problem.description for problem in caught.value.problems}


def alert(**body: Any) -> dict[str, Any]:
    return {
        "recipients": ["sector:financial-services"],
        "tlp": "GREEN",
        "facts": {"severity": "high"},
        "body": {"title": "t", "summary": "s", **body},
    }


def test_the_caller_says_who_and_when_and_the_document_says_what() -> None:
    parsed = compose("Alert", alert())
    header = parsed.header
    assert header.exchange == "exchange.example/ledger"
    assert (header.sender, header.statement_id) == ("aurora", STATEMENT_ID)
    assert times.from_timestamp(header.created_time) == NOW
    assert header.kind == header_pb2.STATEMENT_KIND_ALERT
    assert header.tlp == header_pb2.TLP_LEVEL_GREEN
    assert header.recipients[0].sector == "financial-services"
    assert header.alert.severity == alert_pb2.SEVERITY_HIGH


def test_a_draft_is_named_by_what_is_signed() -> None:
    draft = authoring.compose(
        "Alert", alert(), sender="civil-ai", exchange="exchange.example/ledger", now=NOW
    )
    assert draft.digest == sha256(dsse.pae(dsse.PAYLOAD_TYPE, draft.payload)).digest()
    assert identifiers.is_uuid7(draft.statement_id)
    assert (draft.kind, draft.sender) == ("Alert", "civil-ai")


def test_recipients_are_members_desks_and_groups() -> None:
    named = ["civil-ai", "civil-ai/incident", "sector:energy", "kind:operator", "community:west"]
    header = compose("Alert", alert() | {"recipients": named}).header
    assert [render.plain(recipient) for recipient in header.recipients] == named
    wrong = problems("Alert", alert() | {"recipients": ["Civil AI", "colour:red", 7]})
    assert list(wrong) == ["recipients[0]", "recipients[1]", "recipients[2]"]
    assert "forewarn directory" in wrong["recipients[0]"]


def test_a_key_that_is_none_names_the_nearest() -> None:
    values = alert(titel="t", colour="red")
    values["tpl"] = values.pop("tlp")
    values["facts"]["severety"] = values["facts"].pop("severity")
    found = problems("Alert", values)
    assert found["tpl"].endswith("did you mean tlp?")
    assert found["facts.severety"].endswith("did you mean severity?")
    assert found["body.titel"].endswith("did you mean title?")
    assert "the keys here are title, summary" in found["body.colour"]
    assert "tlp" in found
    assert "facts.severity" in found


def test_what_the_command_fills_in_is_not_taken_from_the_document() -> None:
    found = problems("Alert", alert() | {"sender": "civil-ai", "created_time": NOW})
    assert set(found) == {"sender", "created_time"}
    assert problems("Alert", alert() | {"kind": "BreachReport"}) == {
        "kind": "says BreachReport, where Alert is meant"
    }
    assert compose("Alert", alert() | {"kind": "alert"}).kind.name == "Alert"


def test_everything_that_is_missing_is_named_at_once() -> None:
    found = problems("BreachReport", {})
    assert {
        "recipients",
        "tlp",
        "facts.report_kind",
        "facts.regimes",
        "facts.times.aware",
        "facts.times.occurred",
        "body.title",
        "body.parties.entity",
        "body.awareness.trigger",
        "body.internal_use",
    } <= set(found)
    assert 'write "UNKNOWN" or { withheld = "why" }' in found["body.statement"]
    assert "initial, supplemental" in found["facts.report_kind"]


def test_an_import_may_state_the_gaps_of_its_source_as_unknown() -> None:
    values = {
        "recipients": ["civil-ai"],
        "tlp": "CLEAR",
        "facts": {"report_kind": "initial", "regimes": ["voluntary"]},
        "body": {"title": "t", "parties": {"entity": "e", "submitter": "s", "capacity": "public"}},
    }
    parsed = compose("BreachReport", values, missing=Missing.UNKNOWN)
    assert render.plain(parsed.header.breach_report)["times"] == {
        "aware": "UNKNOWN",
        "occurred": "UNKNOWN",
    }
    assert render.plain(parsed.header.breach_report)["breach_kind"] == "unknown"
    assert parsed.body is not None
    assert render.plain(parsed.body)["statement"] == "UNKNOWN"
    del values["body"]
    assert set(problems("BreachReport", values, missing=Missing.UNKNOWN)) == {
        "body.title",
        "body.parties.entity",
        "body.parties.submitter",
        "body.parties.capacity",
    }


def stated(value: object) -> values_pb2.StatedText:
    values = {
        "case": "00" * 32,
        "recipients": ["civil-ai"],
        "tlp": "AMBER",
        "facts": {
            "notice_type": "new_model",
            "release_mode": "api",
            "handle": "new",
            "planned": {"public_release": date(2027, 1, 22)},
        },
        "body": {
            "evaluation_summary": value,
            "elicitation": "e",
            "planned_safeguards": "p",
            "lineage": "l",
        },
    }
    body = compose("PreReleaseNotice", values).body
    assert isinstance(body, release_pb2.PreReleaseNoticeBody)
    return body.evaluation_summary


def test_an_absence_is_said_in_one_word_or_with_a_reason() -> None:
    assert stated("UNKNOWN").absent.kind == values_pb2.ABSENCE_KIND_UNKNOWN
    assert stated({"withheld": "under review"}).absent.reason == "under review"
    assert stated("unknown").known == "unknown"
    assert stated({"known": "UNKNOWN"}).known == "UNKNOWN"
    for blank in ("", {"withheld": ""}, {"withheld": 1}, 7, {"why": "x"}):
        with pytest.raises(AuthoringError, match="evaluation_summary"):
            stated(blank)


def test_other_types_read_the_word_unknown_in_any_case() -> None:
    values = {
        "recipients": ["civil-ai"],
        "tlp": "AMBER",
        "case": "00" * 32,
        "facts": {"seen_time": "Unknown"},
        "body": {"text": "t"},
    }
    assert compose("Sighting", values).header.sighting.seen_time.absent.kind


def test_a_handle_is_made_or_well_formed() -> None:
    made = identifiers.new_handle()
    assert identifiers.is_handle(made)
    assert made != identifiers.new_handle()
    values = {"case": "00" * 32, "tlp": "CLEAR", "recipients": ["civil-ai"]}
    found = problems("Participation", values | {"facts": {"handle": "GPT-9", "framework": "x"}})
    assert found["facts.handle"] == 'is not well formed; write "new" to get a new one'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("2027-01-22", "2027-01-22"),
        (date(2027, 1, 22), "2027-01-22"),
        ("2027-W03", "2027-W03"),
        ("2027-02", "2027-02"),
        ("2027-q2", "2027-Q2"),
        ("2027", "2027"),
        ("2027-01-22T09:30:00+02:00", "2027-01-22T07:30:00Z"),
        (datetime(2027, 1, 22, 9, tzinfo=timezone(timedelta(hours=-5))), "2027-01-22T14:00:00Z"),
        ({"time": date(2027, 5, 14), "precision": "quarter"}, "2027-Q2"),
    ],
)
def test_a_precise_time_is_as_exact_as_it_is_written(value: object, written: str) -> None:
    planned = values_pb2.StatedTime()
    builder = document.Builder(folder=None, missing=Missing.REFUSE)
    builder.fill(planned, {"known": value}, "")
    assert builder.problems == []
    assert render.plain(planned) == written


@pytest.mark.parametrize(
    "value",
    ["2027-13", "2027-W60", "soon", datetime(2027, 1, 1), 2027, "0000"],  # noqa: DTZ001 - refused for it
)
def test_what_is_no_time_is_told_what_is_one(value: object) -> None:
    with pytest.raises(ValueError, match="write a time with its offset"):
        times.read_precise(value)


def test_durations_have_units() -> None:
    assert times.read_duration("1h30m").seconds == 5400
    assert times.write_duration(times.read_duration("30d")) == "2592000s"
    for wrong in (300, "300", "5 m", "-5m", ""):
        with pytest.raises(ValueError, match="300s, 5m"):
            times.read_duration(wrong)


def test_words_are_read_in_any_case_and_the_standard_s_own_way() -> None:
    for word in ("AMBER+STRICT", "amber_strict", "TLP:AMBER+STRICT", "TLP_LEVEL_AMBER_STRICT"):
        values = alert() | {"tlp": word, "recipients": ["harbor-bank"]}
        assert compose("Alert", values).header.tlp == header_pb2.TLP_LEVEL_AMBER_STRICT
    assert "did you mean amber?" in problems("Alert", alert() | {"tlp": "AMBR"})["tlp"]
    assert "CLEAR, GREEN" in problems("Alert", alert() | {"tlp": "unspecified"})["tlp"]
    assert "CLEAR, GREEN" in problems("Alert", alert() | {"tlp": 3})["tlp"]


def test_types_are_told_apart() -> None:
    wrong = problems(
        "Alert",
        alert(title=7, affected_products="one", references=["u"]) | {"market_sensitive": 1},
    )
    assert wrong["body.title"].startswith("is a text")
    assert wrong["body.affected_products"].startswith("is a list")
    assert wrong["body.references[0]"].startswith("is a table")
    assert wrong["market_sensitive"] == "is true or false"
    assert problems("Alert", alert(title="\ud800"))["body.title"].startswith("holds half")


def test_lengths_are_told_by_the_document_s_own_paths() -> None:
    found = problems("Alert", alert(title="x" * 1025) | {"case": "00" * 33})
    assert found["body.title"] == "is longer than 1024 bytes; shorten it"
    assert found["case"] == "is longer than 32 bytes; shorten it"


def test_a_file_is_attached_byte_for_byte(tmp_path: Path) -> None:
    data = b'{"a": 1}\r\n'
    (tmp_path / "advisory.json").write_bytes(data)
    body = compose("Alert", alert(attachments=[{"file": "advisory.json"}]), folder=tmp_path).body
    assert isinstance(body, alert_pb2.AlertBody)
    attached = body.attachments[0]
    assert (attached.file_name, attached.media_type) == ("advisory.json", "application/json")
    assert (attached.size, attached.data) == (len(data), data)
    assert attached.sha256 == sha256(data).digest()
    detached = attachments.attachment({"file": "advisory.json", "detached": True}, tmp_path)
    assert (detached.data, detached.sha256) == (b"", attached.sha256)


def test_a_file_that_cannot_be_attached_says_why(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(1_048_577))
    (tmp_path / "nearly").write_bytes(bytes(1_048_000))
    (tmp_path / "other").write_bytes(b"x")
    files = [
        {"file": "gone"},
        {"file": "big"},
        {"file": "other", "sha256": "00" * 32},
        {"fil": "x"},
        {"file": "other", "detatched": True},
    ]
    found = problems("Alert", alert(attachments=files), folder=tmp_path)
    assert "no file beside the document" in found["body.attachments[0]"]
    assert "detached = true" in found["body.attachments[1]"]
    assert "another SHA-256" in found["body.attachments[2]"]
    assert "did you mean file?" in found["body.attachments[3]"]
    assert "did you mean detached?" in found["body.attachments[4]"]
    found = problems("Alert", alert(attachments=[{"file": "nearly"}]), folder=tmp_path)
    assert found[""].startswith("the statement has 1048")
    found = problems("Alert", alert(attachments=[{"file": "other"}]))
    assert "comes from none" in found["body.attachments[0]"]


def test_a_received_file_stays_in_its_folder(tmp_path: Path) -> None:
    given = attachments.attachment({"file_name": "../../.profile\x1b", "data": b"x"}, None)
    first = attachments.save(given, tmp_path)
    assert first.parent == tmp_path
    assert first.name == "_.._.profile_"
    assert attachments.save(given, tmp_path) == first
    given.data, given.sha256 = b"y", sha256(b"y").digest()
    assert attachments.save(given, tmp_path) != first
    given.data = b"z"
    with pytest.raises(ValueError, match="not those of the digest"):
        attachments.save(given, tmp_path)
    given.data = b""
    with pytest.raises(ValueError, match="nothing to save"):
        attachments.save(given, tmp_path)


def test_a_directory_statement_is_clear_and_addressed_to_nobody() -> None:
    header = compose("MemberDeparture", {"facts": {"member": "aurora"}}).header
    assert header.tlp == header_pb2.TLP_LEVEL_CLEAR
    assert not header.recipients


def test_a_kind_without_facts_or_body_has_none() -> None:
    values = {"recipients": ["aurora"], "tlp": "AMBER", "case": "00" * 32}
    assert compose("GrantActivation", values).body is None
    assert problems("GrantActivation", values | {"body": {"note": "x"}}) == {
        "body": "is empty in a GrantActivation"
    }


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.toml", b"x = ", "does not parse: Invalid value (at end of document)"),
        ("a.json", b'{"a": 1, "a": 2}', "a key stands twice"),
        ("a.json", b"[1]", "is not a table"),
        ("a.json", b"[" * 100_000, "does not parse"),
        ("a.toml", b"\xff", "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_no_document_says_where(
    tmp_path: Path, name: str, content: bytes, what: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AuthoringError, match="a\\.") as caught:
        authoring.read_document(tmp_path / name)
    assert what in str(caught.value)
    with pytest.raises(AuthoringError, match="cannot be read"):
        authoring.read_document(tmp_path / "none.toml")


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('tlp = "GREEN"\n[facts]\nseverity = "low"\n')
    (tmp_path / "a.JSON").write_text('{"tlp": "GREEN", "facts": {"severity": "low"}}')
    toml, json = (authoring.read_document(tmp_path / name) for name in ("a.toml", "a.JSON"))
    assert toml.values == json.values
    assert toml.folder == tmp_path
