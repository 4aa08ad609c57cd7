"""The embedded nats-server: who may do what there, and what it survives."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import signal
import ssl
import stat
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import nats.errors
import pytest
import pytest_asyncio
from nats.aio.msg import Msg
from nats.js import api

from gateway.core.errors import Fault, Reason
from gateway.ledger import nats_conf, stream, tether
from gateway.ledger.lock import StateLock
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_roles import (
    BLOCK_SUBJECT,
    CHECKPOINT_SUBJECT,
    PERMISSIONS,
    SERVE_ROLES,
    STREAM,
    VARZ_SUBJECT,
    Permissions,
    Role,
    fresh_seeds,
    public_key,
)
from gateway.ledger.nats_server import EmbeddedNats
from gateway.ledger.stream import AppendPatience, JetStreamAppender, JetStreamReader
from gateway.ledger.stream_setup import StreamCreation, check_stream, create_stream
from gateway.ports import AppendOutcome, StreamInterrupted
from tests.ledger.running import (
    Ledger,
    connection,
    initialise,
    kill,
    nats_ledger,
    server,
)

# What some role, or an attacker who has a role's key, could want.
SUBJECTS = (
    BLOCK_SUBJECT,
    CHECKPOINT_SUBJECT,
    VARZ_SUBJECT,
    "$SYS.REQ.SERVER.PING.CONNZ",
    "$SYS.REQ.ACCOUNT.LEDGER.INFO",
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    f"$JS.API.STREAM.INFO.{STREAM}",
    f"$JS.API.STREAM.CREATE.{STREAM}",
    "$JS.API.STREAM.CREATE.OTHER",
    f"$JS.API.STREAM.UPDATE.{STREAM}",
    f"$JS.API.STREAM.DELETE.{STREAM}",
    f"$JS.API.STREAM.PURGE.{STREAM}",
    f"$JS.API.STREAM.MSG.GET.{STREAM}",
    f"$JS.API.STREAM.MSG.DELETE.{STREAM}",
    f"$JS.API.STREAM.SNAPSHOT.{STREAM}",
    f"$JS.API.STREAM.RESTORE.{STREAM}",
    f"$JS.API.DIRECT.GET.{STREAM}",
    f"$JS.API.CONSUMER.CREATE.{STREAM}.c",
    f"$JS.API.CONSUMER.DURABLE.CREATE.{STREAM}.c",
    f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.c",
    f"$JS.API.CONSUMER.DELETE.{STREAM}.c",
    *(f"{role.inbox_prefix}.guessed" for role in Role),
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


def matches(pattern: str, subject: str) -> bool:
    wanted, given = pattern.split("."), subject.split(".")
    return len(wanted) == len(given) and all(
        w in {"*", g} for w, g in zip(wanted, given, strict=True)
    )


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, or only waits to be reaped by whoever adopted it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


# Permissions


@pytest.mark.asyncio
@pytest.mark.parametrize("role", list(Role))
async def test_a_role_publishes_what_its_row_says_and_nothing_else(
    running: EmbeddedNats, role: Role, caplog: pytest.LogCaptureFixture
) -> None:
    refused = set()
    async with connection(running, role) as me:
        session = await me.session(within=5)
        for subject in SUBJECTS:
            caplog.clear()
            with caplog.at_level(logging.ERROR):
                await session.client.publish(subject, b"{}")
                await session.settle()
            if "permissions violation for publish" in caplog.text:
                refused.add(subject)
    allowed = {s for s in SUBJECTS if any(matches(p, s) for p in PERMISSIONS[role].publish)}
    assert refused == set(SUBJECTS) - allowed


@pytest.mark.asyncio
async def test_nobody_hears_the_answers_to_another_role(
    running: EmbeddedNats, ledger: Ledger
) -> None:
    overheard: list[str] = []

    async def hear(msg: Msg) -> None:
        overheard.append(msg.subject)

    for role in Role:
        async with connection(running, role) as me:
            session = await me.session(within=5)
            client = session.client
            for pattern in (">", "*.>", "$JS.>", BLOCK_SUBJECT):
                await client.subscribe(pattern, cb=hear)
            for other in Role:
                if other is not role:
                    await client.subscribe(f"{other.inbox_prefix}.>", cb=hear)
            await session.settle()
            await ledger.appender.append(f"block of {role}".encode())
            await ledger.reader.bounds()
            await session.settle()
    assert overheard == []


@pytest.mark.asyncio
async def test_a_worker_cannot_reach_the_stream_through_a_reply_subject(
    running: EmbeddedNats, ledger: Ledger
) -> None:
    async with connection(running, Role.WORKER) as worker:
        session = await worker.session(within=5)
        for verb in ("STREAM.DELETE", "STREAM.PURGE", "STREAM.UPDATE"):
            await session.client.publish(BLOCK_SUBJECT, b"x", reply=f"$JS.API.{verb}.{STREAM}")
        await session.settle()
    await ledger.appender.append(b"after")
    assert (await ledger.reader.bounds()).last == 4
    assert await ledger.reader.message(1) == b"x"


@pytest.mark.asyncio
async def test_a_serving_gateway_has_nobody_who_could_create(tmp_path: Path) -> None:
    async with server(tmp_path, SERVE_ROLES) as nats:
        assert Role.KEEPER not in nats.endpoint.seeds
        conf = (tmp_path / "run" / "nats-server.conf").read_text()
    assert "STREAM.CREATE" not in conf


@pytest.mark.asyncio
async def test_a_stranger_is_refused_both_ways(running: EmbeddedNats) -> None:
    endpoint = running.endpoint
    stranger = dataclasses.replace(endpoint, seeds=fresh_seeds(Role))
    with pytest.raises(Fault, match="no connection"):
        await RoleConnection.open(stranger, Role.WORKER, within=0.5)
    # Another server than the child: its certificate is not the pinned one.
    other = dataclasses.replace(endpoint, tls=nats_conf.fresh_identity().pin())
    with pytest.raises(Fault, match="SSL"):
        await RoleConnection.open(other, Role.WORKER, within=0.5)


@pytest.mark.asyncio
async def test_the_port_speaks_tls_only(running: EmbeddedNats) -> None:
    port = int(running.endpoint.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"CONNECT {}\r\nPING\r\n")
    assert b"INFO" not in await asyncio.wait_for(reader.read(100), 5)
    writer.close()


# Files


@pytest.mark.asyncio
async def test_no_secret_stays_on_disk(tmp_path: Path) -> None:
    async with server(tmp_path) as nats:
        run = tmp_path / "run"
        written = b"".join(p.read_bytes() for p in run.iterdir())
        for seed in nats.endpoint.seeds.values():
            assert seed.encode() not in written
            assert public_key(seed).encode() in written
        assert b"PRIVATE KEY" not in written
        assert stat.S_IMODE(run.stat().st_mode) == 0o700
        assert stat.S_IMODE((run / "nats-server.conf").stat().st_mode) == 0o600


# Durability is proven


@pytest.mark.asyncio
@pytest.mark.parametrize("interval", ["2m", "100ms"])
async def test_a_server_that_syncs_late_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interval: str
) -> None:
    monkeypatch.setattr(nats_conf, "SYNC_INTERVAL", interval)
    lock = await StateLock.acquire(tmp_path)
    nats = EmbeddedNats(state_dir=tmp_path, lock=lock)
    with pytest.raises(Fault, match="sync_interval: always") as caught:
        await nats.start()
    assert caught.value.reason is Reason.LEDGER_UNAVAILABLE
    assert nats.pid is None
    lock.release()


@pytest.mark.asyncio
async def test_a_server_that_does_not_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_conf, "SYNC_INTERVAL", "nonsense")
    lock = await StateLock.acquire(tmp_path)
    with pytest.raises(Fault, match=r"did not start.*sync_interval"):
        await EmbeddedNats(state_dir=tmp_path, lock=lock).start()
    lock.release()


# The stream is made once


@pytest.mark.asyncio
async def test_init_can_be_run_again(tmp_path: Path) -> None:
    await initialise(tmp_path)
    async with server(tmp_path) as nats, connection(nats, Role.KEEPER) as keeper:
        again = await create_stream(keeper, store_dir=nats.store_dir)
        assert again is StreamCreation.FOUND


@pytest.mark.asyncio
async def test_serving_without_a_stream_points_to_init(tmp_path: Path) -> None:
    async with server(tmp_path) as nats, connection(nats, Role.INTEGRATOR) as integrator:
        with pytest.raises(Fault, match="forewarn-gateway init"):
            await check_stream(integrator)


@pytest.mark.asyncio
async def test_no_stream_is_created_over_what_is_left_of_another(tmp_path: Path) -> None:
    await initialise(tmp_path)
    for meta in (tmp_path / "jetstream").rglob("meta.*"):
        meta.unlink()
    async with server(tmp_path) as nats, connection(nats, Role.KEEPER) as keeper:
        with pytest.raises(Fault, match="holds data") as caught:
            await create_stream(keeper, store_dir=nats.store_dir)
    assert caught.value.reason is Reason.LEDGER_NOT_PROVEN


# Damage, by a keeper who may do everything


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
        jsm = (await keeper.session(within=5)).client.jsm()
        await jsm.add_stream(api.StreamConfig(name=STREAM, subjects=[BLOCK_SUBJECT]))
        with pytest.raises(Fault, match="deny_delete"):
            await check_stream(integrator)
        appender, reader = JetStreamAppender(worker), JetStreamReader(integrator)
        for block in (b"one", b"two", b"three"):
            await appender.append(block)
        await jsm.delete_msg(STREAM, 2)
        async with aclosing(reader.follow(0)) as messages:
            assert (await anext(messages)).message == b"one"
            with pytest.raises(Fault, match="sequence 2") as caught:
                await anext(messages)
        assert caught.value.reason is Reason.LEDGER_NOT_PROVEN
        assert await reader.message(2) is None
        await jsm.delete_msg(STREAM, 1)
        async with aclosing(reader.follow(0)) as messages:
            with pytest.raises(Fault, match="sequence 1"):
                await anext(messages)


@pytest.mark.asyncio
@pytest.mark.usefixtures("almighty")
async def test_a_deleted_consumer_interrupts_its_follower(tmp_path: Path) -> None:
    await initialise(tmp_path)
    async with (
        server(tmp_path) as nats,
        nats_ledger(nats) as ledger,
        connection(nats, Role.KEEPER) as keeper,
    ):
        jsm = (await keeper.session(within=5)).client.jsm()
        async with aclosing(ledger.reader.follow(0)) as messages:
            waiting = asyncio.ensure_future(anext(messages))
            await asyncio.sleep(0.2)
            (consumer,) = await jsm.consumers_info(STREAM)
            await jsm.delete_consumer(STREAM, consumer.name or "")
            with pytest.raises(StreamInterrupted):
                await asyncio.wait_for(waiting, 5)


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
        jsm = (await keeper.session(within=5)).client.jsm()
        assert await jsm.consumers_info(STREAM) == []


# Crashes


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
    await asyncio.wait_for(asyncio.gather(*workers), 20)

    assert running.endpoint.url == endpoint.url
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
    async with aclosing(ledger.reader.follow(0)) as messages:
        waiting = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0.2)
        assert running.pid is not None
        os.kill(running.pid, signal.SIGSTOP)
        try:
            with pytest.raises(StreamInterrupted):
                await asyncio.wait_for(waiting, 8)
        finally:
            os.kill(running.pid, signal.SIGCONT)
    assert (await ledger.appender.append(b"after")).sequence == 1


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
        async with asyncio.timeout(10):
            async for heard in notes:
                # Whichever session is up first, the note or the wake-up tells of it.
                if heard.note in {None, b"while away"}:
                    break


# One gateway on one folder


@pytest.mark.asyncio
async def test_a_second_gateway_on_the_folder_is_refused(tmp_path: Path) -> None:
    async with server(tmp_path):
        with pytest.raises(Fault, match="still uses"):
            await StateLock.acquire(tmp_path, within=0.2)
    (await StateLock.acquire(tmp_path, within=0.2)).release()


@pytest.mark.asyncio
async def test_the_child_holds_the_folder_as_long_as_it_lives(tmp_path: Path) -> None:
    lock = await StateLock.acquire(tmp_path)
    nats = EmbeddedNats(state_dir=tmp_path, lock=lock)
    await nats.start()
    lock.release()
    with pytest.raises(Fault, match="its nats-server"):
        await StateLock.acquire(tmp_path, within=0.2)
    await nats.stop()
    (await StateLock.acquire(tmp_path, within=0.2)).release()


PARENT = """
import asyncio, pathlib, sys, uvloop
from gateway.ledger.nats_roles import Role
from tests.ledger.running import connection, initialise, server
from gateway.ledger.stream import JetStreamAppender

