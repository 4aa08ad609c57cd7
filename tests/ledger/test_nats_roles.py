"""Who may do what at the embedded nats-server, and who cannot get in at all."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import nats.errors
import pytest
import pytest_asyncio
from nats.aio.msg import Msg

from gateway.core.errors import Fault
from gateway.ledger import nats_conf
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_roles import (
    ALONE,
    LEASE_STREAM,
    LEASE_SUBJECT,
    LEDGER,
    PERMISSIONS,
    SERVE_ROLES,
    VARZ_SUBJECT,
    Role,
    fresh_seeds,
)
from gateway.ledger.nats_server import EmbeddedNats
from tests.ledger.running import (
    PATIENCE,
    Ledger,
    connection,
    initialise,
    nats_ledger,
    server,
)

# What some role, or an attacker who has a role's key, could want.
SUBJECTS = (
    LEDGER.blocks,
    LEDGER.announced(ALONE),
    LEDGER.said(ALONE),
    LEDGER.asked(ALONE),
    LEDGER.notes,
    LEDGER.asking,
    LEASE_SUBJECT,
    f"$JS.API.STREAM.CREATE.{LEASE_STREAM}",
    f"$JS.API.STREAM.MSG.GET.{LEASE_STREAM}",
    VARZ_SUBJECT,
    "$SYS.REQ.SERVER.PING.CONNZ",
    "$SYS.REQ.ACCOUNT.LEDGER.INFO",
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    f"$JS.API.STREAM.INFO.{LEDGER.stream}",
    f"$JS.API.STREAM.CREATE.{LEDGER.stream}",
    "$JS.API.STREAM.CREATE.OTHER",
    f"$JS.API.STREAM.UPDATE.{LEDGER.stream}",
    f"$JS.API.STREAM.DELETE.{LEDGER.stream}",
    f"$JS.API.STREAM.PURGE.{LEDGER.stream}",
    f"$JS.API.STREAM.MSG.GET.{LEDGER.stream}",
    f"$JS.API.STREAM.MSG.DELETE.{LEDGER.stream}",
    f"$JS.API.STREAM.SNAPSHOT.{LEDGER.stream}",
    f"$JS.API.STREAM.RESTORE.{LEDGER.stream}",
    f"$JS.API.DIRECT.GET.{LEDGER.stream}",
    f"$JS.API.CONSUMER.CREATE.{LEDGER.stream}.c",
    f"$JS.API.CONSUMER.DURABLE.CREATE.{LEDGER.stream}.c",
    f"$JS.API.CONSUMER.MSG.NEXT.{LEDGER.stream}.c",
    f"$JS.API.CONSUMER.DELETE.{LEDGER.stream}.c",
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


@pytest.mark.asyncio
@pytest.mark.parametrize("role", list(Role))
async def test_a_role_publishes_what_its_row_says_and_nothing_else(
    running: EmbeddedNats, role: Role, caplog: pytest.LogCaptureFixture
) -> None:
    refused = set()
    async with connection(running, role) as me:
        session = await me.session(within=PATIENCE)
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
            session = await me.session(within=PATIENCE)
            client = session.client
            for pattern in (">", "*.>", "$JS.>", LEDGER.blocks):
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
        session = await worker.session(within=PATIENCE)
        for verb in ("STREAM.DELETE", "STREAM.PURGE", "STREAM.UPDATE"):
            await session.client.publish(
                LEDGER.blocks, b"x", reply=f"$JS.API.{verb}.{LEDGER.stream}"
            )
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
    port = int(running.endpoint.urls[0].rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"CONNECT {}\r\nPING\r\n")
    assert b"INFO" not in await asyncio.wait_for(reader.read(100), PATIENCE)
    writer.close()


@pytest.mark.asyncio
async def test_a_worker_may_not_announce(running: EmbeddedNats, ledger: Ledger) -> None:
    async with connection(running, Role.WORKER) as worker:
        session = await worker.session(within=PATIENCE)
        async with aclosing(ledger.announcements.notes()) as notes:
            await anext(notes)
            await session.client.publish(LEDGER.announced(ALONE), b"forged")
            await session.settle()
            await ledger.announcer.announce(b"real")
            assert (await asyncio.wait_for(anext(notes), PATIENCE)).note == b"real"
        with pytest.raises(nats.errors.TimeoutError):
            await session.client.request(f"$JS.API.STREAM.DELETE.{LEDGER.stream}", timeout=0.2)


def test_the_pin_wants_tls_1_3_and_the_address() -> None:
    context = nats_conf.fresh_identity().pin()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
