"""An inbox is confirmed only as the ledger holds it, by whom it is, with signatures that count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from forewarn.exchange.v1 import envelope_pb2, inbox_pb2
from forewarn.statement.v1 import directory_pb2
from gateway.admission.inboxes import Confirmed, Shown, confirm
from gateway.core import envelope as dsse
from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.inbox import MAX_ENTRIES, MAX_SENDERS, Delivered, Span, by_sender, span_of
from gateway.core.statements import Kind
from tests.world import samples
from tests.world.actors import ORIGIN, Actor, keyid_of, make_key, signing_key
from tests.world.store_ledger import StoreLedger
from tests.world.world import World


@dataclass(slots=True, kw_only=True)
class Reader:
    """A member that reads its inbox from a world and confirms it."""

    world: World
    actor: Actor

    def delivered(self, from_size: int = 0, to_size: int | None = None) -> list[Delivered]:
        end = self.world.size if to_size is None else to_size
        with self.world.ledger.snapshot() as snapshot:
            return [
                Delivered(
                    index=index,
                    sender=self.world.read(index).summary.sender,
                    leaf_hash=snapshot.leaf_hash(index),
                )
                for index in self.world.inbox(self.actor)
                if from_size <= index < end
            ]

    def shown(self, from_size: int = 0, to_size: int | None = None, **changes: Any) -> Shown:
        end = self.world.size if to_size is None else to_size
        rows = self.delivered(from_size, end)
        stated = {
            "member": self.actor.member,
            "span": span_of(rows, from_size, end),
            "confirmations": [
                self.signed(sender, span_of(sent, from_size, end))
                for sender, sent in by_sender(rows).items()
            ],
            "received_time": self.world.pen.now,
        }
        return Shown(**{**stated, **changes})

    def message(self, sender: str, span: Span) -> inbox_pb2.InboxConfirmation:
        return inbox_pb2.InboxConfirmation(
            exchange=ORIGIN,
            recipient=self.actor.id,
            sender=sender,
            span=inbox_pb2.InboxSpan(
                from_size=span.from_size, to_size=span.to_size, count=span.count, root=span.root
            ),
            created_time=samples.timestamp(self.world.pen.now),
        )

    def signed(self, sender: str, span: Span) -> bytes:
        return seal(self.message(sender, span).SerializeToString(deterministic=True), self.actor)

    def confirm(self, shown: Shown, size: int | None = None) -> Confirmed:
        with self.world.ledger.snapshot() as snapshot:
            return confirm(
                shown,
                snapshot=snapshot,
                size=self.world.size if size is None else size,
                directory=self.world.directory,
            )

    @contextmanager
    def refused(self, reason: Reason) -> Iterator[None]:
        with pytest.raises(Refusal) as refusal:
            yield
        assert refusal.value.reason is reason


def seal(
    payload: bytes,
    actor: Actor,
    keys: Sequence[Ed25519PrivateKey] | None = None,
    kind: str = dsse.CONFIRMATION_TYPE,
) -> bytes:
    """Sign a payload as a confirmation; the type is part of what is signed."""
    signed = dsse.pae(kind, payload)
    return envelope_pb2.Envelope(
        payload=payload,
        payload_type=kind,
        signatures=[
            envelope_pb2.EnvelopeSignature(sig=key.sign(signed), keyid=keyid_of(key))
            for key in (actor.keys[:1] if keys is None else keys)
        ],
    ).SerializeToString(deterministic=True)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with World(StoreLedger(tmp_path)) as world:
        notice = world.submit(world.aurora.notice(world.civil, world.natsec))
        world.submit(world.borealis.notice(world.civil))
        world.submit(world.reply(notice, world.natsec, Kind.QUESTION, world.aurora))
        world.submit(world.reply(notice, world.aurora, Kind.ANSWER, world.natsec))
        world.submit(world.aurora.notice(world.civil))
        yield Reader(world=world, actor=world.civil)


def test_what_was_shown_is_confirmed_as_a_whole_and_for_each_sender(reader: Reader) -> None:
    rows = reader.delivered()
    shown = reader.shown()
    found = reader.confirm(shown)

    size = reader.world.size
    assert found.whole.span == span_of(rows, 0, size)
    assert found.whole.confirmation == b""
    assert [sender for sender, _ in found.by_sender] == ["aurora", "borealis"]
    assert [part.confirmation for _, part in found.by_sender] == list(shown.confirmations)
    assert [part.span for _, part in found.by_sender] == [
        span_of(sent, 0, size) for sent in by_sender(rows).values()
    ]


def test_a_system_without_a_key_confirms_without_a_signature(reader: Reader) -> None:
    found = reader.confirm(reader.shown(confirmations=[]))
    assert [(sender, part.confirmation) for sender, part in found.by_sender] == [
        ("aurora", b""),
        ("borealis", b""),
    ]


def test_parts_of_an_inbox_and_an_empty_one_are_confirmed(reader: Reader) -> None:
    first, *_, last = (each.index for each in reader.delivered())
    size = reader.world.size
    for from_size, to_size in ((0, first), (first, last), (last, size), (size, size), (0, 0)):
        found = reader.confirm(reader.shown(from_size, to_size))
        assert found.whole.span.count == len(reader.delivered(from_size, to_size))
        assert len(found.by_sender) <= found.whole.span.count


def test_several_keys_may_sign_and_each_has_to_hold(reader: Reader) -> None:
    shown = reader.shown()
    span = span_of(
        [each for each in reader.delivered() if each.sender == "aurora"], 0, size(reader)
    )
    payload = reader.message("aurora", span).SerializeToString(deterministic=True)
    both = seal(payload, reader.actor, reader.actor.keys[:2])
    found = reader.confirm(replace(shown, confirmations=[both, shown.confirmations[1]]))
    assert found.by_sender[0][1].confirmation == both

    sealed = envelope_pb2.Envelope.FromString(both)
    sealed.signatures[1].sig = bytes(64)
    spoiled = sealed.SerializeToString(deterministic=True)
    with reader.refused(Reason.SIGNATURE_INVALID):
        reader.confirm(replace(shown, confirmations=[spoiled, shown.confirmations[1]]))


def size(reader: Reader) -> int:
    return reader.world.size


def test_an_entry_that_was_kept_back_is_seen(reader: Reader) -> None:
    """A gateway that shows less than it holds is caught, whichever entry it kept back."""
    rows = reader.delivered()
    for hidden in rows:
        less = span_of([each for each in rows if each != hidden], 0, size(reader))
        with reader.refused(Reason.INBOX_DIFFERS):
            reader.confirm(reader.shown(span=less, confirmations=[]))


def test_a_store_that_has_lost_an_entry_of_an_inbox_is_seen(reader: Reader) -> None:
    """Nor can the entry be cut out of the index after it was shown."""
    shown = reader.shown()
    index = reader.delivered()[1].index
    ledger: Any = reader.world.ledger
    ledger._store._connection.execute(
        "DELETE FROM member_entry WHERE member = 'civil-ai' AND idx = ?", (index,)
    )
    with reader.refused(Reason.INBOX_DIFFERS):
        reader.confirm(shown)


def test_a_gateway_that_has_not_come_so_far_says_so(reader: Reader) -> None:
    with pytest.raises(Fault) as fault:
        reader.confirm(reader.shown(), size=size(reader) - 1)
    assert fault.value.reason is Reason.LEDGER_UNAVAILABLE


Spoil = Callable[[Reader, inbox_pb2.InboxConfirmation], bytes]


def _anew(reader: Reader, message: inbox_pb2.InboxConfirmation) -> bytes:
    return seal(message.SerializeToString(deterministic=True), reader.actor)


def _with(**fields: Any) -> Spoil:
    def spoiled(reader: Reader, message: inbox_pb2.InboxConfirmation) -> bytes:
        for name, value in fields.items():
            setattr(message, name, value)
        return _anew(reader, message)

    return spoiled


def _spanned(**fields: Any) -> Spoil:
    def spoiled(reader: Reader, message: inbox_pb2.InboxConfirmation) -> bytes:
        for name, value in fields.items():
            setattr(message.span, name, value)
        return _anew(reader, message)

    return spoiled


def _early(reader: Reader, message: inbox_pb2.InboxConfirmation) -> bytes:
    message.created_time.CopyFrom(
        samples.timestamp(reader.world.pen.now + timedelta(minutes=5, microseconds=1))
    )
    return _anew(reader, message)


def _without(field: str) -> Spoil:
    def spoiled(reader: Reader, message: inbox_pb2.InboxConfirmation) -> bytes:
        message.ClearField(field)
        return _anew(reader, message)

    return spoiled


def _bytes(change: Callable[[Reader, bytes], bytes]) -> Spoil:
    def spoiled(reader: Reader, message: inbox_pb2.InboxConfirmation) -> bytes:
        return change(reader, message.SerializeToString(deterministic=True))

    return spoiled


BAD: dict[str, tuple[Reason, Spoil]] = {
    "no envelope": (Reason.ENVELOPE_MALFORMED, _bytes(lambda _, payload: payload[:3])),
    "a statement's type": (
        Reason.PAYLOAD_TYPE_UNSUPPORTED,
        _bytes(lambda reader, payload: seal(payload, reader.actor, kind=dsse.PAYLOAD_TYPE)),
    ),
    "not signed": (
        Reason.SIGNATURE_MISSING,
        _bytes(lambda reader, payload: seal(payload, reader.actor, [])),
    ),
    "a key that nobody knows": (
        Reason.KEY_UNKNOWN,
        _bytes(lambda reader, payload: seal(payload, reader.actor, [make_key("nobody's")])),
    ),
    "another member's key": (
        Reason.KEY_NOT_OF_SENDER,
        _bytes(lambda reader, payload: seal(payload, reader.actor, reader.world.natsec.keys[:1])),
    ),
    "signed as a statement": (
        Reason.SIGNATURE_INVALID,
        _bytes(lambda reader, payload: _retyped(seal(payload, reader.actor, kind="x"))),
    ),
    "no confirmation": (
        Reason.STATEMENT_MALFORMED,
        _bytes(lambda reader, _: seal(b"\xff", reader.actor)),
    ),
    "more than a confirmation": (
        Reason.STATEMENT_NOT_CANONICAL,
        _bytes(lambda reader, payload: seal(payload + b"\x62\x00", reader.actor)),
    ),
    "no span": (Reason.FIELD_MISSING, _without("span")),
    "no time": (Reason.FIELD_MISSING, _without("created_time")),
    "a name that is none": (Reason.FIELD_INVALID, _with(sender="Aurora Lab")),
    "another exchange": (Reason.EXCHANGE_FOREIGN, _with(exchange="elsewhere.example/ledger")),
    "another recipient": (Reason.SENDER_MISMATCH, _with(recipient="natsec-ai")),
    "another sender": (Reason.FIELD_INVALID, _with(sender="harbor-bank")),
    "the future": (Reason.CREATED_IN_FUTURE, _early),
    "other sizes": (Reason.FIELD_INVALID, _spanned(from_size=1)),
    "nothing": (Reason.FIELD_INVALID, _spanned(count=0, root=span_of([], 0, 1).root)),
    "fewer": (Reason.INBOX_DIFFERS, _spanned(count=1)),
    "another root": (Reason.INBOX_DIFFERS, _spanned(root=bytes(32))),
    "a root that is none": (Reason.FIELD_INVALID, _spanned(root=bytes(31))),
}


def _retyped(envelope: bytes) -> bytes:
    sealed = envelope_pb2.Envelope.FromString(envelope)
    sealed.payload_type = dsse.CONFIRMATION_TYPE
    return sealed.SerializeToString(deterministic=True)


@pytest.mark.parametrize("name", BAD)
def test_a_confirmation_that_is_not_right_refuses_all_of_it(reader: Reader, name: str) -> None:
    reason, spoil = BAD[name]
    shown = reader.shown()
    span = span_of(
        [each for each in reader.delivered() if each.sender == "aurora"], 0, size(reader)
    )
    spoiled = spoil(reader, reader.message("aurora", span))

    with reader.refused(reason):
        reader.confirm(replace(shown, confirmations=[spoiled, shown.confirmations[1]]))


def test_a_revoked_key_confirms_nothing_more(reader: Reader) -> None:
    reader.world.submit(reader.actor.revoke_key(reader.actor, reader.actor.keys[0]))
    with reader.refused(Reason.KEY_REVOKED):
        reader.confirm(reader.shown())


def test_a_key_that_ended_where_the_directory_at_hand_does_not_reach_confirms_nothing(
    reader: Reader,
) -> None:
    """The call had its directory before the key was revoked; what it compares reaches further."""
    before = reader.world.directory
    reader.world.submit(reader.actor.revoke_key(reader.actor, reader.actor.keys[0]))
    with reader.world.ledger.snapshot() as snapshot, pytest.raises(Fault) as fault:
        confirm(reader.shown(), snapshot=snapshot, size=size(reader), directory=before)
    assert fault.value.reason is Reason.LEDGER_UNAVAILABLE


def test_a_key_that_came_after_the_end_of_a_span_confirms_nothing_in_it(reader: Reader) -> None:
    before, newer = size(reader), make_key("civil-ai, later")
    facts = directory_pb2.KeyRegistrationFacts(member=reader.actor.id, key=signing_key(newer))
    reader.world.submit(reader.world.registrar.say(Kind.KEY_REGISTRATION, facts=facts))
    later = Reader(world=reader.world, actor=replace(reader.actor, keys=[newer]))
    assert later.confirm(later.shown(0, size(reader))).whole.span.count
    with later.refused(Reason.KEY_REVOKED):
        later.confirm(later.shown(0, before))


def test_there_is_one_confirmation_for_each_sender_in_their_order(reader: Reader) -> None:
    shown = reader.shown()
    one, two = shown.confirmations
    for wrong in ([one], [two], [two, one], [one, one], [one, two, two], [one, one, two]):
        with reader.refused(Reason.FIELD_INVALID):
            reader.confirm(replace(shown, confirmations=wrong))


def test_what_one_call_may_ask_for_is_bounded(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reader.refused(Reason.FIELD_TOO_LONG):
        reader.shown(confirmations=[b""] * (MAX_SENDERS + 1))
    with reader.refused(Reason.FIELD_INVALID):
        Span(from_size=0, to_size=9000, count=MAX_ENTRIES + 1, root=bytes(32))

    monkeypatch.setattr("gateway.core.inbox.MAX_SENDERS", 1)
    with reader.refused(Reason.FIELD_INVALID):
        reader.confirm(reader.shown(confirmations=[]))
