"""The journal: nothing leaves unrecorded, nothing noted is recorded twice, a flood is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from forewarn.exchange.v1 import audit_pb2
from gateway.audit.journal import Journal, Pace
from gateway.audit.refusals import Alone
from gateway.audit.scribe import Scribe
from gateway.core.audit import (
    MAX_DELIVERIES_OF_ONE,
    Act,
    AdminAct,
    ContentReleased,
    Event,
)
from gateway.core.errors import Fault, Reason
from gateway.core.fold import Entry, Folded, Outcome, Verdict, fold
from gateway.core.identity import SystemId

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DESK = SystemId.parse("spiffe://exchange.example/agency/civil-ai/notice")
OTHER = SystemId.parse("spiffe://exchange.example/operator/harbor-bank/security")
RELEASE = Event(happening=ContentReleased(entry_indexes=(3,)), rpc="GetEntry", system=DESK)
PACE = Pace(
    shortest=0.01, longest=0.08, flood=5, retry=0.01, alone=Alone(per_second=0.001, burst=1)
)


class Recorder:
    """Folds each entry by itself; fails as often as it is told, before or after it has recorded."""

    def __init__(self) -> None:
        self.recorded: list[Entry] = []
        self.fail_before = 0
        self.fail_after = 0
        self._writes: dict[str, int] = {}

    async def record(self, entry: Entry) -> Outcome:
        await asyncio.sleep(0)
        if self.fail_before:
            self.fail_before -= 1
            raise Fault(Reason.LEDGER_UNAVAILABLE, "not stored")
        folded: Folded = fold([entry], len(self.recorded), self._writes.get)
        self._writes.update(folded.writes)
        (outcome,) = folded.outcomes
        if outcome.verdict is Verdict.ACCEPTED:
            self.recorded.append(entry)
        if self.fail_after:
            self.fail_after -= 1
            raise Fault(Reason.LEDGER_UNAVAILABLE, "stored, and not acknowledged")
        return outcome

    @property
    def events(self) -> list[audit_pb2.AuditEvent]:
        return [audit_pb2.AuditEvent.FromString(entry.body) for entry in self.recorded]


class Log:
    """What the journal asks the audit log: which entries left for a member before."""

    def __init__(self) -> None:
        self.released: set[int] = set()
        self.fault: Fault | None = None

    @contextmanager
    def snapshot(self) -> Iterator[Any]:
        if self.fault is not None:
            raise self.fault
        yield self

    def not_released(self, member: str, indexes: Sequence[int]) -> list[int]:
        assert member in {"civil-ai", "harbor-bank"}
        return [index for index in indexes if index not in self.released]

    def prove(self, indexes: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
        raise AssertionError((indexes, size))


class World:
    def __init__(self) -> None:
        self.log = Log()
        self.recorder = Recorder()
        self.now = NOON
        self.salts = 0
        self.down: Fault | None = None
        self.journal = Journal(
            recorder=self.recorder,
            check=self.check,
            now=lambda: self.now,
            salt=self.salt,
            reader=self.log,
            pace=PACE,
        )

    def check(self) -> None:
        if self.down is not None:
            raise self.down

    def salt(self) -> bytes:
        self.salts += 1
        return self.salts.to_bytes(32, "big")

    async def refuse(self, times: int) -> None:
        """Have a caller without a name refused: counted, and waiting for nothing."""
        for _ in range(times):
            trace = await self.journal.refused(
                system=None, rpc="GetCase", reason=Reason.SPIFFE_ID_MISSING, digest=None
            )
            assert trace.index is None

    async def until(self, events: int) -> None:
        running = asyncio.create_task(self.journal.run())
        async with asyncio.timeout(5):
            while len(self.recorder.recorded) < events:  # noqa: ASYNC110 - another task's list
                await asyncio.sleep(0.005)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@pytest.mark.asyncio
async def test_a_release_is_recorded_when_it_returns() -> None:
    world = World()

    await world.journal.released([RELEASE, RELEASE])

    assert len(world.recorder.recorded) == 2
    assert len({entry.salt for entry in world.recorder.recorded}) == 2


@pytest.mark.asyncio
@pytest.mark.parametrize("reason", [Reason.LEDGER_UNAVAILABLE, Reason.LEDGER_NOT_PROVEN])
async def test_what_cannot_be_recorded_may_not_leave(reason: Reason) -> None:
    world = World()
    world.down = Fault(reason, "halted")
    with pytest.raises(Fault) as refused:
        await world.journal.released([RELEASE])
    assert refused.value.reason is Reason.LEDGER_UNAVAILABLE

    world.down = None
    world.recorder.fail_before = 1
    with pytest.raises(Fault) as refused:
        await world.journal.released([RELEASE])
    assert refused.value.reason is Reason.LEDGER_UNAVAILABLE

    await world.journal.released([])
    assert world.recorder.recorded == []


@pytest.mark.asyncio
async def test_an_event_that_is_taken_for_malformed_releases_nothing() -> None:
    world = World()
    journal = Journal(
        recorder=world.recorder,
        check=world.check,
        now=lambda: NOON,
        salt=lambda: b"short",
        reader=world.log,
    )

    with pytest.raises(Fault):
        await journal.released([RELEASE])


@pytest.mark.asyncio
async def test_what_is_noted_is_recorded_once_whatever_fails() -> None:
    world = World()
    world.journal.acted(AdminAct(act=Act.START))
    await world.refuse(3)
    world.recorder.fail_before = 1
    world.recorder.fail_after = 2

    await world.until(2)
    await world.journal.flush()
    await world.journal.flush()

    found = {(each.admin_act.kind, each.calls_refused.count) for each in world.recorder.events}
    assert len(world.recorder.recorded) == 2
    assert found == {(Act.START.value, 0), (0, 3)}


@pytest.mark.asyncio
async def test_an_outage_loses_no_count() -> None:
    world = World()
    world.down = Fault(Reason.LEDGER_UNAVAILABLE, "away")
    await world.refuse(2)
    with pytest.raises(Fault):
        await world.journal.flush()
    await world.refuse(4)
    with pytest.raises(Fault):
        await world.journal.flush()

    world.down = None
    await world.until(2)

    assert [each.calls_refused.count for each in world.recorder.events] == [2, 4]


@pytest.mark.asyncio
async def test_under_a_flood_the_pauses_grow() -> None:
    world = World()
    running = asyncio.create_task(world.journal.run())
    began = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() - began < 0.5:
        await world.refuse(20)
        await asyncio.sleep(0.001)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    # Every 0.01 s it would have been fifty.
    assert 2 <= len(world.recorder.recorded) <= 14


@pytest.mark.asyncio
async def test_times_never_run_backwards() -> None:
    world = World()
    await world.journal.released([RELEASE])
    world.now = NOON - timedelta(hours=1)
    await world.journal.released([RELEASE])

    assert [each.event_time.ToDatetime(UTC) for each in world.recorder.events] == [NOON, NOON]

    # What a run before has left may be folded only after this one has begun.
    newest, later = [NOON], NOON + timedelta(days=1)
    journal = Journal(
        recorder=world.recorder,
        check=world.check,
        now=lambda: NOON,
        salt=world.salt,
        reader=world.log,
        last=lambda: newest[-1],
    )
    newest.append(later)
    await journal.released([RELEASE])
    assert world.recorder.events[-1].event_time.ToDatetime(UTC) == later


@pytest.mark.asyncio
async def test_events_are_dated_in_the_order_in_which_they_are_handed_on() -> None:
    world, ticks = World(), count()
    scribe = Scribe(
        recorder=world.recorder,
        check=world.check,
        now=lambda: NOON + timedelta(seconds=next(ticks)),
        salt=world.salt,
        last=lambda: None,
    )
    together = asyncio.create_task(scribe.record_together([RELEASE, RELEASE]))
    await asyncio.sleep(0)
    # The others have begun, and are not handed on yet.
    await scribe.record(scribe.note(RELEASE))
    await together
    times = [each.event_time.ToDatetime(UTC) for each in world.recorder.events]
    assert times == [NOON + timedelta(seconds=n) for n in range(3)]


@pytest.mark.asyncio
async def test_what_waited_through_an_outage_is_not_dated_back() -> None:
    world = World()
    await world.refuse(1)
    world.recorder.fail_before = 1
    with pytest.raises(Fault):
        await world.journal.flush()
    world.now = NOON + timedelta(hours=1)
    # What is read comes through first, as soon as the audit log is there again.
    await world.journal.released([RELEASE])
    await world.journal.flush()

    times = [each.event_time.ToDatetime(UTC) for each in world.recorder.events]
    assert times == [world.now, world.now]


@pytest.mark.asyncio
async def test_notes_are_bounded_and_never_push_out_an_act() -> None:
    world = World()
    world.journal.acted(AdminAct(act=Act.HALT, reason=Reason.LEDGER_NOT_PROVEN))
    for _ in range(1000):
        world.journal.noted(RELEASE)

    await world.journal.flush()

    assert len(world.recorder.recorded) == 257
    assert world.recorder.events[0].admin_act.reason == "LEDGER_NOT_PROVEN"


@pytest.mark.asyncio
async def test_a_confirmation_is_recorded_when_it_returns_and_names_its_events() -> None:
    world = World()
    await world.journal.released([RELEASE])

    assert await world.journal.confirmed([RELEASE, RELEASE]) == [1, 2]

    world.recorder.fail_after = 1
    with pytest.raises(Fault) as refused:
        await world.journal.confirmed([RELEASE])
    assert refused.value.reason is Reason.LEDGER_UNAVAILABLE
    assert "confirmed" in refused.value.detail


@pytest.mark.asyncio
async def test_what_was_delivered_is_gathered_and_recorded_once_whatever_fails() -> None:
    world = World()
    for index in (7, 3, 7):
        world.journal.delivered(system=DESK, rpc="Follow", sender="aurora", indexes=[index])
    world.journal.delivered(system=DESK, rpc="Follow", sender="borealis", indexes=[5])
    world.recorder.fail_before = 1
    world.recorder.fail_after = 1

    await world.until(2)
    await world.journal.flush()

    found = {
        (each.concerned, tuple(each.content_released.entry_indexes))
        for each in world.recorder.events
    }
    assert len(world.recorder.recorded) == 2
    assert found == {("aurora", (3, 7)), ("borealis", (5,))}


@pytest.mark.asyncio
async def test_what_was_delivered_before_is_not_recorded_again() -> None:
    world = World()
    world.log.released = {1, 3}
    world.journal.delivered(system=DESK, rpc="ListEntries", sender="aurora", indexes=[1, 2, 3, 4])
    world.journal.delivered(system=DESK, rpc="ListEntries", sender="borealis", indexes=[1])
    await world.journal.flush()
    assert [tuple(e.content_released.entry_indexes) for e in world.recorder.events] == [(2, 4)]

    # Where that cannot be read, it is recorded all the same.
    world.log.fault = Fault(Reason.LEDGER_NOT_PROVEN, "damaged")
    world.journal.delivered(system=DESK, rpc="ListEntries", sender="borealis", indexes=[1])
    await world.journal.flush()
    assert world.recorder.events[-1].content_released.entry_indexes == [1]


@pytest.mark.asyncio
async def test_more_events_than_a_block_takes_are_recorded_in_parts() -> None:
    world = World()
    for number in range(1200):
        world.journal.delivered(system=DESK, rpc="Follow", sender=f"lab-{number}", indexes=[number])
    world.recorder.fail_after = 1
    with pytest.raises(Fault):
        await world.journal.flush()
    await world.journal.flush()

    told = sorted(
        index for each in world.recorder.events for index in each.content_released.entry_indexes
    )
    assert told == list(range(1200))


@pytest.mark.asyncio
async def test_deliveries_that_are_too_many_are_counted_and_push_out_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    world.journal.noted(RELEASE)
    world.journal.delivered(
        system=DESK, rpc="ListEntries", sender="aurora", indexes=range(MAX_DELIVERIES_OF_ONE + 5)
    )
    world.journal.delivered(system=OTHER, rpc="ListEntries", sender="aurora", indexes=[1])

    await world.journal.flush()

    by_system = {each.system for each in world.recorder.events}
    told = sum(len(each.content_released.entry_indexes) for each in world.recorder.events)
    assert told == MAX_DELIVERIES_OF_ONE + 2
    assert str(OTHER) in by_system
    assert "5 deliveries" in caplog.text
