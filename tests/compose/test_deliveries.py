"""Inboxes confirmed and deliveries told, by a real exchange, checked with nothing of its code."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeVar

import grpc
import pytest
from click.testing import CliRunner
from google.protobuf.timestamp_pb2 import Timestamp

from forewarn.exchange.v1 import audit_pb2, envelope_pb2, inbox_pb2, ledger_pb2
from forewarn.exchange.v1 import audit_service_pb2 as audit
from forewarn.exchange.v1 import delivery_service_pb2 as deliveries
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.statement.v1 import header_pb2
from gateway.command import main
from gateway.core.checkpoint import NoteVerifier, open_checkpoint
from gateway.core.commitment import entry_leaf_hash
from gateway.core.errors import Reason
from gateway.core.proof import verify_inclusion
from tests.vectors.rfc6962 import Tree, leaf_hash
from tests.world.audited import stored
from tests.world.ledger_builder import ORIGIN, Party, keyid, party
from tests.world.live import (
    AURORA,
    CALL_SECONDS,
    CIVIL,
    HARBOR,
    NATSEC,
    QUAY,
    Live,
    Statement,
    alert,
    notice,
    refused,
)

AUDIT_ORIGIN = "exchange.example/audit"
TYPE = b"application/vnd.forewarn.inbox-confirmation.v1+protobuf"
BOREALIS = party("borealis", "lab", "release-desk")
SECOND = "spiffe://exchange.example/agency/civil-ai/notice"
SOON = 20.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An entry that a member was shown."""

    index: int
    sender: str
    leaf: bytes


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    live = Live.make(tmp_path_factory.mktemp("deliveries"))
    live.init()
    live.serve()
    live.enrol(AURORA, BOREALIS, CIVIL, NATSEC, HARBOR, QUAY)
    yield live
    if live.process is not None:
        live.stop()


def eventually(question: Callable[[], _T]) -> _T:
    until = time.monotonic() + SOON
    while not (found := question()):
        assert time.monotonic() < until, "it does not come about"
        time.sleep(0.05)
    return found


def say(live: Live, who: Party, sent: Statement) -> int:
    with live.desk(who) as desk:
        index: int = desk.submit(sent).receipt.index
    return index


def pull(live: Live, who: Party, from_size: int = 0) -> list[Shown]:
    """List what was delivered to a member."""
    with live.desk(who) as desk:
        request = pb.ListEntriesRequest(filter=pb.EntryFilter(box=pb.BOX_RECEIVED), page_size=1000)
        answer = desk.exchange.ListEntries(request, timeout=CALL_SECONDS)
    found = [
        Shown(
            index=record.index,
            sender=_sender(record),
            leaf=entry_leaf_hash(record.entry_body, record.salt),
        )
        for record in answer.records
    ]
    return [each for each in found if each.index >= from_size]


def _sender(record: ledger_pb2.Record) -> str:
    body = ledger_pb2.EntryBody.FromString(record.entry_body)
    payload = envelope_pb2.Envelope.FromString(body.envelope).payload
    return header_pb2.Header.FromString(header_pb2.Statement.FromString(payload).header).sender


def size_of(live: Live) -> int:
    with sqlite3.connect(live.state / "ledger.db") as database:
        (size,) = database.execute("SELECT max(size_after) FROM block").fetchone()
    return int(size)


def leaf_of(index: int, hashed: bytes) -> bytes:
    return leaf_hash(b"forewarn/inbox/v1\n\x00" + index.to_bytes(8, "big") + hashed)


def span(rows: Iterable[Shown], from_size: int, to_size: int) -> inbox_pb2.InboxSpan:
    leaves = [leaf_of(each.index, each.leaf) for each in rows]
    root = Tree(leaves.__getitem__).root(len(leaves))
    return inbox_pb2.InboxSpan(from_size=from_size, to_size=to_size, count=len(leaves), root=root)


