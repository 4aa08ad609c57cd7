"""A gateway of several processes: who holds what, who comes back, and how all of it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPException
from pathlib import Path
from typing import Any

import grpc
import nkeys
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from grpc_health.v1.health_pb2 import HealthCheckResponse

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.errors import Reason
from tests.world import processes
from tests.world.audited import acts
from tests.world.live import (
    AURORA,
    CALL_SECONDS,
    CIVIL,
    Desk,
    Live,
    Statement,
    notice,
    refused,
    run,
)
from tests.world.stranger import Stranger

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux does")

TWO = ("--workers", "2", "--listen", "127.0.0.1:0")
ALL = {"integrator", "worker-1", "worker-2", "nats-server"}
SEED = re.compile(rb"SU[A-Z2-7]{56}")
MOST_CONNECTIONS = 64
RECEIVED = pb.EntryFilter(box="BOX_RECEIVED")


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    live = Live.make(tmp_path_factory.mktemp("spread"))
    live.init()
    live.publish()
    live.serve(*TWO)
    live.enrol(AURORA, CIVIL)
    yield live
    if live.process is not None:
        live.kill()


def recorded(live: Live, statement: Statement) -> int:
    """Hand a statement in until it is answered, as a member's program does."""
    answers: list[int] = []

    def answered() -> bool:
        try:
            with live.desk(AURORA) as lab:
                answers.append(lab.submit(statement).receipt.index)
        except grpc.RpcError:
            return False
        return True

    processes.eventually(answered)
    return answers[0]


def ended(live: Live) -> list[dict[str, str]]:
    """Give the log lines that say that a process ended by itself."""
    lines = map(json.loads, (live.folder / "gateway.log").read_text().splitlines())
    return [line for line in lines if line.get("event") in {"child_ended", "nats_ended"}]


def published(live: Live) -> int:
    """Read over HTTPS how many entries the log has; 0 where nobody answers."""
    join = tomllib.loads((live.state / "exchange.toml").read_text())
    try:
        made = Stranger(live.log_address, "/ledger", join["ca"].encode(), join["log_key"])
        with closing(made) as stranger:
            return stranger.checkpoint()[1]
    except (OSError, HTTPException):
        return 0


def serves(desk: Desk) -> bool:
    try:
        return bool(desk.status() == HealthCheckResponse.SERVING)
    except grpc.RpcError:
        return False


def refusal(lab: Desk) -> str:
    with pytest.raises(grpc.RpcError) as error:
        lab.submit(notice(CIVIL))
    return refused(error.value).reason


def received(agency: Desk, cursor: str = "") -> tuple[list[int], str]:
    """List what an agency has received, from a cursor on."""
    request = pb.ListEntriesRequest(filter=RECEIVED, cursor=cursor)
    page = agency.exchange.ListEntries(request, timeout=CALL_SECONDS)
    return [record.index for record in page.records], page.cursor


def test_every_process_has_the_keys_of_its_role_and_no_other(spread: Live) -> None:
    family = processes.of(spread)
    assert set(family) == ALL
    assert spread.process is not None
    pems = [spread.state / name / "log.pem" for name in ("keeper", "audit-keeper")]
    secrets = []
    for pem in pems:
        key: Any = load_pem_private_key(pem.read_bytes(), None)
        secrets += [key.private_bytes_raw(), pem.read_bytes().splitlines()[1]]
    public = (spread.state / "run" / "nats-server.conf").read_text()
    seeds: dict[str, set[bytes]] = {}
    for name, pid in {**family, "supervisor": spread.process.pid}.items():
        try:
            memory = processes.memory(pid)
        except PermissionError:
            pytest.skip("another process's memory cannot be read here")
        held = set()
        for seed in SEED.findall(memory):
            try:
                held.add(bytes(nkeys.from_seed(bytearray(seed)).public_key))
            except Exception:  # noqa: BLE001, S112 - letters that look like one
                continue
        seeds[name] = {each for each in held if each.decode() in public}
        assert any(secret in memory for secret in secrets) is (name == "integrator")
        for place in ("cmdline", "environ"):
            assert not SEED.search(Path(f"/proc/{pid}/{place}").read_bytes())
    assert len(seeds["supervisor"]) == 3
    assert len(seeds["integrator"]) == 1
    assert len(seeds["worker-1"]) == 1
    assert seeds["worker-1"] == seeds["worker-2"] != seeds["integrator"]
    assert not seeds["nats-server"]


def test_connections_are_shared_among_workers(spread: Live) -> None:
    port = int(spread.address.rpartition(":")[2])
    family = processes.of(spread)
    workers = [family["worker-1"], family["worker-2"]]
    with ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            desk = stack.enter_context(spread.desk(AURORA))
            # One connection each: the agency's reads are answered by both from the same ledger.
            assert desk.status() == HealthCheckResponse.SERVING
            if all(processes.connections(pid, port) for pid in workers):
                break
        else:
            raise AssertionError("one worker got all connections")
    assert processes.connections(family["integrator"], port) == 0


