"""Strict parsing: one encoding, known enums, and every rule of the protocol files."""

from hashlib import sha256
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from forewarn.statement.v1 import alert_pb2, grant_pb2, header_pb2, values_pb2
from forewarn_client import kinds, strict


def reason_of(message_type: type[strict._M], data: bytes) -> tuple[str, str]:
    with pytest.raises(strict.StrictError) as caught:
        strict.parse(message_type, data, "body")
    return caught.value.reason, caught.value.field


CONTACT = values_pb2.Contact(name="Desk", email="desk@example.org")


def test_what_is_canonical_parses() -> None:
    data = CONTACT.SerializeToString()
    assert strict.parse(values_pb2.Contact, data) == CONTACT


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x0a\x04De", "STATEMENT_MALFORMED"),
        (b"\x0a\x02\xff\xfe", "STATEMENT_MALFORMED"),
        (CONTACT.SerializeToString() + b"\x0a\x04Desk", "STATEMENT_NOT_CANONICAL"),
        (b"\x12\x01a\x0a\x01b", "STATEMENT_NOT_CANONICAL"),
        (b"\x0a\x81\x00b", "STATEMENT_NOT_CANONICAL"),
        (CONTACT.SerializeToString() + b"\xa2\x06\x01x", "STATEMENT_NOT_CANONICAL"),
        (CONTACT.SerializeToString() + b"\x1a\x00", "STATEMENT_NOT_CANONICAL"),
    ],
    ids=["cut", "utf-8", "twice", "disorder", "varint", "unknown", "spelled-out default"],
)
def test_another_encoding_is_refused(data: bytes, reason: str) -> None:
    assert reason_of(values_pb2.Contact, data) == (reason, "body")


def test_an_unknown_field_is_found_at_any_depth() -> None:
    inner = b"\x0a\x01x" + b"\xa2\x06\x01x"
    data = b"\x3a" + bytes([len(inner)]) + inner
    assert reason_of(alert_pb2.AlertBody, data)[0] == "STATEMENT_NOT_CANONICAL"


def test_an_enum_number_without_a_name_is_refused() -> None:
    facts = alert_pb2.AlertFacts()
    facts.ParseFromString(b"\x08\x63")
    assert reason_of(alert_pb2.AlertFacts, facts.SerializeToString()) == (
        "ENUM_UNKNOWN",
        "body.severity",
    )


def test_what_is_required_is_missed_by_its_path() -> None:
    body = alert_pb2.AlertBody(title="t", summary="s")
    body.references.add(title="no address")
    assert reason_of(alert_pb2.AlertBody, body.SerializeToString()) == (
        "FIELD_MISSING",
        "body.references[0].url",
    )


def test_a_oneof_is_missed_once_and_a_zero_in_it_is_there() -> None:
    assert reason_of(values_pb2.StatedCount, b"") == ("FIELD_MISSING", "body.value")
    zero = values_pb2.StatedCount(known=0).SerializeToString()
    assert strict.parse(values_pb2.StatedCount, zero).known == 0


def test_lengths_are_counted_in_bytes_of_utf8() -> None:
    long = values_pb2.Contact(name="é" * 129).SerializeToString()
    assert reason_of(values_pb2.Contact, long) == ("FIELD_TOO_LONG", "body.name")
    strict.parse(values_pb2.Contact, values_pb2.Contact(name="é" * 128).SerializeToString())


def test_items_are_counted_and_measured_one_by_one() -> None:
    many = alert_pb2.AlertBody(title="t", summary="s", affected_sectors=["x"] * 65)
    assert reason_of(alert_pb2.AlertBody, many.SerializeToString()) == (
        "FIELD_TOO_LONG",
        "body.affected_sectors",
    )
    long = alert_pb2.AlertBody(title="t", summary="s", affected_sectors=["x", "y" * 257])
    assert reason_of(alert_pb2.AlertBody, long.SerializeToString()) == (
        "FIELD_TOO_LONG",
        "body.affected_sectors[1]",
    )


def test_a_time_outside_its_range_is_refused() -> None:
    for wrong in (Timestamp(seconds=1, nanos=-1), Timestamp(seconds=253_402_300_800)):
        facts = alert_pb2.AlertFacts(severity=alert_pb2.SEVERITY_LOW, valid_until_time=wrong)
        assert reason_of(alert_pb2.AlertFacts, facts.SerializeToString()) == (
            "FIELD_INVALID",
            "body.valid_until_time",
        )


def test_a_duration_has_one_sign() -> None:
    limits = grant_pb2.UsageLimits()
    limits.budget_period.seconds = 1
    limits.budget_period.nanos = -5
    assert reason_of(grant_pb2.UsageLimits, limits.SerializeToString()) == (
        "FIELD_INVALID",
        "body.budget_period",
    )


