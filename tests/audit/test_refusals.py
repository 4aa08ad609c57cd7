"""Refusals: recorded before their answer leaves, bounded, never twice and never lost to a crowd."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from forewarn.exchange.v1 import audit_pb2
from gateway.audit.journal import Journal, Pace
from gateway.audit.refusals import Alone
from gateway.core.errors import Fault, Reason
from gateway.core.fold import Entry, Outcome, Verdict, fold
from gateway.core.identity import SystemId
from gateway.core.refused import MAX_DIGESTS, OnRecord

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DESK = SystemId.parse("spiffe://exchange.example/agency/civil-ai/notice")
OTHER = SystemId.parse("spiffe://exchange.example/lab/aurora/desk")
BURST = 3
SOON = 10.0


class Recorder:
    """Folds each entry by itself, once it is let."""

    def __init__(self) -> None:
        self.events: list[audit_pb2.AuditEvent] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = self.most = 0
        self.fail_after = 0
        self._writes: dict[str, int] = {}

    async def record(self, entry: Entry) -> Outcome:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        folded = fold([entry], len(self.events), self._writes.get)
        self._writes.update(folded.writes)
        (outcome,) = folded.outcomes
        if outcome.verdict is Verdict.ACCEPTED:
            self.events.append(audit_pb2.AuditEvent.FromString(entry.body))
        if self.fail_after:
            self.fail_after -= 1
            raise Fault(Reason.LEDGER_UNAVAILABLE, "stored, and not acknowledged")
        return outcome


class World:
    def __init__(self, *, seconds: float = SOON, burst: int = BURST) -> None:
        self.recorder = Recorder()
        self.down = False
        # Nothing is delivered here that could have been delivered before.
        nothing: Any = None
        self.journal = Journal(
            recorder=self.recorder,
            check=self.check,
            now=lambda: NOON,
            reader=nothing,
            salt=iter(number.to_bytes(32, "big") for number in range(10_000)).__next__,
            pace=Pace(
                shortest=0.01,
                longest=SOON,
                flood=5,
                retry=0.01,
                alone=Alone(per_second=0.001, burst=burst, seconds=seconds),
            ),
        )

    def check(self) -> None:
        if self.down:
            raise Fault(Reason.LEDGER_UNAVAILABLE, "away")

    async def refuse(
        self,
        reason: Reason = Reason.CASE_NOT_FOUND,
        system: SystemId | None = DESK,
        digest: bytes | None = None,
    ) -> OnRecord:
        return await self.journal.refused(
            system=system, rpc="GetCase", reason=reason, digest=digest
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        task = asyncio.create_task(self.journal.run())
        try:
            async with asyncio.timeout(SOON):
                yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def counts(self) -> Counter[str]:
        found = Counter[str]()
        for each in self.recorder.events:
            found[each.calls_refused.reason] += each.calls_refused.count
        return found


@pytest.mark.asyncio
async def test_a_refusal_is_on_record_when_its_answer_leaves() -> None:
    world = World()

    on_record = await world.refuse(digest=bytes(range(32)))

    assert on_record.index == 0
    (event,) = world.recorder.events
    assert (event.rpc, event.system, event.member) == ("GetCase", str(DESK), "civil-ai")
    refused = event.calls_refused
    assert (refused.reason, refused.count) == ("CASE_NOT_FOUND", 1)
    assert list(refused.digests) == [bytes(range(32))]
    await world.journal.flush()
    assert world.counts() == {"CASE_NOT_FOUND": 1}


@pytest.mark.asyncio
async def test_those_of_one_moment_are_handed_on_together() -> None:
    world = World()
    world.recorder.gate.clear()
    waiting = [asyncio.create_task(world.refuse()) for _ in range(BURST)]
    while world.recorder.under_way < BURST:  # noqa: ASYNC110 - another task's number
        await asyncio.sleep(0)
    world.recorder.gate.set()

    places = await asyncio.gather(*waiting)

    assert sorted(on_record.index or 0 for on_record in places) == list(range(BURST))


@pytest.mark.asyncio
async def test_a_flood_is_counted_and_takes_nothing_from_others() -> None:
    world = World()

    flood = [await world.refuse() for _ in range(100)]
    others = await world.refuse(system=OTHER)

    assert [on_record.index for on_record in flood] == [*range(BURST), *[None] * (100 - BURST)]
    assert others.index == BURST
    await world.journal.flush()
    assert world.counts() == {"CASE_NOT_FOUND": 101}
    assert len(world.recorder.events) == BURST + 2


@pytest.mark.asyncio
async def test_very_many_systems_together_are_bounded_as_well() -> None:
    world = World()
    systems = [
        SystemId.parse(f"spiffe://exchange.example/lab/aurora/desk-{number}")
        for number in range(100)
    ]

    places = [await world.refuse(system=system) for system in systems]

    assert sum(on_record.index is not None for on_record in places) == 16 * BURST


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("system", "reason"),
    [
        (None, Reason.SPIFFE_ID_MISSING),
        (DESK, Reason.MEMBER_UNKNOWN),
        (DESK, Reason.SYSTEM_UNKNOWN),
    ],
)
async def test_whom_the_directory_does_not_know_is_only_counted(
    system: SystemId | None, reason: Reason
) -> None:
    world = World()

    assert (await world.refuse(reason, system)).index is None

    assert world.recorder.events == []
    await world.journal.flush()
    assert world.counts() == {reason: 1}


@pytest.mark.asyncio
async def test_a_suspended_system_is_told_as_well() -> None:
    assert (await World().refuse(Reason.SYSTEM_SUSPENDED)).index == 0


@pytest.mark.asyncio
@pytest.mark.parametrize("reason", [Reason.CASE_NOT_FOUND, Reason.EQUIVOCATION])
async def test_an_audit_log_that_does_not_work_is_not_waited_for(reason: Reason) -> None:
    world = World()
    world.down = True
    world.recorder.gate.clear()

    assert (await world.refuse(reason)).index is None

    world.down = False
    world.recorder.gate.set()
    await world.journal.flush()
    assert world.counts() == {reason: 1}


@pytest.mark.asyncio
async def test_what_is_late_is_recorded_once_and_the_next_do_not_wait() -> None:
    world = World(seconds=0.02)
    world.recorder.gate.clear()
    assert (await world.refuse()).index is None

    # The one before is not known to have come through: this one is counted at once.
    assert (await world.refuse()).index is None
    assert world.recorder.most == 1

    world.recorder.gate.set()
    await world.journal.finish()
    assert world.counts() == {"CASE_NOT_FOUND": 2}
    assert (await world.refuse()).index == 2


@pytest.mark.asyncio
async def test_a_caller_that_leaves_takes_no_record_along() -> None:
    world = World()
    world.recorder.gate.clear()
    leaving = asyncio.create_task(world.refuse())
    while not world.recorder.under_way:  # noqa: ASYNC110 - another task's number
        await asyncio.sleep(0)
    leaving.cancel()
    with suppress(asyncio.CancelledError):
        await leaving

    world.recorder.gate.set()
    await world.journal.finish()

    assert world.counts() == {"CASE_NOT_FOUND": 1}


@pytest.mark.asyncio
async def test_an_attempt_that_failed_after_all_is_not_recorded_twice() -> None:
    world = World()
    world.recorder.fail_after = 1

    assert (await world.refuse()).index is None
    await world.journal.flush()

    assert world.counts() == {"CASE_NOT_FOUND": 1}
    assert (await world.refuse()).index == 1


@pytest.mark.asyncio
async def test_an_equivocation_is_on_record_however_many_there_are() -> None:
    world = World()
    async with world.running():
        for _ in range(40):
            await world.refuse()
        places = await asyncio.gather(
            *(world.refuse(Reason.EQUIVOCATION, digest=bytes([n]) * 32) for n in range(100))
        )
        for on_record in places:
            assert on_record.index is not None
            refused = world.recorder.events[on_record.index].calls_refused
            assert refused.reason == "EQUIVOCATION"
            assert len(refused.digests) == min(refused.count, MAX_DIGESTS)
    # The flood before them was counted: they did not wait for its pause, nor one by one.
    assert world.counts()["EQUIVOCATION"] == 100
    assert len(world.recorder.events) <= 2 * BURST + 4


@pytest.mark.asyncio
async def test_an_equivocation_waits_however_slow_the_audit_log_is() -> None:
    world = World(seconds=0.01)
    world.recorder.gate.clear()
    assert (await world.refuse()).index is None
    said = asyncio.create_task(world.refuse(Reason.EQUIVOCATION))
    await asyncio.sleep(0.1)
    assert not said.done()

    world.recorder.gate.set()

    on_record = await said
    assert on_record.index is not None
    assert world.recorder.events[on_record.index].calls_refused.reason == "EQUIVOCATION"


@pytest.mark.asyncio
async def test_an_equivocation_whose_count_cannot_be_recorded_is_answered_and_kept() -> None:
    world = World(burst=0)
    async with world.running():
        said = asyncio.create_task(world.refuse(Reason.EQUIVOCATION))
        await asyncio.sleep(0)
        world.down = True
        assert (await said).index is None
        world.down = False
        while not world.recorder.events:  # noqa: ASYNC110 - another task's list
            await asyncio.sleep(0.005)
    assert world.counts() == {"EQUIVOCATION": 1}


@pytest.mark.asyncio
async def test_a_count_that_an_equivocation_waits_for_is_not_put_off() -> None:
    world = World(burst=0)
    refusals = world.journal._refusals
    pausing = asyncio.create_task(refusals.pause(10 * SOON))
    said = asyncio.create_task(world.refuse(Reason.EQUIVOCATION))
    async with asyncio.timeout(SOON):
        await pausing
        await world.journal.flush()
        assert (await said).index == 0

    # With nobody waiting, a pause is one again.
    done, _ = await asyncio.wait([later := asyncio.create_task(refusals.pause(SOON))], timeout=0.05)
    later.cancel()
    assert not done
