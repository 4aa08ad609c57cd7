"""What has to hold after every fault, proven anew from the bytes: log, store, receipts, deliveries.

* The log is hashed again from what the stores hold, by the recursion of RFC 6962, and has the root
  of every checkpoint that was ever handed out.
* Every receipt ever given verifies as it was given, and its entry is still at its index; handed in
  again, every statement has the same answer. Nothing stands in the ledger twice.
* Lists and followers hold everything once, in order, and nobody else is shown anything.
* At last the gateway is stopped, and `ledger check` finds nothing, in either log.

Every test of this folder and of `tests/care` that ends with a ledger ends with `verified`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from gateway.care.findings import Damage
from gateway.compose.checking import Report, Standing, check_folder
from gateway.compose.state import StateFolder
from gateway.core.checkpoint import Checkpoint, open_checkpoint
from tests.faults.drill import Drill, leaf_hash, leaf_of, listed
from tests.vectors.rfc6962 import Tree
from tests.world.ledger_builder import ORIGIN, Party
from tests.world.live import AURORA, CIVIL, HARBOR

FRESH = 2


def verified(
    drill: Drill, *, remarks: Collection[Damage] = (), outsider: Party | None = HARBOR
) -> Report:
    """Serve, prove everything that a drill knows, stop, and prove what is kept.

    Args:
        drill: What was said, answered and delivered. Its gateway may run or not; afterwards it does
            not.
        remarks: What somebody wrote past the gateway, which a check names and nobody repairs.
        outsider: A member that nothing was addressed to; None where none is enrolled.
    """
    live = drill.live
    if live.process is None:
        live.serve()
    with live.desk(AURORA) as lab, live.desk(CIVIL) as agency:
        drill.follower.start(agency)
        # What a fault has stopped goes on; and it is whole with what comes after.
        assert drill.burst(lab, FRESH) == []
        drill.check(lab)
        drill.follower.end()
        assert listed(agency, "BOX_RECEIVED") == drill.follower.seen
    if outsider is not None:
        with live.desk(outsider) as other:
            assert listed(other, "BOX_RECEIVED") == []
    assert live.stop() == 0
    hashed_again(drill)
    report = check(live.state)
    assert report.standing is Standing.WHOLE, report.findings
    assert report.names == set(remarks)
    return report


def hashed_again(drill: Drill) -> None:
    """Hash the ledger again, and compare every checkpoint and every receipt with it."""
    leaves = leaves_of(drill.live.state / "ledger.db")
    tree = Tree(leaves.__getitem__)
    key = drill.log_key

    def shown(note: bytes) -> Checkpoint:
        return open_checkpoint(note, [key], ORIGIN)

    notes = [*drill.notes, *(answer.receipt.checkpoint for answer in drill.answers.values())]
    for note in notes:
        checkpoint = shown(note)
        assert checkpoint.size <= len(leaves)
        assert tree.root(checkpoint.size) == checkpoint.root
    for answer in drill.answers.values():
        assert leaves[answer.receipt.index] == leaf_of(answer)
    assert len(set(leaves)) == len(leaves)


def leaves_of(store: Path) -> list[bytes]:
    """Read a store's entries, as rows of a file, and give their leaf hashes."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT idx, body, salt FROM entry ORDER BY idx").fetchall()
    assert [index for index, _, _ in found] == list(range(len(found)))
    return [leaf_hash(body, salt) for _, body, salt in found]


def check(state: Path, stream: str = "read") -> Report:
    """Have a folder checked, as `ledger check` does."""
    folder = StateFolder(root=state)
    return asyncio.run(check_folder(folder, scratch=None, stream=stream, progress=_say_nothing))


def _say_nothing(_what: str, _done: int, _total: int) -> None:
    """Take note of a step."""
