"""What the stream survives, and what it must not hide: crashes, hangs, holes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.js import api

from gateway.core.errors import Fault, Reason
from gateway.ledger import nats_conf, stream
from gateway.ledger.memory import AppendFailure
from gateway.ledger.nats_connection import RoleConnection, Session
from gateway.ledger.nats_roles import (
    LEDGER,
    PERMISSIONS,
    Permissions,
    Role,
)
from gateway.ledger.nats_server import EmbeddedNats
from gateway.ledger.stream import AppendPatience, JetStreamAppender, JetStreamReader
from gateway.ledger.stream_setup import check_stream
from gateway.ports.blocks import AppendOutcome, Bounds, StreamInterrupted
from tests.ledger.running import (
    PATIENCE,
    Ledger,
    connection,
    initialise,
    kill,
    nats_ledger,
    server,
)


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncGenerator[EmbeddedNats, None]:
    await initialise(tmp_path)
    async with server(tmp_path) as started:
        yield started


@pytest_asyncio.fixture
async def ledger(running: EmbeddedNats) -> AsyncGenerator[Ledger, None]:
    async with nats_ledger(running) as made:
        yield made


@pytest.fixture
def almighty(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {**PERMISSIONS, Role.KEEPER: Permissions(publish=("$JS.API.>",))}
    monkeypatch.setattr(nats_conf, "PERMISSIONS", table)


@pytest.mark.asyncio
@pytest.mark.usefixtures("almighty")
async def test_a_weaker_stream_is_refused_and_a_hole_in_it_is_found(tmp_path: Path) -> None:
    async with (
        server(tmp_path) as nats,
        connection(nats, Role.KEEPER) as keeper,
        connection(nats, Role.INTEGRATOR) as integrator,
        connection(nats, Role.WORKER) as worker,
    ):
        jsm = (await keeper.session(within=PATIENCE)).client.jsm()
        await jsm.add_stream(api.StreamConfig(name=LEDGER.stream, subjects=[LEDGER.blocks]))
        with pytest.raises(Fault, match="deny_delete"):
            await check_stream(integrator)
        appender, reader = JetStreamAppender(worker), JetStreamReader(integrator)
        for block in (b"one", b"two", b"three"):
            await appender.append(block)
        await jsm.delete_msg(LEDGER.stream, 2)
        async with aclosing(reader.follow(0)) as messages:
            assert (await anext(messages)).message == b"one"
            with pytest.raises(Fault, match="sequence 2") as caught:
                await anext(messages)
        assert caught.value.reason is Reason.LEDGER_NOT_PROVEN
        assert await reader.message(2) is None
        await jsm.delete_msg(LEDGER.stream, 1)
        async with aclosing(reader.follow(0)) as messages:
            with pytest.raises(Fault, match="sequence 1"):
                await anext(messages)


@pytest.mark.asyncio
@pytest.mark.usefixtures("almighty")
async def test_what_the_stream_counts_and_does_not_hold_is_missed(tmp_path: Path) -> None:
    """A consumer passes over it in silence, and nothing comes after it."""
    async with (
        server(tmp_path) as nats,
        connection(nats, Role.KEEPER) as keeper,
        connection(nats, Role.INTEGRATOR) as integrator,
        connection(nats, Role.WORKER) as worker,
    ):
        jsm = (await keeper.session(within=PATIENCE)).client.jsm()
        await jsm.add_stream(api.StreamConfig(name=LEDGER.stream, subjects=[LEDGER.blocks]))
        appender, reader = JetStreamAppender(worker), JetStreamReader(integrator)
        for block in (b"one", b"two", b"three"):
            await appender.append(block)
        await jsm.delete_msg(LEDGER.stream, 3)
        assert await reader.bounds() == Bounds(first=1, last=3)
        async with aclosing(reader.follow(2)) as messages:
            with pytest.raises(Fault, match="sequence 3") as caught:
                await asyncio.wait_for(anext(messages), PATIENCE)
    assert caught.value.reason is Reason.LEDGER_NOT_PROVEN


@pytest.mark.asyncio
@pytest.mark.usefixtures("almighty")
async def test_a_deleted_consumer_interrupts_its_follower(tmp_path: Path) -> None:
    await initialise(tmp_path)
    async with (
        server(tmp_path) as nats,
        nats_ledger(nats) as ledger,
        connection(nats, Role.KEEPER) as keeper,
    ):
        jsm = (await keeper.session(within=PATIENCE)).client.jsm()
        async with aclosing(ledger.reader.follow(0)) as messages:
            waiting = asyncio.ensure_future(anext(messages))
            while not (consumers := await jsm.consumers_info(LEDGER.stream)):  # noqa: ASYNC110 - nats-server tells nobody
                await asyncio.sleep(0.01)
            (consumer,) = consumers
            await jsm.delete_consumer(LEDGER.stream, consumer.name or "")
            with pytest.raises(StreamInterrupted):
                await asyncio.wait_for(waiting, PATIENCE)


@pytest.mark.asyncio
async def test_a_follower_takes_its_consumer_with_it(tmp_path: Path, almighty: None) -> None:
    await initialise(tmp_path)
    async with (
        server(tmp_path) as nats,
        nats_ledger(nats) as ledger,
        connection(nats, Role.KEEPER) as keeper,
    ):
        await ledger.appender.append(b"one")
        async with aclosing(ledger.reader.follow(0)) as messages:
            await anext(messages)
        jsm = (await keeper.session(within=PATIENCE)).client.jsm()
        assert await jsm.consumers_info(LEDGER.stream) == []


@pytest.mark.asyncio
async def test_nothing_is_lost_or_doubled_when_the_server_is_killed(
    running: EmbeddedNats, ledger: Ledger
) -> None:
    endpoint = running.endpoint
    blocks = [os.urandom(2000) for _ in range(400)]
    queue = list(enumerate(blocks))
    acknowledged: dict[int, int] = {}

    async def work() -> None:
        while queue:
            n, block = queue.pop()
            acknowledged[n] = (await ledger.appender.append(block)).sequence

    workers = [asyncio.ensure_future(work()) for _ in range(8)]
    for left in (300, 150):
        while len(queue) > left:  # noqa: ASYNC110 - the workers have no event for it
            await asyncio.sleep(0.002)
        await kill(running)
    await asyncio.wait_for(asyncio.gather(*workers), PATIENCE)

    assert running.endpoint.urls == endpoint.urls
    assert sorted(acknowledged.values()) == list(range(1, 401))
    async with aclosing(ledger.reader.follow(0)) as messages:
        found = [await anext(messages) for _ in blocks]
    assert {m.sequence: m.message for m in found} == {
        sequence: blocks[n] for n, sequence in acknowledged.items()
    }


@pytest.mark.asyncio
async def test_a_retry_after_a_restart_is_known_again(
    running: EmbeddedNats, ledger: Ledger
) -> None:
    first = await ledger.appender.append(b"one")
    await kill(running)
    again = await ledger.appender.append(b"one")
    assert (again.sequence, again.outcome) == (first.sequence, AppendOutcome.ALREADY_STORED)


@pytest.mark.asyncio
async def test_a_server_that_hangs_interrupts_the_follower(
    running: EmbeddedNats, ledger: Ledger
) -> None:
    await ledger.appender.append(b"before")
    async with aclosing(ledger.reader.follow(0)) as messages:
        await anext(messages)
        waiting = asyncio.ensure_future(anext(messages))
        assert running.pid is not None
        os.kill(running.pid, signal.SIGSTOP)
        try:
            with pytest.raises(StreamInterrupted):
                await asyncio.wait_for(waiting, PATIENCE)
        finally:
            os.kill(running.pid, signal.SIGCONT)
    assert (await ledger.appender.append(b"after")).sequence == 2


@pytest.mark.asyncio
@pytest.mark.usefixtures("almighty")
async def test_a_stream_that_is_gone_is_waited_for(tmp_path: Path) -> None:
    await initialise(tmp_path)
    async with (
        server(tmp_path) as nats,
        nats_ledger(nats) as ledger,
        connection(nats, Role.KEEPER) as keeper,
    ):
        await (await keeper.session()).client.jsm().delete_stream(LEDGER.stream)
        with pytest.raises(Fault, match="stream not found") as caught:
            await ledger.reader.bounds()
        assert caught.value.reason is Reason.LEDGER_UNAVAILABLE


@pytest.mark.asyncio
async def test_a_session_lost_while_a_follower_opens_is_no_failure_of_ours(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = stream._bounds

    async def lost_after(session: Session, name: str) -> Bounds:
        found = await real(session, name)
        await session.client.close()
        return found

    await ledger.appender.append(b"one")
    monkeypatch.setattr(stream, "_bounds", lost_after)
    async with aclosing(ledger.reader.follow(0)) as messages:
        with pytest.raises(Fault) as caught:
            await anext(messages)
    assert caught.value.reason is Reason.LEDGER_UNAVAILABLE
    monkeypatch.undo()
    async with aclosing(ledger.reader.follow(0)) as messages:
        assert (await asyncio.wait_for(anext(messages), PATIENCE)).message == b"one"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "error",
    [RuntimeError("the handler is closed"), ConnectionResetError(), asyncio.CancelledError()],
)
async def test_whatever_nats_py_says_of_a_dead_socket_the_block_is_sent_again(
    running: EmbeddedNats, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """What uvloop raises for a closed handle is neither an OSError nor one of nats-py's own."""
    real = Client.publish
    failures = [error, error]

    async def dying(client: Client, subject: str, *args: Any, **more: Any) -> None:
        if subject == LEDGER.blocks and failures:
            raise failures.pop()
        await real(client, subject, *args, **more)

    monkeypatch.setattr(Client, "publish", dying)
    async with connection(running, Role.WORKER) as worker:
        appended = await JetStreamAppender(worker).append(b"one")
    assert (appended.sequence, failures) == (1, [])


