"""The lease has one holder at a time, by any clock, through lost answers and races."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.core.errors import Fault
from gateway.ledger.claim import MAX_CLAIM_BYTES, Claim, Hold
from gateway.ledger.lease import Candidate, Lease, asked, nominated
from gateway.ledger.lease_kv import KvLeasePlace
from gateway.ledger.memory_nodes import MemoryLeasePlace, WriteFailure
from gateway.ledger.nats_roles import Role
from gateway.ledger.stream_setup import create_lease
from gateway.ports.nodes import LeasePlace
from tests.ledger.running import PATIENCE, connection, server

SECONDS = 9.0


@dataclass(slots=True, kw_only=True)
class Node:
    """A node with a clock of its own, which agrees with no other's."""

    name: str
    place: LeasePlace
    now: float = field(default_factory=lambda: random.Random(7).uniform(0, 1e6))
    fit: bool = True
    heard: list[Mapping[str, bytes]] = field(default_factory=list)
    lease: Lease = field(init=False)

    def __post_init__(self) -> None:
        self.lease = self.run("1")

    def run(self, run: str) -> Lease:
        """Begin a run of the node, as a restart does."""
        candidate = Candidate(
            node=self.name,
            token=f"{self.name}-{run}",
            fit=lambda: self.fit,
            notes=lambda: {"LEDGER": b"note of " + self.name.encode()},
            heard=self.heard.append,
        )
        self.lease = Lease(
            self.place,
            candidate,
            seconds=SECONDS,
            clock=lambda: self.now,
            written=lambda: "noon",
        )
        return self.lease

    async def step(self, seconds: float = 0.0) -> bool:
        """Let time pass here alone, do what is due, and say whether the lease is held."""
        self.now += seconds
        with suppress(Fault):
            await self.lease.step()
        return self.lease.held


@pytest.fixture
def place() -> MemoryLeasePlace:
    return MemoryLeasePlace()


@pytest.fixture
def one(place: MemoryLeasePlace) -> Node:
    return Node(name="one", place=place)


@pytest.fixture
def two(place: MemoryLeasePlace) -> Node:
    return Node(name="two", place=place, now=3.0)


@pytest_asyncio.fixture(params=["memory", "nats"])
async def any_place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[LeasePlace]:
    if request.param == "memory":
        yield MemoryLeasePlace()
        return
    async with server(tmp_path) as nats:
        async with connection(nats, Role.KEEPER) as keeper:
            await create_lease(keeper, replicas=1)
        async with connection(nats, Role.INTEGRATOR) as integrator:
            yield KvLeasePlace(integrator)


@pytest.mark.asyncio
async def test_of_writes_at_once_one_wins(any_place: LeasePlace) -> None:
    assert await any_place.read() is None
    values = [bytes([n]) for n in range(8)]
    for last in (0, None):
        standing = await any_place.read()
        revision = standing.revision if standing else 0
        assert last is None or revision == 0
        done = await asyncio.gather(
            *(any_place.write(value, revision=revision) for value in values)
        )
        (winner,) = (n for n, written in enumerate(done) if written is not None)
        standing = await any_place.read()
        assert standing is not None
        assert (standing.value, standing.revision) == (values[winner], done[winner])
        assert await any_place.write(b"late", revision=revision) is None
        assert await any_place.write(b"ahead", revision=standing.revision + 1) is None


@pytest.mark.asyncio
async def test_the_first_takes_it_and_the_other_waits(one: Node, two: Node) -> None:
    assert await one.step()
    assert await one.lease.gained(0) == 1
    for _ in range(20):
        assert await one.step(SECONDS / 3)
        assert not await two.step(SECONDS / 3)
    assert {"LEDGER": b"note of one"} in two.heard


