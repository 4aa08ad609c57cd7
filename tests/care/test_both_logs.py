"""The audit log is made of the same parts: it has the same damages, names and remedies.

And what somebody does to both streams at once: an at-rest key that nobody here has, and a worker
that writes nonsense into them.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.care.findings import Damage
from gateway.compose.checking import Standing
from gateway.compose.ledger import opened
from gateway.compose.nats import Nats
from gateway.compose.state import StateFolder
from gateway.core.errors import Fault
from gateway.ledger import nats_conf
from gateway.ledger.nats_roles import AUDIT, LEDGER, SERVE_ROLES
from tests.care import rogue
from tests.care.conftest import Past
from tests.care.damages import (
    Damaging,
    cut_stream,
    flip,
    flip_in_stream,
    flip_stored,
    in_folder,
    in_stream,
    remove,
    several,
    sql,
)
from tests.care.mending import content, holds, mend
from tests.faults.verified import check
from tests.world.live import Live, run

NAME = "AUDIT"
ROWS: dict[str, tuple[Damaging, Damage]] = {
    "last file cut, with its index": (cut_stream(0.8, stream=NAME), Damage.STREAM_HOLE),
    "last file cut, without": (
        cut_stream(0.8, indexed=False, stream=NAME),
        Damage.STREAM_ENDS_EARLY,
    ),
    "last file emptied, with its index": (cut_stream(0, stream=NAME), Damage.STREAM_HOLE),
    "last file emptied, without": (
        cut_stream(0, indexed=False, stream=NAME),
        Damage.STREAM_ENDS_EARLY,
    ),
    "a bit in the middle, with the index": (flip_in_stream(2, stream=NAME), Damage.STREAM_HOLE),
    "a bit in the middle, without": (
        flip_in_stream(2, indexed=False, stream=NAME),
        Damage.STREAM_ENDS_EARLY,
    ),
    "a bit in the last, with the index": (flip_in_stream(-1, stream=NAME), Damage.STREAM_HOLE),
    "a bit in the last, without": (
        flip_in_stream(-1, indexed=False, stream=NAME),
        Damage.STREAM_ENDS_EARLY,
    ),
    "a bit in the metadata": (
        in_stream("meta.inf", lambda path: flip(path, 20), stream=NAME),
        Damage.STREAM_MISSING,
    ),
    "the stream's folder gone": (in_stream("", remove, stream=NAME), Damage.STREAM_MISSING),
    "the store gone": (in_folder("audit.db", remove), Damage.STORE_MISSING),
    "a bit in a block": (
        flip_stored("message", "block", "sequence = 2", "audit.db"),
        Damage.BLOCK_CHANGED,
    ),
    "a bit in a root": (
        flip_stored("root", "block", "sequence = 2", "audit.db"),
        Damage.BLOCK_MISFOLDED,
    ),
    "a block gone": (
        sql("DELETE FROM block WHERE sequence = 2", file="audit.db"),
        Damage.BLOCK_MISSING,
    ),
    "a bit in an entry": (
        flip_stored("body", "entry", "idx = 2", "audit.db"),
        Damage.ENTRY_DIFFERS,
    ),
    "a bit in a tile": (
        flip_stored("hashes", "tile", "level = 0", "audit.db"),
        Damage.TILE_DIFFERS,
    ),
    "the mark gone": (in_folder("audit-keeper/high-water", remove), Damage.MARK_MISSING),
}
USUAL = ("last file emptied, with its index", "a bit in the middle, without", "a bit in a tile")
EVERY = bool(os.environ.get("EVERY_FAULT"))


@pytest.mark.parametrize("name", ROWS if EVERY else USUAL)
def test_each_damage_of_the_audit_log_has_its_name_and_is_mended(
    past: Past, copy: Live, name: str
) -> None:
    damaging, expected = ROWS[name]
    damaging(copy.state)
    found = {(each.log, each.damage) for each in check(copy.state).findings}
    assert found == {("audit", expected)}
    assert mend(copy.state)
    if expected is Damage.MARK_MISSING:
        size = check(copy.state).logs[1].signed
        run("ledger", "compare", "--state", str(copy.state), "--acknowledge", f"audit={size}")
    report = check(copy.state)
    assert (report.standing, report.logs[1].signed) == (Standing.WHOLE, 5)
    if EVERY:
        holds(past, copy)


def encrypted(state: Path) -> None:
    """Have JetStream be run once with an at-rest key, which then is lost."""
    render = nats_conf.render

    def with_key(**parts: Any) -> bytes:
        conf = json.loads(render(**parts))
        conf["jetstream"] |= {"cipher": "chachapoly", "key": "nobody here has it"}
        return json.dumps(conf).encode()

    async def served() -> None:
        async with opened(StateFolder(root=state), Nats(), SERVE_ROLES):
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nats_conf, "render", with_key)
        asyncio.run(served())


def test_a_stream_under_another_at_rest_key_is_missing_and_never_made_anew_over_it(
    past: Past, copy: Live
) -> None:
    encrypted(copy.state)
    report = check(copy.state)
    assert {(each.log, each.damage) for each in report.findings} == {
        ("ledger", Damage.STREAM_MISSING),
        ("audit", Damage.STREAM_MISSING),
    }
    # Neither makes a stream where files are: with the key, they would be whole.
    before = messages_of(copy.state)
    served = run("serve", "--state", str(copy.state))
    assert (served.returncode, "ledger repair" in served.stderr) == (1, True)
    begun = run("init", "--state", str(copy.state), *past.live.init_command[3:])
    assert (begun.returncode, "ledger repair" in begun.stderr) == (1, True)
    (copy.state / "inception.json").rename(copy.folder / "inception.json")
    begun = run("init", "--state", str(copy.state), *past.live.init_command[3:])
    assert (begun.returncode, "holds data but" in begun.stderr) == (1, True)
    (copy.folder / "inception.json").rename(copy.state / "inception.json")
    assert messages_of(copy.state) == before
    assert mend(copy.state)
    holds(past, copy)


def messages_of(state: Path) -> dict[str, bytes]:
    """Read what JetStream keeps of messages."""
    return {name: held for name, held in content(state).items() if name.endswith(".blk")}


def test_without_the_store_nothing_under_another_key_can_be_read(copy: Live) -> None:
    several(encrypted, in_folder("ledger.db", remove))(copy.state)
    with pytest.raises(Fault, match="ledger"):
        mend(copy.state)


def test_a_rogue_worker_in_both_streams_harms_nothing_that_was_answered(
    past: Past, copy: Live
) -> None:
    messages = [
        b"nonsense",
        bytes(5 << 20),
        rogue.block(rogue.entry(b"short", salt=b"salt")),
        rogue.block(rogue.entry(b"no body")),
        rogue.block(rogue.entry(rogue.forged())),
    ]

    async def put() -> None:
        async with opened(StateFolder(root=copy.state), Nats(), SERVE_ROLES) as house:
            for log in (LEDGER, AUDIT):
                await rogue.append(house, messages, log)

    asyncio.run(put())
    report = holds(
        past,
        copy,
        Damage.ENTRY_VOID,
        Damage.ENTRY_OPAQUE,
        Damage.STATEMENT_UNPROVEN,
    )
    void = [each.log for each in report.findings if each.damage is Damage.ENTRY_VOID]
    assert sorted(void) == ["audit"] * 3 + ["ledger"] * 3