@pytest.mark.asyncio
@pytest.mark.parametrize("failure", AppendFailure)
async def test_a_lost_acknowledgement_records_nothing_twice(
    running: EmbeddedNats, monkeypatch: pytest.MonkeyPatch, failure: AppendFailure
) -> None:
    """The block did not get there; or it did, and only the answer was lost."""
    real = Client.publish
    lost = 0

    async def losing(client: Client, subject: str, *args: Any, **more: Any) -> None:
        nonlocal lost
        if subject != LEDGER.blocks or lost == len(AppendFailure):
            await real(client, subject, *args, **more)
            return
        lost += 1
        if failure is AppendFailure.FAILED_BUT_PERSISTED:
            await real(client, subject, *args, **more)
            await client.flush()
        raise ConnectionResetError

    monkeypatch.setattr(Client, "publish", losing)
    async with (
        connection(running, Role.WORKER) as worker,
        connection(running, Role.INTEGRATOR) as fold,
    ):
        appender, reader = JetStreamAppender(worker), JetStreamReader(fold)
        appended = await appender.append(b"one")
        assert (await appender.append(b"two")).sequence == 2
        assert await reader.bounds() == Bounds(first=1, last=2)
        assert [await reader.message(n) for n in (1, 2)] == [b"one", b"two"]
    outcome = (
        AppendOutcome.STORED if failure is AppendFailure.FAILED else AppendOutcome.ALREADY_STORED
    )
    assert (appended.sequence, appended.outcome, lost) == (1, outcome, 2)