@pytest.mark.parametrize("victim", ["worker-1", "integrator", "nats-server"])
def test_whoever_is_killed_is_back_and_calls_go_on(spread: Live, victim: str) -> None:
    with spread.desk(CIVIL) as agency:
        before, cursor = received(agency)
    sent = [notice(CIVIL) for _ in range(3)]
    first = recorded(spread, sent[0])
    was = processes.kill(spread, victim)
    indexes = [first, *(recorded(spread, each) for each in sent[1:])]
    processes.back(spread, victim, was)
    assert [recorded(spread, each) for each in sent] == indexes
    with spread.desk(CIVIL) as agency:
        new, _ = received(agency, cursor)
        processes.eventually(lambda: agency.status() == HealthCheckResponse.SERVING)
    assert new == indexes
    assert not set(before) & set(new)
    kind = "nats_ended" if victim == "nats-server" else "child_ended"
    child = {} if victim == "nats-server" else {"child": victim}
    assert {"event": kind, "status": "-9", **child}.items() <= ended(spread)[-1].items()
    # Strangers are served by the first worker: who comes back serves them again.
    processes.eventually(lambda: published(spread) > indexes[-1])


def test_a_port_or_folder_in_use_is_refused(spread: Live, tmp_path_factory: Any) -> None:
    other = Live.make(tmp_path_factory.mktemp("other"))
    other.init()
    for workers in ("0", "2"):
        busy = run(
            *("serve", "--state", str(other.state), "--listen", spread.address),
            *("--workers", workers),
        )
        assert busy.returncode == 1
        assert "another program has the port" in busy.stderr
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        held.listen()
        address = f"127.0.0.1:{held.getsockname()[1]}"
        busy = run("serve", "--state", str(other.state), "--listen", address, "--workers", "1")
        assert "another program has the port" in busy.stderr
    second = run("serve", "--state", str(spread.state), *TWO)
    assert second.returncode == 1
    assert "another gateway" in second.stderr


def test_the_supervisor_killed_leaves_nobody(spread: Live) -> None:
    family = processes.of(spread)
    spread.kill()
    processes.eventually(lambda: not any(processes.alive(pid) for pid in family.values()))
    spread.serve(*TWO)
    with spread.desk(CIVIL) as agency:
        assert received(agency)[0]


def test_a_graceful_stop_leaves_nothing_and_is_recorded_once(spread: Live) -> None:
    family = processes.of(spread)
    with spread.desk(CIVIL) as agency:
        stream = agency.exchange.Follow(pb.FollowRequest(filter=RECEIVED), timeout=CALL_SECONDS)
        next(stream)
        assert spread.stop() == 0
        with pytest.raises(grpc.RpcError) as error:
            for _ in stream:
                pass
    assert refused(error.value).code is grpc.StatusCode.UNAVAILABLE
    assert not any(processes.alive(pid) for pid in family.values())
    assert not (spread.state / "run" / "listen").exists()
    # Killed in between, the supervisor recorded no end; what came back was no start. A start that
    # was still in memory when its worker was killed is lost, as the audit log's page says.
    first, *starts, last = [act for act, _ in acts(spread) if act != "CERTIFICATE_RELOAD"]
    assert (first, last) == ("INIT", "STOP")
    assert starts in (["START"], ["START", "START"])


def test_what_has_to_be_mended_ends_the_whole_in_one_sentence(own: Live) -> None:
    own.init()
    shutil.move(own.state / "keeper", own.folder / "away")
    said = run("serve", "--state", str(own.state), *TWO)
    assert said.returncode == 1
    lines = [line for line in said.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    assert "restore the keeper's folder" in lines[0]
    assert "Traceback" not in said.stderr


def test_a_ledger_that_cannot_be_proven_is_read_only_and_says_so_once(own: Live) -> None:
    own.init()
    backup = own.folder / "jetstream-of-before"
    shutil.copytree(own.state / "jetstream", backup)
    own.serve(*TWO)
    own.enrol(AURORA, CIVIL)
    index = recorded(own, notice(CIVIL))
    assert own.stop() == 0
    (now,) = (own.state / "jetstream").glob("**/streams/LEDGER")
    shutil.rmtree(now)
    shutil.copytree(next(backup.glob("**/streams/LEDGER")), now)

    own.start(*TWO)
    listen = own.state / "run" / "listen"
    processes.eventually(listen.exists)
    own.address = listen.read_text().strip()
    log = own.folder / "gateway.log"
    processes.eventually(lambda: "integrator halts" in log.read_text())
    for _ in range(4):  # whichever worker it is
        with own.desk(AURORA) as lab:
            processes.eventually(lambda: refusal(lab) == Reason.LEDGER_NOT_PROVEN)
            assert lab.status() == HealthCheckResponse.NOT_SERVING
            read = lab.exchange.GetEntry(pb.GetEntryRequest(index=index), timeout=CALL_SECONDS)
            assert read.record.index == index
    assert own.stop() == 0
    *_, one, other, last = acts(own)
    assert {one, other} == {("START", ""), ("HALT", Reason.LEDGER_NOT_PROVEN)}
    assert last == ("STOP", "")


def test_one_worker_told_to_end_ends_in_order_and_comes_back(own: Live) -> None:
    own.init()
    own.serve("--workers", "1")
    was = processes.of(own)["worker-1"]
    os.kill(was, signal.SIGTERM)
    processes.back(own, "worker-1", was)
    with own.desk(AURORA) as anybody:
        processes.eventually(lambda: serves(anybody))
    assert [(each["child"], each["status"]) for each in ended(own)] == [("worker-1", "0")]
    assert own.stop() == 0
