"""Metrics: what an operator needs, on loopback only, and nothing of who or what."""

from __future__ import annotations

import base64
import json
import re
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from certs.flaws import Flaw, flawed
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.command import main
from gateway.compose.metrics import ProcessMetrics
from gateway.core.errors import Reason
from gateway.edge.policy import POLICY
from gateway.ports.conditions import State
from tests.world import processes
from tests.world.ledger_builder import party
from tests.world.live import (
    AURORA,
    CALL_SECONDS,
    CIVIL,
    Desk,
    Live,
    alert,
    notice,
    refused,
)

ROOT = Path(__file__).parents[2]
SECRET = "Zephyr-9-unreleased"
HANDLE = "h-" + "a" * 26
ALL = pb.EntryFilter(box="BOX_ALL")
STRANGER = party("nobody-here", "lab")


def metered(live: Live, at: str = "127.0.0.1:0") -> Live:
    """Begin an exchange that shows its metrics."""
    live.init()
    config = live.state / "gateway.toml"
    head, _, tail = config.read_text().partition("[metrics]\n")
    tail = tail.replace('address = ""', f'address = "{at}"', 1)
    config.write_text(f"{head}[metrics]\n{tail}")
    return live


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    made = metered(Live.make(tmp_path_factory.mktemp("metered")))
    made.serve()
    made.enrol(AURORA, CIVIL)
    yield made
    assert made.stop() == 0


def served_at(live: Live) -> dict[str, str]:
    """Give where each process serves its metrics."""
    ran = CliRunner().invoke(main, ["status", "--state", str(live.state), "--json"])
    return {each["name"]: each["metrics"] for each in json.loads(ran.stdout)["processes"]}


def address(live: Live, name: str = "gateway") -> str:
    processes.eventually(lambda: bool(served_at(live).get(name)))
    return served_at(live)[name]