@pytest.mark.asyncio
async def test_a_greeting_that_fails_costs_a_session_and_not_the_connection(
    running: EmbeddedNats,
) -> None:
    greeted = 0

    async def greet(session: Session) -> None:
        nonlocal greeted
        greeted += 1
        if greeted == 1:
            raise RuntimeError("the handler is closed")

    async with connection(running, Role.WORKER) as worker:
        worker.on_session(greet)
        await (await worker.session()).close()
        async with asyncio.timeout(PATIENCE):
            while greeted < 2:  # noqa: ASYNC110 - the connection has no event for it
                await asyncio.sleep(0.005)
        assert (await JetStreamAppender(worker).append(b"one")).sequence == 1


@pytest.mark.asyncio
async def test_without_a_server_every_call_ends_in_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "REQUEST_SECONDS", 0.2)
    await initialise(tmp_path)
    async with server(tmp_path) as nats:
        worker = await RoleConnection.open(nats.endpoint, Role.WORKER)
        integrator = await RoleConnection.open(nats.endpoint, Role.INTEGRATOR)
    appender = JetStreamAppender(worker, patience=AppendPatience(total=0.3))
    reader = JetStreamReader(integrator)
    for call in (appender.append(b"one"), reader.message(1), reader.bounds()):
        with pytest.raises(Fault) as caught:
            await call
        assert caught.value.reason is Reason.LEDGER_UNAVAILABLE
    await worker.close()
    await integrator.close()


@pytest.mark.asyncio
async def test_the_next_session_repeats_what_was_announced_while_away(
    running: EmbeddedNats, ledger: Ledger
) -> None:
    async with aclosing(ledger.announcements.notes()) as notes:
        await anext(notes)
        await kill(running)
        await ledger.announcer.announce(b"while away")
        async with asyncio.timeout(PATIENCE):
            async for heard in notes:
                # Whichever session is up first, the note or the wake-up tells of it.
                if heard.note in {None, b"while away"}:
                    break
