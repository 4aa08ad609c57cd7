"""Beginning, serving, stopping, being killed, and what is said when something is wrong."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import time
import tomllib
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from grpc_health.v1.health_pb2 import HealthCheckResponse

from certs.authority import SERVER_AUTH
from certs.files import write_key, write_public
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.errors import Reason
from tests.world.audited import acts
from tests.world.live import (
    AURORA,
    CALL_SECONDS,
    CIVIL,
    READY_SECONDS,
    Live,
    enrolment,
    genesis,
    notice,
    refused,
    run,
)

RECEIVED = pb.EntryFilter(box="BOX_RECEIVED")


def sentence(done: Any) -> str:
    """Insist that a command failed with one sentence, and give it."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert len(lines) == 1
    assert lines[0].endswith(".")
    return str(lines[0])


def test_begun_again_it_is_the_same(own: Live) -> None:
    first = own.init()
    files = {name: (own.state / name).read_bytes() for name in ("exchange.toml", "gateway.toml")}
    second = own.init()

    assert first == second
    assert files == {name: (own.state / name).read_bytes() for name in files}
    assert own.state.stat().st_mode & 0o777 == 0o700
    join = tomllib.loads(files["exchange.toml"].decode())
    assert x509.load_pem_x509_certificates(join["ca"].encode())
    assert {key: join[key] for key in ("origin", "genesis_digest", "log_key")} == {
        key: first[key] for key in ("origin", "genesis_digest", "log_key")
    }
    # What was lost and follows from the stream is made anew; without options too.
    (own.state / "ledger.db").unlink()
    again = run("init", "--state", str(own.state), "--genesis", str(own.folder / "genesis.dsse"))
    assert again.returncode == 0, again.stderr


def test_another_genesis_is_refused(own: Live) -> None:
    own.init()
    (own.folder / "genesis.dsse").write_bytes(genesis().envelope)

    assert "another genesis" in sentence(run(*own.init_command))


def test_a_half_begun_folder_is_finished_and_never_by_another_genesis(own: Live) -> None:
    first = own.init()
    (own.state / "inception.json").unlink()
    mine = (own.folder / "genesis.dsse").read_bytes()
    (own.folder / "genesis.dsse").write_bytes(genesis().envelope)
    assert "another genesis" in sentence(run(*own.init_command))
    (own.folder / "genesis.dsse").write_bytes(mine)

    assert own.init() == first


def test_a_lost_log_key_is_never_made_anew(own: Live) -> None:
    own.init()
    shutil.rmtree(own.state / "keeper")

    assert "restore" in sentence(run(*own.init_command))
    assert "restore" in sentence(run("serve", "--state", str(own.state)))
    assert not (own.state / "keeper").exists()


@pytest.mark.parametrize("left", ["ledger.db", "jetstream", "both"])
def test_a_lost_log_key_is_not_made_anew_without_the_marker_either(own: Live, left: str) -> None:
    own.init()
    shutil.rmtree(own.state / "keeper")
    (own.state / "inception.json").unlink()
    if left == "ledger.db":
        shutil.rmtree(own.state / "jetstream")
    if left == "jetstream":
        (own.state / "ledger.db").unlink()

    assert "restore" in sentence(run(*own.init_command))
    assert not (own.state / "keeper").exists()


def test_a_genesis_that_is_none_is_refused(own: Live) -> None:
    (own.folder / "genesis.dsse").write_bytes(enrolment(AURORA).envelope)

    assert "not a genesis statement" in sentence(run(*own.init_command))
    assert not own.state.exists()


def test_options_that_contradict_the_configuration_are_refused(own: Live) -> None:
    own.init()
    command = [*own.init_command, "--public", "gateway.exchange.example:8443"]

    assert "edit it there" in sentence(run(*command))


def test_serving_what_was_never_begun_is_refused(own: Live) -> None:
    said = sentence(run("serve", "--state", str(own.state)))

    assert "forewarn-gateway init" in said
    assert not own.state.exists()


def test_a_key_that_others_may_read_is_refused(own: Live) -> None:
    own.init()
    (own.folder / "gateway.key").chmod(0o640)
    assert "chmod it to 600" in sentence(run("serve", "--state", str(own.state)))

    (own.folder / "gateway.key").chmod(0o600)
    (own.state / "keeper" / "log.pem").chmod(0o644)
    assert "chmod it to 600" in sentence(run("serve", "--state", str(own.state)))


def test_a_misspelt_setting_is_refused(own: Live) -> None:
    own.init()
    config = own.state / "gateway.toml"
    config.write_text(config.read_text().replace("calls =", "cals ="))

    assert "cals is not known" in sentence(run("serve", "--state", str(own.state)))


def test_a_busy_port_and_a_busy_folder_are_refused(own: Live, exchange: Live) -> None:
    own.init()
    busy = run("serve", "--state", str(own.state), "--listen", exchange.address)
    assert "another program has the port" in sentence(busy)

    second = run("serve", "--state", str(exchange.state), "--listen", "127.0.0.1:0")
    assert "another gateway" in sentence(second)


def test_the_real_address_is_kept_while_it_runs(own: Live) -> None:
    own.init()
    own.serve("--listen", "127.0.0.1:0")
    listen = own.state / "run" / "listen"

    assert listen.read_text() == f"{own.address}\n"
    assert own.stop() == 0
    assert not listen.exists()


