"""The scrub finds in the background what nobody has read for long, and stops the writing."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.compose.ledger import opened
from gateway.compose.nats import Nats
from gateway.compose.state import StateFolder
from gateway.core.errors import Fault, Reason
from gateway.ledger.nats_roles import LEDGER, SERVE_ROLES
from gateway.ledger.schema import create
from gateway.ledger.scrub import Scrub
from gateway.ledger.stream import JetStreamReader
from gateway.ports.blocks import StreamMessage
from tests.care.conftest import Past
from tests.care.damages import Damaging, flip_in_stream, flip_stored, sql
from tests.ledger.house import ORIGIN, block, statement
from tests.ledger.house import opened as store_at
from tests.world.audited import acts
from tests.world.live import AURORA, CALL_SECONDS, CIVIL, READY_SECONDS, Live, notice, refused, run

FAST = 1 << 30


def once(state: Path) -> int:
    return asyncio.run(Scrub(path=state / "ledger.db", stream=None, bytes_per_second=FAST).once())


def test_what_is_whole_passes(past: Past) -> None:
    assert once(past.live.state) == 12


@pytest.mark.parametrize(
    ("damaging", "why"),
    [
        (flip_stored("message", "block", "sequence = 5"), "block 5 is not what was recorded"),
        (flip_stored("root", "block", "sequence = 5"), "block 5 is not what its root"),
        (flip_stored("body", "entry", "idx = 5"), "index 5 is not what its tile 0/0 says"),
        (flip_stored("salt", "entry", "idx = 5"), "index 5 is not what its tile 0/0 says"),
        (flip_stored("hashes", "tile", "level = 0"), "is not what its tile 0/0 says"),
        (sql("DELETE FROM entry WHERE idx = 5"), "index 5 is missing"),
        (sql("DELETE FROM block WHERE sequence = 5"), "block 6 does not follow"),
    ],
    ids=["block", "root", "body", "salt", "tile", "entry gone", "block gone"],
)
def test_what_is_not_is_named(copy: Live, damaging: Damaging, why: str) -> None:
    damaging(copy.state)
    with pytest.raises(Fault, match=why) as raised:
        once(copy.state)
    assert raised.value.reason is Reason.LEDGER_NOT_PROVEN


def test_how_far_it_is_is_told(past: Past) -> None:
    told: list[tuple[int, int]] = []
    path = past.live.state / "ledger.db"
    scrub = Scrub(
        path=path,
        stream=None,
        bytes_per_second=FAST,
        progress=lambda done, total: told.append((done, total)),
    )
    size = asyncio.run(scrub.once())
    assert told[-1] == (size, size)


def test_by_hand(copy: Live) -> None:
    state = ("--state", str(copy.state))
    whole = run("ledger", "scrub", *state)
    assert whole.stdout.startswith("ledger: 12 entries are what they were.\naudit: ")
    assert json.loads(run("ledger", "scrub", *state, "--json").stdout)["sizes"]["ledger"] == 12
    flip_stored("body", "entry", "idx = 5")(copy.state)
    said = run("ledger", "scrub", *state)
    assert (said.returncode, "ledger check" in said.stderr) == (1, True)


def test_the_streams_copy_is_compared(copy: Live) -> None:
    flip_in_stream(4)(copy.state)

    async def scrub() -> None:
        async with opened(StateFolder(root=copy.state), Nats(), SERVE_ROLES) as house:
            stream = JetStreamReader(house.integrator, LEDGER)
            path = copy.state / "ledger.db"
            await Scrub(path=path, stream=stream, bytes_per_second=FAST).once()

    with pytest.raises(Fault, match="sequence 4 of the stream is lost"):
        asyncio.run(scrub())


def test_every_level_of_the_tree_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    create(path, ORIGIN)
    with store_at(path) as store:
        for n in range(3):
            entries = [statement(f"{n}-{m}") for m in range(200)]
            store.fold(StreamMessage(sequence=n + 1, message=block(*entries)))
    assert once(tmp_path) == 600
    flip_stored("hashes", "tile", "level = 1")(tmp_path)
    with pytest.raises(Fault, match="is not what its tile 1/0 says"):
        once(tmp_path)


def test_damage_found_while_serving_stops_the_writing_and_nothing_else(copy: Live) -> None:
    config = copy.state / "gateway.toml"
    text = config.read_text()
    assert "pause_seconds = 3600" in text
    config.write_text(text.replace("pause_seconds = 3600", "pause_seconds = 1"))
    copy.serve()
    with copy.desk(AURORA) as lab:
        index = lab.submit(notice(CIVIL)).receipt.index
        flip_stored("body", "entry", "idx = 7")(copy.state)
        deadline = time.monotonic() + READY_SECONDS
        while lab.status() == HealthCheckResponse.SERVING:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with pytest.raises(grpc.RpcError) as error:
            lab.submit(notice(CIVIL))
        read = lab.exchange.GetEntry(pb.GetEntryRequest(index=index), timeout=CALL_SECONDS)
    assert copy.stop() == 0

    assert refused(error.value).reason == Reason.LEDGER_NOT_PROVEN
    assert read.record.index == index
    log = (copy.folder / "gateway.log").read_text()
    critical = [line for line in log.splitlines() if '"CRITICAL"' in line]
    assert len(critical) == 1
    assert "ledger check" in critical[0]
    assert ("HALT", Reason.LEDGER_NOT_PROVEN) in acts(copy)
