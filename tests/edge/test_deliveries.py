"""Nothing is confirmed before it is recorded; nobody is told more than is proven and its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from forewarn.exchange.v1 import audit_pb2, inbox_pb2
from forewarn.exchange.v1 import delivery_service_pb2 as pb
from gateway.audit.journal import Journal
from gateway.core.audit import ContentReleased, Event, InboxConfirmed
from gateway.core.commitment import entry_leaf_hash
from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.inbox import Delivered, by_sender, span_of
from gateway.core.proof import leaf_hash, verify_inclusion
from gateway.edge import deliveries
from gateway.edge.deliveries import DeliveryService, Shelf
from gateway.edge.readings import Readings
from gateway.ports.reading import SignedHead
from gateway.wire.audit import encode
from tests.world.actors import Actor
from tests.world.audit_log import AuditLog
from tests.world.store_ledger import StoreLedger
from tests.world.world import Recorded, World


@dataclass(slots=True, kw_only=True, eq=False)
class Head:
    """The ledger's newest checkpoint; it may lag behind."""

    world: World
    behind: int = 0

    @property
    def size(self) -> int:
        return self.world.size - self.behind

    @property
    def current(self) -> SignedHead:
        return SignedHead(note=b"note", size=self.size, root=bytes(32))

    async def wait_beyond(self, size: int) -> SignedHead:
        raise AssertionError(size)


@dataclass(slots=True, kw_only=True, eq=False)
class Exchange:
    """The service over real stores and a real journal, without connections."""

    world: World
    audit: AuditLog
    head: Head
    readings: Readings
    service: DeliveryService
    down: Fault | None = None
    halted: Fault | None = None

    @classmethod
    def make(cls, folder: Path) -> Exchange:
        world, audit, readings = World(StoreLedger(folder)), AuditLog(folder), Readings(1)
        world.__enter__()
        salts = count(1 << 60)
        made: Exchange

        def check() -> None:
            if made.down is not None:
                raise made.down

        def check_writable() -> None:
            if made.halted is not None:
                raise made.halted

        journal = Journal(
            recorder=audit,
            check=check,
            now=lambda: world.pen.now,
            salt=lambda: next(salts).to_bytes(32, "big"),
            reader=audit,
        )

        async def directory() -> Any:
            return world.directory

        head = Head(world=world)
        made = cls(
            world=world,
            audit=audit,
            head=head,
            readings=readings,
            service=DeliveryService(
                ledger=Shelf(reader=world.ledger, head=head),
                audit_log=Shelf(reader=audit, head=audit),
                callers=cast("Any", SimpleNamespace(directory=directory)),
                readings=readings,
                journal=journal,
                check_writable=check_writable,
            ),
        )
        return made

    def close(self) -> None:
        self.readings.close()
        self.audit.close()
        self.world.__exit__()

    def caller(self, actor: Actor) -> Any:
        async def room(most: int) -> None:
            assert most > 0

        place = SimpleNamespace(room=room, holds=lambda size: None)
        return SimpleNamespace(
            id=actor.member, system=actor.system, received_time=self.world.pen.now, place=place
        )

    def delivered(self, actor: Actor, from_size: int = 0) -> list[Delivered]:
        with self.world.ledger.snapshot() as snapshot:
            return snapshot.delivered(actor.member, from_size, self.world.size, 9999)

    def confirm(self, actor: Actor, from_size: int = 0) -> pb.ConfirmInboxResponse:
        span = span_of(self.delivered(actor, from_size), from_size, self.world.size)
        request = pb.ConfirmInboxRequest(
            span=inbox_pb2.InboxSpan(
                from_size=span.from_size, to_size=span.to_size, count=span.count, root=span.root
            )
        )
        answer: pb.ConfirmInboxResponse = asyncio.run(
            self.service.confirm_inbox(self.caller(actor), request)
        )
        return answer

    def told(self, actor: Actor, digest: bytes, **asked: Any) -> pb.ListDeliveriesResponse:
        request = pb.ListDeliveriesRequest(digest=digest, **asked)
        answer: pb.ListDeliveriesResponse = asyncio.run(
            self.service.list_deliveries(self.caller(actor), request)
        )
        return answer

    def released(self, actor: Actor, sender: Actor, *indexes: int) -> None:
        event = Event(
            happening=ContentReleased(entry_indexes=indexes),
            rpc="ListEntries",
            system=actor.system,
            concerned=sender.id,
        )
        self.audit.fold(encode(event, self.world.pen.now))


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    made = Exchange.make(tmp_path)
    yield made
    made.close()


