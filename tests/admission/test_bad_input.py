"""Bad input, line by line: each has its stable reason, and nothing is recorded.

What is refused before a statement reaches the admission (page sizes, cursors, certificates) is the
edge's to test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest

from forewarn.exchange.v1 import envelope_pb2
from forewarn.statement.v1 import header_pb2
from gateway.core.errors import Reason, Refusal
from gateway.core.statements import Kind
from gateway.wire.statements import MAX_STATEMENT_BYTES
from tests.world import messages, samples
from tests.world.actors import Draft, community, desk_of, seal, sector
from tests.world.world import World


def notice(world: World) -> Draft:
    return world.aurora.notice(world.civil)


def hand_in(world: World, payload: bytes) -> None:
    """Hand in a payload that aurora signed, whatever it holds."""
    world.hand_in(seal(payload, world.aurora.keys[:1]), by=world.aurora)


def test_over_one_mebibyte(world: World) -> None:
    with world.refused(Reason.STATEMENT_TOO_LARGE):
        world.submit(alert_of_size(world, MAX_STATEMENT_BYTES + 1))
    recorded = world.submit(alert_of_size(world, MAX_STATEMENT_BYTES))
    assert len(recorded.body.envelope) == MAX_STATEMENT_BYTES


def alert_of_size(world: World, size: int) -> Draft:
    """Write an alert with an attachment that makes its envelope exactly so large."""
    draft = world.civil.alert(world.harbor)
    body = samples.alert_body()
    attachment = body.attachments.add(file_name="a", media_type="a/b")
    data = b"x" * (size - 1000)
    while len(draft.envelope) != size:
        data = data + b"x" * (size - len(draft.envelope)) if attachment.data else data
        attachment.data = data
        attachment.size = len(data)
        attachment.sha256 = hashlib.sha256(data).digest()
        draft.body = body.SerializeToString(deterministic=True)
    return draft


@pytest.mark.parametrize(
    ("field", "value"), [("tlp", 9), ("kind", 1), ("pap", 77)], ids=["tlp", "kind", "pap"]
)
def test_unknown_enum(world: World, field: str, value: int) -> None:
    draft = notice(world)
    setattr(draft.header, field, value)
    with world.refused(Reason.ENUM_UNKNOWN, f"header.{field}"):
        world.submit(draft)


@pytest.mark.parametrize("field", ["exchange", "statement_id", "sender", "created_time"])
def test_missing_required_field(world: World, field: str) -> None:
    draft = notice(world)
    draft.header.ClearField(field)
    with world.refused(Reason.FIELD_MISSING, f"header.{field}"):
        world.submit(draft)


def test_missing_facts_and_body(world: World) -> None:
    draft = notice(world)
    draft.header.ClearField("facts")
    with world.refused(Reason.FIELD_MISSING, "header.pre_release_notice"):
        world.submit(draft)
    draft = notice(world)
    draft.body = b""
    with world.refused(Reason.FIELD_MISSING, "body.evaluation_summary"):
        world.submit(draft)


def test_unknown_recipients(world: World) -> None:
    for recipient in (
        header_pb2.Recipient(member="nobody"),
        desk_of(world.civil, "no-such-desk"),
        sector("moon-mining"),
    ):
        with world.refused(Reason.RECIPIENT_UNKNOWN, "header.recipients"):
            world.submit(world.natsec.alert(recipient))
    world.submit(world.registrar.suspend(world.civil))
    with world.refused(Reason.RECIPIENT_UNKNOWN, "header.recipients"):
        world.submit(notice(world))


def test_empty_recipients(world: World) -> None:
    for draft in (
        world.aurora.notice(),
        world.civil.alert(),
        world.civil.alert(world.civil),
        world.civil.alert(community("nobody-here")),
        world.civil.alert(sector("energy")),
    ):
        with world.refused(Reason.RECIPIENTS_EMPTY):
            world.submit(draft)


def test_recipients_of_another_kind(world: World) -> None:
    for draft in (
        world.aurora.notice(world.harbor),
        world.aurora.notice(world.civil, world.borealis),
        world.civil.alert(world.witness),
        world.harbor.apply_for_access(world.civil),
    ):
        with world.refused(Reason.RECIPIENT_KIND_NOT_PERMITTED, "header.recipients"):
            world.submit(draft)


def test_unmarked(world: World) -> None:
    draft = notice(world)
    draft.header.ClearField("tlp")
    with world.refused(Reason.TLP_MISSING, "header.tlp"):
        world.submit(draft)


def test_markings_that_the_addressing_cannot_keep(world: World) -> None:
    banks = sector("financial-services")
    for tlp in ("AMBER", "AMBER_STRICT"):
        with world.refused(Reason.TLP_NEEDS_NAMED_MEMBERS):
            world.submit(world.civil.alert(banks, tlp=tlp))
    with world.refused(Reason.TLP_NEEDS_SEALED_LAYER):
        world.submit(world.civil.alert(world.harbor, tlp="RED"))


def test_created_more_than_five_minutes_ahead(world: World) -> None:
    draft = notice(world)
    ahead = world.pen.now + timedelta(minutes=5)
    draft.header.created_time.CopyFrom(samples.timestamp(ahead + timedelta(microseconds=1)))
    with world.refused(Reason.CREATED_IN_FUTURE, "header.created_time"):
        world.submit(draft)
    draft.header.created_time.CopyFrom(samples.timestamp(ahead))
    world.submit(draft)


def test_expired(world: World) -> None:
    draft = notice(world)
    draft.header.expire_time.CopyFrom(samples.timestamp(world.pen.now))
    with world.refused(Reason.STATEMENT_EXPIRED, "header.expire_time"):
        world.submit(draft)


def test_a_payload_that_does_not_parse(world: World) -> None:
    for payload in (b"\xff", b"\x0a\x05abc", notice(world).payload[:-1]):
        with world.refused(Reason.STATEMENT_MALFORMED):
            hand_in(world, payload)
    with world.refused(Reason.FIELD_MISSING, "statement.header"):
        hand_in(world, b"")
    header_of_noise = header_pb2.Statement(header=b"\xff\xff").SerializeToString()
    with world.refused(Reason.STATEMENT_MALFORMED):
        hand_in(world, header_of_noise)


def in_header(world: World, change: Callable[[bytes], bytes]) -> bytes:
    draft = notice(world)
    header = change(draft.header.SerializeToString(deterministic=True))
    return header_pb2.Statement(header=header, body=draft.body).SerializeToString(
        deterministic=True
    )


def in_body(world: World, change: Callable[[bytes], bytes]) -> bytes:
    draft = notice(world)
    draft.body = change(draft.body)
    return draft.payload


def in_statement(world: World, change: Callable[[bytes], bytes]) -> bytes:
    return change(notice(world).payload)


@pytest.mark.parametrize("where", [in_header, in_body, in_statement])
@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\xf8\xff\x7f\x01",
        lambda data: messages.split(data)[0] + data,
        lambda data: data + b"\x1a\x00",
    ],
    ids=["an unknown field", "a field twice", "a field of the future"],
)
def test_unknown_or_duplicate_fields(
    world: World, where: Callable[..., bytes], change: Callable[[bytes], bytes]
) -> None:
    with world.refused(Reason.STATEMENT_NOT_CANONICAL):
        hand_in(world, where(world, change))


@pytest.mark.parametrize("where", [in_header, in_body, in_statement])
def test_trailing_bytes(world: World, where: Callable[..., bytes]) -> None:
    for tail in (b"\x00", b"\xff", b"\x0a\x01"):
        with world.refused(Reason.STATEMENT_MALFORMED):
            hand_in(world, where(world, lambda data, tail=tail: data + tail))


def test_invalid_utf_8(world: World) -> None:
    with world.refused(Reason.STATEMENT_MALFORMED):
        hand_in(world, in_header(world, lambda data: data.replace(b"aurora", b"auror\xc0")))


def test_a_sender_that_is_not_the_callers_member(world: World) -> None:
    draft = notice(world)
    draft.header.sender = "borealis"
    with world.refused(Reason.SENDER_MISMATCH, "header.sender"):
        world.submit(draft)
    # Another member's statement, validly signed, from one's own system.
    with world.refused(Reason.KEY_NOT_OF_SENDER):
        world.submit(world.borealis.notice(world.civil), by=world.aurora)


def test_another_exchange(world: World) -> None:
    draft = notice(world)
    draft.header.exchange = "elsewhere.example/ledger"
    with world.refused(Reason.EXCHANGE_FOREIGN, "header.exchange"):
        world.submit(draft)


def test_a_case_in_the_wrong_state(world: World) -> None:
    case = world.submit(notice(world))
    world.submit(world.reply(case, world.aurora, Kind.NOTICE_WITHDRAWAL))
    with world.refused(Reason.CASE_WRONG_STATE):
        world.submit(world.reply(case, world.civil, Kind.ACKNOWLEDGEMENT))


def test_a_case_one_is_not_party_to(world: World) -> None:
    case = world.submit(notice(world))
    details = set()
    for digest in (case.digest, bytes(32), world.read(0).digest):
        draft = world.natsec.say(Kind.ACKNOWLEDGEMENT, world.aurora, case=digest)
        with pytest.raises(Refusal) as caught:
            world.submit(draft)
        assert caught.value.reason is Reason.CASE_NOT_FOUND
        details.add(caught.value.detail)
    # What is not one's own looks like what is not there.
    assert len(details) == 1


def test_a_reference_to_what_one_may_not_read(world: World) -> None:
    secret = world.submit(notice(world))
    details = set()
    for digest in (secret.digest, bytes(32)):
        draft = world.borealis.notice(world.natsec, refers_to=(digest,))
        with pytest.raises(Refusal) as caught:
            world.submit(draft)
        assert caught.value.reason is Reason.REFERENCE_INVALID
        details.add(caught.value.detail)
    assert len(details) == 1
    world.submit(world.aurora.notice(world.natsec, refers_to=(secret.digest,)))


def test_an_envelope_that_is_none(world: World) -> None:
    sealed = notice(world).envelope
    unsigned = envelope_pb2.Envelope.FromString(sealed)
    del unsigned.signatures[:]
    other = envelope_pb2.Envelope.FromString(sealed)
    other.payload_type = "text/plain"
    for data, reason in (
        (b"\xff", Reason.ENVELOPE_MALFORMED),
        (sealed + b"\x00", Reason.ENVELOPE_MALFORMED),
        (sealed + b"\xf8\xff\x7f\x01", Reason.ENVELOPE_MALFORMED),
        (unsigned.SerializeToString(), Reason.SIGNATURE_MISSING),
        (other.SerializeToString(), Reason.PAYLOAD_TYPE_UNSUPPORTED),
        (b"", Reason.PAYLOAD_TYPE_UNSUPPORTED),
    ):
        with world.refused(reason):
            world.hand_in(data, by=world.aurora)


def test_one_changed_byte(world: World) -> None:
    sealed = envelope_pb2.Envelope.FromString(notice(world).envelope)
    payload = sealed.payload
    for at in (0, len(payload) // 2, len(payload) - 1):
        sealed.payload = payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]
        with world.refused(Reason.SIGNATURE_INVALID):
            world.hand_in(sealed.SerializeToString(deterministic=True), by=world.aurora)


def test_too_many_recipients_for_an_entry(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.admission.admit.MAX_BODY_BYTES", 400)
    with world.refused(Reason.STATEMENT_TOO_LARGE):
        world.submit(notice(world))
