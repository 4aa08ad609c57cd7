"""Whatever the bytes allow is restored, and proven first; nothing else is, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import os
import struct
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from forewarn_witness.cosigning import Cosigner
from gateway.care.findings import Damage
from gateway.compose import generations
from gateway.compose.checking import Standing
from gateway.compose.ledger import opened
from gateway.compose.nats import Nats
from gateway.compose.state import SetupError, StateFolder
from gateway.core.checkpoint import parse_note
from gateway.core.errors import Fault
from gateway.ledger.nats_roles import LEDGER, SERVE_ROLES
from gateway.ledger.salvage import salvage
from tests.care import rogue
from tests.care.conftest import Past
from tests.care.damages import (
    Damaging,
    back,
    cut_stream,
    database,
    flip,
    flip_in_stream,
    flip_stored,
    in_folder,
    in_stream,
    last_file,
    remove,
    several,
    sql,
    stream_folder,
)
from tests.care.mending import content, holds, mend
from tests.care.test_check import STORE, STREAM, another_history, reused
from tests.faults.verified import check
from tests.witness.logs import PaperLog
from tests.world.live import Live, run

EVERY = bool(os.environ.get("EVERY_FAULT"))


def flip_number(state: Path) -> None:
    """Flip a high bit of the number that the newest file's first message has."""
    path = last_file(state)
    length, sequence = struct.unpack_from("<IQ", path.read_bytes())
    assert (length >> 31, sequence) == (1, 1)
    flip(path, 4 + 5)


def number_of_a_block(state: Path) -> None:
    """Have the store's last block stand at a number that is far away."""
    with database(state / "ledger.db") as store:
        store.execute("UPDATE block SET sequence = 1 << 45 WHERE sequence = 12")


ROWS: dict[str, Damaging] = {
    **{f"stream: {name}": damaging for name, (damaging, _) in STREAM.items()},
    **{
        f"store: {name}": damaging
        for name, (damaging, damages) in STORE.items()
        if not damages & {Damage.STORE_FOREIGN, Damage.NOTE_DAMAGED}
    },
    "a bit in the number of a message": flip_number,
    "a bit in the number of a block": number_of_a_block,
    "everything of JetStream": in_folder("jetstream", remove),
    "one block here, another there": several(
        flip_stored("message", "block", "sequence = 5"), flip_in_stream(8)
    ),
    "most of both": several(
        sql("DELETE FROM block WHERE sequence > 6"),
        in_stream("meta.inf", remove),
        flip_in_stream(3),
    ),
    "the store gone, the stream not served": several(
        in_folder("ledger.db", remove), in_stream("meta.inf", remove)
    ),
    "the store says otherwise": sql(
        "UPDATE block SET message = x'00', sha256 = ? WHERE sequence = 5", sha256(b"\0").digest()
    ),
}
REFUSED: dict[str, tuple[Damaging, str]] = {
    "one block in both": (
        several(flip_stored("message", "block", "sequence = 9"), flip_in_stream(9)),
        "those from index 8 on are lost: block 9 can be read in neither",
    ),
    "the end of both": (
        several(sql("DELETE FROM block WHERE sequence > 10"), cut_stream(0.7)),
        "neither store nor stream goes further",
    ),
    "another history": (another_history, "is another history than the one that was signed"),
    "no key": (in_folder("keeper/log.pem", remove), "KEY_MISSING"),
    "no mark and no note": (
        several(in_folder("keeper/high-water", remove), in_folder("ledger.db", remove)),
        "no checkpoint that was signed can be read",
    ),
}


@pytest.mark.parametrize("damaging", ROWS.values(), ids=ROWS)
def test_what_the_bytes_allow_is_restored(past: Past, copy: Live, damaging: Damaging) -> None:
    damaging(copy.state)
    assert mend(copy.state)
    after = check(copy.state)
    assert (after.standing, after.logs[0].signed) == (Standing.WHOLE, 12)
    assert not mend(copy.state)
    if EVERY:
        holds(past, copy, *after.names)


@pytest.mark.parametrize(("damaging", "why"), REFUSED.values(), ids=REFUSED)
def test_what_they_do_not_is_refused_and_left(copy: Live, damaging: Damaging, why: str) -> None:
    damaging(copy.state)
    before = content(copy.state)

    with pytest.raises(Fault, match=why):
        mend(copy.state)
    assert content(copy.state) == before


