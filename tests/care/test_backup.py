"""A backup of a running gateway is proven; what is restored is served only once it was compared."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.care.findings import Damage
from gateway.compose.checking import Standing
from tests.care.conftest import Past
from tests.care.damages import database, flip_stored, sql
from tests.care.mending import holds
from tests.faults.verified import check
from tests.world.live import AURORA, CIVIL, Live, notice, run


def ledger(command: str, *arguments: object, fails: str = "") -> str:
    """Run a command; it ends well, or with that sentence."""
    done = run("ledger", command, *map(str, arguments))
    if fails:
        assert (done.returncode, fails in done.stderr) == (1, True), done.stderr
    else:
        assert done.returncode == 0, done.stderr
    return done.stdout


def sizes(said: str) -> Any:
    return json.loads(said)["sizes"]


def test_backed_up_while_it_runs_restored_compared_and_served(past: Past, copy: Live) -> None:
    to, new = copy.folder / "backup", copy.folder / "new"
    copy.serve()
    first = sizes(ledger("backup", "--state", copy.state, "--to", to, "--json"))
    later = notice(CIVIL)
    with copy.desk(AURORA) as lab:
        answer = lab.submit(later)
    # The same folder again: what is new is added.
    second = sizes(ledger("backup", "--state", copy.state, "--to", to, "--json"))
    assert copy.stop() == 0
    assert (first["ledger"], second["ledger"]) == (12, 13)
    assert not list(to.rglob("*.pem"))

    ledger("restore", "--from", to, "--state", new, fails="there is no key of")
    elsewhere = ("restore", "--from", to, "--state", new, "--keys", copy.folder)
    ledger(*elsewhere, fails="Name the folder that has keeper/log.pem")
    assert not new.exists()
    ledger("restore", "--from", to, "--state", new, "--keys", copy.state)
    assert "ledger compare" in run("serve", "--state", str(new)).stderr
    seen = copy.folder / "seen"
    seen.write_bytes(answer.receipt.checkpoint)
    # The ledger is compared, the audit log not yet.
    ledger("compare", "--state", new, "--seen", seen, fails="ask members and monitors")
    assert "audit" in run("serve", "--state", str(new)).stderr
    size = check(new).logs[1].size
    ledger("compare", "--state", new, "--acknowledge", f"audit={size}")

    copy.state.rename(copy.folder / "lost")
    new.rename(copy.state)
    assert check(copy.state).standing is Standing.WHOLE
    holds(replace(past, said=(*past.said, later), answers=(*past.answers, answer)), copy)


def test_an_older_backup_than_what_was_seen_is_never_served(past: Past, tmp_path: Path) -> None:
    old = Live(folder=tmp_path, authority=past.live.authority)
    to = tmp_path / "backup"
    ledger("backup", "--state", past.older, "--to", to, "--with-keys")
    ledger("restore", "--from", to, "--state", old.state)
    seen = tmp_path / "seen"
    seen.write_bytes(past.answers[-1].receipt.checkpoint)

    why = "somebody has seen 12 entries, this one holds 8"
    ledger("compare", "--state", old.state, "--seen", seen, fails=why)
    assert run("serve", "--state", str(old.state)).returncode == 1
    assert (to / "keeper" / "log.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("damaging", "why"),
    [
        (flip_stored("message", "block", "sequence = 5"), "block 5 was changed"),
        (flip_stored("root", "block", "sequence = 5"), "was folded to something else"),
        (sql("DELETE FROM block WHERE sequence > 10"), "it does not hold the tree"),
    ],
    ids=["block", "root", "end"],
)
def test_damage_is_not_copied(copy: Live, damaging: Any, why: str) -> None:
    damaging(copy.state)
    to = copy.folder / "backup"
    ledger("backup", "--state", copy.state, "--to", to, fails=why)
    # And what was not finished is not restored.
    new = copy.folder / "new"
    ledger("restore", "--from", to, "--state", new, fails="no backup that was finished")


def test_what_ends_a_backup_leaves_the_one_before(past: Past, copy: Live) -> None:
    to, new = copy.folder / "backup", copy.folder / "new"
    ledger("backup", "--state", past.older, "--to", to, "--with-keys")
    flip_stored("root", "block", "sequence = 12")(copy.state)
    # As every night, into the same folder: what is damaged is just what is new.
    ledger("backup", "--state", copy.state, "--to", to, fails="is damaged: block 12")
    restored = sizes(ledger("restore", "--from", to, "--state", new, "--json"))
    assert restored["ledger"] == 8
    assert check(new).names == {Damage.HISTORY_UNCOMPARED}


def test_only_what_a_backup_is_made_of_is_restored(past: Past, copy: Live) -> None:
    to, new = copy.folder / "backup", copy.folder / "new"
    ledger("backup", "--state", past.older, "--to", to, "--with-keys")
    # Somebody who has the backup, and no key, puts beside it what a gateway would fold on from.
    with database(to / "ledger.db") as store:
        (note,) = store.execute("SELECT value FROM meta WHERE key = 'note'").fetchone()
    shutil.copytree(past.live.state / "jetstream", to / "jetstream")
    shutil.copy2(past.live.state / "ledger.db", to / "ledger.db")
    sql("UPDATE meta SET value = ? WHERE key = 'note'", note)(to)
    restored = sizes(ledger("restore", "--from", to, "--state", new, "--json"))
    assert (restored["ledger"], check(new).logs[0].size) == (8, 8)


def test_a_backup_by_an_earlier_version_is_restored(past: Past, copy: Live) -> None:
    to, new = copy.folder / "backup", copy.folder / "new"
    ledger("backup", "--state", past.older, "--to", to, "--with-keys")
    sql("UPDATE meta SET value = '0' WHERE key = 'schema'")(to)
    ledger("backup", "--state", copy.state, "--to", to, fails="by an earlier version")
    restored = sizes(ledger("restore", "--from", to, "--state", new, "--json"))
    assert restored["ledger"] == 8
    assert check(new).names == {Damage.HISTORY_UNCOMPARED}


def test_what_follows_from_the_blocks_is_made_anew_in_a_backup(copy: Live) -> None:
    flip_stored("body", "entry", "idx = 5")(copy.state)
    to = copy.folder / "backup"
    ledger("backup", "--state", copy.state, "--to", to)
    flip_stored("body", "entry", "idx = 6")(to)
    new = copy.folder / "new"
    refused = ("restore", "--from", to, "--state", new, "--keys", copy.state)
    ledger(*refused, fails="ENTRY_DIFFERS in ledger")
    assert not new.exists()


def test_a_folder_with_something_else_is_not_taken(copy: Live) -> None:
    ledger(
        "backup", "--state", copy.state, "--to", copy.state, fails="something else than a backup"
    )
