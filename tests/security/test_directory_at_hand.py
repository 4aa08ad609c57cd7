"""The directory at any size, in any order of asking, and without reading it anew each time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

from gateway.admission import directories as module
from gateway.admission.directories import Directories
from gateway.core.statements import Kind
from tests.world.memory_ledger import MemorySnapshot
from tests.world.world import World


@contextmanager
def at(world: World, size: int) -> Iterator[MemorySnapshot]:
    """Look at the ledger as it was at a size."""
    with world.ledger.snapshot() as snapshot:
        assert isinstance(snapshot, MemorySnapshot)
        yield MemorySnapshot(snapshot._entries[:size], snapshot._blocks)


def grown(world: World) -> None:
    """Have the directory grow, with other things in between."""
    for _ in range(20):
        world.submit(world.aurora.say(Kind.PARTICIPATION))
        world.submit(world.civil.alert(world.harbor))
    world.submit(world.registrar.suspend(world.quay))


def test_it_is_the_same_at_every_size_in_any_order() -> None:
    with World() as world:
        grown(world)
        random, shared = Random(1), Directories(world.ledger)
        for size in random.choices(range(1, world.size + 1), k=120):
            with at(world, size) as snapshot:
                assert shared.at(snapshot) == Directories(world.ledger).at(snapshot)
        assert len(shared._recent) <= module._KEPT


def test_an_older_snapshot_costs_no_reading_of_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    with World() as world:
        grown(world)
        begun: list[int] = []
        begin = module._begin

        def counted(snapshot: MemorySnapshot) -> object:
            begun.append(snapshot.size)
            return begin(snapshot)

        monkeypatch.setattr(module, "_begin", counted)
        shared = Directories(world.ledger)
        for size in range(world.size - 30, world.size + 1):
            for older in (0, 5, 1, 4):
                with at(world, size - older) as snapshot:
                    shared.at(snapshot)

    assert len(begun) <= 2