def signed(who: Party, sender: str, what: inbox_pb2.InboxSpan) -> bytes:
    created = Timestamp()
    created.FromDatetime(datetime.now(UTC))
    created.nanos -= created.nanos % 1000
    payload = inbox_pb2.InboxConfirmation(
        exchange=ORIGIN, recipient=who.member, sender=sender, span=what, created_time=created
    ).SerializeToString(deterministic=True)
    message = b"DSSEv1 %d %b %d %b" % (len(TYPE), TYPE, len(payload), payload)
    return envelope_pb2.Envelope(
        payload=payload,
        payload_type=TYPE.decode(),
        signatures=[
            envelope_pb2.EnvelopeSignature(sig=who.key.sign(message), keyid=keyid(who.key))
        ],
    ).SerializeToString(deterministic=True)


def request_of(
    who: Party, rows: list[Shown], from_size: int, to_size: int, *, sign: bool = True
) -> deliveries.ConfirmInboxRequest:
    senders = sorted({each.sender for each in rows}) if sign else []
    return deliveries.ConfirmInboxRequest(
        span=span(rows, from_size, to_size),
        confirmations=[
            signed(who, sender, span([r for r in rows if r.sender == sender], from_size, to_size))
            for sender in senders
        ],
    )


def confirm(
    live: Live, who: Party, request: deliveries.ConfirmInboxRequest
) -> deliveries.ConfirmInboxResponse:
    with live.desk(who) as desk:
        answer: deliveries.ConfirmInboxResponse = desk.deliveries.ConfirmInbox(
            request, timeout=CALL_SECONDS
        )
    return answer


def confirm_all(live: Live, who: Party, from_size: int = 0, *, sign: bool = True) -> int:
    """Pull and confirm a whole inbox; give the size up to which."""
    size = size_of(live)
    rows = pull(live, who, from_size)
    confirm(live, who, request_of(who, rows, from_size, size, sign=sign))
    return size


def told(live: Live, who: Party, digest: bytes, **asked: Any) -> deliveries.ListDeliveriesResponse:
    with live.desk(who) as desk:
        answer: deliveries.ListDeliveriesResponse = desk.deliveries.ListDeliveries(
            deliveries.ListDeliveriesRequest(digest=digest, **asked), timeout=CALL_SECONDS
        )
    return answer


def proven(live: Live, record: audit.AuditRecord, checkpoint: bytes) -> audit_pb2.AuditEvent:
    """Verify an event under the audit log's key, and give it."""
    stated = json.loads((live.state / "inception.json").read_text())
    key = NoteVerifier.parse(stated["audit_log_key"])
    head = open_checkpoint(checkpoint, [key], AUDIT_ORIGIN)
    leaf = entry_leaf_hash(record.event, record.salt)
    verify_inclusion(leaf, record.index, head.size, record.inclusion_proof, head.root)
    return audit_pb2.AuditEvent.FromString(record.event)


def check_received(
    live: Live, answer: deliveries.ListDeliveriesResponse, at: int, index: int, leaf: bytes
) -> audit_pb2.AuditEvent:
    """Verify a confirmation of an entry all the way down to the entry."""
    received = answer.deliveries[at].received
    event = proven(live, received.record, answer.checkpoint)
    stated = event.inbox_confirmed.span
    assert stated.from_size <= index < stated.to_size
    verify_inclusion(
        leaf_of(index, leaf),
        received.position,
        stated.count,
        received.inclusion_proof,
        stated.root,
    )
    return event


def test_a_confirmed_inbox_is_a_statement_of_the_exchange_that_it_cannot_take_back(
    exchange: Live,
) -> None:
    say(exchange, AURORA, notice(CIVIL, NATSEC))
    say(exchange, BOREALIS, notice(CIVIL, sender=BOREALIS.member, keys=[BOREALIS.key]))
    size, rows = size_of(exchange), pull(exchange, CIVIL)
    answer = confirm(exchange, CIVIL, request_of(CIVIL, rows, 0, size))

    event = proven(exchange, answer.record, answer.checkpoint)
    assert (event.rpc, event.system, event.concerned) == ("ConfirmInbox", CIVIL.system, "")
    assert event.inbox_confirmed.span == span(rows, 0, size)
    assert event.inbox_confirmed.confirmation == b""