def test_after_a_repair_of_both_everything_answered_holds(past: Past, copy: Live) -> None:
    words: list[str] = []
    ROWS["most of both"](copy.state)
    damaged = content(copy.state)
    assert mend(copy.state, words=words)
    assert words[:2] == [
        "ledger: 12 blocks with 12 entries are proven",
        "ledger: ledger.db is made anew from them",
    ]
    assert "a new stream LEDGER-2 takes the place of LEDGER" in words[2]
    kept = content(copy.state / "set-aside" / "0001")
    assert kept
    assert {name: damaged[name] for name in kept} == kept
    holds(past, copy)


def test_a_second_repair_makes_a_third_generation(copy: Live) -> None:
    for _ in range(2):
        path = stream_folder(
            copy.state, generations.logs_of(StateFolder(root=copy.state))[0].stream
        )
        flip(path / "msgs" / "1.blk", 500)
        assert mend(copy.state)
    assert json.loads((copy.state / "streams.json").read_text())["ledger"] == 3
    assert sorted(path.name for path in (copy.state / "set-aside").iterdir()) == ["0001", "0002"]
    assert check(copy.state).standing is Standing.WHOLE


def unfolded(copy: Live, count: int) -> list[bytes]:
    """Put blocks into the stream that nobody has folded."""
    messages = [rogue.block(rogue.entry(b"late %d" % n + bytes(400))) for n in range(count)]

    async def put() -> None:
        async with opened(StateFolder(root=copy.state), Nats(), SERVE_ROLES) as house:
            await rogue.append(house, messages)

    asyncio.run(put())
    return messages


def test_what_was_not_folded_is_carried_over(copy: Live) -> None:
    unfolded(copy, 3)
    # The second of them is lost; nobody was ever given a receipt for it.
    several(flip_in_stream(5), flip_in_stream(-2))(copy.state)
    words: list[str] = []
    assert mend(copy.state, words=words)

    assert words[0] == "ledger: 13 blocks with 13 entries are proven"
    assert any("and 1 more that was never folded" in each for each in words)
    report = check(copy.state)
    # Folded to look at them, but not yet signed.
    assert (report.logs[0].size, report.logs[0].signed) == (14, 12)
    assert report.names == {Damage.ENTRY_OPAQUE}


def test_what_took_the_numbers_of_lost_blocks_is_carried_over(past: Past, copy: Live) -> None:
    reused(copy.state)
    assert mend(copy.state)
    report = holds(past, copy, Damage.ENTRY_OPAQUE)

    assert report.logs[0].size == 12 + 3 + 2


def test_a_record_inside_of_a_block_is_never_taken_for_one(copy: Live) -> None:
    """Somebody states bytes that look like a record of the stream; then the file is damaged."""
    path = stream_folder(copy.state) / "msgs" / "1.blk"
    fake = rogue.block(rogue.entry(b"never published"))
    begin = b"\x0f\x00" + LEDGER.blocks.encode()
    # A record of the same form, its own id right, for the sequence that comes next.
    header = b"NATS/1.0\r\nNats-Msg-Id: " + sha256(fake).hexdigest().encode() + b"\r\n\r\n"
    rest = begin + len(header).to_bytes(4, "little") + header + fake + bytes(8)
    fixed = struct.pack("<IQq", (20 + len(rest)) | 1 << 31, 14, 0)

    async def put() -> None:
        async with opened(StateFolder(root=copy.state), Nats(), SERVE_ROLES) as house:
            await rogue.append(house, [rogue.block(rogue.entry(fixed + rest))])

    asyncio.run(put())
    found = list(salvage(copy.state / "jetstream", LEDGER.stream, LEDGER.blocks))
    assert [each.sequence for each in found] == list(range(1, 14))
    # The length of the block that it was stated in is damaged: what it holds comes to light.
    held = path.read_bytes()
    flip(path, held.rindex(begin, 0, held.rindex(begin)) - 18)
    found = list(salvage(copy.state / "jetstream", LEDGER.stream, LEDGER.blocks))
    assert (found[-1].sequence, found[-1].proven, found[-1].chained) == (14, True, False)
    flip_in_stream(3)(copy.state)
    words: list[str] = []
    assert mend(copy.state, words=words)

    assert any("and 0 more that were never folded" in each for each in words)
    made = stream_folder(copy.state, "LEDGER-2") / "msgs" / "1.blk"
    assert sha256(fake).hexdigest().encode() not in made.read_bytes()


