"""Store and stream rolled back together, so that they agree: what stands apart from them tells.

* The high-water mark, where it was not rolled back as well: nothing is recorded, and a check says
  how much is lost. Nothing is repaired by guessing; with the newer copy back, all is as it was.
* A witness, where the mark was: it has cosigned more than the gateway holds, and no receipt that
  waits for it is given any more.
* A client that has seen more: `tests/compose/test_history.py`.

What is behind in one place only is folded on, or signed on, when the gateway is started.
"""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn_witness.folder import Folder
from gateway.care.findings import Damage
from gateway.core import audit
from gateway.core.errors import Fault, Reason
from tests.care.conftest import Past
from tests.care.damages import back, flip_stored, remove, stream_folder
from tests.care.mending import mend, remembering
from tests.faults.verified import check, leaves_of, verified
from tests.world import processes
from tests.world.ledger_builder import ORIGIN
from tests.world.live import AURORA, CALL_SECONDS, CIVIL, Live, notice, refused
from tests.world.outcry import halted, outcry
from tests.world.watchers import Watcher

EVERY = bool(os.environ.get("EVERY_FAULT"))
BEHIND = {
    "the ledger's store": (("ledger.db",), Damage.STORE_BEHIND),
    "both stores": (("ledger.db", "audit.db"), Damage.STORE_BEHIND),
    "the ledger's mark": (("keeper",), Damage.MARK_BEHIND),
    "both marks": (("keeper", "audit-keeper"), Damage.MARK_BEHIND),
}
LOGS = {"ledger": ("ledger.db", "LEDGER"), "audit": ("audit.db", "AUDIT")}


def roll_back(past: Past, state: Path, log: str) -> None:
    """Put store and stream of one log back to what they were at an earlier stop."""
    store, stream = LOGS[log]
    back(past.older, store)(state)
    remove(stream_folder(state, stream))
    shutil.copytree(stream_folder(past.older, stream), stream_folder_of(state, stream))


def stream_folder_of(state: Path, stream: str) -> Path:
    """Say where what JetStream keeps of a stream belongs."""
    (streams,) = (state / "jetstream").glob("**/streams")
    return streams / stream


@contextmanager
def halting(live: Live) -> Iterator[None]:
    """Start a gateway of which a log halts."""
    live.start("--listen", "127.0.0.1:0")
    listen = live.state / "run" / "listen"
    processes.eventually(lambda: listen.exists() and listen.read_text().endswith("\n"))
    live.address = listen.read_text().strip()
    processes.eventually(lambda: halted(live))
    yield
    assert live.stop() == 0


@pytest.mark.parametrize("name", BEHIND if EVERY else ("both stores",))
def test_what_is_behind_in_one_place_goes_on_when_it_is_started(
    past: Past, copy: Live, name: str
) -> None:
    names, finding = BEHIND[name]
    back(past.older, *names)(copy.state)
    assert check(copy.state).names == {finding}
    verified(remembering(past, copy))


def test_a_damaged_checkpoint_is_published_again(past: Past, copy: Live) -> None:
    flip_stored("value", "meta", "key = 'note'")(copy.state)
    verified(remembering(past, copy))


def test_the_mark_tells_of_the_ledger(past: Past, copy: Live) -> None:
    roll_back(past, copy.state, "ledger")
    with halting(copy), copy.desk(AURORA) as lab:
        with pytest.raises(grpc.RpcError) as caught:
            lab.submit(notice(CIVIL))
        assert refused(caught.value).reason == Reason.LEDGER_NOT_PROVEN
        assert lab.status() == HealthCheckResponse.NOT_SERVING
    (said,) = outcry(copy, "restore the newest backup")
    assert "12 entries were signed" in said
    lost_and_found(past, copy, "ledger")


def test_the_mark_tells_of_the_audit_log(past: Past, copy: Live) -> None:
    roll_back(past, copy.state, "audit")
    request = pb.GetEntryRequest(index=past.answers[0].receipt.index)
    with halting(copy), copy.desk(CIVIL) as agency, pytest.raises(grpc.RpcError) as caught:
        agency.exchange.GetEntry(request, timeout=CALL_SECONDS)
    assert refused(caught.value).reason == Reason.LEDGER_UNAVAILABLE
    (said,) = outcry(copy, "restore the newest backup")
    assert "both lost entries" in said
    lost_and_found(past, copy, "audit")


def lost_and_found(past: Past, copy: Live, log: str) -> None:
    """Have a check name it and a repair refuse it; then put the newer copy back."""
    found = [(each.log, each.damage) for each in check(copy.state).findings]
    assert found == [(log, Damage.ENTRIES_LOST)]
    with pytest.raises(Fault, match="neither store nor stream goes further"):
        mend(copy.state)
    remove(copy.state)
    shutil.copytree(past.live.state, copy.state)
    verified(remembering(past, copy))


def test_a_witness_tells_of_both(past: Past, copy: Live) -> None:
    """Everything goes back, the marks as well: only who stands outside can know."""
    drill = remembering(past, copy)
    stated = tomllib.loads((copy.state / "exchange.toml").read_text())
    witness = Watcher(copy.folder, 1, (stated["log_key"], stated["audit_log_key"]))
    newer, older = copy.folder / "newer", copy.folder / "before"
    with witness.serving():
        wait_for(copy, witness)
        shutil.copytree(copy.state, older)
        copy.serve()
        with copy.desk(AURORA) as lab, copy.desk(CIVIL) as agency:
            # Each receipt says that the witness has seen the ledger as far as that.
            assert drill.burst(lab, 3) == []
            drill.follower.start(agency)
            drill.check(lab)
            drill.follower.end()
            processes.eventually(lambda: all(ahead(witness, older)))
        assert copy.stop() == 0
        shutil.copytree(copy.state, newer)

        remove(copy.state)
        shutil.copytree(older, copy.state)
        assert check(copy.state).findings == ()
        copy.serve()
        with copy.desk(AURORA) as lab, pytest.raises(grpc.RpcError) as caught:
            lab.submit(notice(CIVIL))
        assert refused(caught.value).reason == Reason.LEDGER_UNAVAILABLE
        messages = outcry(copy, "the ledger was rolled back, or that witness is wrong")
        assert copy.stop() == 0
        assert len(messages) == 2

        remove(copy.state)
        shutil.copytree(newer, copy.state)
        verified(drill)


def wait_for(live: Live, witness: Watcher) -> None:
    """Have receipts wait for a witness, from the next start on; not for long."""
    policy = live.folder / "witnesses.policy"
    policy.write_text(f"witness w {witness.key} {witness.url}\nquorum w\n")
    config = live.state / "gateway.toml"
    before, table, after = config.read_text().partition("[witnesses]")
    after = after.replace('policy = ""', f'policy = "{policy}"', 1)
    after = after.replace("receipts_wait = false", "receipts_wait = true", 1)
    config.write_text(before + table + after)


def ahead(witness: Watcher, older: Path) -> list[bool]:
    """Tell whether the witness has seen clearly more of each log than an older copy holds."""
    record = Folder(path=witness.state).record()
    seen = {origin: record.latest(origin).size for origin in (ORIGIN, audit.origin_of(ORIGIN))}
    sizes = (len(leaves_of(older / store)) for store, _ in LOGS.values())
    return [now > then + 1 for now, then in zip(seen.values(), sizes, strict=True)]
