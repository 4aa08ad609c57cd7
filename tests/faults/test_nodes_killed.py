"""Two nodes over three NATS servers: the streams' leader and the node that signs die in turn.

Only where more than one round is asked for (`make faults`): a round takes a minute.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.faults.drill import Drill
from tests.world.live import AURORA, CIVIL, READY_SECONDS
from tests.world.nats_cluster import running
from tests.world.nodes import Node

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "0"))


@pytest.mark.skipif(ROUNDS < 2, reason="make faults plays these rounds")
def test_nodes_and_servers_killed_in_turn_lose_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "nats") as cluster:
        cluster.wait()
        one = Node.begun(tmp_path / "one", cluster, replicas=3)
        two = one.joined("two")
        two.copy_keys(one)
        nodes = {"one": one, "two": two}
        try:
            for node in nodes.values():
                node.serve()
            one.enrol(AURORA, CIVIL)
            drill = Drill(live=two)  # type: ignore[arg-type] # it looks at a state folder
            for _ in range(ROUNDS):
                server = cluster.leader()
                cluster.kill(server)
                burst(drill, one, two)
                cluster.start(server)
                signer = nodes[signing(two)]
                other = two if signer is one else one
                signer.kill()
                burst(drill, other)
                assert signing(other) == ("two" if other is two else "one")
                signer.serve()
                burst(drill, signer, other)
        finally:
            for node in nodes.values():
                if node.process is not None:
                    node.kill()


def signing(node: Node) -> str:
    """Name the node that signs, as soon as one does."""
    deadline = time.monotonic() + READY_SECONDS
    while (name := node.signer) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return name


def burst(drill: Drill, *nodes: Node) -> None:
    """Say things at each node until all is answered, and verify whatever was ever answered."""
    for node in nodes:
        with node.desk(AURORA) as lab:
            unanswered = drill.burst(lab, 32)
            while unanswered:
                unanswered = drill.submit(lab, unanswered)
            drill.live = node  # type: ignore[assignment] # its folder is looked at
            drill.check_log(lab)
