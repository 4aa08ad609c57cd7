"""Two nodes serve one exchange over NATS servers of their own: one signs, the other compares."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from grpc_health.v1.health_pb2 import HealthCheckResponse

from forewarn.exchange.v1 import log_service_pb2
from forewarn_client import Home, Operator, Patience
from gateway.command import main
from gateway.core.checkpoint import Checkpoint, Note, NoteSigner, NoteVerifier, open_checkpoint
from gateway.ledger.keeper import Keeper
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_roles import LEDGER, Role
from tests.faults.drill import Drill
from tests.world.ledger_builder import ORIGIN
from tests.world.live import AURORA, CALL_SECONDS, CIVIL, HARBOR, Desk, alert, notice, run
from tests.world.live_homes import home_of
from tests.world.nats_cluster import Cluster, running
from tests.world.nodes import LEASE_SECONDS, Node

PATIENCE = 60.0
HASTE = Patience(budget=20.0, attempt=5.0, behind=2.0)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running(tmp_path / "nats", "n1") as made:
        yield made


@pytest.fixture
def one(cluster: Cluster, tmp_path: Path) -> Iterator[Node]:
    node = Node.begun(tmp_path / "one", cluster, replicas=1)
    yield node
    if node.process is not None:
        node.kill()


@pytest.fixture
def two(one: Node) -> Iterator[Node]:
    node = one.joined("two")
    yield node
    if node.process is not None:
        node.kill()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def head(desk: Desk) -> bytes:
    request = log_service_pb2.GetCheckpointRequest()
    note: bytes = desk.log.GetCheckpoint(request, timeout=CALL_SECONDS).checkpoint
    return note


async def contact(node: Node, home: Home) -> int:
    """Have a bank read what it has at one node, and give the size that it has verified."""
    here = replace(home, exchange=replace(home.exchange, address=node.address))
    async with Operator.connect(here, patience=HASTE) as bank:
        await bank.list_entries()
        return (await bank.checkpoint()).size


@pytest.mark.asyncio
async def test_two_nodes_show_one_history_and_one_outlives_the_other(one: Node, two: Node) -> None:
    two.copy_keys(one)
    one.serve()
    two.serve()
    shown = one.lease("show")
    assert (shown["node"], shown["state"], shown["seconds"]) == ("one", "held", LEASE_SECONDS)
    one.enrol(AURORA, CIVIL, HARBOR)
    home = home_of(one, HARBOR, one.folder)
    drill = Drill(live=two)  # type: ignore[arg-type] # it looks at a state folder, here another's
    with one.desk(AURORA) as here, two.desk(AURORA) as there, one.desk(CIVIL) as agency:
        # Handed in at both, answered by both, with the same place in the same log.
        assert drill.burst(here, 20) == []
        assert drill.burst(there, 20) == []
        drill.submit(there, drill.said)
        agency.submit(alert(CIVIL, HARBOR))
        # A member that changes nodes finds the same history, however far each was.
        assert await contact(one, home) == 45
        assert await contact(two, home) == 45
        drill.burst(there, 5)
        assert await contact(two, home) == 50
        assert await contact(one, home) == 50
        drill.check_log(there)

        one.kill()
        # Nobody signs; what is handed in now waits for the lease.
        began = time.monotonic()
        assert drill.burst(there, 10) == []
        assert time.monotonic() - began < 10 * LEASE_SECONDS
        assert two.signer == "two"
        drill.check_log(there)
    one.serve()
    with one.desk(AURORA) as here:
        # It has come back, compares, and takes statements in for the other to sign.
        assert drill.burst(here, 5) == []
        drill.live = one  # type: ignore[assignment] # as above
        drill.check_log(here)
    assert await contact(one, home) == 65
    assert two.signer == "two"

    # By hand: asked to let go, and taken by the one that is named.
    refused = run("lease", "take", "--state", str(one.state))
    assert refused.returncode == 1
    assert "two holds the lease: run `forewarn-gateway lease release` first" in refused.stderr
    one.lease("release")
    until(lambda: one.signer == "one")
    with two.desk(AURORA) as there:
        assert drill.burst(there, 5) == []
    # One that stops in order lets go at once.
    assert one.stop() == 0
    until(lambda: two.signer == "two")
    with two.desk(AURORA) as there:
        assert drill.burst(there, 5) == []
        drill.live = two  # type: ignore[assignment] # as above
        drill.check_log(there)
    assert await contact(two, home) == 75
    assert two.stop() == 0


@pytest.mark.asyncio
async def test_a_node_that_is_contradicted_halts_and_keeps_both(one: Node, two: Node) -> None:
    one.serve()
    two.serve()
    one.enrol(CIVIL, HARBOR)
    with two.desk(CIVIL) as agency:
        answer = agency.submit(alert(CIVIL, HARBOR))
        before = head(agency)
        assert agency.status() == HealthCheckResponse.SERVING
        note = await forge(one, 3)
        until(lambda: agency.status() == HealthCheckResponse.NOT_SERVING)
        # It goes on showing what was compared before.
        assert head(agency) == before
    assert answer.receipt.index == 3
    (kept,) = (two.state / "evidence" / "ledger").iterdir()
    assert (kept / "signed-note").read_bytes() == note
    own = Checkpoint.parse((kept / "against-it").read_bytes())
    assert own.size == 3
    log = (two.folder / "gateway.log").read_text()
    (line,) = [each for each in log.splitlines() if '"CRITICAL"' in each]
    assert str(kept) in line
    assert "join anew" in line
    # Without the key nobody takes its place, and it cannot be taken by hand.
    refused = run("lease", "take", "--state", str(two.state))
    assert "copy keeper/log.pem" in refused.stderr


async def forge(node: Node, size: int) -> bytes:
    """Sign what nobody folded, with the log's own key, and say it to all nodes."""
    signer = Keeper.load(node.state / "keeper", ORIGIN)._signer
    assert isinstance(signer, NoteSigner)
    text = Checkpoint(origin=ORIGIN, size=size, root=bytes(32)).text()
    note = Note(text=text, signatures=(signer.sign(text),)).encode()
    endpoint = node.cluster.external.endpoint({Role.INTEGRATOR})
    connection = await RoleConnection.open(endpoint, Role.INTEGRATOR, within=PATIENCE)
    try:
        session = await connection.session(within=PATIENCE)
        await session.client.publish(LEDGER.notes, note)
        await session.settle()
    finally:
        await connection.close()
    return note