def scraped(live: Live, name: str = "gateway") -> str:
    with urllib.request.urlopen(f"http://{address(live, name)}/metrics", timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        text: str = answer.read().decode()
        return text


def samples(text: str) -> list[Sample]:
    return [one for family in text_string_to_metric_families(text) for one in family.samples]


def value(text: str, name: str, **labels: str) -> float:
    found = [one.value for one in samples(text) if one.name == name and one.labels == labels]
    return sum(found)


def test_what_an_operator_needs_is_there(live: Live) -> None:
    before = scraped(live)
    with live.desk(AURORA) as lab, live.desk(CIVIL) as agency:
        stream = agency.exchange.Follow(pb.FollowRequest(filter=ALL), timeout=CALL_SECONDS)
        next(stream)
        for _ in range(5):
            lab.submit(notice(CIVIL))
        received = 0
        while received < 5:
            received += len(next(stream).records)
        with pytest.raises(grpc.RpcError) as error:
            lab.submit(notice(CIVIL, tlp="TLP_LEVEL_RED"))
        reason = refused(error.value).reason
        text = scraped(live)
        assert value(text, "forewarn_streams_open", rpc="Follow") == 1
        stream.cancel()
    gone = {"outcome": "OK", "rpc": "Submit"}
    assert (
        value(text, "forewarn_calls_total", **gone) - value(before, "forewarn_calls_total", **gone)
        == 5
    )
    assert value(text, "forewarn_calls_total", rpc="Submit", outcome=reason) == 1
    assert value(text, "forewarn_submissions_total", outcome=reason) == 1
    assert value(text, "forewarn_submissions_total", outcome="ACCEPTED") >= 5
    assert value(text, "forewarn_call_seconds_count", rpc="Submit") >= 6
    assert value(text, "forewarn_block_bytes_count") >= 1
    assert value(text, "forewarn_append_seconds_sum") > 0
    assert value(text, "forewarn_delivery_lag_seconds_count") >= 1
    assert value(text, "forewarn_releases_total", outcome="RECORDED") >= 1
    assert value(text, "forewarn_log_entries", log="ledger") >= 8
    assert 0 <= value(text, "forewarn_log_newest_entry_age_seconds", log="ledger") < 300
    assert value(text, "forewarn_log_state", log="ledger", state="folding") == 1
    assert value(text, "forewarn_log_state", log="audit", state="halted") == 0
    assert value(text, "forewarn_waiting_entries", log="ledger") == 0
    assert 29 < value(text, "forewarn_certificate_days_left", certificate="own") < 31
    assert value(text, "forewarn_nats_restarts") == 0
    processes.eventually(lambda: value(scraped(live), "forewarn_streams_open", rpc="Follow") == 0)
    if sys.platform == "linux":
        assert value(text, "process_resident_memory_bytes") > 1 << 20
        assert value(text, "process_cpu_seconds_total") > 0


def test_neither_metrics_nor_log_lines_hold_who_or_what(live: Live) -> None:
    secret = alert(CIVIL, AURORA, summary=f"About {SECRET}.", attachments=())
    with live.desk(AURORA) as lab, live.desk(CIVIL) as agency:
        agency.submit(secret)
        for _ in range(20):
            lab.submit(notice(CIVIL, community=""))
        # Refused in all kinds of ways, with secrets in what is refused.
        for bad in (
            secret.envelope[:60] + bytes([secret.envelope[60] ^ 1]) + secret.envelope[61:],
            SECRET.encode() * 40,
            alert(CIVIL, AURORA, summary=f"Of {SECRET}").envelope,
        ):
            with pytest.raises(grpc.RpcError):
                lab.exchange.Submit(pb.SubmitRequest(envelope=bad), timeout=CALL_SECONDS)
        for case in (SECRET.encode(), b"\0" * 32):
            request = pb.GetCaseRequest(case_digest=case)
            with pytest.raises(grpc.RpcError):
                lab.exchange.GetCase(request, timeout=CALL_SECONDS)
    with live.desk(STRANGER) as stranger, pytest.raises(grpc.RpcError):
        stranger.submit(secret)
    pair = flawed(live.authority, AURORA.system, Flaw.FOREIGN_DOMAIN)
    with live.channel(pair) as channel, pytest.raises(grpc.RpcError):
        Desk(channel).submit(secret)

    text, log = scraped(live), (live.folder / "gateway.log").read_text()
    never = [
        *(SECRET, SECRET.lower(), HANDLE, "Zephyr", secret.digest.hex(), "PRIVATE KEY"),
        *(base64.b64encode(part).decode()[:24] for part in (secret.envelope, secret.digest)),
        *(secret.envelope.hex()[:40], live.authority.bundle.decode().splitlines()[1]),
    ]
    for each in never:
        assert each not in text, each
        assert each not in log, each
    # Members are named in log lines, by the ids of their systems, and never in metrics.
    for each in (AURORA.member, CIVIL.member, STRANGER.member, "spiffe", "exchange.example"):
        assert each not in text, each
    refusals = [json.loads(line) for line in log.splitlines() if '"event": "refused"' in line]
    assert {"reason", "rpc", "system"} <= set(refusals[-1]) | {"system"}
    assert any(each.get("digest") and len(each["digest"]) == 12 for each in refusals)


def test_labels_are_closed_sets(live: Live) -> None:
    methods = {name.rpartition(".")[2] for name in POLICY}
    closed = {
        "rpc": methods,
        "outcome": {"OK", "CANCELLED", "ACCEPTED", "RECORDED", *Reason},
        "log": {"ledger", "audit"},
        "state": set(State),
        "certificate": {"own", "client_ca", "server_ca"},
    }
    for one in samples(scraped(live)):
        for label, said in one.labels.items():
            if label not in {"le", "version"}:
                assert said in closed[label], one


def test_whatever_is_counted_stays_within_its_set() -> None:
    metrics = ProcessMetrics()
    metrics.called(rpc=SECRET, outcome=HANDLE, seconds=1)
    metrics.submitted(SECRET)
    metrics.released(SECRET)
    metrics.opened(SECRET)
    metrics.closed(SECRET)
    text = metrics.exposition().decode()

    assert SECRET not in text
    assert HANDLE not in text
    assert value(text, "forewarn_calls_total", rpc="OTHER", outcome="OTHER") == 1


def test_every_metric_is_described(live: Live) -> None:
    page = (ROOT / "gateway" / "docs" / "watching.md").read_text("utf-8")
    names = {
        family.name
        for family in text_string_to_metric_families(scraped(live))
        if family.name.startswith("forewarn_")
    }
    described = set(re.findall(r"`(forewarn_[a-z_]+)`", page))
    assert names <= described
    assert described <= names


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /metrics/../../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", b"405"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /metrics SMTP/9\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.0\r\n\r\n", b"200"),
        (b"GET /metrics?name=x HTTP/1.1\r\n\r\n", b"200"),
    ],
)
def test_one_page_is_served_and_no_other(live: Live, request_bytes: bytes, status: bytes) -> None:
    assert spoken(live, request_bytes).startswith(b"HTTP/1.1 " + status)