@pytest.mark.asyncio
async def test_a_silent_holder_stops_before_another_begins(one: Node, two: Node) -> None:
    assert await one.step()
    assert not await two.step()
    # It goes on by its clock, but reaches nobody: two thirds of the lease, not longer.
    one.now += SECONDS * 0.66
    assert one.lease.lasts(1)
    one.now += SECONDS * 0.02
    assert not one.lease.lasts(1)
    # The other counts from when it saw the claim, by its own clock.
    assert not await two.step(SECONDS * 0.99)
    assert await two.step(SECONDS * 0.02)
    assert not await one.step()
    assert not one.lease.lasts(1)
    assert two.lease.lasts(1)


@pytest.mark.asyncio
async def test_who_only_just_came_waits_a_whole_lease(
    one: Node, two: Node, place: MemoryLeasePlace
) -> None:
    assert await one.step()
    two.now += 100 * SECONDS
    assert not await two.step()
    assert not await two.step(SECONDS * 0.9)
    # Renewed in the meantime: it waits anew.
    assert await one.step(SECONDS / 3)
    assert not await two.step(SECONDS * 0.9)
    assert not await two.step(SECONDS * 0.9)
    assert await two.step(SECONDS * 0.2)
    third = Node(name="three", place=place)
    assert not await third.step()


@pytest.mark.asyncio
@pytest.mark.parametrize("failure", list(WriteFailure))
async def test_an_answer_that_was_lost_counts_for_nothing(
    one: Node, two: Node, place: MemoryLeasePlace, failure: WriteFailure
) -> None:
    assert await one.step()
    place.fail_writes(failure)
    assert await one.step(SECONDS / 3)
    # Counted from the write that was confirmed, not from this one.
    one.now += SECONDS * 0.35
    assert not one.lease.held
    # Whatever became of the write, the next ones renew: nobody else was there.
    held = [await one.step(0.01), await one.step(0.01)]
    assert held[-1]
    assert one.lease.lasts(1)
    assert not await two.step()
    place.fail_writes(failure)
    two.now += SECONDS * 2
    assert not await two.step()
    await two.step(0.01)
    assert not (await one.step() and two.lease.held)


@pytest.mark.asyncio
async def test_a_take_whose_answer_was_lost_is_known_again(
    one: Node, place: MemoryLeasePlace
) -> None:
    place.fail_writes(WriteFailure.FAILED_BUT_WRITTEN)
    assert not await one.step()
    assert await one.step(0.1)


@pytest.mark.asyncio
async def test_whoever_lets_go_comes_last(one: Node, two: Node) -> None:
    assert await one.step()
    assert not await two.step()
    await one.lease.let_go()
    assert not one.lease.held
    assert not await one.step(0.1)
    assert await two.step(0.1)
    await two.lease.let_go()
    # Nobody else comes: then the same node again, after the whole lease.
    one.fit = False
    assert not await two.step(0.1)
    assert not await two.step(SECONDS * 0.8)
    assert await two.step(SECONDS * 0.3)
    assert two.lease.lasts(2)
    assert not two.lease.lasts(1)


@pytest.mark.asyncio
async def test_a_restart_does_not_inherit(one: Node) -> None:
    assert await one.step()
    one.run("2")
    assert not await one.step()
    assert not await one.step(SECONDS * 0.9)
    assert await one.step(SECONDS * 0.2)


@pytest.mark.asyncio
async def test_who_cannot_sign_neither_takes_nor_keeps_it(one: Node, two: Node) -> None:
    one.fit = False
    assert not await one.step()
    assert await two.step()
    two.fit = False
    assert await two.step(SECONDS / 3), "a short trouble costs nobody the turn"
    assert await two.step(SECONDS / 3)
    await two.step(SECONDS)
    assert not two.lease.held
    one.fit = True
    assert await one.step(0.1)