@pytest.fixture
def sent(exchange: Exchange) -> Recorded:
    world = exchange.world
    return world.submit(world.aurora.notice(world.civil, world.natsec))


def test_what_cannot_be_recorded_is_not_confirmed(exchange: Exchange, sent: Recorded) -> None:
    exchange.down = Fault(Reason.LEDGER_NOT_PROVEN, "away")
    with pytest.raises(Fault) as fault:
        exchange.confirm(exchange.world.civil)
    assert fault.value.reason is Reason.LEDGER_UNAVAILABLE
    assert exchange.audit.size == 0

    exchange.down = None
    answer = exchange.confirm(exchange.world.civil)
    assert answer.record.index == 0
    assert exchange.audit.size == 2


def test_a_ledger_that_is_not_proven_confirms_nothing(exchange: Exchange, sent: Recorded) -> None:
    exchange.halted = Fault(Reason.LEDGER_NOT_PROVEN, "halted")
    with pytest.raises(Fault) as fault:
        exchange.confirm(exchange.world.civil)
    assert fault.value.reason is Reason.LEDGER_NOT_PROVEN
    assert exchange.audit.size == 0


def test_a_gateway_that_lags_confirms_and_tells_nothing(exchange: Exchange, sent: Recorded) -> None:
    exchange.head.behind = 1
    with pytest.raises(Fault) as fault:
        exchange.confirm(exchange.world.civil)
    assert fault.value.reason is Reason.LEDGER_UNAVAILABLE
    # To whom no checkpoint has shown the statement, it is not there.
    with pytest.raises(Refusal) as refused:
        exchange.told(exchange.world.aurora, sent.digest)
    assert refused.value.reason is Reason.ENTRY_NOT_FOUND


def test_what_no_checkpoint_of_the_audit_log_covers_is_not_told(
    exchange: Exchange, sent: Recorded
) -> None:
    world = exchange.world
    exchange.released(world.civil, world.aurora, sent.index)
    exchange.confirm(world.civil)
    size = exchange.audit.size
    assert size == 3

    for unsigned, facts in ((0, (True, True)), (1, (True, False)), (3, (False, False))):
        exchange.audit.unsigned = unsigned
        answer = exchange.told(world.aurora, sent.digest)
        told = answer.deliveries[0]
        assert (told.HasField("released"), told.HasField("received")) == facts
        assert answer.checkpoint == b"audit note %d" % (size - unsigned)


def test_what_is_not_signed_yet_hides_nothing_that_can_be_proven(
    exchange: Exchange, sent: Recorded
) -> None:
    """Or the sender would take the first for a comparison that left its statement out."""
    world = exchange.world
    exchange.confirm(world.civil)
    first = exchange.told(world.aurora, sent.digest).deliveries[0].received.record.index
    before = exchange.audit.size
    exchange.audit.fold(_signed_by_civil(exchange))
    exchange.audit.unsigned = exchange.audit.size - before

    told = exchange.told(world.aurora, sent.digest).deliveries[0]
    assert told.HasField("received")
    assert told.received.record.index == first
    # Once a checkpoint covers it, what the recipient signed is shown instead.
    exchange.audit.unsigned = 0
    told = exchange.told(world.aurora, sent.digest).deliveries[0]
    assert told.received.record.index == before


def _signed_by_civil(exchange: Exchange) -> bytes:
    """Give an event like that of the comparison, with something signed in it."""
    world = exchange.world
    own = by_sender(exchange.delivered(world.civil))[world.aurora.id]
    event = Event(
        happening=InboxConfirmed(span=span_of(own, 0, world.size), confirmation=b"signed"),
        rpc="ConfirmInbox",
        system=world.civil.system,
        concerned=world.aurora.id,
    )
    return encode(event, world.pen.now)


