"""A real exchange with real witnesses: what is answered, delivered and shown, with and without."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.exchange.v1 import log_service_pb2
from forewarn_client import note, witness_policy
from gateway.compose.state import SetupError
from gateway.compose.witnessing import Witnessing
from tests.world.live import (
    AURORA,
    CIVIL,
    READY_SECONDS,
    Desk,
    Live,
    alert,
    notice,
    refused,
    run,
)

BOX = pb.EntryFilter(box=pb.BOX_RECEIVED, kinds=["STATEMENT_KIND_PRE_RELEASE_NOTICE"])
COMMAND = [str(Path(sys.executable).with_name("forewarn")), "witness"]


class Watcher:
    """A witness of both logs: the real command."""

    def __init__(self, folder: Path, number: int, keys: tuple[str, str]) -> None:
        self.name = f"w{number}"
        self.state = folder / self.name
        logs = [word for key in keys for word in ("--log", key)]
        done = subprocess.run(
            [
                *(*COMMAND, "init", "--state", str(self.state), "--name", f"{self.name}.example"),
                *("--keys", "ed25519", "--json", *logs),
            ],
            capture_output=True,
            check=True,
        )
        (self.key,) = json.loads(done.stdout)["verifier_keys"]
        self.url = ""

    @contextmanager
    def serving(self) -> Iterator[None]:
        self._process = process = subprocess.Popen(
            [*COMMAND, "serve", "--state", str(self.state), "--json", "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        with process.stdout:
            self.url = json.loads(process.stdout.readline())["serving"]
            try:
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Have it take requests and answer none."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


class Place:
    """An exchange, two witnesses, and their policy."""

    def __init__(self, folder: Path) -> None:
        self.live = Live.make(folder / "exchange")
        begun = self.live.init()
        self.watchers = [
            Watcher(folder, number, (begun["log_key"], begun["audit_log_key"])) for number in (1, 2)
        ]
        self.file = folder / "witnesses.policy"

    def configure(self, *, wait: bool) -> None:
        lines = [f"witness {each.name} {each.key} {each.url}" for each in self.watchers]
        self.file.write_text("\n".join([*lines, "group g all w1 w2", "quorum g\n"]))
        config = self.live.state / "gateway.toml"
        before, table, after = config.read_text().partition("[witnesses]")
        after = after.replace('policy = ""', f'policy = "{self.file}"', 1)
        for said in ("true", "false"):
            now = f"receipts_wait = {str(wait).lower()}"
            after = after.replace(f"receipts_wait = {said}", now, 1)
        config.write_text(
            before + table + after.replace("answer_seconds = 5.0", "answer_seconds = 1")
        )

    def standing(self, checkpoint: bytes) -> witness_policy.Standing:
        return witness_policy.WitnessPolicy.parse(self.file.read_bytes()).standing(checkpoint)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place(tmp_path_factory.mktemp("witnessed"))
    with ExitStack() as stack:
        for each in found.watchers:
            stack.enter_context(each.serving())
        found.configure(wait=True)
        found.live.serve()
        found.live.enrol(AURORA, CIVIL)
        assert found.live.stop() == 0
        yield found


def cosigned(desk: Desk) -> bytes:
    """Wait until the newest checkpoint is cosigned."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        answer = desk.log.GetCheckpoint(log_service_pb2.GetCheckpointRequest())
        if note.parse_note(answer.cosigned_checkpoint or answer.checkpoint).text == (
            note.parse_note(answer.checkpoint).text
        ) and len(answer.cosigned_checkpoint) > len(answer.checkpoint):
            return bytes(answer.cosigned_checkpoint)
        time.sleep(0.05)
    pytest.fail("nothing was cosigned in time")


@pytest.mark.parametrize("workers", ["0", "1"])
def test_receipts_that_wait_hold_the_quorum(place: Place, workers: str) -> None:
    place.configure(wait=True)
    live = place.live
    live.serve("--workers", workers)
    with live.desk(AURORA) as lab:
        for _ in range(5):
            receipt = lab.submit(notice(CIVIL)).receipt
            standing = place.standing(receipt.checkpoint)
            assert (standing.met, len(standing.cosigned)) == (True, 2)
            size = note.checkpoint_of(note.parse_note(receipt.checkpoint).text).size
            assert size > receipt.index
    assert live.stop() == 0


def test_without_the_quorum_receipts_wait_and_deliveries_do_not(place: Place) -> None:
    place.configure(wait=True)
    live = place.live
    live.serve()
    statement = notice(CIVIL)
    with live.desk(AURORA) as lab, live.desk(CIVIL) as agency:
        with place.watchers[1].hanging():
            with pytest.raises(grpc.RpcError) as caught:
                lab.submit(statement)
            assert refused(caught.value).reason == "LEDGER_UNAVAILABLE"
            page = agency.exchange.ListEntries(pb.ListEntriesRequest(filter=BOX))
            newest = page.records[-1]
            # Delivered under a checkpoint that only the log has signed: pending, for who asks.
            assert not place.standing(page.checkpoint).met
        receipt = lab.submit(statement).receipt
        assert receipt.index == newest.index
        assert place.standing(receipt.checkpoint).met
    assert live.stop() == 0


def test_receipts_that_do_not_wait_can_be_brought_up(place: Place) -> None:
    place.configure(wait=False)
    live = place.live
    live.serve()
    with live.desk(CIVIL) as agency:
        receipt = agency.submit(alert(CIVIL, AURORA)).receipt
        checkpoint = cosigned(agency)
        assert place.standing(checkpoint).met
        size = note.checkpoint_of(note.parse_note(checkpoint).text).size
        proof = agency.log.GetInclusionProof(
            log_service_pb2.GetInclusionProofRequest(index=receipt.index, tree_size=size)
        )
        assert proof.tree_size == size
        # An idle log does not keep asking: what the witnesses signed stays what it is.
        time.sleep(1.5)
        assert cosigned(agency) == checkpoint
    assert live.stop() == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("quorum g\n", "line 1"),
        ("witness w1 {key} https://w1.example/\nquorum none\n", "quorum is none"),
        ("witness w1 {key}\nquorum w1\n", "no URL"),
        ("witness w1 {key} http://192.0.2.1/\nquorum w1\n", "https"),
        ("witness w1 {key} https://w1.example/\n", "no quorum line"),
    ],
)
def test_a_policy_that_is_not_fit_for_use(place: Place, text: str, said: str) -> None:
    place.file.write_text(text.format(key=place.watchers[0].key))
    with pytest.raises(SetupError, match=said):
        Witnessing(policy=place.file).load()


def test_what_cannot_be_meant_is_told_at_the_start(place: Place) -> None:
    with pytest.raises(SetupError, match=r"needs witnesses\.policy"):
        Witnessing(receipts_wait=True).load()
    with pytest.raises(SetupError, match="cannot be read"):
        Witnessing(policy=place.file.with_name("none")).load()
    with pytest.raises(SetupError, match="holds no authorities"):
        Witnessing(ca=place.file).trust()
    place.file.write_text("quorum g\n")
    done = run("serve", "--state", str(place.live.state), "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert "line 1" in done.stderr