def test_each_sender_is_told_of_its_own_and_nothing_of_others(exchange: Live) -> None:
    begin = size_of(exchange)
    one, two = notice(CIVIL), notice(CIVIL, sender=BOREALIS.member, keys=[BOREALIS.key])
    index = say(exchange, AURORA, one)
    others = [say(exchange, BOREALIS, two), say(exchange, NATSEC, alert(NATSEC, CIVIL))]
    rows = pull(exchange, CIVIL, begin)
    size = confirm_all(exchange, CIVIL, begin)
    answer = told(exchange, AURORA, one.digest)

    leaf = next(each.leaf for each in rows if each.index == index)
    event = check_received(exchange, answer, 0, index, leaf)
    own = span([each for each in rows if each.sender == "aurora"], begin, size)
    assert (event.member, event.concerned) == ("civil-ai", "aurora")
    assert event.inbox_confirmed.span == own
    # What the recipient signed is what its sender can show.
    sealed = envelope_pb2.Envelope.FromString(event.inbox_confirmed.confirmation)
    message = b"DSSEv1 %d %b %d %b" % (len(TYPE), TYPE, len(sealed.payload), sealed.payload)
    CIVIL.key.public_key().verify(sealed.signatures[0].sig, message)
    said = inbox_pb2.InboxConfirmation.FromString(sealed.payload)
    assert (said.sender, said.recipient, said.span) == ("aurora", "civil-ai", own)

    # Nothing in the bytes comes from what others sent: no name, no leaf, no root of more.
    answered = answer.SerializeToString()
    whole = span(rows, begin, size)
    for secret in (b"borealis", b"natsec-ai", whole.root):
        assert secret not in answered
    for each in rows:
        if each.index in others:
            assert each.leaf not in answered
            assert leaf_of(each.index, each.leaf) not in answered


def test_released_and_received_are_facts_apart_for_each_recipient(exchange: Live) -> None:
    sent = notice(CIVIL, NATSEC)
    begin = size_of(exchange)
    index = say(exchange, AURORA, sent)
    answer = told(exchange, AURORA, sent.digest)
    assert [each.recipient for each in answer.deliveries] == ["civil-ai", "natsec-ai"]
    assert not any(
        each.HasField("released") or each.HasField("received") for each in answer.deliveries
    )

    pull(exchange, NATSEC)
    answer = told(exchange, AURORA, sent.digest)
    assert not answer.deliveries[0].HasField("released")
    assert not answer.deliveries[1].HasField("received")
    event = proven(exchange, answer.deliveries[1].released, answer.checkpoint)
    assert (event.system, event.rpc) == (NATSEC.system, "ListEntries")
    assert index in event.content_released.entry_indexes

    # Pulled again, it is the first release that counts.
    first = answer.deliveries[1].released.index
    (row,) = pull(exchange, NATSEC, begin)
    confirm_all(exchange, NATSEC, begin)
    answer = told(exchange, AURORA, sent.digest)
    assert answer.deliveries[1].released.index == first
    check_received(exchange, answer, 1, index, row.leaf)
    assert not answer.deliveries[0].HasField("received")


def test_an_alert_is_noted_as_released_though_nothing_waits_for_it(exchange: Live) -> None:
    sent = alert(CIVIL, HARBOR, QUAY)
    index = say(exchange, CIVIL, sent)
    with exchange.desk(HARBOR) as desk:
        stream = desk.exchange.Follow(
            pb.FollowRequest(filter=pb.EntryFilter(box=pb.BOX_RECEIVED)), timeout=CALL_SECONDS
        )
        while index not in [each.index for each in next(stream).records]:
            pass
        stream.cancel()

    def released() -> deliveries.ListDeliveriesResponse | None:
        answer = told(exchange, CIVIL, sent.digest)
        return answer if answer.deliveries[0].HasField("released") else None

    answer = eventually(released)
    assert answer is not None
    event = proven(exchange, answer.deliveries[0].released, answer.checkpoint)
    assert (event.system, event.rpc, event.concerned) == (HARBOR.system, "Follow", "civil-ai")
    assert index in event.content_released.entry_indexes
    assert [each.recipient for each in answer.deliveries] == ["harbor-bank", "quay-bank"]
    assert not answer.deliveries[1].HasField("released")


