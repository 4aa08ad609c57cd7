"""Two nodes and two witnesses: the signing role moves, and every receipt still has the quorum."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn_client import Operator, Patience, note
from forewarn_client.witness_policy import WitnessPolicy
from tests.world import processes
from tests.world.ledger_builder import ORIGIN
from tests.world.live import AURORA, CIVIL, HARBOR, Desk, Live, Statement, notice, refused
from tests.world.live_homes import home_of
from tests.world.nats_cluster import running
from tests.world.nodes import Node
from tests.world.watchers import Watcher

HASTE = Patience(budget=60.0, attempt=20.0, behind=5.0)


class Place:
    """Two nodes, both of which may sign, and two witnesses, both of which have to cosign."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        cluster = stack.enter_context(running(folder / "nats", "n1"))
        self.one = Node.begun(folder / "one", cluster, replicas=1)
        self.two = self.one.joined("two")
        self.two.copy_keys(self.one)
        pins = tomllib.loads((self.one.state / "exchange.toml").read_text())
        keys = pins["log_key"], pins["audit_log_key"]
        self.watchers = [Watcher(folder, number, keys) for number in (1, 2)]
        for each in self.watchers:
            stack.enter_context(each.serving())
        lines = [f"witness {each.name} {each.key} {each.url}" for each in self.watchers]
        file = folder / "witnesses.policy"
        file.write_text("\n".join([*lines, "group g all w1 w2", "quorum g\n"]))
        self.policy = WitnessPolicy.parse(file.read_bytes())
        for node in (self.one, self.two):
            waits_for(node, file)

    def receipts(self, lab: Desk, count: int) -> list[int]:
        """Hand statements in until each is answered; every answer has the quorum behind it."""
        indexes = []
        for _ in range(count):
            receipt = answered(lab, notice(CIVIL)).receipt
            standing = self.policy.standing(receipt.checkpoint)
            assert (standing.met, len(standing.cosigned)) == (True, 2)
            size = note.checkpoint_of(note.parse_note(receipt.checkpoint).text).size
            assert size > receipt.index
            indexes.append(receipt.index)
        return indexes


def answered(lab: Desk, said: Statement) -> pb.SubmitResponse:
    """Hand a statement in until it is answered, as a member's program does."""
    answers: list[pb.SubmitResponse] = []

    def once() -> bool:
        try:
            answers.append(lab.submit(said))
        except grpc.RpcError as error:
            # While nobody signs, or the witnesses are behind.
            if refused(error).reason != "LEDGER_UNAVAILABLE":
                raise
            return False
        return True

    processes.eventually(once)
    return answers[0]


def waits_for(node: Live, policy: Path) -> None:
    """Have receipts of a node wait for the quorum."""
    config = node.state / "gateway.toml"
    before, table, after = config.read_text().partition("[witnesses]")
    after = after.replace('policy = ""', f'policy = "{policy}"', 1)
    after = after.replace("receipts_wait = false", "receipts_wait = true", 1)
    config.write_text(before + table + after)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        found = Place(tmp_path, stack)
        try:
            yield found
        finally:
            for node in (found.one, found.two):
                if node.process is not None:
                    node.kill()


@pytest.mark.asyncio
async def test_the_signing_role_moves_under_the_eyes_of_witnesses(place: Place) -> None:
    one, two = place.one, place.two
    one.serve()
    two.serve()
    assert one.signer == "one"
    one.enrol(AURORA, CIVIL, HARBOR)
    home = home_of(one, HARBOR, one.folder)
    with one.desk(AURORA) as here, two.desk(AURORA) as there:
        indexes = place.receipts(here, 3) + place.receipts(there, 3)
        # By hand, while statements come in.
        one.lease("release")
        indexes += place.receipts(there, 3) + place.receipts(here, 3)
        assert two.signer == "two"
        # And by the death of the one that signs.
        two.kill()
        indexes += place.receipts(here, 3)
        assert one.signer == "one"
    assert indexes == list(range(4, 4 + 15))
    two.serve()
    # A member that verified the history at one node finds the same at the other, and no fork.
    for node in (one, two, one):
        at = replace(home, exchange=replace(home.exchange, address=node.address))
        async with Operator.connect(at, patience=HASTE) as bank:
            await bank.list_entries()
            assert (await bank.checkpoint()).size == 19
    for watcher in place.watchers:
        shown = watcher.shown()
        assert shown["evidence"] == []
        assert {"origin": ORIGIN, "size": 19}.items() <= shown["logs"][0].items()
    for node in (one, two):
        assert '"CRITICAL"' not in (node.folder / "gateway.log").read_text()
        assert node.stop() == 0
