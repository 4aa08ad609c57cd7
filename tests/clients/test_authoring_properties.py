"""Authoring, for any message: what is read plainly composes to the same, and junk to nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forewarn.statement.v1 import coverage_pb2, grant_pb2, header_pb2, values_pb2
from forewarn_client import authoring, identifiers, kinds, render, strict, times

NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


def compose(kind: str, values: Mapping[str, Any]) -> kinds.Parsed:
    draft = authoring.compose(
        kind, values, sender="aurora", exchange="exchange.example/ledger", now=NOW
    )
    return kinds.parse_statement(draft.payload)


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=6
).filter(lambda text: text not in {"new", "UNKNOWN"})
INSTANTS = st.datetimes(
    min_value=datetime(1, 1, 9),  # noqa: DTZ001 - Hypothesis adds the time zone
    max_value=datetime(9999, 12, 1),  # noqa: DTZ001 - Hypothesis adds the time zone
    timezones=st.just(UTC),
)
DURATIONS = st.integers(0, 10**8).map(lambda seconds: times.read_duration(f"{seconds}s"))
PRECISE = st.builds(times.precise, INSTANTS, st.integers(1, 6).map(lambda n: n))
ABSENT = st.one_of(
    st.builds(values_pb2.Absence, kind=st.just(values_pb2.ABSENCE_KIND_UNKNOWN)),
    st.builds(values_pb2.Absence, kind=st.just(values_pb2.ABSENCE_KIND_WITHHELD), reason=TEXTS),
)
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_BYTES: st.binary(min_size=32, max_size=32),
    FieldDescriptor.TYPE_UINT32: st.integers(1, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(1, 2**64 - 1),
    FieldDescriptor.TYPE_STRING: TEXTS,
}
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "Timestamp": INSTANTS.map(times.timestamp),
    "Duration": DURATIONS,
    "PreciseTime": PRECISE,
    "Absence": ABSENT,
    "Recipient": st.sampled_from([values_pb2.MEMBER_KIND_LAB, values_pb2.MEMBER_KIND_OPERATOR]).map(
        lambda kind: header_pb2.Recipient(kind=kind)
    ),
}


NAMED: dict[str, st.SearchStrategy[Any]] = {
    "regimes": st.sampled_from(["us-circia", "eu-gpai-code-9.3"]),
    "framework": st.sampled_from(["us-draft-2026-05", "voluntary"]),
    "cosigners": st.sampled_from(["civil-ai", "natsec-ai"]),
    "member": st.sampled_from(["harbor-bank", "aurora"]),
    "sectors": st.just("financial-services"),
    "desks": st.just("incident"),
    "communities": st.just("labs"),
    "clients": st.just("harbor-bank"),
    "grantee_systems": st.just("spiffe://exchange.example/operator/harbor-bank/defence"),
}


def field_values(field: Any) -> st.SearchStrategy[Any]:
    if field.name in NAMED:
        return (
            st.lists(NAMED[field.name], min_size=1, max_size=1)
            if field.is_repeated
            else (NAMED[field.name])
        )
    if field.name in {"handle", "grant_id"}:
        make = {"handle": identifiers.new_handle, "grant_id": identifiers.new_uuid7}[field.name]
        single: st.SearchStrategy[Any] = st.builds(make)
    elif field.message_type is not None:
        single = messages(field.message_type)
    elif field.enum_type is not None:
        single = st.sampled_from([value.number for value in field.enum_type.values][1:])
    elif field.name in {"data", "file_name"}:
        single = st.just({"data": b"", "file_name": "a file.txt"}[field.name])
    else:
        single = SCALARS[field.type]
    return st.lists(single, min_size=1, max_size=2) if field.is_repeated else single


def make_sense_of_coverage(facts: coverage_pb2.CoverageDeterminationFacts) -> None:
    """Take away what can never be right in a determination."""
    undetermined = facts.outcome == coverage_pb2.COVERAGE_OUTCOME_NOT_DETERMINED
    facts.basis_class = (
        coverage_pb2.BASIS_CLASS_UNSPECIFIED if undetermined else coverage_pb2.BASIS_CLASS_BENCHMARK
    )
    if facts.HasField("valid_until_time"):
        facts.decided_time.seconds = facts.valid_until_time.seconds - 1


@st.composite
def messages(draw: st.DrawFn, descriptor: Any) -> Message:
    if descriptor.name in SPECIAL:
        made: Message = draw(SPECIAL[descriptor.name])
        return made
    message = GetMessageClass(descriptor)()
    oneofs = {oneof.name: draw(st.sampled_from(list(oneof.fields))).name
              for oneof in descriptor.oneofs}  # fmt: skip
    for rule in strict.rules(descriptor):
        field = descriptor.fields_by_name[rule.name]
        if rule.oneof:
            if oneofs[rule.oneof] != rule.name:
                continue
        elif not rule.required and descriptor.name != "PlannedTimes" and not draw(st.booleans()):
            continue
        value = draw(field_values(field))
        if rule.repeated:
            getattr(message, rule.name).extend(value)
        elif rule.message:
            getattr(message, rule.name).CopyFrom(value)
        else:
            setattr(message, rule.name, value)
    if isinstance(message, coverage_pb2.CoverageDeterminationFacts):
        make_sense_of_coverage(message)
    if isinstance(message, grant_pb2.ModelAccessGrantFacts):
        sensible(message)
    return message


def sensible(terms: grant_pb2.ModelAccessGrantFacts) -> None:
    """Make terms that could hold: the fields alone do not say how they hang together."""
    terms.not_after_time.seconds = terms.not_before_time.seconds + 1
    terms.cosigners_required = min(terms.cosigners_required, len(terms.cosigners))
    terms.max_token_lifetime.seconds = 1 + terms.max_token_lifetime.seconds % 300
    terms.max_staleness.seconds += 1
    terms.lab_signatures = 1 + terms.lab_signatures % 2


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.sampled_from([kind for kind in kinds.kinds() if kind.facts or kind.body]))
def test_what_is_read_plainly_composes_to_the_same(data: st.DataObject, kind: kinds.Kind) -> None:
    values: dict[str, Any] = {"recipients": ["civil-ai"], "tlp": "AMBER"}
    header = header_pb2.Header()
    if kind.facts:
        facts: Any = header.DESCRIPTOR.fields_by_name[kind.facts]
        getattr(header, kind.facts).CopyFrom(data.draw(messages(facts.message_type)))
        values["facts"] = render.plain(getattr(header, kind.facts))
    body = data.draw(messages(kind.body.DESCRIPTOR)) if kind.body is not None else None
    if body is not None:
        values["body"] = render.plain(body)
    parsed = compose(kind.name, values)
    assert parsed.body == body
    if kind.facts:
        assert getattr(parsed.header, kind.facts) == getattr(header, kind.facts)


KEYS = ["facts", "body", "tlp", "recipients", "times", "severity", "title", "attachments", "file"]
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.floats()
NESTED = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([*KEYS, "references", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), NESTED, max_size=5))
def test_no_document_is_composed_by_accident(values: dict[str, Any]) -> None:
    for kind in ("Alert", "BreachReport", "Triage"):
        with pytest.raises(authoring.AuthoringError) as caught:
            compose(kind, values)
        assert caught.value.problems