def test_a_signed_confirmation_goes_before_one_that_is_not(exchange: Live) -> None:
    begin, sent = size_of(exchange), notice(NATSEC)
    index = say(exchange, AURORA, sent)
    (row,) = pull(exchange, NATSEC, begin)
    confirm_all(exchange, NATSEC, begin, sign=False)
    event = check_received(exchange, told(exchange, AURORA, sent.digest), 0, index, row.leaf)
    assert event.inbox_confirmed.confirmation == b""

    confirm_all(exchange, NATSEC, begin)
    event = check_received(exchange, told(exchange, AURORA, sent.digest), 0, index, row.leaf)
    assert event.inbox_confirmed.confirmation

    # Repeated, nothing changes, and it is answered all the same.
    before = told(exchange, AURORA, sent.digest).deliveries[0].received.record.index
    confirm_all(exchange, NATSEC, begin)
    assert told(exchange, AURORA, sent.digest).deliveries[0].received.record.index == before


def test_recipients_come_page_by_page(exchange: Live) -> None:
    sent = alert(CIVIL, HARBOR, QUAY, AURORA, NATSEC)
    say(exchange, CIVIL, sent)
    found, after = [], ""
    while True:
        page = told(exchange, CIVIL, sent.digest, page_size=1, after_recipient=after)
        found += [each.recipient for each in page.deliveries]
        assert len(page.deliveries) == 1
        after = found[-1]
        if not page.more:
            break
    assert found == ["aurora", "harbor-bank", "natsec-ai", "quay-bank"]
    assert len(told(exchange, CIVIL, sent.digest).deliveries) == 4
    assert told(exchange, CIVIL, sent.digest, after_recipient="quay-bank").deliveries == []


def test_what_does_not_exist_and_what_is_anothers_answer_alike(exchange: Live) -> None:
    sent = notice(CIVIL)
    say(exchange, AURORA, sent)
    answers = []
    for who, digest in (
        (CIVIL, sent.digest),
        (HARBOR, sent.digest),
        (HARBOR, sha256(b"nothing").digest()),
    ):
        with pytest.raises(grpc.RpcError) as error:
            told(exchange, who, digest)
        answers.append(refused(error.value))
    assert {each.reason for each in answers} == {Reason.ENTRY_NOT_FOUND}
    assert len({each.raw for each in answers}) == 1


REFUSED: list[tuple[str, dict[str, Any], Reason]] = [
    ("no digest", {"digest": b""}, Reason.FIELD_MISSING),
    ("half a digest", {"digest": bytes(16)}, Reason.FIELD_INVALID),
    ("a page too large", {"digest": bytes(32), "page_size": 1001}, Reason.PAGE_SIZE_INVALID),
    ("no name", {"digest": bytes(32), "after_recipient": "A B"}, Reason.FIELD_INVALID),
]


@pytest.mark.parametrize(("_name", "asked", "reason"), REFUSED, ids=[each[0] for each in REFUSED])
def test_a_question_that_is_none_is_refused(
    exchange: Live, _name: str, asked: dict[str, Any], reason: Reason
) -> None:
    with pytest.raises(grpc.RpcError) as error:
        told(exchange, AURORA, **asked)
    assert refused(error.value).reason == reason


def test_an_inbox_that_differs_is_refused_and_that_is_on_record(exchange: Live) -> None:
    begin = size_of(exchange)
    for _ in range(2):
        say(exchange, AURORA, notice(NATSEC))
    size, rows = size_of(exchange), pull(exchange, NATSEC, begin)
    with pytest.raises(grpc.RpcError) as error:
        confirm(exchange, NATSEC, request_of(NATSEC, rows[:1], begin, size))
    assert refused(error.value).reason == Reason.INBOX_DIFFERS
    assert refused(error.value).code is grpc.StatusCode.FAILED_PRECONDITION

    def on_record() -> bool:
        return any(
            (each.rpc, each.member, each.calls_refused.reason)
            == ("ConfirmInbox", "natsec-ai", "INBOX_DIFFERS")
            for each in stored(exchange)
        )

    assert eventually(on_record)
    # None of it was recorded, and the whole inbox can still be confirmed.
    assert not any(
        each.inbox_confirmed.span.from_size == begin and each.member == "natsec-ai"
        for each in stored(exchange)
    )
    confirm(exchange, NATSEC, request_of(NATSEC, rows, begin, size))


