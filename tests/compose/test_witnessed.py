"""A real exchange with real witnesses: what is answered, delivered and shown, with and without."""

from __future__ import annotations

import shutil
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.exchange.v1 import log_service_pb2
from forewarn_client import note, witness_policy
from forewarn_client.cosignature import WitnessKey
from gateway.compose.doctor import witnesses as examining
from gateway.compose.doctor.patient import Patient
from gateway.compose.state import SetupError, StateFolder
from gateway.compose.witnessing import Witnessing
from tests.world.ledger_builder import Ledger, seed
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
from tests.world.live_homes import did, forewarn, home_of
from tests.world.watchers import Watcher, configure

BOX = pb.EntryFilter(box=pb.BOX_RECEIVED, kinds=["STATEMENT_KIND_PRE_RELEASE_NOTICE"])


class Place:
    """An exchange, two witnesses, and their policy."""

    def __init__(self, folder: Path) -> None:
        self.live = Live.make(folder / "exchange")
        begun = self.live.init()
        self.watchers = [
            Watcher(folder, number, (begun["log_key"], begun["audit_log_key"])) for number in (1, 2)
        ]
        self.file = folder / "witnesses.policy"
        # A copy of the state folder as it was when only the genesis entry was signed.
        self.early = folder / "early"

    def configure(self, *, wait: bool) -> None:
        configure(self.live, self.watchers, self.file, wait=wait)

    def standing(self, checkpoint: bytes) -> witness_policy.Standing:
        return witness_policy.WitnessPolicy.parse(self.file.read_bytes()).standing(checkpoint)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place(tmp_path_factory.mktemp("witnessed"))
    with ExitStack() as stack:
        for each in found.watchers:
            stack.enter_context(each.serving())
        found.configure(wait=True)
        shutil.copytree(found.live.state, found.early)
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


def test_an_answer_says_how_many_witnesses_stand_behind_it(place: Place, tmp_path: Path) -> None:
    place.configure(wait=True)
    live = place.live
    document = tmp_path / "participation.toml"
    document.write_text('facts = { framework = "us-eo-14409", choice = "in" }\n')
    live.serve()
    lab = home_of(live, AURORA, tmp_path)
    say = ("directory", "participate", document)
    assert did(lab, *say)[0]["witnesses"] is None

    policy = lab.path / "witnesses.policy"
    policy.write_bytes(place.file.read_bytes())
    policy.chmod(0o600)
    (answered,) = did(lab, *say)
    assert answered["witnesses"] == {
        "cosigned": ["w1.example", "w2.example"], "known": 2, "quorum": True,
    }  # fmt: skip
    assert "2 of 2 witnesses" in forewarn(lab, *say).out
    # A witness of the member's that the exchange does not ask: its quorum is not there yet.
    with_third = place.file.read_text().replace("group g all w1 w2", "group g all w1 w2 w3")
    key = WitnessKey.of("w3.example", seed("w3").public_key())
    policy.write_text(f"witness w3 {key}\n{with_third}")
    assert "2 of 3 witnesses, pending" in forewarn(lab, *say).out
    assert did(lab, *say)[0]["witnesses"]["quorum"] is False
    # What cannot be read is told before anything is sent.
    policy.write_text("quorum g\n")
    before = forewarn(lab, *say, "--json")
    assert (before.code, "POLICY_MALFORMED" in before.err) == (5, True)
    assert live.stop() == 0


def asked(state: Path) -> dict[str, str]:
    """What the doctor says of each witness and log."""
    patient = Patient.of(StateFolder(root=state), datetime.now(UTC))
    said = [(each, each.what.split(": ")[0]) for each in examining.witnesses(patient)]
    return {where: f"{each.level.name} {each.what} -> {each.remedy}" for each, where in said}


def test_the_doctor_asks_the_witnesses_and_moves_none(place: Place, tmp_path: Path) -> None:
    place.configure(wait=True)
    ledger, audit = "exchange.example/ledger", "exchange.example/audit"
    state, quorum = place.live.state, "those that are well are not the quorum"
    found = asked(state)
    assert found.keys() == {f"{name} on {log}" for name in ("w1", "w2") for log in (ledger, audit)}
    assert all(each.startswith("OK") for each in found.values())
    assert "has cosigned all" in found[f"w1 on {ledger}"]
    with place.watchers[1].hanging():
        found = asked(state)
        assert "it does not answer (TimeoutError" in found[f"w2 on {ledger}"]
        assert found[quorum].startswith("PROBLEM")
        assert found[f"w1 on {ledger}"].startswith("OK")

    whole = place.file.read_text()
    first, second = place.watchers
    begun = tomllib.loads((state / "exchange.toml").read_text())
    fresh = Watcher(tmp_path, 3, (begun["log_key"], Ledger(origin="elsewhere.example/l").log_vkey))
    with fresh.serving():
        place.file.write_text(
            whole.replace(f"{second.key} {second.url}", f"{fresh.key} {fresh.url}")
        )
        for _ in range(2):
            found = asked(state)
            assert f"w2 on {ledger}: knows 0 of the " in found[f"w2 on {ledger}"]
        assert "does not know this log" in found[f"w2 on {audit}"]
        assert begun["audit_log_key"] in found[f"w2 on {audit}"]
    place.file.write_text(whole.replace(first.key, fresh.key))
    assert "not cosign with the key in the policy" in asked(state)[f"w1 on {ledger}"]
    place.file.write_text(whole.replace(second.url, "http://127.0.0.1:9"))
    assert "can be reached from here" in asked(state)[f"w2 on {ledger}"]
    place.file.write_text("quorum g\n")
    assert "line 1" in next(iter(asked(state).values()))
    place.configure(wait=True)


def test_a_witness_that_knows_more_than_was_signed_is_a_problem(place: Place) -> None:
    place.configure(wait=True)
    found = asked(place.early)["w1 on exchange.example/ledger"]
    assert found.startswith("PROBLEM")
    assert "rolled back" in found


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
