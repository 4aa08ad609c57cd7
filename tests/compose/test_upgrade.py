"""`forewarn-gateway upgrade`: an earlier store becomes today's, or stays exactly what it was."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.command import main
from gateway.compose import upgrade as upgrading
from gateway.compose.config import Config
from tests.world.left import SENT, Clinic
from tests.world.live import AURORA, CIVIL, Live, notice, run

ENTRIES = SENT + 3

# How a store of version 0 stood: no parties, no index by case, no summary of what is referred to.
EARLIER = """
DROP INDEX entry_case;
DROP TABLE party;
DROP TABLE case_row;
DROP TABLE released;
DROP TABLE confirmed;
ALTER TABLE entry DROP COLUMN refers_to;
ALTER TABLE block DROP COLUMN verdicts;
UPDATE meta SET value = '0' WHERE key = 'schema';
"""

# Runs the command in a process that dies when a named function is called for the n-th time.
DYING = """
import importlib, os, signal, sys
from gateway.command import main
where, name, call, moment = sys.argv[1:5]
owner = importlib.import_module(where.partition(":")[0])
for part in filter(None, where.partition(":")[2].split(".")):
    owner = getattr(owner, part)
real, calls = getattr(owner, name), 0
def dying(*args, **kwargs):
    global calls
    calls += 1
    if calls == int(call) and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    done = real(*args, **kwargs)
    if calls == int(call):
        os.kill(os.getpid(), signal.SIGKILL)
    return done
