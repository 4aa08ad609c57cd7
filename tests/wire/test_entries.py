"""Entry bodies and envelopes: written once, read leniently, and never an accident on any bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from forewarn.exchange.v1 import envelope_pb2, ledger_pb2
from gateway.core import envelope as dsse
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId, MemberKind
from gateway.core.statements import Kind
from gateway.core.tables import OPENINGS
from gateway.wire import entries
from tests.world import messages, samples
from tests.world.actors import Actor, Draft, Pen, everyone, seal
from tests.world.kinds import facts_of

AURORA = Actor(id="aurora", kind=MemberKind.LAB, pen=Pen())
CASE = b"\x07" * 32
seeds = st.integers(0, 2**32).map(Random)


def draft_of(kind: Kind, **changes: Any) -> Draft:
    return AURORA.say(kind, everyone(MemberKind.AGENCY), facts=facts_of(kind), **changes)


def body_of(draft: Draft, **changes: Any) -> entries.Body:
    stated: dict[str, Any] = {
        "envelope": draft.envelope,
        "submitting_system": str(AURORA.system),
        "received_time": samples.NOON + timedelta(microseconds=1),
        "audience": (MemberId("civil-ai"), MemberId("natsec-ai")),
        "profile_version": "us-eo-14409@1",
        "case_state": "NOTIFIED",
    }
    return entries.Body(**(stated | changes))


def test_a_body_says_what_it_is_told() -> None:
    draft = draft_of(Kind.PRE_RELEASE_NOTICE)
    east = timezone(timedelta(hours=9))
    body = body_of(draft, received_time=datetime(2026, 11, 21, 21, 0, 0, 5, tzinfo=east))
    data = entries.encode(body)
    read = ledger_pb2.EntryBody.FromString(data)
    assert read.SerializeToString(deterministic=True) == data
    assert read.envelope == body.envelope
    assert read.submitting_system == "spiffe://exchange.example/lab/aurora/desk-a"
    assert list(read.audience) == ["civil-ai", "natsec-ai"]
    assert (read.profile_version, read.case_state) == ("us-eo-14409@1", "NOTIFIED")
    assert entries.received_time_of(data) == datetime(2026, 11, 21, 12, 0, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
@pytest.mark.parametrize("case", [b"", CASE], ids=["opener", "in a case"])
def test_a_summary_holds_what_the_store_finds_by(kind: Kind, case: bytes) -> None:
    draft = draft_of(kind, case=case, refers_to=(b"\x01" * 32,), tlp="AMBER_STRICT")
    body = body_of(draft)
    summary = entries.summarize(entries.encode(body))
    assert summary is not None
    opens = kind in OPENINGS and not case
    assert summary.opens_case == opens
    assert summary.digest == draft.digest
    assert summary.case_digest == (draft.digest if opens else case)
    assert summary.protocol == (OPENINGS[kind].protocol if opens else "")
    assert (summary.sender, summary.statement_id) == ("aurora", draft.header.statement_id)
    assert (summary.kind, summary.tlp, summary.case_state) == (kind.value, 4, "NOTIFIED")
    assert summary.audience == ("civil-ai", "natsec-ai")
    assert summary.directory == kind.is_directory
    assert summary.refers_to == (b"\x01" * 32,)
    assert summary.received_time == body.received_time
    header = entries.header_of(entries.encode(body))
    assert header is not None
    assert header.kind is kind


@given(seeds)
def test_any_bytes_have_a_summary_or_none(random: Random) -> None:
    draft = draft_of(random.choice(list(Kind)))
    data = entries.encode(body_of(draft))
    cut = data[: random.randrange(len(data))]
    for other in (random.randbytes(40), messages.flipped(data, random), cut):
        entries.summarize(other)
        entries.header_of(other)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1))
def test_any_time_in_the_ledger_is_read_or_opaque(seconds: int, nanos: int) -> None:
    time = Timestamp(seconds=seconds, nanos=nanos)
    in_body = ledger_pb2.EntryBody.FromString(entries.encode(body_of(draft_of(Kind.ALERT))))
    in_body.received_time.CopyFrom(time)
    entries.summarize(in_body.SerializeToString())
    notice = draft_of(Kind.PRE_RELEASE_NOTICE)
    notice.header.created_time.CopyFrom(time)
    entries.header_of(entries.encode(body_of(notice)))
    entries.summarize(entries.encode(body_of(notice)))
    offer = draft_of(Kind.MODEL_ACCESS_GRANT)
    offer.header.model_access_grant.max_staleness.CopyFrom(Duration(seconds=seconds, nanos=nanos))
    entries.header_of(entries.encode(body_of(offer)))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": 7},
        {"sender": "NOT A MEMBER"},
        {"tlp": 99},
        {"statement_id": "1"},
    ],
    ids=["kind", "sender", "tlp", "id"],
)
def test_a_header_that_nobody_can_read_is_none(change: dict[str, Any]) -> None:
    draft = draft_of(Kind.ALERT)
    for name, value in change.items():
        setattr(draft.header, name, value)
    assert entries.header_of(entries.encode(body_of(draft))) is None
    summary = entries.summarize(entries.encode(body_of(draft)))
    assert (summary is None) == ("statement_id" not in change)


def refusal(data: bytes) -> Reason:
    with pytest.raises(Refusal) as caught:
        entries.parse_envelope(data)
    return caught.value.reason


def test_an_envelope_is_read_as_it_was_sealed() -> None:
    draft = draft_of(Kind.ALERT)
    data = seal(draft.payload, AURORA.keys)
    read = entries.parse_envelope(data)
    assert (read.payload, read.payload_type) == (draft.payload, dsse.PAYLOAD_TYPE)
    assert len(read.signatures) == 2
    assert dsse.digest(read.payload) == draft.digest


@given(seeds)
def test_no_other_bytes_are_the_same_envelope(random: Random) -> None:
    message = envelope_pb2.Envelope.FromString(draft_of(Kind.ALERT).envelope)
    for other in messages.spoiled(message, random):
        assert refusal(other) is Reason.ENVELOPE_MALFORMED


@given(st.binary(max_size=60))
def test_any_bytes_are_an_envelope_or_refused(data: bytes) -> None:
    try:
        read = entries.parse_envelope(data)
    except Refusal as refused:
        reason = refused.reason
    else:
        assert read.payload_type == dsse.PAYLOAD_TYPE
        return
    assert reason in {
        Reason.ENVELOPE_MALFORMED,
        Reason.PAYLOAD_TYPE_UNSUPPORTED,
        Reason.SIGNATURE_MISSING,
    }


def test_what_an_envelope_needs() -> None:
    sealed = envelope_pb2.Envelope.FromString(draft_of(Kind.ALERT).envelope)
    other_type = envelope_pb2.Envelope.FromString(sealed.SerializeToString())
    other_type.payload_type = "application/json"
    assert refusal(other_type.SerializeToString()) is Reason.PAYLOAD_TYPE_UNSUPPORTED
    unsigned = envelope_pb2.Envelope.FromString(sealed.SerializeToString())
    del unsigned.signatures[:]
    assert refusal(unsigned.SerializeToString()) is Reason.SIGNATURE_MISSING
    sealed.signatures[0].keyid = sealed.signatures[0].keyid.upper()
    assert refusal(sealed.SerializeToString()) is Reason.ENVELOPE_MALFORMED
    assert refusal(b"") is Reason.PAYLOAD_TYPE_UNSUPPORTED
