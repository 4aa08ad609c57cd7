"""How an integrator is, said over a real nats-server and heard by a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.core.errors import Reason
from gateway.ledger import conditions
from gateway.ledger.conditions import NatsConditions, NatsConditionTeller, decode, encode
from gateway.ledger.nats_roles import ALONE, LEDGER, SERVE_ROLES, Role
from gateway.ledger.nats_server import EmbeddedNats
from gateway.ports.conditions import Condition, State
from tests.ledger.running import PATIENCE, connection, kill, server

CHECKING = Condition(state=State.CHECKING)
FOLDING = Condition(state=State.FOLDING)
STALLED = Condition(state=State.STALLED)
UNSIGNED = Condition(state=State.UNSIGNED)
HALTED = Condition(state=State.HALTED, reason=Reason.LEDGER_NOT_PROVEN)


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncGenerator[EmbeddedNats, None]:
    async with server(tmp_path, SERVE_ROLES) as started:
        yield started


class Changing:
    """An integrator whose condition the test decides about."""

    def __init__(self) -> None:
        self.condition = CHECKING
        self.turned = asyncio.Event()

    def turn(self, condition: Condition) -> None:
        self.condition = condition
        self.turned.set()
        self.turned = asyncio.Event()


@asynccontextmanager
async def both(nats: EmbeddedNats) -> AsyncGenerator[tuple[Changing, NatsConditions], None]:
    async with connection(nats, Role.WORKER) as worker, connection(nats, Role.INTEGRATOR) as fold:
        said, heard = Changing(), NatsConditions(worker)
        tasks = [
            asyncio.create_task(run) for run in (NatsConditionTeller(fold, said).run(), heard.run())
        ]
        yield said, heard
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def until(heard: NatsConditions, expected: Condition) -> None:
    async with asyncio.timeout(PATIENCE):
        while heard.current != expected:  # noqa: ASYNC110 - another part's state is watched
            await asyncio.sleep(0.005)


@pytest.mark.asyncio
async def test_a_worker_hears_how_the_integrator_is(running: EmbeddedNats) -> None:
    async with both(running) as (said, heard):
        assert heard.current == CHECKING
        for condition in (STALLED, UNSIGNED, FOLDING, HALTED, UNSIGNED, FOLDING):
            said.turn(condition)
            await until(heard, condition)
        # It was proven before: a new process that checks again only holds things up.
        said.turn(CHECKING)
        await until(heard, STALLED)
        await kill(running)
        said.turn(HALTED)
        await until(heard, HALTED)


@pytest.mark.asyncio
async def test_a_worker_that_comes_later_asks(
    running: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "_SAY_SECONDS", PATIENCE)
    async with both(running) as (said, heard):
        said.turn(FOLDING)
        await until(heard, FOLDING)
        async with connection(running, Role.WORKER) as worker:
            late = NatsConditions(worker)
            task = asyncio.create_task(late.run())
            await until(late, FOLDING)
            task.cancel()
            await asyncio.wait([task])


@pytest.mark.asyncio
async def test_silence_is_a_stall_and_does_not_lift_a_halt(
    running: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "_SAY_SECONDS", PATIENCE)
    async with both(running) as (said, heard):
        said.turn(FOLDING)
        await until(heard, FOLDING)
        monkeypatch.setattr(conditions, "SILENCE_SECONDS", 0.05)
        await until(heard, STALLED)
        said.turn(HALTED)
        await until(heard, HALTED)
        await asyncio.sleep(0.1)
        assert heard.current == HALTED


@pytest.mark.asyncio
async def test_it_is_said_again_and_again(
    running: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "_SAY_SECONDS", 0.01)
    async with both(running) as (said, heard):
        said.turn(FOLDING)
        await until(heard, FOLDING)
        heard._heard = STALLED
        await until(heard, FOLDING)


@pytest.mark.asyncio
async def test_a_worker_says_no_condition_and_makes_the_server_say_none(
    running: EmbeddedNats,
) -> None:
    async with both(running) as (said, heard), connection(running, Role.WORKER) as forger:
        said.turn(FOLDING)
        await until(heard, FOLDING)
        session = await forger.session(within=PATIENCE)
        await session.client.publish(LEDGER.said(ALONE), encode(HALTED))
        # The server answers a block at whatever subject the worker names.
        await session.client.publish(LEDGER.blocks, encode(HALTED), reply=LEDGER.said(ALONE))
        await session.settle()
        await asyncio.sleep(0.1)
        assert heard.current == FOLDING


@pytest.mark.parametrize("said", [CHECKING, FOLDING, STALLED, HALTED])
def test_what_is_said_reads_back(said: Condition) -> None:
    assert decode(encode(said)) == said


@pytest.mark.parametrize(
    "letter",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b'{"stream": "LEDGER", "seq": 1}',
        b'{"state": "folding"}',
        b'{"state": "well", "reason": null}',
        b'{"state": "folding", "reason": "LEDGER_NOT_PROVEN"}',
        b'{"state": "halted", "reason": null}',
        b'{"state": "halted", "reason": "TIRED"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_condition_is_none(letter: bytes) -> None:
    assert decode(letter) is None