def test_killed_and_started_again_nothing_answered_is_lost(own: Live) -> None:
    own.init()
    own.serve()
    own.enrol(AURORA, CIVIL)
    with own.desk(AURORA) as lab, own.desk(CIVIL) as agency:
        sent = [notice(CIVIL) for _ in range(5)]
        stream = agency.exchange.Follow(pb.FollowRequest(filter=RECEIVED), timeout=CALL_SECONDS)
        next(stream)
        answers = [lab.submit(each) for each in sent[:4]]
        answers.append(lab.submit(sent[4]))
        own.kill()
        seen, cursor = drained(stream)
    own.serve()
    with own.desk(AURORA) as lab, own.desk(CIVIL) as agency:
        again = [lab.submit(each) for each in sent]
        request = pb.FollowRequest(filter=RECEIVED, cursor=cursor)
        stream = agency.exchange.Follow(request, timeout=CALL_SECONDS)
        while len(seen) < len(sent):
            seen += [record.index for record in next(stream).records]
        stream.cancel()

    assert [each.receipt.index for each in again] == [each.receipt.index for each in answers]
    assert [each.receipt.salt for each in again] == [each.receipt.salt for each in answers]
    assert [each.entry_body for each in again] == [each.entry_body for each in answers]
    assert seen == [each.receipt.index for each in answers]
    assert own.stop() == 0


def test_a_killed_nats_server_is_started_again_under_a_running_gateway(own: Live) -> None:
    own.init()
    own.serve()
    own.enrol(AURORA, CIVIL)
    with own.desk(AURORA) as lab, own.desk(CIVIL) as agency:
        stream = agency.exchange.Follow(pb.FollowRequest(filter=RECEIVED), timeout=CALL_SECONDS)
        next(stream)
        first = lab.submit(notice(CIVIL)).receipt.index
        (ports,) = (own.state / "run").glob("nats-server_*.ports")
        os.kill(int(ports.stem.partition("_")[2]), signal.SIGKILL)
        second = lab.submit(notice(CIVIL)).receipt.index
        seen = [record.index for _ in range(2) for record in next(stream).records]
        # An open stream does not hold up the end of the gateway, and is told to resume.
        begun = time.monotonic()
        assert own.stop() == 0
        assert time.monotonic() - begun < CALL_SECONDS / 2
        assert drained(stream) == ([], "")

    assert seen == [first, second]


def test_a_ledger_that_cannot_be_proven_is_read_only_and_says_so(own: Live) -> None:
    own.init()
    backup = own.folder / "jetstream-of-before"
    shutil.copytree(own.state / "jetstream", backup)
    own.serve()
    own.enrol(AURORA, CIVIL)
    sent = notice(CIVIL)
    with own.desk(AURORA) as lab:
        index = lab.submit(sent).receipt.index
    assert own.stop() == 0
    restore(own, "LEDGER", backup)

    own.start("--listen", "127.0.0.1:0")
    own.address = appears(own.state / "run" / "listen").strip()
    log = own.folder / "gateway.log"
    eventually(lambda: "integrator halts" in log.read_text())
    with own.desk(AURORA) as lab:
        assert lab.status() == HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.RpcError) as error:
            lab.submit(notice(CIVIL))
        read = lab.exchange.GetEntry(pb.GetEntryRequest(index=index), timeout=CALL_SECONDS)

    assert refused(error.value).reason == Reason.LEDGER_NOT_PROVEN
    assert read.record.index == index
    critical = [line for line in log.read_text().splitlines() if '"CRITICAL"' in line]
    assert len(critical) == 1
    assert "forewarn-gateway ledger repair" in critical[0]
    assert own.stop() == 0
    *_, one, other, last = acts(own)
    assert {one, other} == {("START", ""), ("HALT", Reason.LEDGER_NOT_PROVEN)}
    assert last == ("STOP", "")


def restore(own: Live, stream: str, backup: Path) -> None:
    """Put back what JetStream kept of one stream."""
    (now,) = (own.state / "jetstream").glob(f"**/streams/{stream}")
    shutil.rmtree(now)
    shutil.copytree(next(backup.glob(f"**/streams/{stream}")), now)


def test_a_new_certificate_is_used_without_a_restart(own: Live) -> None:
    own.init()
    own.serve()
    before = serial(own)
    chain, key = own.authority.leaf([], dns=["localhost"], ips=["127.0.0.1"], usages=[SERVER_AUTH])
    # What does not fit together changes nothing.
    write_public(own.folder / "gateway.crt", chain)
    assert serial(own) == before
    (own.folder / "gateway.key").unlink()
    write_key(own.folder / "gateway.key", key)

    assert serial(own) == x509.load_pem_x509_certificate(chain).serial_number
    assert serial(own) != before
    assert own.stop() == 0
    assert ("CERTIFICATE_RELOAD", "") in acts(own)


def drained(stream: Any) -> tuple[list[int], str]:
    """Take what a stream still gives before it breaks: indexes, and the last cursor."""
    seen: list[int] = []
    cursor = ""
    try:
        for answer in stream:
            seen += [record.index for record in answer.records]
            cursor = answer.cursor
    except grpc.RpcError as error:
        assert refused(error).code is grpc.StatusCode.UNAVAILABLE  # noqa: PT017 - any other is a bug
        return seen, cursor
    raise AssertionError("the stream did not break")


def serial(live: Live) -> int:
    """Shake hands, and give the serial number of the gateway's certificate."""
    context = ssl.create_default_context(cadata=live.authority.bundle.decode())
    context.set_alpn_protocols(["h2"])
    host, _, port = live.address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), CALL_SECONDS) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as secured,
    ):
        certificate = secured.getpeercert(binary_form=True)
    assert certificate is not None
    return x509.load_der_x509_certificate(certificate).serial_number


def appears(path: Path) -> str:
    eventually(path.exists)
    return path.read_text()


def eventually(true: Any) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_command_explains_itself() -> None:
    for arguments in (["--help"], ["init", "--help"], ["serve", "--help"]):
        done = run(*arguments)
        assert done.returncode == 0
        assert "Example" in done.stdout
    assert run("--version").stdout.startswith("forewarn-gateway, version ")
