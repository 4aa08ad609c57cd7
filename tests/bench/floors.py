"""What this machine does at best, with nothing of the gateway around it.

* Echo: the same load generator against `echo`, with the same certificates, by calls and by streams.
* Verify: one thread, Ed25519 over a statement's 1 KiB.
* Publish: one message of 1 KiB at a time into JetStream, which syncs each before it answers.
* Commit: one row of 1 KiB at a time into SQLite, WAL and synchronous=FULL.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import perf_counter

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.ledger.nats_roles import Role
from gateway.ledger.stream import JetStreamAppender
from tests.bench.statements import STATEMENT_BYTES
from tests.ledger import running


@contextmanager
def echo_server(certificate: Path, key: Path, authorities: Path) -> Iterator[str]:
    """Run `echo`, and give its address."""
    command = [sys.executable, "-m", "tests.bench.echo", *map(str, (certificate, key, authorities))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def verify(count: int) -> float:
    """Verify signatures, and give how many a second."""
    key, message = Ed25519PrivateKey.generate(), secrets.token_bytes(STATEMENT_BYTES)
    signature, public = key.sign(message), key.public_key()
    begun = perf_counter()
    for _ in range(count):
        public.verify(signature, message)
    return count / (perf_counter() - begun)


@asynccontextmanager
async def jetstream(folder: Path) -> AsyncGenerator[JetStreamAppender, None]:
    """Run a nats-server of the gateway's own kind, with an empty stream, in an empty folder."""
    await running.initialise(folder)
    roles = frozenset({Role.WORKER})
    async with running.server(folder, roles) as nats, running.connection(nats, Role.WORKER) as role:
        yield JetStreamAppender(role)


async def publish(appender: JetStreamAppender, count: int) -> list[float]:
    """Publish messages one after the other, and give the seconds of each."""
    messages = [secrets.token_bytes(STATEMENT_BYTES) for _ in range(count)]
    taken = []
    for message in messages:
        begun = perf_counter()
        await appender.append(message)
        taken.append(perf_counter() - begun)
    return taken


async def commit(path: Path, count: int) -> list[float]:
    """Commit rows one after the other, and give the seconds of each."""
    return await asyncio.to_thread(_commit, path, count)


def _commit(path: Path, count: int) -> list[float]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS row (content BLOB)")
        taken = []
        for content in [secrets.token_bytes(STATEMENT_BYTES) for _ in range(count)]:
            begun = perf_counter()
            connection.execute("INSERT INTO row VALUES (?)", (content,))
            taken.append(perf_counter() - begun)
    finally:
        connection.close()
    return taken
