"""Two integrators on one store by mistake, past the lock: one halts, and the ledger is whole."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.core.errors import Fault, Reason
from gateway.ports.conditions import State
from tests.ledger.house import block, house, initialise_house, rows, statement
from tests.ledger.running import PATIENCE, initialise, nats_ledger, server

BLOCKS = [block(statement(f"{n}"), statement(f"{n}b", keys=["case/a"])) for n in range(40)]


@pytest.mark.asyncio
async def test_of_two_integrators_one_halts_and_the_ledger_is_whole(tmp_path: Path) -> None:
    shared, alone = tmp_path / "shared", tmp_path / "alone"
    for folder in (shared, alone):
        folder.mkdir()
        initialise_house(folder)
    await initialise(shared)
    async with server(shared) as nats, nats_ledger(nats) as ledger:
        async with house(shared, ledger) as one, house(shared, ledger) as two:
            one.start(one.integrator.run())
            two.start(two.integrator.run())
            async with asyncio.timeout(PATIENCE):
                # Both follow the stream before it grows.
                for each in (one.integrator, two.integrator):
                    while True:
                        turned = each.turned
                        if each.condition.state is State.FOLDING:
                            break
                        await turned.wait()
            for message in BLOCKS:
                await ledger.appender.append(message)
            async with asyncio.timeout(PATIENCE):
                done, _ = await asyncio.wait(
                    [*one.tasks, *two.tasks], return_when=asyncio.FIRST_COMPLETED
                )
            for task in done:
                with pytest.raises(Fault) as raised:
                    task.result()
                assert raised.value.reason is Reason.LEDGER_NOT_PROVEN
        # Whoever is left, or the next start, folds the rest: once.
        async with house(shared, ledger) as left:
            head = await left.integrator.catch_up()
            assert left.keeper.mark.size == head.size
        async with house(alone, ledger) as single:
            assert await single.integrator.catch_up() == head
    assert rows(shared / "ledger.db") == rows(alone / "ledger.db")
