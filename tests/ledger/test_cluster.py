"""Three nats-servers that somebody else runs: TLS, roles, durability, and the death of a leader."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.core.errors import Fault, Reason
from gateway.core.fold import Outcome, Verdict
from gateway.ledger.announcements import NatsAnnouncements, NatsAnnouncer
from gateway.ledger.durability import assert_durable
from gateway.ledger.lease_kv import KvLeasePlace
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_external import (
    ExternalNats,
    make_keys,
    permissions,
    permissions_table,
    public_keys,
)
from gateway.ledger.nats_roles import LEDGER, LOGS, PERMISSIONS, Role, fresh_seeds
from gateway.ledger.nats_server import server_binary
from gateway.ledger.notes import NatsSignedNotes
from gateway.ledger.stream import JetStreamAppender, JetStreamReader
from gateway.ledger.stream_setup import (
    StreamCreation,
    check_stream,
    create_lease,
    create_stream,
    stream_exists,
)
from gateway.ports.blocks import AppendOutcome
from tests.ledger.house import house, initialise_house, statement
from tests.ledger.running import PATIENCE, Ledger
from tests.world.nats_cluster import Cluster, running

ENTRIES = 400


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@asynccontextmanager
async def role(cluster: Cluster, who: Role) -> AsyncGenerator[RoleConnection, None]:
    connection = await RoleConnection.open(cluster.external.endpoint({who}), who, within=PATIENCE)
    try:
        yield connection
    finally:
        await connection.close()


@pytest_asyncio.fixture
async def made(cluster: Cluster) -> Cluster:
    """A cluster with the streams and the bucket, as `init` makes them."""
    cluster.wait()
    async with role(cluster, Role.KEEPER) as keeper:
        for log in LOGS:
            await create_stream(keeper, log, replicas=3, store_dir=None)
        await create_lease(keeper, replicas=3)
    return cluster


@asynccontextmanager
async def ledger_of(cluster: Cluster) -> AsyncGenerator[Ledger, None]:
    async with role(cluster, Role.WORKER) as worker, role(cluster, Role.INTEGRATOR) as fold:
        await check_stream(fold, replicas=3)

        async def interrupt() -> None:
            """Nothing to do: servers are killed by name."""

        yield Ledger(
            appender=JetStreamAppender(worker),
            reader=JetStreamReader(fold),
            announcer=NatsAnnouncer(fold),
            announcements=NatsAnnouncements(worker),
            interrupt=interrupt,
        )


async def leader(cluster: Cluster) -> str:
    async with role(cluster, Role.INTEGRATOR) as connection:
        session = await connection.session(within=PATIENCE)
        info = await session.client.jsm().stream_info(LEDGER.stream)
        assert info.cluster is not None
        return info.cluster.leader or ""


@pytest.mark.asyncio
async def test_every_server_answers_for_its_durability(made: Cluster) -> None:
    async with role(made, Role.SYS) as system:
        answered = await assert_durable(system)
    assert answered.servers == ("n1", "n2", "n3")
    assert answered.silent == 0


@pytest.mark.asyncio
async def test_what_is_there_is_found_and_weaker_is_refused(made: Cluster) -> None:
    async with role(made, Role.KEEPER) as keeper:
        assert await stream_exists(keeper)
        found = await create_stream(keeper, replicas=3, store_dir=None)
        assert found is StreamCreation.FOUND
        with pytest.raises(Fault, match="held by 3 servers and not by 5"):
            await check_stream(keeper, replicas=5)


@pytest.mark.asyncio
async def test_roles_have_the_rights_that_were_printed_and_no_others(
    made: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    refused: set[tuple[Role, str]] = set()
    subjects = {
        subject.replace("*", "x") for row in PERMISSIONS.values() for subject in row.publish
    } | {f"$JS.API.STREAM.DELETE.{LEDGER.stream}", "$SYS.REQ.SERVER.PING.CONNZ"}
    for who in Role:
        async with role(made, who) as connection:
            session = await connection.session(within=PATIENCE)
            for subject in sorted(subjects - {LEDGER.blocks}):
                caplog.clear()
                with caplog.at_level(logging.ERROR):
                    await session.client.publish(subject, b"")
                    await session.settle()
                if "permissions violation for publish" in caplog.text:
                    refused.add((who, subject))
    allowed = {
        (who, subject.replace("*", "x"))
        for who, row in PERMISSIONS.items()
        for subject in row.publish
    }
    asked = {(who, subject) for who in Role for subject in subjects - {LEDGER.blocks}}
    assert refused == asked - allowed


@pytest.mark.asyncio
async def test_a_server_of_another_authority_is_not_spoken_to(
    made: Cluster, tmp_path: Path
) -> None:
    foreign = Cluster.make(tmp_path, "n9").external
    endpoint = replace(made.external, ca=foreign.ca).endpoint({Role.WORKER})
    with pytest.raises(Fault, match="SSL"):
        await RoleConnection.open(endpoint, Role.WORKER, within=1.0)
    stranger = replace(made.external.endpoint({Role.WORKER}), seeds=fresh_seeds(Role))
    with pytest.raises(Fault, match="no connection"):
        await RoleConnection.open(stranger, Role.WORKER, within=1.0)


@pytest.mark.asyncio
async def test_notes_reach_the_other_nodes_and_are_said_again_when_asked(made: Cluster) -> None:
    async with role(made, Role.INTEGRATOR) as one, role(made, Role.INTEGRATOR) as two:
        mine, yours = NatsSignedNotes(one), NatsSignedNotes(two)
        async with aclosing(yours.heard()) as heard, aclosing(mine.heard()) as own:
            listening = asyncio.ensure_future(anext(own))
            mine.keep(b"before anybody listened")
            first = asyncio.ensure_future(anext(heard))
            async with asyncio.timeout(PATIENCE):
                while not first.done():
                    await yours.ask()
                    await asyncio.sleep(0.05)
                assert await first == b"before anybody listened"
                await mine.say(b"x" * 5000)
                await mine.say(b"said")
                while await anext(heard) != b"said":
                    pass
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


@pytest.mark.asyncio
async def test_nodes_announce_to_their_own_workers_only(made: Cluster) -> None:
    async with role(made, Role.INTEGRATOR) as fold, role(made, Role.WORKER) as worker:
        here, there = (NatsAnnouncer(fold, node=name) for name in ("one", "two"))
        async with aclosing(NatsAnnouncements(worker, node="one").notes()) as notes:
            await anext(notes)
            await there.announce(b"of the other node")
            await here.announce(b"of this node")
            heard = await asyncio.wait_for(anext(notes), PATIENCE)
    assert heard.note == b"of this node"


@pytest.mark.asyncio
async def test_a_leader_killed_under_load_loses_nothing(made: Cluster, tmp_path: Path) -> None:
    """Everything acknowledged is there once, what was not is handed in again, and both go on."""
    initialise_house(tmp_path)
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(ledger_of(made))
        node = await stack.enter_async_context(house(tmp_path, ledger, doubt_seconds=PATIENCE))
        node.start_all()
        victim = await leader(made)

        async def record(n: int) -> Outcome:
            entry = statement(f"s{n}", keys=[f"statement/aurora/s{n}"])
            while True:
                try:
                    return await node.recorder.record(entry)
                except Fault as fault:
                    if fault.reason is not Reason.LEDGER_UNAVAILABLE:
                        raise

        recording = [asyncio.create_task(record(n)) for n in range(ENTRIES // 2)]
        await asyncio.wait(recording, return_when=asyncio.FIRST_COMPLETED)
        made.kill(victim)
        recording += [asyncio.create_task(record(n)) for n in range(ENTRIES // 2, ENTRIES)]
        async with asyncio.timeout(2 * PATIENCE):
            outcomes = await asyncio.gather(*recording)
        # An entry handed in again is stale: it was there already.
        indexes = [each.index for each in outcomes if each.verdict is Verdict.ACCEPTED]
        assert len(indexes) == len(set(indexes))
        assert node.integrator.halted is None
        with node.reader.snapshot() as snapshot:
            assert snapshot.size == ENTRIES
            for n in range(ENTRIES):
                assert snapshot.statement("aurora", f"s{n}") is not None
        assert await leader(made) != victim
        # Two of three serve, and say so.
        async with role(made, Role.SYS) as system:
            answered = await assert_durable(system)
        assert (len(answered.servers), answered.silent) == (2, 1)
        made.start(victim)
        again = await ledger.appender.append(b"after")
        assert again.outcome is AppendOutcome.STORED
        async with role(made, Role.INTEGRATOR) as connection:
            place = KvLeasePlace(connection)
            standing = await place.read()
            revision = standing.revision if standing else 0
            assert await place.write(b"x", revision=revision) is not None


@pytest.mark.asyncio
async def test_one_server_that_does_not_sync_is_named(tmp_path: Path) -> None:
    cluster = Cluster.make(tmp_path, "n1", "n2", "n3")
    cluster.sync_interval["n2"] = "2m"
    try:
        cluster.start()
        async with role(cluster, Role.SYS) as system:
            with pytest.raises(Fault, match="server n2 acknowledges before it syncs"):
                await assert_durable(system)
            for name in ("n2", "n3"):
                cluster.kill(name)
            async with asyncio.timeout(PATIENCE):
                while True:
                    with pytest.raises(Fault) as raised:
                        await assert_durable(system)
                    if "only 1 of 3" in raised.value.detail:
                        break
                    await asyncio.sleep(0.1)
    finally:
        cluster.stop()


def test_the_printed_block_is_what_a_server_reads(tmp_path: Path) -> None:
    printed = permissions(make_keys(tmp_path / "keys"), account="OURS")
    (tmp_path / "accounts.conf").write_text(printed)
    (tmp_path / "server.conf").write_text('include "accounts.conf"\n')
    checked = subprocess.run(
        [server_binary(), "-t", "-c", str(tmp_path / "server.conf")],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    for role_, key in public_keys(tmp_path / "keys").items():
        assert key in printed
        assert (tmp_path / "keys" / role_).read_text().strip() not in printed
    table = permissions_table()
    assert table["worker"]["publish"] == list(PERMISSIONS[Role.WORKER].publish)
    assert json.loads(json.dumps(table)) == table


@pytest.fixture
def external(tmp_path: Path) -> ExternalNats:
    return Cluster.make(tmp_path / "cluster", "n1").external


def test_secrets_are_read_by_role_and_kept_as_they_are(external: ExternalNats) -> None:
    endpoint = external.endpoint({Role.WORKER, Role.INTEGRATOR, Role.SYS})
    assert set(endpoint.seeds) == {Role.WORKER, Role.INTEGRATOR, Role.SYS}
    before = (external.credentials / "worker").read_text()
    make_keys(external.credentials)
    assert (external.credentials / "worker").read_text() == before
    (external.credentials / "sys").unlink()
    assert Role.SYS not in external.endpoint(set(Role)).seeds


@pytest.mark.parametrize(
    ("mend", "sentence"),
    [
        ("urls", "TLS only"),
        ("no urls", "no address"),
        ("ca", "no certificates"),
        ("mode", "chmod"),
        ("missing", "missing"),
        ("content", "neither an nkey seed"),
        ("account seed", "neither an nkey seed"),
    ],
)
def test_what_is_not_fit_is_refused_with_a_sentence(
    external: ExternalNats, mend: str, sentence: str
) -> None:
    worker = external.credentials / "worker"
    if mend == "urls":
        external = replace(external, urls=("nats://127.0.0.1:4222",))
    elif mend == "no urls":
        external = replace(external, urls=())
    elif mend == "ca":
        external.ca.write_text("no PEM")
    elif mend == "mode":
        worker.chmod(0o640)
    elif mend == "missing":
        worker.unlink()
    elif mend == "content":
        worker.write_text("s3cret")
    else:
        worker.write_text("SA" + worker.read_text()[2:])
    with pytest.raises(Fault) as raised:
        external.endpoint({Role.WORKER})
    assert sentence in raised.value.detail
    assert "s3cret" not in raised.value.detail
