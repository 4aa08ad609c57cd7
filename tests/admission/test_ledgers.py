"""The ledger in memory and the real store answer alike: what is tested over one holds over both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from gateway.core.statements import Kind
from gateway.ports.reading import Box, LedgerSnapshot, MemberQuery
from tests.world.actors import sector
from tests.world.memory_ledger import MemoryLedger
from tests.world.store_ledger import StoreLedger
from tests.world.world import World


@pytest.fixture
def both(tmp_path: Path) -> Iterator[list[World]]:
    """Tell one story over both ledgers."""
    with World(MemoryLedger()) as memory, World(StoreLedger(tmp_path)) as store:
        tell(memory)
        tell(store)
        yield [memory, store]


def tell(world: World) -> None:
    notice = world.submit(world.aurora.notice(world.civil, world.natsec))
    world.submit(world.reply(notice, world.civil, Kind.QUESTION, world.aurora))
    world.submit(world.reply(notice, world.aurora, Kind.ANSWER, world.civil))
    alert = world.submit(world.civil.alert(sector("financial-services")))
    world.submit(world.reply(alert, world.harbor, Kind.SIGHTING, world.civil))
    world.submit(world.civil.alert(world.mercy, tlp="CLEAR"))
    offer = world.submit(world.aurora.offer(world.harbor, world.civil))
    world.submit(world.reply(offer, world.civil, Kind.GRANT_COSIGNATURE, world.aurora))
    world.submit(world.registrar.suspend(world.quay))
    world.submit(world.reply(offer, world.harbor, Kind.GRANT_ACCEPTANCE))


def answers(snapshot: LedgerSnapshot, random: Random) -> list[object]:
    """Ask everything that a snapshot can be asked."""
    size = snapshot.size
    every = [snapshot.by_index(index) for index in range(-1, size + 1)]
    summaries = [entry.summary for entry in every if entry is not None]
    digests = [s.digest for s in summaries if s is not None] + [bytes(32), b""]
    members = ["aurora", "civil-ai", "harbor-bank", "quay-bank", "nobody", ""]
    found: list[object] = [size, snapshot.last_directory_index, snapshot.last_received_time, every]
    found += [snapshot.statement(s.sender, s.statement_id) for s in summaries if s is not None]
    found += [snapshot.statement("aurora", "1"), snapshot.block_at(3), snapshot.block_at(99)]
    found += [(snapshot.by_digest(d), snapshot.case(d), snapshot.case_entries(d)) for d in digests]
    found += [snapshot.case_entries(d, [Kind.QUESTION, Kind.ANSWER]) for d in digests]
    found += [snapshot.case_entries(d, after=12, limit=2) for d in digests]
    found += [snapshot.newest(d, [Kind.ALERT, Kind.QUESTION, Kind.SIGHTING]) for d in digests]
    found += [snapshot.index_of(d) for d in digests]
    found += [
        (snapshot.case_as_read(d, member, before), snapshot.readable_in_case(d, member, 11, 3))
        for d in digests
        for member in members
        for before in (0, 13, size, size + 1)
    ]
    found += [(snapshot.index_of(d), snapshot.newest(d, [Kind.ANSWER])) for d in digests]
    found += [
        (snapshot.case_as_read(d, m, before), snapshot.readable_in_case(d, m, before - 9, 2))
        for d in digests
        for m in members
        for before in (size, size - 2)
    ]
    found += [snapshot.directory_entries(start, limit) for start in (0, 3, 99) for limit in (2, 50)]
    found += [
        snapshot.member_cases(member, protocol, after, 2)
        for member in members
        for protocol in ("", "grant", "alert")
        for after in (-1, 12)
    ]
    found += [snapshot.boxes_touched(start, size) for start in range(size)]
    found += [snapshot.readable(i, member) for i in range(-1, size + 1) for member in members]
    for _ in range(100):
        query = MemberQuery(
            member=random.choice(members),
            box=random.choice(list(Box)),
            after=random.randint(-1, size),
            limit=random.randint(1, 5),
            before_size=random.randint(0, size + 2),
            kinds=random.choice([(), (Kind.QUESTION, Kind.ALERT)]),
            sender=random.choice(["", "aurora"]),
            case_digest=random.choice(digests),
        )
        found.append(snapshot.member_entries(query))
        found.append(snapshot.member_horizon(query, random.randint(0, 4)))
    found += [
        snapshot.delivered(member, start, end, limit)
        for member in members
        for start, end in ((0, size), (3, size - 2), (size, size + 5))
        for limit in (2, 50)
    ]
    found += [snapshot.leaf_hash(index) for index in range(size)]
    found += [snapshot.prove(range(part), part) for part in (0, 1, 7, size)]
    return found


def test_both_answer_alike(both: list[World]) -> None:
    one, two = both
    with one.ledger.snapshot() as memory, two.ledger.snapshot() as store:
        asked = zip(answers(memory, Random(1)), answers(store, Random(1)), strict=True)
        assert [pair for pair in asked if pair[0] != pair[1]] == []
        for impossible in (memory, store):
            with pytest.raises(ValueError, match="tree"):
                impossible.prove([0], impossible.size + 1)
            with pytest.raises(ValueError, match="leaf"):
                impossible.leaf_hash(impossible.size)
    assert one.ledger.root() == two.ledger.root()