def test_what_the_exchange_has_not_reached_can_be_asked_again(exchange: Live) -> None:
    size = size_of(exchange)
    with pytest.raises(grpc.RpcError) as error:
        confirm(exchange, QUAY, request_of(QUAY, [], size, size + 1000))
    assert refused(error.value).reason == Reason.LEDGER_UNAVAILABLE
    assert refused(error.value).retry

    with pytest.raises(grpc.RpcError) as error:
        confirm(exchange, QUAY, deliveries.ConfirmInboxRequest())
    assert refused(error.value).reason == Reason.FIELD_MISSING


def test_both_are_shown_to_whom_they_concern(exchange: Live) -> None:
    begin = size_of(exchange)
    say(exchange, AURORA, notice(CIVIL))
    confirm_all(exchange, CIVIL, begin)

    def spans(who: Party) -> list[tuple[str, str]]:
        found, request = [], audit.ListAuditEventsRequest(page_size=1000)
        with exchange.desk(who) as desk:
            answer = desk.audit.ListAuditEvents(request, timeout=CALL_SECONDS)
        assert not answer.more
        for record in answer.records:
            event = proven(exchange, record, answer.checkpoint)
            if event.inbox_confirmed.span.from_size == begin and event.member == "civil-ai":
                found.append((event.member, event.concerned))
        return found

    assert spans(CIVIL) == [("civil-ai", ""), ("civil-ai", "aurora")]
    assert spans(AURORA) == [("civil-ai", "aurora")]
    assert spans(BOREALIS) == []


EARLIER = """
DROP TABLE released;
DROP TABLE confirmed;
UPDATE meta SET value = '1' WHERE key = 'schema';
"""


def dump(live: Live) -> list[list[str]]:
    found = []
    for name in ("ledger.db", "audit.db"):
        connection = sqlite3.connect(live.state / name)
        found.append(list(connection.iterdump()))
        connection.close()
    return found


def test_a_store_without_these_tables_is_upgraded_and_tells_the_same(exchange: Live) -> None:
    """The last of this file: it stops the exchange, and starts it again."""
    begin, sent = size_of(exchange), notice(CIVIL)
    say(exchange, AURORA, sent)
    confirm_all(exchange, CIVIL, begin)
    before = told(exchange, AURORA, sent.digest).deliveries
    assert exchange.stop() == 0
    today = dump(exchange)
    assert any('INSERT INTO "confirmed"' in line for line in today[1])
    assert any('INSERT INTO "released"' in line for line in today[1])
    for name in ("ledger.db", "audit.db"):
        with sqlite3.connect(exchange.state / name) as connection:
            connection.executescript(EARLIER)
        connection.close()
    state = str(exchange.state)
    assert CliRunner().invoke(main, ["serve", "--state", state]).exit_code == 1

    ran = CliRunner().invoke(main, ["upgrade", "--state", state])
    assert ran.exit_code == 0, ran.output
    assert dump(exchange) == today
    checked = CliRunner().invoke(main, ["ledger", "check", "--state", state])
    assert checked.exit_code == 0, checked.output
    exchange.serve()
    after = told(exchange, AURORA, sent.digest).deliveries
    assert [each.released.event for each in after] == [each.released.event for each in before]
    assert [each.received.position for each in after] == [0]

    # A row that follows from no event is found.
    assert exchange.stop() == 0
    with sqlite3.connect(exchange.state / "audit.db") as connection:
        connection.execute("DELETE FROM confirmed WHERE member = 'civil-ai' AND signed = 1")
    connection.close()
    damaged = CliRunner().invoke(main, ["ledger", "check", "--state", state])
    assert damaged.exit_code != 0
    assert "confirmed" in damaged.output
