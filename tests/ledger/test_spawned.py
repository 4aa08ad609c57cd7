"""A child that is started among many TLS connections leaves them alone, and its end is noticed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import pytest
import uvloop

from certs.authority import SERVER_AUTH, Authority
from gateway.ledger.spawned import Spawned

SOON = 30.0
CALLERS = 64
CHILDREN = 40


def start(*words: str) -> Spawned:
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        return Spawned.start([sys.executable, "-I", "-S", *words], output=null, inherited=())
    finally:
        os.close(null)


async def echo(data: bytes, _context: Any) -> bytes:
    await asyncio.sleep(0)
    return data


def test_calls_under_way_survive_the_start_of_many_children(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "ca", trust_domain="exchange.example")
    chain, key = authority.leaf([], dns=["localhost"], usages=[SERVER_AUTH])
    handler: Any = grpc.unary_unary_rpc_method_handler(echo)
    failures: Counter[str] = Counter()
    over = asyncio.Event()

    async def call(channel: grpc.aio.Channel) -> None:
        method: Any = channel.unary_unary("/Echo/Echo")
        while not over.is_set():
            try:
                assert await method(bytes(2000), timeout=SOON) == bytes(2000)
            except grpc.aio.AioRpcError as error:
                failures[f"{error.code()} {error.details()}"] += 1

    async def play() -> None:
        server = grpc.aio.server()
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("Echo", {"Echo": handler})]
        )
        credentials = grpc.ssl_server_credentials([(key, chain)])
        port = server.add_secure_port("127.0.0.1:0", credentials)
        await server.start()
        trusted = grpc.ssl_channel_credentials(authority.bundle)
        async with grpc.aio.secure_channel(f"localhost:{port}", trusted) as channel:
            calling = [asyncio.create_task(call(channel)) for _ in range(CALLERS)]
            for _ in range(CHILDREN):
                assert await start("-c", "").wait() == 0
            over.set()
            await asyncio.gather(*calling)
        await server.stop(0)

    # The gateway's loop: its own way of starting a child is not used.
    uvloop.run(asyncio.wait_for(play(), 4 * SOON))

    assert not failures


@pytest.mark.asyncio
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
async def test_its_end_is_noticed(by: signal.Signals) -> None:
    child = start("-c", "import time; time.sleep(600)")
    running = child.returncode
    assert running is None
    if by is signal.SIGTERM:
        child.terminate()
    else:
        child.kill()

    assert await asyncio.wait_for(child.wait(), SOON) == -by
    assert child.returncode == -by
    child.terminate()
    child.kill()


@pytest.mark.asyncio
async def test_it_keeps_what_it_is_given_and_nothing_else(tmp_path: Path) -> None:
    kept, other = (os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in ("kept", "other"))
    os.set_inheritable(other, True)
    output = os.open(tmp_path / "output", os.O_WRONLY | os.O_CREAT)
    script = "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))"
    child = Spawned.start(
        [sys.executable, "-I", "-S", "-c", script], output=output, inherited=(kept,)
    )
    status = await asyncio.wait_for(child.wait(), SOON)
    for fd in (kept, other, output):
        os.close(fd)

    assert status == 0
    found = (tmp_path / "output").read_text()
    assert f" {kept}" in found
    assert f" {other}," not in found