@pytest.mark.asyncio
async def test_asked_by_hand_it_lets_go_and_the_nominated_takes_it(
    one: Node, two: Node, place: MemoryLeasePlace
) -> None:
    third = Node(name="three", place=place)
    assert await one.step()
    standing = await place.read()
    assert standing is not None
    claim = Claim.decode(standing.value)
    assert claim is not None
    await place.write(asked(claim).encode(), revision=standing.revision)
    assert not await two.step()
    assert not await one.step(SECONDS / 3)
    standing = await place.read()
    assert standing is not None
    claim = Claim.decode(standing.value)
    assert claim is not None
    assert (claim.hold, claim.node) == (Hold.LET_GO, "one")
    await place.write(nominated(claim, "three").encode(), revision=standing.revision)
    assert not await two.step(0.1)
    assert not await one.step(0.1)
    assert await third.step()


@pytest.mark.asyncio
async def test_what_is_no_claim_is_taken_over_after_the_whole_lease(
    one: Node, place: MemoryLeasePlace
) -> None:
    await place.write(b"\xff not ours", revision=0)
    assert not await one.step()
    assert not await one.step(SECONDS * 0.9)
    assert await one.step(SECONDS * 0.2)


@pytest.mark.asyncio
async def test_never_two_at_once_whatever_happens() -> None:
    """Random nodes, clocks at rates that differ, lost answers, outages and restarts."""
    for seed in range(40):
        chance = random.Random(seed)
        place = MemoryLeasePlace()
        nodes = [Node(name=f"n{n}", place=place, now=chance.uniform(0, 1e6)) for n in range(3)]
        drift = {node.name: chance.uniform(0.97, 1.03) for node in nodes}
        taken = 0
        for n in range(300):
            passed = chance.expovariate(3 / SECONDS)
            for node in nodes:
                node.now += passed * drift[node.name]
            place.away = chance.random() < 0.1
            if chance.random() < 0.1:
                place.fail_writes(chance.choice(list(WriteFailure)))
            node = chance.choice(nodes)
            if chance.random() < 0.03:
                node.run(str(n))
            await node.step()
            holding = sum(each.lease.held for each in nodes)
            assert holding <= 1, f"seed {seed}"
            taken += holding
        assert taken


@pytest.mark.asyncio
async def test_it_runs_by_itself() -> None:
    place, loop = MemoryLeasePlace(), asyncio.get_running_loop()

    def lease(name: str) -> Lease:
        candidate = Candidate(
            node=name, token=name, fit=lambda: True, notes=dict, heard=lambda _: None
        )
        return Lease(place, candidate, seconds=0.3, clock=loop.time, written=str)

    one, two = lease("one"), lease("two")
    tasks = [asyncio.create_task(each.run()) for each in (one, two)]
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait(
                [asyncio.ensure_future(each.gained(0)) for each in (one, two)],
                return_when=asyncio.FIRST_COMPLETED,
            )
            first, other = (one, two) if one.held else (two, one)
            tasks[0 if first is one else 1].cancel()
            await other.gained(0)
            assert not first.held
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_a_claim_is_read_as_it_was_written_or_not_at_all() -> None:
    claim = Claim(
        hold=Hold.HELD,
        node="one",
        token="t",
        seconds=9.0,
        nominee="",
        written="noon",
        notes={"LEDGER": "— note".encode()},
    )
    assert Claim.decode(claim.encode()) == claim
    whole = claim.encode()
    for value in (
        b"",
        b"[]",
        b"{}",
        whole[:-1],
        whole.replace(b'"version": 1', b'"version": 2'),
        whole.replace(b'"held"', b'"hold"'),
        whole.replace(b"9.0", b"0"),
        whole.replace(b"9.0", b"NaN"),
        whole.replace(b'"one"', b"1"),
        whole.replace(b'"noon"', b'"noon", "more": 1'),
        b"[" * 100_000,
        b" " * MAX_CLAIM_BYTES + whole,
        replace(claim, notes={str(n): b"n" for n in range(9)}).encode(),
        replace(claim, notes={"LEDGER": b"n" * 5000}).encode(),
    ):
        assert Claim.decode(value) is None