setattr(owner, name, dying)
main(sys.argv[5:])
"""


def sql(path: Path, script: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.executescript(script)
    connection.close()


def dump(path: Path) -> list[str]:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def upgrade(clinic: Clinic, *words: str) -> Result:
    return CliRunner().invoke(main, ["upgrade", "--state", str(clinic.state.root), *words])


def names(clinic: Clinic) -> list[str]:
    """Name what stands in the folder, but for what SQLite makes to read along."""
    endings = ("lock", "-wal", "-shm")
    return sorted(
        path.name for path in clinic.state.root.iterdir() if not path.name.endswith(endings)
    )


@pytest.fixture
def earlier(clinic: Clinic) -> Clinic:
    """A folder as an earlier gateway left it."""
    for path in (clinic.state.store, clinic.state.audit_store):
        sql(path, EARLIER)
    clinic.say("version = 1\n", "")
    return clinic


def test_an_earlier_store_becomes_todays_row_by_row_and_is_kept(
    clinic: Clinic, tmp_path: Path
) -> None:
    today = [dump(path) for path in (clinic.state.store, clinic.state.audit_store)]
    for path in (clinic.state.store, clinic.state.audit_store):
        sql(path, EARLIER)
    before = dump(clinic.state.store)
    ran = upgrade(clinic)

    assert ran.exit_code == 0, ran.output
    assert [dump(path) for path in (clinic.state.store, clinic.state.audit_store)] == today
    assert f"ledger.db: {ENTRIES} of {ENTRIES} blocks" in ran.stderr
    kept = clinic.state.root / "ledger.db.version-0"
    assert f"kept     {kept}\n" in ran.stdout
    assert dump(kept) == before
    assert clinic.complaints() == {}
    assert clinic.state.store.stat().st_mode & 0o777 == 0o600

    # Once more there is nothing to do; what was kept goes when asked for.
    assert upgrade(clinic).stdout == "Everything is up to date.\n"
    dropped = json.loads(upgrade(clinic, "--drop", "--json").stdout)["removed"]
    assert str(kept) in dropped
    assert not kept.exists()
    assert upgrade(clinic, "--drop").stdout == "Nothing was kept.\n"


def test_the_gateway_serves_from_it_and_goes_on(earlier: Clinic) -> None:
    state = str(earlier.state.root)
    refused = run("serve", "--state", state)
    assert refused.returncode == 1
    assert "tables of version 0" in refused.stderr
    assert "`forewarn-gateway upgrade`" in refused.stderr
    assert upgrade(earlier).exit_code == 0

    live = Live(folder=earlier.folder, authority=earlier.authority)
    live.serve()
    try:
        with live.desk(AURORA) as lab:
            assert lab.submit(notice(CIVIL)).receipt.index == ENTRIES
    finally:
        assert live.stop() == 0


def test_a_configuration_without_a_version_is_written_anew_and_kept(earlier: Clinic) -> None:
    text = earlier.state.config.read_text().replace("calls = 4096", "calls = 17")
    earlier.state.config.write_text(f"# mine\n{text}")
    said = Config.read(earlier.state.config)
    ran = upgrade(earlier)

    assert ran.exit_code == 0, ran.output
    assert Config.read(earlier.state.config) == said
    assert "\nversion = 1\n" in earlier.state.config.read_text()
    kept = earlier.state.root / "gateway.toml.version-0"
    assert kept.read_text().startswith("# mine\n")


STEPS = [
    ("gateway.ledger.store:Store", "create", 1, "after"),
    ("gateway.ledger.store:Store", "fold", 17, "before"),
    ("gateway.ledger.store:Store", "fold", ENTRIES, "after"),
    ("gateway.ledger.store:Store", "publish", 1, "after"),
    ("os", "link", 1, "before"),
    ("os", "link", 1, "after"),
    ("pathlib:Path", "replace", 1, "after"),
    # The second store, then the configuration.
    ("gateway.ledger.store:Store", "create", 2, "before"),
    ("pathlib:Path", "replace", 3, "before"),
    ("pathlib:Path", "replace", 3, "after"),
]


@pytest.mark.parametrize(("where", "name", "call", "moment"), STEPS)
def test_killed_anywhere_it_is_taken_up_again(
    clinic: Clinic, where: str, name: str, call: int, moment: str
) -> None:
    today = [dump(path) for path in (clinic.state.store, clinic.state.audit_store)]
    for path in (clinic.state.store, clinic.state.audit_store):
        sql(path, EARLIER)
    clinic.say("version = 1\n", "")
    words = [where, name, str(call), moment, "upgrade", "--state", str(clinic.state.root)]
    died = subprocess.run([sys.executable, "-c", DYING, *words], capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr

    # The store is one of the two, whole, whatever else stands beside it.
    assert version(clinic.state.store) in {"0", "2"}
    ran = upgrade(clinic)
    assert ran.exit_code == 0, ran.output
    assert [dump(path) for path in (clinic.state.store, clinic.state.audit_store)] == today
    assert version(clinic.state.root / "ledger.db.version-0") == "0"
    assert not [each for each in names(clinic) if ".new" in each]
    assert clinic.complaints() == {}


def version(path: Path) -> str:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        (found,) = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        return str(found)
    finally:
        connection.close()


def refused(clinic: Clinic) -> str:
    """Upgrade, which has to be refused and to leave everything as it was."""
    before = names(clinic)
    content = {path: dump(path) for path in (clinic.state.store, clinic.state.audit_store)}
    config = clinic.state.config.read_bytes()
    ran = upgrade(clinic)

    assert ran.exit_code == 1
    assert names(clinic) == before
    assert {path: dump(path) for path in content} == content
    assert clinic.state.config.read_bytes() == config
    return ran.stderr


def test_a_block_that_was_altered_is_refused(earlier: Clinic) -> None:
    with sqlite3.connect(earlier.state.store) as connection:
        (salt,) = connection.execute("SELECT salt FROM entry WHERE idx = 9").fetchone()
        (message,) = connection.execute("SELECT message FROM block WHERE sequence = 10").fetchone()
        assert salt in message
        altered = message.replace(salt, bytes(32))
        connection.execute("UPDATE block SET message = ? WHERE sequence = 10", (altered,))
    connection.close()
    assert "its tree differs from the one signed" in refused(earlier)


def test_a_block_that_is_missing_is_refused(earlier: Clinic) -> None:
    sql(earlier.state.store, "DELETE FROM block WHERE sequence = 10")
    assert "expects 10: a message is missing" in refused(earlier)


def test_a_store_that_lost_its_end_is_refused(earlier: Clinic) -> None:
    sql(
        earlier.state.store,
        "DELETE FROM block WHERE sequence = (SELECT max(sequence) FROM block)",
    )
    assert f"{ENTRIES} were signed" in refused(earlier)


def test_what_a_newer_gateway_wrote_is_refused(earlier: Clinic) -> None:
    sql(earlier.state.audit_store, "UPDATE meta SET value = '3' WHERE key = 'schema'")
    # The ledger's store could be upgraded; but nothing is begun.
    assert "audit.db was written by a newer gateway" in refused(earlier)
    serve = run("serve", "--state", str(earlier.state.root))
    assert serve.returncode == 1

    earlier.state.config.write_text(f"version = 2\n{earlier.state.config.read_text()}")
    assert "written for a newer gateway" in refused(earlier)


def test_another_exchanges_store_is_refused(earlier: Clinic) -> None:
    shutil.copy(earlier.state.store, earlier.state.audit_store)
    assert "is the store of exchange.example/ledger, not of" in refused(earlier)


def test_a_folder_in_use_is_refused(earlier: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrading, "_LOCK_SECONDS", 0.1)
    with (earlier.state.root / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another gateway" in refused(earlier)


def test_a_disk_without_room_is_refused(earlier: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(earlier.folder)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "more bytes of room" in refused(earlier)


def test_an_old_store_that_is_there_from_another_time_is_not_written_over(
    earlier: Clinic,
) -> None:
    kept = earlier.state.root / "ledger.db.version-0"
    kept.write_text("mine")
    ran = upgrade(earlier)

    assert ran.exit_code == 1
    assert "move it away" in ran.stderr
    assert kept.read_text() == "mine"
    assert version(earlier.state.store) == "0"
    kept.unlink()
    assert upgrade(earlier).exit_code == 0


def test_a_new_store_of_something_else_is_not_gone_on_with(earlier: Clinic) -> None:
    """What stands where the new one goes counts only where it holds the same blocks."""
    other = earlier.state.root / "ledger.db.new"
    shutil.copy(earlier.state.store, other)
    sql(other, "UPDATE meta SET value = '2' WHERE key = 'schema'")
    os.truncate(other, 8192)

    assert upgrade(earlier).exit_code == 0
    assert earlier.complaints() == {}


def test_what_was_kept_stays_while_the_store_is_in_doubt(earlier: Clinic) -> None:
    assert upgrade(earlier).exit_code == 0
    sql(earlier.state.store, "UPDATE tile SET hashes = zeroblob(length(hashes))")
    ran = upgrade(earlier, "--drop")

    assert ran.exit_code == 1
    assert "doctor" in ran.stderr
    assert (earlier.state.root / "ledger.db.version-0").exists()
