"""Any bytes at any door: an answer, or a refusal with its reason. Never INTERNAL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from forewarn.exchange.v1 import envelope_pb2
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.statement.v1 import header_pb2
from gateway.core.envelope import PAYLOAD_TYPE
from gateway.core.errors import Reason
from gateway.core.statements import Kind
from gateway.edge.floor import VERIFIED_SIZE
from gateway.wire.statements import body_type
from tests.fuzz.edge import METHODS, Edge, Failed
from tests.fuzz.shapes import messages, spoiled
from tests.world.actors import Draft, keyid_of, seal, sector
from tests.world.budget import examples

CHECKPOINT = "forewarn.exchange.v1.LogService.GetCheckpoint"
SUBMIT = "forewarn.exchange.v1.ExchangeService.Submit"
LISTS = {
    "forewarn.exchange.v1.ExchangeService.ListEntries": pb.ListEntriesRequest,
    "forewarn.exchange.v1.ExchangeService.Follow": pb.FollowRequest,
    "forewarn.exchange.v1.ExchangeService.ListCases": pb.ListCasesRequest,
}

whoever = st.integers(0, 9)


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    made = Edge(tmp_path_factory.mktemp("edge"))
    for draft in drafts(made):
        made.world.submit(draft)
    yield made
    made.close()


def drafts(edge: Edge) -> list[Draft]:
    """A statement of every way to open a case, and of some that go on."""
    world = edge.world
    opened = world.submit(world.aurora.notice(world.civil, world.natsec))
    return [
        world.aurora.notice(world.civil),
        world.reply(opened, world.natsec, Kind.ACKNOWLEDGEMENT),
        world.reply(opened, world.civil, Kind.QUESTION),
        world.aurora.offer(world.harbor, world.civil),
        world.harbor.apply_for_access(world.aurora),
        world.harbor.report(world.civil, world.natsec),
        world.civil.alert(sector("financial-services")),
        world.isac.alert(world.harbor, tlp="CLEAR"),
        world.aurora.say(Kind.PARTICIPATION),
        world.registrar.suspend_system(world.quay, world.quay.system),
        world.update(world.mercy, sectors=["healthcare"]),
        world.succession("registrar 1", "registrar 2", "registrar 3", quorum=2),
    ]


def caller(edge: Edge, who: int) -> bytes:
    return edge.certificate((*edge.world.members, edge.world.registrar)[who])


def submit(edge: Edge, envelope: bytes, who: int) -> Message | Failed:
    request = pb.SubmitRequest(envelope=envelope).SerializeToString()
    return edge.call(SUBMIT, request, caller(edge, who))


@pytest.mark.parametrize("method", sorted(METHODS))
@settings(max_examples=examples(15))
@given(data=st.data(), who=whoever)
def test_any_request(edge: Edge, method: str, data: st.DataObject, who: int) -> None:
    kind = GetMessageClass(METHODS[method].input_type)
    request = data.draw(messages(kind).map(lambda made: made.SerializeToString()))
    request = data.draw(st.just(request) | spoiled(request) | st.binary(max_size=64))
    edge.call(method, request, caller(edge, who))


@pytest.mark.parametrize("method", sorted(LISTS))
@settings(max_examples=examples(15))
@given(data=st.data(), who=whoever)
def test_any_cursor(edge: Edge, method: str, data: st.DataObject, who: int) -> None:
    certificate = caller(edge, who)
    request: Any = LISTS[method]()
    if method.endswith("ListCases"):
        request.page_size = 1
    else:
        request.filter.box = pb.BOX_ALL
    first: Any = edge.call(method, request.SerializeToString(), certificate)
    given_out = "" if isinstance(first, Failed) else first.cursor
    asked = spoiled(given_out.encode()).map(lambda raw: raw.decode("utf-8", "replace"))
    request.cursor = data.draw(asked | st.text(max_size=60))
    answer = edge.call(method, request.SerializeToString(), certificate)
    assert not isinstance(answer, Failed) or answer.reason in {
        Reason.CURSOR_INVALID,
        Reason.SENDER_NOT_PERMITTED,
        # Of the bank whose system one of the drafts suspends.
        Reason.SYSTEM_SUSPENDED,
        # A place that somebody made up, beyond what there is.
        Reason.LEDGER_UNAVAILABLE,
    }


@settings(max_examples=examples(40))
@given(data=st.data(), who=whoever)
def test_any_envelope(edge: Edge, data: st.DataObject, who: int) -> None:
    draft = data.draw(st.sampled_from(drafts_of(edge)))
    envelope = envelope_pb2.Envelope.FromString(draft.envelope)
    made = data.draw(
        st.binary(max_size=200)
        | spoiled(draft.envelope)
        | messages(envelope_pb2.Envelope).map(lambda each: each.SerializeToString())
        | st.lists(messages(envelope_pb2.EnvelopeSignature), max_size=3).map(
            lambda signatures: signed_by(envelope.payload, signatures)
        )
    )
    submit(edge, made, who)


@settings(max_examples=examples(100))
@given(data=st.data())
def test_anything_signed(edge: Edge, data: st.DataObject) -> None:
    """What a member's own key signs gets past the signature, however odd it is."""
    draft = data.draw(st.sampled_from(drafts_of(edge)))
    payload = data.draw(
        spoiled(draft.payload)
        | spoiled(draft.header.SerializeToString(deterministic=True)).map(
            lambda header: said(header, draft.body)
        )
        | spoiled(draft.body).map(
            lambda body: said(draft.header.SerializeToString(deterministic=True), body)
        )
    )
    submit_signed(edge, draft, payload)


