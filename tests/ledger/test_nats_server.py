"""The embedded nats-server: what it must prove, what it leaves on disk, whom it outlives."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from gateway.core.errors import Fault, Reason
from gateway.ledger import nats_conf, nats_server, tether
from gateway.ledger.lock import StateLock
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_roles import (
    NatsEndpoint,
    Role,
    public_key,
)
from gateway.ledger.nats_server import EmbeddedNats
from gateway.ledger.stream_setup import StreamCreation, check_stream, create_stream
from tests.ledger.running import (
    PATIENCE,
    connection,
    initialise,
    nats_ledger,
    server,
)


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, or only waits to be reaped by whoever adopted it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


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


@pytest.mark.asyncio
async def test_a_server_that_is_hard_to_reach_at_first_is_examined_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The streams that it names as unwritable are said here; a full disk is `tests.faults`'s."""
    opened, real = 0, RoleConnection.open

    async def hard(endpoint: NatsEndpoint, role: Role) -> RoleConnection:
        nonlocal opened
        opened += 1
        # The first proves that it is durable; the second is to examine it.
        if opened == 2:
            raise Fault(Reason.LEDGER_UNAVAILABLE, "no session in time")
        return await real(endpoint, role)

    async def broken(_: RoleConnection) -> tuple[str, ...]:
        return () if nats.restarts else ("LEDGER",)

    monkeypatch.setattr(RoleConnection, "open", hard)
    monkeypatch.setattr(nats_server, "unwritable", broken)
    monkeypatch.setattr(nats_server, "_EXAMINE_SECONDS", 0.05)
    lock = await StateLock.acquire(tmp_path)
    nats = EmbeddedNats(state_dir=tmp_path, lock=lock)
    await nats.start()
    first = nats.pid
    try:
        async with asyncio.timeout(PATIENCE):
            while nats.pid in {first, None}:  # noqa: ASYNC110 - its process is what is waited for
                await asyncio.sleep(0.02)
    finally:
        await nats.stop()
        lock.release()


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
    child = int(await asyncio.wait_for(parent.stdout.readline(), PATIENCE))
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
        str(int(signal.SIGTERM)),
        "/bin/true",
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await orphan.communicate()
    assert orphan.returncode == 1
    assert b"has ended" in said
