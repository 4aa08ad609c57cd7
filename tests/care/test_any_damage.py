"""Any bit of any value that a log keeps, changed: the check names it. Nothing else is promised."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from gateway.care.check import Checked, check
from gateway.care.findings import Damage
from gateway.care.site import LogSite, quiet
from gateway.compose.checking import sites
from gateway.compose.state import Inception, StateFolder
from gateway.ledger.places import PLACE_BYTES
from tests.care.conftest import Past
from tests.care.damages import database, flip
from tests.world.budget import examples

PLACE = (Damage.MARK_PLACE_DAMAGED, Damage.MARK_BEHIND)
TABLES = ("block", "entry", "tile", "member_entry", "party", "case_row", "key_write", "meta")


@pytest.fixture(scope="module")
def sound(past: Past, tmp_path_factory: pytest.TempPathFactory) -> LogSite:
    """The ledger of a stopped exchange, in a folder of its own, also with a cosigned note."""
    folder = tmp_path_factory.mktemp("any") / "state"
    shutil.copytree(past.live.state, folder)
    state = StateFolder(root=folder)
    with database(state.store) as store:
        store.execute("INSERT INTO meta SELECT 'cosigned', value FROM meta WHERE key = 'note'")
    inception = Inception.read(state)
    assert inception is not None
    return sites(state, inception)[0]


def looked_at(site: LogSite, scratch: Path) -> Checked:
    scratch.mkdir()
    try:
        return asyncio.run(
            check(site, scratch=scratch, integrator=None, without_stream="", progress=quiet)
        )
    finally:
        shutil.rmtree(scratch)


def changed(value: Any, at: int, bit: int) -> Any:
    """Change one bit of a value; what is nothing becomes something."""
    if value is None:
        return 1
    if isinstance(value, int):
        return value ^ 1 << bit
    held = bytearray(value.encode() if isinstance(value, str) else value)
    if not held:
        return b"\1"
    held[at % len(held)] ^= 1 << bit % (7 if isinstance(value, str) else 8)
    return held.decode() if isinstance(value, str) else bytes(held)


def test_what_is_sound_is_whole(sound: LogSite, tmp_path: Path) -> None:
    assert looked_at(sound, tmp_path / "scratch").findings == ()


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_bit_of_any_row(sound: LogSite, tmp_path: Path, data: st.DataObject) -> None:
    table = data.draw(st.sampled_from(TABLES))
    broken = tmp_path / "ledger.db"
    shutil.copy2(sound.store, broken)
    with database(broken) as store:
        columns = [row[1:6:4] for row in store.execute(f"PRAGMA table_info({table})")]
        rows = store.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - ours
        row = data.draw(st.sampled_from(rows))
        at = data.draw(st.integers(0, len(columns) - 1))
        name, value = columns[at][0], changed(row[at], data.draw(st.integers(0, 4000)), 3)
        keys = [(key, row[n]) for n, (key, part) in enumerate(columns) if part]
        where = " AND ".join(f"{key} = ?" for key, _ in keys)
        statement = f"UPDATE {table} SET {name} = ? WHERE {where}"  # noqa: S608 - ours
        try:
            store.execute(statement, (value, *(part for _, part in keys)))
        except sqlite3.IntegrityError:
            reject()  # no such row can be: another has that key
    found = looked_at(replace(sound, store=broken), tmp_path / "scratch")
    assert found.names, f"{table}.{name} of {keys}"


@settings(max_examples=examples(40), deadline=None)
@given(at=st.integers(0, 2 * PLACE_BYTES - 1))
def test_any_bit_of_the_mark(
    sound: LogSite, tmp_path_factory: pytest.TempPathFactory, at: int
) -> None:
    folder = tmp_path_factory.mktemp("mark")
    keeper = folder / sound.keeper.name
    shutil.copytree(sound.keeper, keeper)
    flip(keeper / "high-water", at)
    found = looked_at(replace(sound, keeper=keeper), folder / "scratch")
    # Where it is the newer place, the store has published more than the mark that is left.
    assert {Damage.MARK_PLACE_DAMAGED} <= found.names <= {*PLACE}
