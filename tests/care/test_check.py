"""Every damage has a name: whatever is done to a stopped gateway's folder, the check says what."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from nats.js import api

from gateway.care.findings import REMARKS, REMEDIES, Damage
from gateway.compose.checking import Standing
from gateway.compose.ledger import connected, opened
from gateway.compose.nats import Nats
from gateway.compose.state import StateFolder
from gateway.core.checkpoint import Checkpoint, Note, NoteSigner
from gateway.ledger import nats_conf
from gateway.ledger.nats_roles import LEDGER, PERMISSIONS, SERVE_ROLES, Permissions, Role
from gateway.ledger.raw import RawStore
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
    place,
    remove,
    several,
    sql,
)
from tests.faults.verified import check
from tests.world.ledger_builder import ORIGIN
from tests.world.live import Live, run


def reword(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def drop_index(path: Path) -> None:
    with database(path) as connection:
        connection.execute("DROP INDEX entry_digest")


def unfinished(path: Path) -> None:
    path.mkdir()
    (path / "plan.json").write_text("{}")


def another_key() -> bytes:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def another_history(state: Path) -> None:
    """Have the mark say what the log's key has signed of another tree."""
    key = load_pem_private_key((state / "keeper" / "log.pem").read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    signer = NoteSigner(name=ORIGIN, key=key)
    text = Checkpoint(origin=ORIGIN, size=3, root=bytes(32)).text()
    note = Note(text=text, signatures=(signer.sign(text),)).encode().ljust(4096, b"\0")
    (state / "keeper" / "high-water").write_bytes(note * 2)


def reused(state: Path) -> None:
    """Have JetStream lose its last messages, and give their numbers to others."""
    cut_stream(0.9, indexed=False)(state)

    async def go_on() -> None:
        async with opened(StateFolder(root=state), Nats(), SERVE_ROLES) as house:
            await rogue.append(house, [rogue.block(rogue.entry(b"%d" % n)) for n in range(3)])

    asyncio.run(go_on())


def other_settings(state: Path) -> None:
    """Have somebody with all rights change the stream."""

    async def change() -> None:
        async with (
            opened(StateFolder(root=state), Nats(), frozenset(Role)) as house,
            connected(house.nats.endpoint, Role.KEEPER) as keeper,
        ):
            jsm = (await keeper.session()).client.jsm()
            info = await jsm.stream_info(LEDGER.stream)
            config: api.StreamConfig = info.config
            config.duplicate_window = 1.0
            await jsm.update_stream(config)

    table = {**PERMISSIONS, Role.KEEPER: Permissions(publish=("$JS.API.>",))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nats_conf, "PERMISSIONS", table)
        asyncio.run(change())


STREAM: dict[str, tuple[Damaging, set[Damage]]] = {
    "last file cut, with its index": (cut_stream(0.8), {Damage.STREAM_HOLE}),
    "last file cut, without": (cut_stream(0.8, indexed=False), {Damage.STREAM_ENDS_EARLY}),
    "last file emptied, with its index": (cut_stream(0), {Damage.STREAM_HOLE}),
    "last file emptied, without": (cut_stream(0, indexed=False), {Damage.STREAM_ENDS_EARLY}),
    "a bit in the middle, with the index": (flip_in_stream(4), {Damage.STREAM_HOLE}),
    "a bit in the middle, without": (
        flip_in_stream(4, indexed=False),
        {Damage.STREAM_ENDS_EARLY},
    ),
    "a bit in the last, with the index": (flip_in_stream(-1), {Damage.STREAM_HOLE}),
    "a bit in the last, without": (
        flip_in_stream(-1, indexed=False),
        {Damage.STREAM_ENDS_EARLY},
    ),
    "a bit in the first": (flip_in_stream(1), {Damage.STREAM_HOLE}),
    "a bit in the metadata": (
        in_stream("meta.inf", lambda path: flip(path, 20)),
        {Damage.STREAM_MISSING},
    ),
    "the metadata gone": (in_stream("meta.inf", remove), {Damage.STREAM_MISSING}),
    "a bit in its checksum": (
        in_stream("meta.sum", lambda path: flip(path, 3)),
        {Damage.STREAM_MISSING},
    ),
    "all messages gone": (in_stream("msgs", remove), {Damage.STREAM_ENDS_EARLY}),
    "the stream's folder gone": (in_stream("", remove), {Damage.STREAM_MISSING}),
    # What was given the numbers is no statement, and stands beyond the store as well.
    "its numbers reused": (reused, {Damage.STREAM_CHANGED, Damage.ENTRY_OPAQUE}),
    "its settings changed": (other_settings, {Damage.STREAM_SETTINGS}),
}

COSIGNED = sql("INSERT INTO meta SELECT 'cosigned', value FROM meta WHERE key = 'note'")

STORE: dict[str, tuple[Damaging, set[Damage]]] = {
    "gone": (in_folder("ledger.db", remove), {Damage.STORE_MISSING}),
    "a bit in its head": (
        in_folder("ledger.db", lambda path: flip(path, 5)),
        {Damage.STORE_CORRUPT},
    ),
    "cut": (
        in_folder("ledger.db", lambda path: os.truncate(path, 5 * 4096)),
        {Damage.STORE_CORRUPT},
    ),
    "another log's": (
        sql("UPDATE meta SET value = 'other.example/ledger' WHERE key = 'origin'"),
        {Damage.STORE_FOREIGN},
    ),
    "tables of an earlier version": (
        sql("UPDATE meta SET value = '0' WHERE key = 'schema'"),
        {Damage.STORE_OUTDATED},
    ),
    "an index dropped": (
        in_folder("ledger.db", drop_index),
        {Damage.STORE_CORRUPT},
    ),
    "a bit in a block": (
        flip_stored("message", "block", "sequence = 5"),
        {Damage.BLOCK_CHANGED},
    ),
    "a bit in a root": (flip_stored("root", "block", "sequence = 5"), {Damage.BLOCK_MISFOLDED}),
    "a verdict": (
        sql("UPDATE block SET verdicts = x'02' WHERE sequence = 5"),
        {Damage.BLOCK_MISFOLDED},
    ),
    "a block gone": (sql("DELETE FROM block WHERE sequence = 5"), {Damage.BLOCK_MISSING}),
    "a bit in an entry": (flip_stored("body", "entry", "idx = 5"), {Damage.ENTRY_DIFFERS}),
    "a bit in a salt": (flip_stored("salt", "entry", "idx = 5"), {Damage.ENTRY_DIFFERS}),
    "an entry gone": (sql("DELETE FROM entry WHERE idx = 5"), {Damage.ENTRY_DIFFERS}),
    "a bit in a tile": (flip_stored("hashes", "tile", "level = 0"), {Damage.TILE_DIFFERS}),
    "who wrote a key": (
        sql("UPDATE key_write SET idx = 1 WHERE key = 'directory'"),
        {Damage.INDEX_DIFFERS},
    ),
    "who reads an entry": (
        sql("UPDATE member_entry SET member = 'harbor-bank' WHERE idx = 6 AND box = 1"),
        {Damage.INDEX_DIFFERS},
    ),
    "a case's state": (
        sql("UPDATE case_row SET state = 'RELEASED' WHERE opened_idx = 6"),
        {Damage.INDEX_DIFFERS},
    ),
    "a bit in the checkpoint": (
        flip_stored("value", "meta", "key = 'note'"),
        {Damage.NOTE_DAMAGED},
    ),
    "a bit in what witnesses have cosigned": (
        several(COSIGNED, flip_stored("value", "meta", "key = 'cosigned'")),
        {Damage.NOTE_DAMAGED},
    ),
}

KEEPER: dict[str, tuple[Damaging, set[Damage]]] = {
    "the key gone": (in_folder("keeper/log.pem", remove), {Damage.KEY_MISSING}),
    "the key's form": (
        in_folder("keeper/log.pem", lambda path: flip(path, 1)),
        {Damage.KEY_DAMAGED},
    ),
    "another key": (
        in_folder("keeper/log.pem", lambda path: path.write_bytes(another_key())),
        {Damage.KEY_NOT_PINNED},
    ),
    "the key open": (
        in_folder("keeper/log.pem", lambda path: path.chmod(0o640)),
        {Damage.KEY_EXPOSED},
    ),
    "the mark gone": (in_folder("keeper/high-water", remove), {Damage.MARK_MISSING}),
    "both places": (several(place(0, b"x"), place(1, b"x")), {Damage.MARK_DAMAGED}),
    "one place emptied": (place(1, bytes(4096)), {Damage.MARK_PLACE_DAMAGED}),
    "another history": (another_history, {Damage.HISTORY_DIFFERS, Damage.MARK_BEHIND}),
}

FOLDER: dict[str, tuple[Damaging, set[Damage]]] = {
    "the marker gone": (in_folder("inception.json", remove), {Damage.INCEPTION_MISSING}),
    "the marker damaged": (
        in_folder("inception.json", lambda path: flip(path, 0)),
        {Damage.INCEPTION_DAMAGED},
    ),
    "the settings": (
        in_folder("gateway.toml", lambda path: reword(path, "[tls]", "[tsl]")),
        {Damage.CONFIGURATION_DAMAGED},
    ),
    "the join file": (
        in_folder("exchange.toml", lambda path: reword(path, "trust_domain", "trusted")),
        {Damage.JOIN_FILE_DIFFERS},
    ),
    "a repair that was killed": (
        in_folder("repair", unfinished),
        {Damage.REPAIR_UNFINISHED},
    ),
    "a history that nobody has compared": (
        in_folder(
            "uncompared.json",
            lambda path: path.write_text('{"logs": {"ledger": {"size": 12, "why": "told"}}}'),
        ),
        {Damage.HISTORY_UNCOMPARED},
    ),
    "the pinned genesis": (
        in_folder(
            "inception.json",
            lambda path: reword(path, '"genesis_digest": "', '"genesis_digest": "00'),
        ),
        {Damage.GENESIS_DIFFERS, Damage.JOIN_FILE_DIFFERS},
    ),
}

# Of these the stream of the audit log is older as well: it is in the same folder.
ROLLED_BACK: dict[str, tuple[tuple[str, ...], set[Damage]]] = {
    "the store": (("ledger.db",), {Damage.STORE_BEHIND}),
    "the stream": (("jetstream",), {Damage.STREAM_ENDS_EARLY}),
    "both": (("ledger.db", "jetstream"), {Damage.ENTRIES_LOST, Damage.STREAM_ENDS_EARLY}),
    "the mark": (("keeper",), {Damage.MARK_BEHIND}),
}


def rows() -> Iterator[tuple[str, Damaging, set[Damage]]]:
    for part, table in {
        "stream": STREAM,
        "store": STORE,
        "keeper": KEEPER,
        "folder": FOLDER,
    }.items():
        for name, (damaging, expected) in table.items():
            yield f"{part}: {name}", damaging, expected


def test_what_is_whole_is_found_whole_and_left_as_it_is(past: Past) -> None:
    def content() -> dict[str, bytes]:
        files = (path for path in past.live.state.rglob("*") if path.is_file())
        # SQLite makes two of its own to read; they hold nothing.
        return {str(path): path.read_bytes() for path in files if "-" not in path.suffix}

    before = content()
    report = check(past.live.state)

    assert report.standing is Standing.WHOLE
    assert report.findings == ()
    assert {log.log: log.signed for log in report.logs} == {"ledger": 12, "audit": 5}
    assert content() == before


def test_a_copy_beside_which_nothing_can_be_written_is_read(past: Past, tmp_path: Path) -> None:
    store = tmp_path / "ledger.db"
    shutil.copy2(past.live.state / store.name, store)
    # Stands for a medium that is mounted for reading only: SQLite cannot make its own files.
    store.with_name("ledger.db-shm").mkdir()
    with closing(RawStore.open(store)) as raw:
        assert raw.last == (12, 12)


@pytest.mark.parametrize(
    ("damaging", "expected"),
    [pytest.param(damaging, expected, id=name) for name, damaging, expected in rows()],
)
def test_each_damage_has_its_name(copy: Live, damaging: Damaging, expected: set[Damage]) -> None:
    damaging(copy.state)
    report = check(copy.state)

    assert report.names == expected
    assert report.standing is Standing.DAMAGED


@pytest.mark.parametrize(("names", "expected"), ROLLED_BACK.values(), ids=ROLLED_BACK)
def test_what_is_older_than_the_rest_is_named(
    past: Past, copy: Live, names: tuple[str, ...], expected: set[Damage]
) -> None:
    back(past.older, *names)(copy.state)

    assert check(copy.state).names == expected


def test_the_audit_log_is_checked_alike(copy: Live) -> None:
    flip_stored("body", "entry", "idx = 2", "audit.db")(copy.state)
    report = check(copy.state)

    assert [(each.log, each.damage) for each in report.findings] == [
        ("audit", Damage.ENTRY_DIFFERS)
    ]


def test_what_a_rogue_worker_wrote_is_named_and_damages_nothing(past: Past, copy: Live) -> None:
    again = past.answers[0].entry_body
    messages = [
        b"nonsense",
        bytes(5 << 20),
        rogue.block(rogue.entry(b"short", salt=b"salt")),
        rogue.block(rogue.entry(b"no body")),
        rogue.block(rogue.entry(rogue.forged())),
        rogue.block(rogue.entry(again)),
    ]
    asyncio.run(rogue.write(copy.state, messages))
    report = check(copy.state)

    assert report.standing is Standing.WHOLE
    assert report.names == {
        Damage.ENTRY_VOID,
        Damage.ENTRY_OPAQUE,
        Damage.STATEMENT_UNPROVEN,
        Damage.STATEMENT_REPEATED,
    }
    assert sum(each.damage is Damage.ENTRY_VOID for each in report.findings) == 3
    assert report.logs[0].size == 12 + 3


def test_every_name_is_found_by_some_row() -> None:
    found = {name for _, _, expected in rows() for name in expected}
    found |= {name for _, expected in ROLLED_BACK.values() for name in expected}

    assert found | REMARKS == set(Damage)
    assert set(REMEDIES) == set(Damage)


def test_the_command_says_it_in_words_in_json_and_by_its_status(copy: Live) -> None:
    state = ("--state", str(copy.state))
    whole = run("ledger", "check", *state)
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout.endswith("All is whole.\n")

    flip_in_stream(4)(copy.state)
    damaged = run("ledger", "check", *state)
    assert damaged.returncode == 1
    assert "DAMAGE STREAM_HOLE in ledger: stream LEDGER, sequence 4" in damaged.stdout
    assert "ledger repair" in damaged.stdout
    said = json.loads(run("ledger", "check", *state, "--json").stdout)
    assert said["standing"] == "damaged"
    assert [each["damage"] for each in said["findings"]] == ["STREAM_HOLE"]

    nowhere = run("ledger", "check", "--state", str(copy.folder / "nowhere"))
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert not (copy.folder / "nowhere").exists()


def test_under_a_running_gateway_all_but_the_stream_is_checked(copy: Live) -> None:
    copy.serve()
    state = ("--state", str(copy.state))
    half = run("ledger", "check", *state, "--json")
    rest = run("ledger", "check", *state, "--json", "--without-stream")
    assert copy.stop() == 0

    assert half.returncode == 2
    assert len(json.loads(half.stdout)["unchecked"]) == 2
    assert json.loads(half.stdout)["findings"] == []
    assert (rest.returncode, json.loads(rest.stdout)["standing"]) == (0, "whole")