def test_workers_of_two_nodes_hear_their_own_node_only(one: Node, two: Node) -> None:
    """As processes: each node with an integrator and a worker of its own."""
    one.serve("--workers", "1")
    two.serve("--workers", "1")
    one.enrol(AURORA, CIVIL)
    with one.desk(AURORA) as here, two.desk(AURORA) as there:
        for n in range(6):
            desk = here if n % 2 else there
            answer = desk.submit(notice(CIVIL))
            verifier = NoteVerifier.parse(one_key(one))
            size = open_checkpoint(answer.receipt.checkpoint, [verifier], ORIGIN).size
            assert size > answer.receipt.index
    # What looks at a gateway looks at a node without a key as well, while it runs and after.
    until(lambda: told(two, "status")["verdict"] == "serving")
    whole = told(two, "ledger", "check")
    assert (whole["standing"], whole["findings"], whole["unchecked"]) == ("whole", [], [])
    assert "signs, and renews its lease" in lease_as_found(two)
    assert one.stop() == 0
    waits_for_a_node_that_signs(one, two)
    assert one.stop() == 0
    assert two.stop() == 0
    assert told(two, "ledger", "check")["standing"] == "whole"
    problems = [each for each in lines(two, "doctor") if each["level"] == "problem"]
    assert problems == []
    assert "let go of the lease" in lease_as_found(two)