@settings(max_examples=examples(50))
@given(data=st.data(), kind=st.sampled_from(Kind))
def test_any_header_and_any_body_signed(edge: Edge, data: st.DataObject, kind: Kind) -> None:
    """A header of its sender's with one part exchanged for any other, or a body of any content."""
    draft = data.draw(st.sampled_from(drafts_of(edge)))
    header = header_pb2.Header()
    header.CopyFrom(draft.header)
    any_header = data.draw(messages(header_pb2.Header))
    for field, value in any_header.ListFields()[: data.draw(st.integers(0, 2))]:
        header.ClearField(field.name)
        if field.is_repeated:
            getattr(header, field.name).extend(value)
        elif field.message_type is not None:
            getattr(header, field.name).CopyFrom(value)
        else:
            setattr(header, field.name, value)
    body = draft.body
    if data.draw(st.booleans()):
        header.kind = kind.value  # type: ignore[assignment]  # the number of an enum
        form = body_type(kind)
        if form is not None:
            body = data.draw(messages(form)).SerializeToString(deterministic=True)
    submit_signed(edge, draft, said(header.SerializeToString(deterministic=True), body))


@settings(max_examples=examples(40))
@given(said=st.lists(st.text("0123456789+- _", max_size=20) | st.binary(max_size=4), max_size=2))
def test_any_word_on_the_verified_size(edge: Edge, said: list[str | bytes]) -> None:
    certificate = edge.certificate(edge.world.aurora)
    sizes = [int(each) for each in said if isinstance(each, str) and each.isdecimal()]
    assume(max(sizes, default=0) <= edge.world.size)  # else it waits for what never comes
    metadata = [(VERIFIED_SIZE, each) for each in said]
    answer = edge.call(CHECKPOINT, b"", certificate, metadata)
    assert not isinstance(answer, Failed) or answer.reason is Reason.FIELD_INVALID


@settings(max_examples=examples(40))
@given(data=st.data())
def test_any_certificate(edge: Edge, data: st.DataObject) -> None:
    """TLS lets none of these through; should it ever, the guard stands."""
    certificate = data.draw(spoiled(edge.certificate(edge.world.aurora)) | st.binary(max_size=64))
    answer = edge.call(CHECKPOINT, b"", certificate)
    if isinstance(answer, Failed):
        assert answer.reason in {
            Reason.SPIFFE_ID_MISSING,
            Reason.SPIFFE_ID_AMBIGUOUS,
            Reason.SPIFFE_ID_MALFORMED,
            Reason.TRUST_DOMAIN_FOREIGN,
            Reason.CLIENT_AUTH_EKU_MISSING,
            Reason.MEMBER_UNKNOWN,
            Reason.SYSTEM_UNKNOWN,
        }


def signed_by(payload: bytes, signatures: Any) -> bytes:
    envelope = envelope_pb2.Envelope(
        payload=payload, payload_type=PAYLOAD_TYPE, signatures=signatures
    )
    return envelope.SerializeToString(deterministic=True)


def said(header: bytes, body: bytes) -> bytes:
    return header_pb2.Statement(header=header, body=body).SerializeToString(deterministic=True)


def submit_signed(edge: Edge, draft: Draft, payload: bytes) -> None:
    keys = draft.actor.keys[: draft.actor.signs_with]
    envelope = seal(payload, keys)
    assert keyid_of(keys[0]).encode() in envelope
    request = pb.SubmitRequest(envelope=envelope).SerializeToString()
    edge.call(SUBMIT, request, edge.certificate(draft.actor))


_drafts: dict[int, list[Draft]] = {}


def drafts_of(edge: Edge) -> list[Draft]:
    """The drafts to spoil; made once, so that examples repeat themselves."""
    return _drafts.setdefault(id(edge), drafts(edge))