async def main():
    state = pathlib.Path(sys.argv[1])
    await initialise(state)
    async with server(state) as nats, connection(nats, Role.WORKER) as worker:
        await JetStreamAppender(worker).append(b"one")
        print(nats.pid, flush=True)
        await asyncio.sleep(60)

uvloop.run(main())
"""


@pytest.mark.asyncio
@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
async def test_the_child_ends_with_a_killed_parent_and_what_it_acknowledged_stays(
    tmp_path: Path,
) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT,
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert parent.stdout is not None
    child = int(await asyncio.wait_for(parent.stdout.readline(), 20))
    assert os.getpgid(child) == child  # Ctrl-C at the gateway's terminal does not reach it
    parent.kill()
    await parent.wait()
    async with server(tmp_path) as nats, nats_ledger(nats) as ledger:  # waits for the lock
        assert has_ended(child)
        assert await ledger.reader.message(1) == b"one"


@pytest.mark.asyncio
async def test_an_orphan_does_not_start() -> None:
    orphan = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        tether.__file__,
        "1",
        "/bin/true",
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await orphan.communicate()
    assert orphan.returncode == 1
    assert b"has ended" in said


def test_the_pin_wants_tls_1_3_and_the_address() -> None:
    context = nats_conf.fresh_identity().pin()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.asyncio
async def test_a_worker_may_not_announce(running: EmbeddedNats, ledger: Ledger) -> None:
    async with connection(running, Role.WORKER) as worker:
        session = await worker.session(within=5)
        async with aclosing(ledger.announcements.notes()) as notes:
            await anext(notes)
            await session.client.publish(CHECKPOINT_SUBJECT, b"forged")
            await session.settle()
            await ledger.announcer.announce(b"real")
            assert (await asyncio.wait_for(anext(notes), 5)).note == b"real"
        with pytest.raises(nats.errors.TimeoutError):
            await session.client.request(f"$JS.API.STREAM.DELETE.{STREAM}", timeout=0.2)