def waits_for_a_node_that_signs(one: Node, two: Node) -> None:
    """Hand in at a node that cannot sign while none does: health says so, and it is answered."""
    with two.desk(AURORA) as there, ThreadPoolExecutor(1) as pool:
        assert there.status() == HealthCheckResponse.SERVING
        waiting = pool.submit(there.submit, notice(CIVIL))
        until(lambda: there.status() == HealthCheckResponse.NOT_SERVING)
        assert not waiting.done()
        one.serve("--workers", "1")
        assert waiting.result().receipt.index > 0
        until(lambda: there.status() == HealthCheckResponse.SERVING)


def lease_as_found(node: Node) -> str:
    (found,) = [each for each in lines(node, "doctor") if each["check"] == "lease"]
    return str(found["what"])


def lines(node: Node, *words: str) -> list[dict[str, Any]]:
    """Run a command in this process, and read what it prints as JSON."""
    result = CliRunner().invoke(main, [*words, "--state", str(node.state), "--json"])
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    return [json.loads(line) for line in result.stdout.splitlines()]


def told(node: Node, *words: str) -> dict[str, Any]:
    (said,) = lines(node, *words)
    return said


def one_key(node: Node) -> str:
    text = (node.state / "exchange.toml").read_text()
    line = next(line for line in text.splitlines() if line.startswith("log_key"))
    return line.split('"')[1]


def test_a_leader_killed_under_load_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    with running(tmp_path / "nats") as cluster:
        cluster.wait()
        node = Node.begun(tmp_path / "one", cluster, replicas=3)
        try:
            node.serve()
            node.enrol(AURORA, CIVIL)
            drill = Drill(live=node)  # type: ignore[arg-type] # it looks at its folder
            with node.desk(AURORA) as lab, node.desk(CIVIL) as agency:
                drill.follower.start(agency)
                assert drill.burst(lab, 64) == []
                cluster.kill(cluster.leader())
                unanswered = drill.burst(lab, 64)
                while unanswered:
                    unanswered = drill.submit(lab, unanswered)
                # Nothing above GREEN left while its release could not be recorded.
                drill.follower.end()
                drill.follower.start(agency)
                drill.check(lab)
                drill.follower.end()
        finally:
            if node.process is not None:
                node.kill()


def test_what_does_not_fit_is_refused_in_a_sentence(
    one: Node, cluster: Cluster, tmp_path: Path
) -> None:
    genesis = one.folder / "genesis.dsse"

    def init(*words: str) -> str:
        plain = [word for word in one.init_command if word not in {"--genesis", str(genesis)}]
        plain[plain.index(str(one.state))] = str(tmp_path / "other")
        # In this process: a command takes a second to start.
        result = CliRunner().invoke(main, [*plain, *words])
        assert isinstance(result.exception, SystemExit)
        assert result.exit_code != 0
        return result.stderr

    assert "name --genesis to begin a ledger, or --join" in init()
    # The streams are there, and no key: another node began them.
    assert "join it with `init --join" in init("--genesis", str(genesis))
    join = ("--join", str(one.state / "exchange.toml"))
    text = (one.state / "exchange.toml").read_text()
    digest = next(line for line in text.splitlines() if line.startswith("genesis_digest"))
    other = tmp_path / "other.toml"
    other.write_text(text.replace(digest, f'genesis_digest = "{"0" * 64}"'))
    assert "does not begin with the pinned genesis" in init("--join", str(other))
    other.write_text("junk = 1")
    assert "is not the exchange.toml" in init("--join", str(other))
    credentials = cluster.external.credentials
    secret = (credentials / "sys").read_text()
    (credentials / "sys").unlink()
    assert "sync_vouched_for = true" in init(*join)
    (credentials / "sys").write_text(secret)
    (credentials / "sys").chmod(0o600)
    (credentials / "keeper").unlink()
    # Joining needs no keeper; and a second node of the same folder changes nothing.
    node = one.joined("three")
    assert not (node.state / "keeper" / "log.pem").exists()
    shown = CliRunner().invoke(main, ["lease", "show", "--state", str(node.state)])
    assert shown.stdout == "nobody has taken the lease yet\n"
    nowhere = CliRunner().invoke(main, ["lease", "show", "--state", str(tmp_path / "nowhere")])
    assert nowhere.exit_code == 1