def test_the_proof_is_of_this_entry_among_those_of_its_sender(exchange: Exchange) -> None:
    world = exchange.world
    mine = [world.submit(world.aurora.notice(world.civil)) for _ in range(4)]
    for _ in range(3):
        world.submit(world.borealis.notice(world.civil))
        mine.append(world.submit(world.aurora.notice(world.civil)))
    begin = mine[2].index
    exchange.confirm(world.civil, begin)
    own = by_sender(exchange.delivered(world.civil, begin))["aurora"]

    for position, each in enumerate(mine[2:]):
        (told,) = exchange.told(world.aurora, each.digest).deliveries
        event = audit_pb2.AuditEvent.FromString(told.received.record.event)
        span = event.inbox_confirmed.span
        assert (told.received.position, span.count) == (position, len(own))
        leaf = leaf_hash(own[position].leaf)
        proof = told.received.inclusion_proof
        verify_inclusion(leaf, position, span.count, proof, span.root)
        root = exchange.audit.current
        verify_inclusion(
            entry_leaf_hash(told.received.record.event, told.received.record.salt),
            told.received.record.index,
            root.size,
            told.received.record.inclusion_proof,
            root.root,
        )
    # What lies before the span is not confirmed.
    (told,) = exchange.told(world.aurora, mine[0].digest).deliveries
    assert not told.HasField("received")


@pytest.mark.parametrize("bound", ["PAGE_BYTES", "MAX_READ"])
def test_a_page_ends_early_and_the_next_goes_on(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    world = exchange.world
    recipients = [world.harbor, world.quay, world.mercy]
    sent = world.submit(world.civil.alert(*recipients))
    for each in recipients:
        exchange.confirm(each)
    whole = exchange.told(world.civil, sent.digest)
    assert [each.recipient for each in whole.deliveries] == sorted(str(r) for r in recipients)
    assert not whole.more

    monkeypatch.setattr(deliveries, bound, 0)
    found: list[pb.Delivery] = []
    while True:
        after = found[-1].recipient if found else ""
        page = exchange.told(world.civil, sent.digest, after_recipient=after)
        assert len(page.deliveries) == 1
        found += page.deliveries
        if not page.more:
            break
    assert found == list(whole.deliveries)


def test_where_a_page_ends_does_not_tell_what_others_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(folder: Path, busy: str) -> list[int]:
        """Tell how many recipients a page holds, where another sender wrote to one of them."""
        folder.mkdir()
        exchange = Exchange.make(folder)
        try:
            world = exchange.world
            recipients = {"harbor": world.harbor, "quay": world.quay, "mercy": world.mercy}
            sent = world.submit(world.civil.alert(*recipients.values()))
            for _ in range(3):
                world.submit(world.natsec.alert(recipients[busy]))
            for each in recipients.values():
                exchange.confirm(each)
            found = []
            for most in range(3 * world.size):
                monkeypatch.setattr(deliveries, "MAX_READ", most)
                found.append(len(exchange.told(world.civil, sent.digest).deliveries))
            return found
        finally:
            exchange.close()

    quiet, busy = ends(tmp_path / "quiet", "quay"), ends(tmp_path / "busy", "harbor")
    assert quiet == busy
    assert {1, 2, 3} == set(quiet)


def test_what_was_written_past_the_gateway_is_not_vouched_for(
    exchange: Exchange, sent: Recorded
) -> None:
    """A confirmation that somebody wrote into the stream, of an entry that it does not hold."""
    world = exchange.world

    def forged(to_size: int, concerned: str) -> bytes:
        span = inbox_pb2.InboxSpan(from_size=0, to_size=to_size, count=1, root=bytes(32))
        return audit_pb2.AuditEvent(
            event_time={"seconds": 1},
            member="harbor-bank",
            system=str(world.harbor.system),
            concerned=concerned,
            inbox_confirmed=audit_pb2.InboxConfirmed(span=span),
        ).SerializeToString(deterministic=True)

    other = world.submit(world.civil.alert(world.harbor))
    exchange.audit.fold(forged(other.index, "civil-ai"))
    (told,) = exchange.told(world.civil, other.digest).deliveries
    assert not told.HasField("received")

    # One of a place that this ledger has not reached can only be another gateway's.
    later = world.submit(world.civil.alert(world.harbor))
    exchange.audit.fold(forged(world.size + 5, "civil-ai"))
    with pytest.raises(Fault) as fault:
        exchange.told(world.civil, later.digest)
    assert fault.value.reason is Reason.LEDGER_UNAVAILABLE


def test_time_has_to_be_about_the_same(exchange: Exchange, sent: Recorded) -> None:
    """The event bears the time of the exchange, whatever the recipient states."""
    exchange.world.pass_time(timedelta(hours=1))
    answer = exchange.confirm(exchange.world.civil)
    event = audit_pb2.AuditEvent.FromString(answer.record.event)
    assert event.event_time.ToSeconds() == int(exchange.world.pen.now.timestamp())