def spoken(live: Live, request_bytes: bytes) -> bytes:
    host, _, port = address(live).rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request_bytes)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def test_a_request_without_end_and_connections_without_request_hold_up_nobody(live: Live) -> None:
    assert spoken(live, b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 20_000) == b""
    host, _, port = address(live).rpartition(":")
    idle = [socket.create_connection((host, int(port)), timeout=20) for _ in range(40)]
    try:
        # Whoever says nothing is hung up on after some seconds, and the page is there again.
        processes.eventually(lambda: b"200 OK" in attempt(live))
    finally:
        for each in idle:
            each.close()
    with live.desk(AURORA) as lab:
        assert lab.status() == 1


def attempt(live: Live) -> bytes:
    try:
        return spoken(live, b"GET /metrics HTTP/1.1\r\n\r\n")
    except ConnectionError:
        return b""


def test_it_can_be_reached_from_this_machine_only(live: Live) -> None:
    host, _, port = address(live).rpartition(":")
    assert host == "127.0.0.1"
    listening = Path("/proc/net/tcp")
    if listening.exists():
        at = [line.split()[1] for line in listening.read_text().splitlines()[1:]]
        assert {each.partition(":")[0] for each in at if each.endswith(f":{int(port):04X}")} == {
            "0100007F"
        }


def test_an_address_that_is_taken_is_a_sentence(live: Live, tmp_path: Path) -> None:
    other = metered(Live.make(tmp_path), address(live))
    other.start()
    assert other.process is not None
    assert other.process.wait(timeout=60) == 1
    assert other.process.stdout is not None
    other.process.stdout.close()
    assert "metrics cannot be served on" in (other.folder / "gateway.log").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux does")
def test_each_of_several_processes_has_its_own(tmp_path: Path) -> None:
    spread = metered(Live.make(tmp_path))
    spread.serve("--workers", "2", "--listen", "127.0.0.1:0")
    try:
        spread.enrol(AURORA, CIVIL)
        texts = {
            name: scraped(spread, name)
            for name in ("supervisor", "integrator", "worker-1", "worker-2")
        }
        assert "forewarn_nats_restarts" in texts["supervisor"]
        assert "forewarn_log_entries" not in texts["supervisor"]
        workers = ("worker-1", "worker-2")

        def counted(name: str, **labels: str) -> list[float]:
            return [value(scraped(spread, worker), name, **labels) for worker in workers]

        assert sum(counted("forewarn_submissions_total", outcome="ACCEPTED")) == 2
        # Each hears of the newest checkpoint by itself.
        processes.eventually(lambda: counted("forewarn_log_entries", log="ledger") == [3, 3])
    finally:
        spread.kill()


def test_metrics_are_off_unless_they_are_asked_for(exchange: Live) -> None:
    assert set(served_at(exchange).values()) <= {""}
