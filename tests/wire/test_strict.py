"""Strict parsing of every message: what is canonical and valid passes, nothing else does."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn.statement.v1 import (
    alert_pb2,
    answers_pb2,
    directory_pb2,
    grant_pb2,
    header_pb2,
    release_pb2,
    values_pb2,
)
from gateway.core.errors import Reason, Refusal
from gateway.wire import strict
from tests.world import messages, samples

REASONS = {
    Reason.STATEMENT_MALFORMED,
    Reason.STATEMENT_NOT_CANONICAL,
    Reason.ENUM_UNKNOWN,
    Reason.FIELD_MISSING,
    Reason.FIELD_INVALID,
    Reason.FIELD_TOO_LONG,
}
every_type = pytest.mark.parametrize("descriptor", messages.TYPES, ids=lambda d: d.name)
seeds = st.integers(0, 2**32).map(Random)


def parse(message: Message) -> Message:
    return strict.parse(type(message), message.SerializeToString(deterministic=True), "here")


def refusal(message_type: type[Message], data: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        strict.parse(message_type, data, "here")
    assert caught.value.reason in REASONS
    return caught.value


def refused(message: Message, reason: Reason, field: str) -> None:
    refusal_ = refusal(type(message), message.SerializeToString(deterministic=True))
    assert refusal_.reason is reason, refusal_
    assert [violation.field for violation in refusal_.violations] == [f"here.{field}"]


@every_type
@settings(max_examples=25)
@given(random=seeds)
def test_what_is_valid_parses_and_comes_out_the_same(descriptor: Any, random: Random) -> None:
    message = messages.make(descriptor, random)
    data = message.SerializeToString(deterministic=True)
    parsed = strict.parse(type(message), data, "here")
    assert parsed == message
    assert parsed.SerializeToString(deterministic=True) == data


@every_type
@settings(max_examples=15)
@given(random=seeds)
def test_no_other_bytes_say_the_same(descriptor: Any, random: Random) -> None:
    message = messages.make(descriptor, random)
    for other in messages.spoiled(message, random):
        assert refusal(type(message), other).reason in {
            Reason.STATEMENT_MALFORMED,
            Reason.STATEMENT_NOT_CANONICAL,
        }


@every_type
@settings(max_examples=25)
@given(random=seeds)
def test_changed_bytes_are_refused_or_another_canonical_message(
    descriptor: Any, random: Random
) -> None:
    message = messages.make(descriptor, random)
    data = message.SerializeToString(deterministic=True)
    others = [messages.flipped(data, random) for _ in range(4)]
    others += [data[: random.randrange(len(data) + 1)], data + random.randbytes(3)]
    for other in others:
        try:
            parsed = strict.parse(type(message), other, "here")
        except Refusal as refused:
            reason = refused.reason
        else:
            assert parsed.SerializeToString(deterministic=True) == other
            continue
        assert reason in REASONS


@settings(max_examples=100)
@given(data=st.binary(max_size=64), descriptor=st.sampled_from(messages.TYPES))
def test_any_bytes_are_refused_or_come_out_the_same(data: bytes, descriptor: Any) -> None:
    try:
        parsed = strict.parse(GetMessageClass(descriptor), data, "here")
    except Refusal as refused:
        reason = refused.reason
    else:
        assert parsed.SerializeToString(deterministic=True) == data
        return
    assert reason in REASONS


def test_nesting_without_end_is_malformed() -> None:
    data = b""
    for _ in range(500):
        data = b"\x0a" + _length(len(data)) + data
    assert refusal(header_pb2.Statement, data[:100]).reason is Reason.STATEMENT_MALFORMED
    group = b"\x0b" * 500
    assert refusal(header_pb2.Header, group).reason is Reason.STATEMENT_MALFORMED


def _length(size: int) -> bytes:
    return bytes([size & 0x7F | 0x80, size >> 7]) if size >= 0x80 else bytes([size])


@every_type
def test_every_required_field_is_missed(descriptor: Any) -> None:
    for field in descriptor.fields:
        if not messages.rule_of(field).required or field.containing_oneof is not None:
            continue
        message = messages.make(descriptor, Random(7))
        message.ClearField(field.name)
        refused(message, Reason.FIELD_MISSING, field.name)


@every_type
def test_every_required_oneof_is_missed(descriptor: Any) -> None:
    for oneof in descriptor.oneofs:
        if not any(messages.rule_of(field).required for field in oneof.fields):
            assert descriptor.name == "Header"  # a kind may have no facts
            continue
        message = messages.make(descriptor, Random(7))
        message.ClearField(oneof.name)
        refused(message, Reason.FIELD_MISSING, oneof.name)


@every_type
def test_every_enum_holds_named_numbers_only(descriptor: Any) -> None:
    for field in descriptor.fields:
        if field.enum_type is None:
            continue
        message = messages.make(descriptor, Random(7))
        if field.is_repeated:
            getattr(message, field.name)[:] = [1, 999]
            refused(message, Reason.ENUM_UNKNOWN, f"{field.name}[1]")
            getattr(message, field.name)[:] = [0]
            refused(message, Reason.FIELD_MISSING, f"{field.name}[0]")
        else:
            for number in (999, -1, 2**31 - 1):
                setattr(message, field.name, number)
                refused(message, Reason.ENUM_UNKNOWN, field.name)
            setattr(message, field.name, 0)
            if messages.rule_of(field).required:
                refused(message, Reason.FIELD_MISSING, field.name)


@every_type
def test_every_text_has_a_greatest_length_in_bytes(descriptor: Any) -> None:
    for field in descriptor.fields:
        if field.type not in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}:
            continue
        limit = messages.rule_of(field).max_bytes or 256
        text = field.type == FieldDescriptor.TYPE_STRING
        # One two-byte character fewer than bytes: characters are not what counts.
        long: Any = "ä" * (limit // 2) + "x" * (limit % 2 + 1) if text else bytes(limit + 1)
        message = messages.make(descriptor, Random(7))
        if field.is_repeated:
            getattr(message, field.name)[:] = [long]
            refused(message, Reason.FIELD_TOO_LONG, f"{field.name}[0]")
            getattr(message, field.name)[:] = [long[:0]]
            refused(message, Reason.FIELD_MISSING, f"{field.name}[0]")
        else:
            setattr(message, field.name, long)
            refused(message, Reason.FIELD_TOO_LONG, field.name)


@every_type
def test_every_list_has_a_greatest_length(descriptor: Any) -> None:
    for field in descriptor.fields:
        if not field.is_repeated:
            continue
        limit = messages.rule_of(field).max_items or 64
        message = messages.make(descriptor, Random(7))
        items = getattr(message, field.name)
        if field.message_type is None:
            items[:] = [b"x" if field.type == FieldDescriptor.TYPE_BYTES else _item(field)] * (
                limit + 1
            )
        else:
            del items[:]
            items.extend([messages.make(field.message_type, Random(7))] * (limit + 1))
        refused(message, Reason.FIELD_TOO_LONG, field.name)


def _item(field: Any) -> str | int:
    return "x" if field.type == FieldDescriptor.TYPE_STRING else 1


def test_texts_are_utf_8() -> None:
    for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\xe2\x82"):
        data = b"\x0a" + bytes([len(bad)]) + bad
        assert refusal(answers_pb2.QuestionBody, data).reason is Reason.STATEMENT_MALFORMED


def test_false_and_zero_are_values_of_a_oneof_and_empty_texts_are_not() -> None:
    parse(values_pb2.StatedCount(known=0))
    parse(values_pb2.StatedChoice(known=False))
    refused(values_pb2.StatedText(known=""), Reason.FIELD_MISSING, "known")
    refused(header_pb2.Recipient(member=""), Reason.FIELD_MISSING, "member")
    unspecified = header_pb2.Recipient(kind="MEMBER_KIND_UNSPECIFIED")
    refused(unspecified, Reason.FIELD_MISSING, "kind")


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [
        (-62_135_596_801, 0),
        (253_402_300_800, 0),
        (2**63 - 1, 0),
        (-(2**63), 0),
        (0, -1),
        (0, 1_000_000_000),
    ],
)
def test_times_are_of_the_years_1_to_9999(seconds: int, nanos: int) -> None:
    facts = alert_pb2.AlertFacts(severity="SEVERITY_LOW")
    facts.valid_until_time.CopyFrom(Timestamp(seconds=seconds, nanos=nanos))
    refused(facts, Reason.FIELD_INVALID, "valid_until_time")


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [(-1, 0), (0, -1), (315_576_000_001, 0), (2**63 - 1, 0), (0, 1_000_000_000)],
)
def test_durations_are_lengths(seconds: int, nanos: int) -> None:
    limits = grant_pb2.UsageLimits(budget_period=Duration(seconds=seconds, nanos=nanos))
    refused(limits, Reason.FIELD_INVALID, "budget_period")


@pytest.mark.parametrize(
    ("absence", "reason", "field"),
    [
        ({"kind": "ABSENCE_KIND_WITHHELD"}, Reason.FIELD_INVALID, "absent.reason"),
        (
            {"kind": "ABSENCE_KIND_UNKNOWN", "reason": "why not"},
            Reason.FIELD_INVALID,
            "absent.reason",
        ),
        ({"reason": "why not"}, Reason.FIELD_MISSING, "absent.kind"),
    ],
)
def test_an_absence_says_which(absence: dict[str, Any], reason: Reason, field: str) -> None:
    refused(values_pb2.StatedText(absent=values_pb2.Absence(**absence)), reason, field)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"file_name": ".."}, "file_name"),
        ({"file_name": "."}, "file_name"),
        ({"file_name": "../etc/passwd"}, "file_name"),
        ({"file_name": "a\\b"}, "file_name"),
        ({"file_name": "a\x00b"}, "file_name"),
        ({"file_name": "advisory\u202egnp.exe"}, "file_name"),
        ({"sha256": bytes(31)}, "sha256"),
        ({"sha256": bytes(32)}, "sha256"),
        ({"size": 4}, "size"),
        ({"data": b"other"}, "sha256"),
    ],
)
def test_an_attachment_is_what_it_says(changes: dict[str, Any], field: str) -> None:
    stated: dict[str, Any] = {
        "file_name": "advisory.json",
        "media_type": "application/json",
        "size": 5,
        "sha256": bytes.fromhex("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
        "data": b"hello",
    }
    parse(values_pb2.Attachment(**stated))
    parse(values_pb2.Attachment(**(stated | {"data": b"", "size": 10**12})))
    refused(values_pb2.Attachment(**(stated | changes)), Reason.FIELD_INVALID, field)


def test_every_digest_has_32_bytes() -> None:
    named = {
        (descriptor.name, field.name)
        for descriptor in messages.TYPES
        for field in descriptor.fields
        if "sha256" in field.name
    }
    assert named == {("Attachment", "sha256"), ("ModelAccessGrantBody", "terms_sha256")}
    body = samples.grant_body()
    body.terms_sha256 = bytes(31)
    refused(body, Reason.FIELD_INVALID, "terms_sha256")


def test_a_refusal_names_the_field_and_not_its_content() -> None:
    secret = "the-model-nobody-knows"
    body = release_pb2.PreReleaseNoticeBody(surfaces=["api", secret * 20])
    body.MergeFrom(samples.notice_body())
    refused_body = refusal(type(body), body.SerializeToString(deterministic=True))
    assert refused_body.violations[0].field == "here.surfaces[1]"
    assert secret not in str(refused_body) + repr(refused_body.violations)


def test_a_path_leads_to_the_field() -> None:
    enrolment = directory_pb2.MemberEnrolmentFacts(
        member="a",
        kind="MEMBER_KIND_LAB",
        profile=directory_pb2.MemberProfile(display_name="A"),
        keys=[directory_pb2.SigningKey(algorithm="KEY_ALGORITHM_ED25519")],
        systems=["s"],
    )
    refused(enrolment, Reason.FIELD_MISSING, "keys[0].spki")
