"""Statements on the wire: every kind parses, by one convention, and nothing gets around it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn.statement.v1 import grant_pb2, header_pb2
from gateway.core.errors import Reason, Refusal
from gateway.core.facts import OtherFacts
from gateway.core.identity import MemberKind
from gateway.core.statements import Kind
from gateway.wire import statements
from tests.world import messages, samples
from tests.world.actors import TRUST_DOMAIN, Actor, Draft, Pen, everyone, make_key
from tests.world.kinds import facts_of

EVERY_KIND = pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
seeds = st.integers(0, 2**32).map(Random)
AURORA = Actor(id="aurora", kind=MemberKind.LAB, pen=Pen())
HEADER = header_pb2.Header.DESCRIPTOR


def camel(kind: Kind) -> str:
    return "".join(word.capitalize() for word in kind.name.split("_"))


def message_of(field: Any) -> str:
    name: str = field.message_type.name
    return name


def say(kind: Kind, **changes: Any) -> Draft:
    return AURORA.say(kind, everyone(MemberKind.AGENCY), facts=facts_of(kind), **changes)


def refusal(payload: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        statements.parse(payload)
    return caught.value


def refused(draft: Draft, reason: Reason, field: str = "") -> None:
    found = refusal(draft.payload)
    assert found.reason is reason, found
    if field:
        assert [violation.field for violation in found.violations] == [field]


def test_kinds_are_those_of_the_protos() -> None:
    named = {
        name.removeprefix("STATEMENT_KIND_"): number
        for name, number in header_pb2.StatementKind.items()
        if number
    }
    assert named == {kind.name: kind.value for kind in Kind}


def test_facts_stand_in_the_field_of_their_kind() -> None:
    stated = {field.number: field for field in HEADER.oneofs_by_name["facts"].fields}
    assert set(stated) <= {kind.value for kind in Kind}
    for number, field in stated.items():
        kind = Kind(number)
        assert field.name == kind.name.lower()
        assert message_of(field) == f"{camel(kind)}Facts"
    # Every message of facts is one's, or a part of one's.
    facts = {d.name for d in messages.TYPES if d.name.endswith("Facts")}
    assert facts == {message_of(field) for field in stated.values()}
    # The other fields of a header are below all of them.
    assert max(f.number for f in HEADER.fields if f.containing_oneof is None) < min(Kind)


def test_bodies_are_named_after_their_kind() -> None:
    named = {f"{camel(kind)}Body": kind for kind in Kind}
    found = {d.name for d in messages.TYPES if d.name.endswith("Body")}
    assert found <= set(named)
    for name, kind in named.items():
        body_type = statements.body_type(kind)
        assert (body_type.DESCRIPTOR.name if body_type else None) == (
            name if name in found else None
        )


@EVERY_KIND
@settings(max_examples=20)
@given(random=seeds)
def test_every_kind_parses_and_keeps_its_bytes(kind: Kind, random: Random) -> None:
    draft = say(kind, **optional_fields(random))
    body_type = statements.body_type(kind)
    if body_type is not None:
        body = messages.make(body_type.DESCRIPTOR, random)
        draft.body = body.SerializeToString(deterministic=True)
    parsed = statements.parse(draft.payload)
    header = parsed.header
    assert parsed.body == draft.body
    assert (header.kind, header.sender) == (kind, "aurora")
    assert header.statement_id == draft.header.statement_id
    assert header.case == (draft.header.case_digest or None)
    assert header.refers_to == tuple(draft.header.refers_to)
    assert (header.tlp.value, header.community) == (draft.header.tlp, draft.header.community)
    assert (header.expire_time is not None) == draft.header.HasField("expire_time")
    field = HEADER.fields_by_number.get(kind.value)
    assert (header.facts is not None) == (field is not None)


def optional_fields(random: Random) -> dict[str, Any]:
    every: dict[str, Any] = {
        "on_behalf_of": "harbor-bank",
        "case": random.randbytes(32),
        "refers_to": tuple(random.randbytes(32) for _ in range(random.randint(1, 16))),
        "expire_time": samples.timestamp(samples.NOON),
        "embargo_until_time": samples.timestamp(samples.NOON),
        "tlp": random.choice(["CLEAR", "GREEN", "AMBER", "AMBER_STRICT", "RED"]),
        "community": "fin-sharing",
        "pap": random.choice(header_pb2.PapLevel.keys()),
        "cui": "CUI//SP-PCII",
        "market_sensitive": True,
        "protection_regime": "6 USC 681e",
        "protection_regime_date": "2026-11-21",
        "profile": "custom",
    }
    return {name: value for name, value in every.items() if random.random() < 0.5}


@EVERY_KIND
@settings(max_examples=15)
@given(random=seeds)
def test_changed_bytes_are_refused_or_another_statement(kind: Kind, random: Random) -> None:
    draft = say(kind)
    payloads = [messages.flipped(draft.payload, random) for _ in range(4)]
    payloads += [draft.payload[: random.randrange(len(draft.payload))], draft.payload + b"\x00"]
    for name in ("header", "body"):
        parts = {"header": draft.header.SerializeToString(deterministic=True), "body": draft.body}
        parts[name] = messages.flipped(parts[name], random)
        payloads.append(header_pb2.Statement(**parts).SerializeToString(deterministic=True))
    for payload in payloads:
        try:
            statement = statements.parse(payload)
        except Refusal:
            continue
        again = header_pb2.Statement.FromString(payload)
        assert again.SerializeToString(deterministic=True) == payload
        assert statement.body == again.body


@EVERY_KIND
@settings(max_examples=10)
@given(random=seeds)
def test_a_header_or_body_said_in_another_way_is_refused(kind: Kind, random: Random) -> None:
    draft = say(kind)
    header = draft.header.SerializeToString(deterministic=True)
    named = {Reason.STATEMENT_MALFORMED, Reason.STATEMENT_NOT_CANONICAL}
    for other in messages.spoiled(draft.header, random):
        payload = header_pb2.Statement(header=other, body=draft.body)
        assert refusal(payload.SerializeToString(deterministic=True)).reason in named
    body_type = statements.body_type(kind)
    if body_type is None:
        return
    for other in messages.spoiled(body_type.FromString(draft.body), random):
        payload = header_pb2.Statement(header=header, body=other)
        assert refusal(payload.SerializeToString(deterministic=True)).reason in named


@EVERY_KIND
def test_facts_are_there_and_are_those_of_the_kind(kind: Kind) -> None:
    field = HEADER.fields_by_number.get(kind.value)
    draft = say(kind)
    if field is not None:
        draft.header.ClearField("facts")
        refused(draft, Reason.FIELD_MISSING, f"header.{field.name}")
    other = Kind.ALERT if kind is not Kind.ALERT else Kind.TRIAGE
    getattr(draft.header, other.name.lower()).CopyFrom(facts_of(other))
    refused(draft, Reason.FIELD_INVALID, "header.facts")


@EVERY_KIND
def test_a_kind_without_a_body_has_none(kind: Kind) -> None:
    draft = say(kind)
    if statements.body_type(kind) is None:
        draft.body = b"\x0a\x00"
        refused(draft, Reason.FIELD_INVALID, "statement.body")
    else:
        draft.body = b"\xff"
        refused(draft, Reason.STATEMENT_MALFORMED)


def test_an_unmarked_statement_says_so() -> None:
    draft = say(Kind.ALERT)
    draft.header.ClearField("tlp")
    refused(draft, Reason.TLP_MISSING, "header.tlp")
    draft.header.ClearField("sender")
    refused(draft, Reason.TLP_MISSING)


@pytest.mark.parametrize("field", ["exchange", "statement_id", "kind", "sender", "created_time"])
def test_a_header_without_a_required_field(field: str) -> None:
    draft = say(Kind.ALERT)
    draft.header.ClearField(field)
    refused(draft, Reason.FIELD_MISSING, f"header.{field}")


def test_a_statement_without_a_header() -> None:
    assert refusal(b"").reason is Reason.FIELD_MISSING
    assert refusal(b"\xff").reason is Reason.STATEMENT_MALFORMED
    sealed = say(Kind.ALERT).payload + b"\x1a\x00"
    assert refusal(sealed).reason is Reason.STATEMENT_NOT_CANONICAL


@pytest.mark.parametrize(("field", "value"), [("tlp", 6), ("kind", 45), ("kind", 1), ("pap", 5)])
def test_an_unknown_enum_in_the_header(field: str, value: int) -> None:
    draft = say(Kind.ALERT)
    setattr(draft.header, field, value)
    refused(draft, Reason.ENUM_UNKNOWN, f"header.{field}")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sender": "Aurora"}, "header.sender"),
        ({"sender": "aurora-"}, "header.sender"),
        ({"on_behalf_of": "a b"}, "header.on_behalf_of"),
        ({"recipients": [header_pb2.Recipient(member="-")]}, "header.recipients"),
        ({"recipients": [header_pb2.Recipient(sector="Energy")]}, "header.recipients"),
        (
            {"recipients": [header_pb2.Recipient(desk=header_pb2.Desk(member="a", desk="B"))]},
            "header.recipients",
        ),
        ({"case_digest": bytes(31)}, "header.case_digest"),
        ({"refers_to": [bytes(8)]}, "header.refers_to"),
    ],
)
def test_what_the_core_refuses(changes: dict[str, Any], field: str) -> None:
    draft = say(Kind.ALERT)
    for name in changes:
        draft.header.ClearField(name)
    draft.header.MergeFrom(header_pb2.Header(**changes))
    refused(draft, Reason.FIELD_INVALID, field)


def test_text_that_is_not_utf_8() -> None:
    draft = say(Kind.ALERT)
    header = draft.header.SerializeToString(deterministic=True).replace(b"aurora", b"auror\xff")
    payload = header_pb2.Statement(header=header, body=draft.body)
    assert refusal(payload.SerializeToString(deterministic=True)).reason is (
        Reason.STATEMENT_MALFORMED
    )


DEPTHS = {
    "black box": (grant_pb2.ACCESS_LEVEL_AL1, grant_pb2.MODEL_VARIANT_DEPLOYED, False),
    "grey box": (grant_pb2.ACCESS_LEVEL_AL2, grant_pb2.MODEL_VARIANT_DEPLOYED, False),
    "white box": (grant_pb2.ACCESS_LEVEL_AL3, grant_pb2.MODEL_VARIANT_DEPLOYED, True),
    "helpful only": (grant_pb2.ACCESS_LEVEL_AL1, grant_pb2.MODEL_VARIANT_HELPFUL_ONLY, False),
    "safeguards off": (grant_pb2.ACCESS_LEVEL_AL1, grant_pb2.MODEL_VARIANT_SAFEGUARDS_OFF, True),
}


@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_access_needs_two_of_the_lab(depth: str) -> None:
    level, variant, needs_two = DEPTHS[depth]
    body = samples.grant_body()
    body.access_level = level
    shallow = body.models.add()
    shallow.CopyFrom(body.models[0])
    body.models[1].variant = variant
    for signatures in (1, 2):
        terms = samples.terms(f"spiffe://{TRUST_DOMAIN}/agency/civil-ai/desk-a")
        terms.lab_signatures = signatures
        for draft in (
            AURORA.say(Kind.MODEL_ACCESS_GRANT, facts=terms, body=body),
            AURORA.say(
                Kind.GRANT_NARROWING,
                facts=grant_pb2.GrantNarrowingFacts(grant=terms),
                body=grant_pb2.GrantNarrowingBody(grant=body),
            ),
        ):
            if needs_two and signatures == 1:
                refused(draft, Reason.SIGNATURES_INSUFFICIENT)
            else:
                statements.parse(draft.payload)


def test_a_signing_key_is_ed25519() -> None:
    draft = AURORA.enrol(AURORA)
    draft.header.member_enrolment.keys[0].spki = make_key("x").private_bytes_raw()
    refused(draft, Reason.KEY_ALGORITHM_UNSUPPORTED)


@EVERY_KIND
def test_facts_that_no_table_reads_have_no_fields(kind: Kind) -> None:
    facts = statements.parse(say(kind).payload).header.facts
    if isinstance(facts, OtherFacts):
        assert kind not in {
            Kind.PRE_RELEASE_NOTICE,
            Kind.NOTICE_AMENDMENT,
            Kind.EARLY_ACCESS_APPLICATION,
            Kind.MODEL_ACCESS_GRANT,
            Kind.GRANT_NARROWING,
            Kind.BREACH_REPORT,
        }
        assert not kind.is_directory


def test_samples_are_valid() -> None:
    for kind in Kind:
        facts: Message | None = facts_of(kind)
        assert (facts is not None) == (kind.value in HEADER.fields_by_number)