def test_a_lost_mark_is_proven_by_a_checkpoint_from_outside_or_compared_later(
    past: Past, copy: Live
) -> None:
    note = past.answers[-1].receipt.checkpoint
    in_folder("keeper/high-water", remove)(copy.state)
    seen = copy.folder / "checkpoint"
    seen.write_bytes(note)
    assert mend(copy.state)
    state = ("--state", str(copy.state))
    served = run("serve", *state)
    assert (served.returncode, "ledger compare" in served.stderr) == (1, True)
    assert check(copy.state).names == {Damage.HISTORY_UNCOMPARED}
    wrong = run("ledger", "compare", *state, "--acknowledge", "ledger=11")
    assert (wrong.returncode, "holds 12 entries" in wrong.stderr) == (1, True)
    # An older one says nothing of what was signed after it.
    older = copy.folder / "older"
    older.write_bytes(past.answers[0].receipt.checkpoint)
    still = run("ledger", "compare", *state, "--seen", str(older))
    assert (still.returncode, "ask members and monitors" in still.stderr) == (1, True)
    as_json = run("ledger", "compare", *state, "--seen", str(older), "--json")
    assert as_json.returncode == 1
    assert json.loads(as_json.stdout) == {"compared": {"ledger": 5}, "uncompared": ["ledger"]}
    assert run("serve", *state).returncode == 1
    compared = run("ledger", "compare", *state, "--seen", str(seen))
    assert compared.stdout == "ledger: it holds what was seen at size 12.\n"
    assert (compared.returncode, compared.stderr) == (0, "")
    assert check(copy.state).standing is Standing.WHOLE


def test_with_a_checkpoint_from_outside_a_lost_mark_is_mended_at_once(
    past: Past, copy: Live
) -> None:
    several(in_folder("keeper/high-water", remove), in_folder("ledger.db", remove))(copy.state)
    assert mend(copy.state, past.answers[-1].receipt.checkpoint)
    assert check(copy.state).standing is Standing.WHOLE


def test_a_checkpoint_from_outside_may_hold_what_witnesses_said(past: Past, copy: Live) -> None:
    in_folder("keeper/high-water", remove)(copy.state)
    seen = past.answers[-1].receipt.checkpoint
    text = parse_note(seen).text
    for number in range(3):
        key = MLDSA44PrivateKey.generate()
        seen += Cosigner(name=f"w{number}.example", key=key).cosign(text, 1_790_000_000)
    assert len(seen) > 4096

    assert mend(copy.state, seen)
    assert check(copy.state).standing is Standing.WHOLE


@pytest.mark.parametrize("seen", [b"no note", PaperLog().note(0)], ids=["no note", "another log's"])
def test_a_checkpoint_from_outside_that_is_none_is_refused(copy: Live, seen: bytes) -> None:
    in_folder("keeper/high-water", remove)(copy.state)
    before = content(copy.state)
    with pytest.raises(SetupError, match="none that a log of this folder has signed"):
        mend(copy.state, seen)
    assert content(copy.state) == before


def test_an_older_copy_of_everything_is_told_by_what_somebody_has_seen(
    past: Past, copy: Live
) -> None:
    back(past.older, "ledger.db", "audit.db", "jetstream", "keeper", "audit-keeper")(copy.state)
    assert check(copy.state).standing is Standing.WHOLE
    seen = copy.folder / "checkpoint"
    seen.write_bytes(past.answers[-1].receipt.checkpoint)
    said = run("ledger", "compare", "--state", str(copy.state), "--seen", str(seen))

    assert said.returncode == 1
    assert "somebody has seen 12 entries, this one holds 8" in said.stderr


def test_the_command_asks_shows_and_ends_whole(copy: Live) -> None:
    flip_in_stream(4)(copy.state)
    before = content(copy.state)
    state = ("--state", str(copy.state))
    shown = run("ledger", "repair", *state, "--dry-run")
    assert (shown.returncode, "LEDGER-2" in shown.stdout) == (0, True)
    asked = run("ledger", "repair", *state)
    assert (asked.returncode, "Do it?" in asked.stdout) == (1, True)
    assert content(copy.state) == before

    done = run("ledger", "repair", *state, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("All is whole.\n")


def test_a_gateway_that_runs_is_not_repaired(copy: Live) -> None:
    copy.serve()
    said = run("ledger", "repair", "--state", str(copy.state), "--yes")
    assert copy.stop() == 0

    assert (said.returncode, "another gateway" in said.stderr) == (1, True)


@pytest.mark.parametrize("text", ["", "{}", '{"version": 1, "ledger": 0, "audit": 1}'])
def test_a_damaged_list_of_generations_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "streams.json").write_text(text)
    with pytest.raises(SetupError, match="is damaged"):
        generations.logs_of(StateFolder(root=tmp_path))