def test_nothing_in_a_list_and_no_stated_text_is_empty() -> None:
    body = alert_pb2.AlertBody(title="t", summary="s", affected_sectors=["x", ""])
    assert reason_of(alert_pb2.AlertBody, body.SerializeToString()) == (
        "FIELD_MISSING",
        "body.affected_sectors[1]",
    )
    blank = values_pb2.StatedText(known="").SerializeToString()
    assert reason_of(values_pb2.StatedText, blank) == ("FIELD_MISSING", "body.known")


@pytest.mark.parametrize(("kind", "why"), [(1, "because"), (2, "")])
def test_an_absence_is_withheld_for_a_reason_only(kind: int, why: str) -> None:
    absence = values_pb2.Absence(kind=values_pb2.AbsenceKind.Name(kind), reason=why)
    assert reason_of(values_pb2.Absence, absence.SerializeToString()) == (
        "FIELD_INVALID",
        "body.reason",
    )


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"file_name": "../x"}, "file_name"),
        ({"file_name": "a\x1b[2J"}, "file_name"),
        ({"sha256": b"short"}, "sha256"),
        ({"size": 4}, "size"),
        ({"data": b"cba"}, "sha256"),
    ],
)
def test_a_file_is_that_of_its_digest(changed: dict[str, Any], field: str) -> None:
    fields: dict[str, Any] = {
        "file_name": "a.txt",
        "media_type": "text/plain",
        "size": 3,
        "data": b"abc",
    }
    fields |= {"sha256": sha256(b"abc").digest()}
    strict.parse(values_pb2.Attachment, values_pb2.Attachment(**fields).SerializeToString())
    wrong = values_pb2.Attachment(**fields | changed).SerializeToString()
    assert reason_of(values_pb2.Attachment, wrong) == ("FIELD_INVALID", f"body.{field}")


def statement(header: header_pb2.Header, body: bytes) -> bytes:
    return header_pb2.Statement(
        header=header.SerializeToString(deterministic=True), body=body
    ).SerializeToString(deterministic=True)


def acknowledgement() -> header_pb2.Header:
    header = header_pb2.Header(
        exchange="exchange.example/ledger",
        statement_id="0197a0de-7c1d-7b1e-9c3a-2d7c1b0a9f8e",
        kind=header_pb2.STATEMENT_KIND_ACKNOWLEDGEMENT,
        sender="civil-ai",
        case_digest=bytes(32),
        tlp=header_pb2.TLP_LEVEL_AMBER,
    )
    header.created_time.seconds = 1_800_000_000
    return header


def test_a_statement_is_parsed_with_its_header_and_body() -> None:
    # An empty body message has no bytes: absent and empty are the same.
    parsed = kinds.parse_statement(statement(acknowledgement(), b""))
    assert parsed.kind.name == "Acknowledgement"
    assert parsed.body is not None


def test_facts_belong_to_the_kind() -> None:
    header = acknowledgement()
    header.alert.severity = alert_pb2.SEVERITY_LOW
    with pytest.raises(strict.StrictError, match=r"header\.alert does not belong"):
        kinds.parse_statement(statement(header, b""))
    header = acknowledgement()
    header.kind = header_pb2.STATEMENT_KIND_ALERT
    with pytest.raises(strict.StrictError, match=r"FIELD_MISSING: header\.alert"):
        kinds.parse_statement(statement(header, b""))


def test_a_kind_without_a_body_has_none() -> None:
    header = acknowledgement()
    header.kind = header_pb2.STATEMENT_KIND_GRANT_COSIGNATURE
    assert kinds.parse_statement(statement(header, b"")).body is None
    with pytest.raises(strict.StrictError, match="body is empty in a GrantCosignature"):
        kinds.parse_statement(statement(header, b"\x0a\x01x"))


def test_every_kind_has_a_name_and_finds_itself() -> None:
    assert {kind.number for kind in kinds.kinds()} == set(
        header_pb2.StatementKind.DESCRIPTOR.values_by_number
    ) - {0}
    assert all(kinds.find(kind.name) is kind for kind in kinds.kinds())
    facts = header_pb2.Header.DESCRIPTOR.oneofs_by_name["facts"].fields
    assert {kind.facts for kind in kinds.kinds()} - {""} == {field.name for field in facts}


def test_a_misspelt_kind_names_the_nearest() -> None:
    assert kinds.find("pre-release-notice").name == "PreReleaseNotice"
    assert kinds.find("STATEMENT_KIND_ALERT").name == "Alert"
    with pytest.raises(kinds.KindError, match="did you mean PreReleaseNotice"):
        kinds.find("PreReleaseNotise")


def test_a_digest_has_32_bytes_and_a_duration_is_never_negative() -> None:
    body = grant_pb2.ModelAccessGrantBody(terms_sha256=b"x" * 31)
    found = {error.field: error.reason for error in strict.violations(body, "body")}
    assert found["body.terms_sha256"] == "FIELD_INVALID"
    limits = grant_pb2.UsageLimits(budget_period={"seconds": -1})
    assert [error.field for error in strict.violations(limits, "body")] == ["body.budget_period"]
