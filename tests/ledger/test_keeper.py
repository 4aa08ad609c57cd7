"""The keeper never signs a second history, whatever became of store and stream."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.core.checkpoint import NoteVerifier, open_checkpoint
from gateway.core.errors import Fault, Reason
from gateway.core.merkle import EMPTY_ROOT, TreeHead
from gateway.ledger.keeper import Keeper
from tests.ledger.house import ORIGIN

ROOTS = {0: EMPTY_ROOT, **{size: bytes([size]) * 32 for size in range(1, 10)}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Keeper.create(tmp_path / "keeper", ORIGIN)
    return tmp_path / "keeper"


def head(size: int) -> TreeHead:
    return TreeHead(size=size, root=ROOTS[size])


def root_at(size: int) -> bytes:
    return ROOTS[size]


def test_what_it_signs_verifies_with_its_public_half(folder: Path) -> None:
    keeper = Keeper.load(folder, ORIGIN)
    note = keeper.sign(head(3), root_at)
    verifier = NoteVerifier.parse(str(keeper.verifier))
    checkpoint = open_checkpoint(note, [verifier], ORIGIN)
    assert (checkpoint.size, checkpoint.root) == (3, ROOTS[3])
    assert keeper.mark == checkpoint


def test_the_mark_is_on_disk_before_the_note_is_given_out(folder: Path) -> None:
    note = Keeper.load(folder, ORIGIN).sign(head(3), root_at)
    assert note in (folder / "high-water").read_bytes()
    again = Keeper.load(folder, ORIGIN)
    assert again.mark.size == 3
    assert again.sign(head(3), root_at) == note


@pytest.mark.parametrize(
    ("then", "roots"),
    [
        pytest.param(head(3), root_at, id="smaller"),
        pytest.param(TreeHead(size=5, root=bytes(32)), lambda _: bytes(32), id="another at size"),
        pytest.param(head(7), lambda size: bytes(32) if size == 5 else ROOTS[size], id="a fork"),
        pytest.param(TreeHead(size=7, root=bytes(32)), root_at, id="a root not the tree's"),
    ],
)
def test_it_refuses_what_does_not_extend_the_last_one(
    folder: Path, then: TreeHead, roots: Callable[[int], bytes]
) -> None:
    keeper = Keeper.load(folder, ORIGIN)
    note = keeper.sign(head(5), root_at)
    with pytest.raises(Fault) as raised:
        keeper.sign(then, roots)
    assert raised.value.reason is Reason.LEDGER_NOT_PROVEN
    assert Keeper.load(folder, ORIGIN).mark.size == 5
    assert keeper.sign(head(6), root_at) != note


def _full(*_: object) -> int:
    raise OSError(28, "No space left on device")


def _half(file: int, content: bytes, at: int, write: Callable[..., int] = os.pwrite) -> int:
    return write(file, content[: len(content) // 2], at)


@pytest.mark.parametrize(("call", "failing"), [("fdatasync", _full), ("pwrite", _half)])
def test_a_mark_that_cannot_be_written_signs_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, failing: Callable[..., int]
) -> None:
    keeper = Keeper.load(folder, ORIGIN)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing)
        with pytest.raises(Fault, match="No space left") as raised:
            keeper.sign(head(2), root_at)
    assert raised.value.reason is Reason.LEDGER_UNAVAILABLE
    assert keeper.mark.size == 0
    keeper.sign(head(2), root_at)
    assert Keeper.load(folder, ORIGIN).mark.size == 2


@pytest.mark.parametrize("kept", [0, 1, 40, 150, 4096])
def test_a_mark_that_was_cut_off_leaves_the_one_before(folder: Path, kept: int) -> None:
    keeper = Keeper.load(folder, ORIGIN)
    keeper.sign(head(2), root_at)
    keeper.sign(head(3), root_at)
    whole = (folder / "high-water").read_bytes()
    keeper.sign(head(4), root_at)
    after = (folder / "high-water").read_bytes()
    (place,) = (at for at in (0, 4096) if after[at : at + 4096] != whole[at : at + 4096])
    torn = after[place : place + kept] + whole[place + kept : place + 4096]
    (folder / "high-water").write_bytes(whole[:place] + torn + whole[place + 4096 :])
    again = Keeper.load(folder, ORIGIN)
    assert again.mark.size == (4 if kept == 4096 else 3)
    assert again.sign(head(5), root_at)
    assert Keeper.load(folder, ORIGIN).mark.size == 5


def damage(folder: Path, place: int, held: bytes) -> None:
    """Overwrite one place of the mark."""
    content = bytearray((folder / "high-water").read_bytes())
    content[place * 4096 : (place + 1) * 4096] = held.ljust(4096, b"\0")
    (folder / "high-water").write_bytes(content)


@pytest.mark.parametrize("held", [b"", b"x", b"exchange.example/ledger\n9\n"])
def test_beside_a_damaged_place_it_signs_only_what_goes_beyond_the_other(
    folder: Path, held: bytes
) -> None:
    keeper = Keeper.load(folder, ORIGIN)
    # The second place holds the last one.
    for size in (2, 3, 4):
        keeper.sign(head(size), root_at)
    damage(folder, 1, held)
    again = Keeper.load(folder, ORIGIN)
    assert again.mark.size == 3
    # Store and stream end where the other place does: what was signed beyond it may be lost.
    with pytest.raises(Fault, match="ledger repair") as raised:
        again.sign(head(3), root_at)
    assert raised.value.reason is Reason.LEDGER_NOT_PROVEN
    assert again.sign(head(4), root_at)
    # Both are whole again.
    assert Keeper.load(folder, ORIGIN).sign(head(4), root_at)


def test_what_a_damaged_place_still_says_has_to_be_there(folder: Path) -> None:
    keeper = Keeper.load(folder, ORIGIN)
    note = [keeper.sign(head(size), root_at) for size in (2, 3, 5)][-1]
    # Its text can be read, its signature no longer.
    damage(folder, 1, note[:-10])
    with pytest.raises(Fault, match="ledger repair"):
        Keeper.load(folder, ORIGIN).sign(head(4), root_at)
    assert Keeper.load(folder, ORIGIN).sign(head(5), root_at) == note


def test_a_damaged_place_that_held_an_earlier_mark_is_no_matter(folder: Path) -> None:
    keeper = Keeper.load(folder, ORIGIN)
    notes = [keeper.sign(head(size), root_at) for size in (2, 3, 4)]
    damage(folder, 0, notes[1][:-10])
    assert Keeper.load(folder, ORIGIN).sign(head(4), root_at) == notes[2]


def test_creating_again_changes_nothing(folder: Path) -> None:
    keeper = Keeper.load(folder, ORIGIN)
    keeper.sign(head(4), root_at)
    again = Keeper.create(folder, ORIGIN)
    assert (again.mark, again.verifier) == (keeper.mark, keeper.verifier)


def test_a_creation_that_was_cut_off_is_begun_anew(tmp_path: Path) -> None:
    making = tmp_path / "keeper.new"
    making.mkdir()
    (making / "log.pem").write_text("half")
    assert Keeper.create(tmp_path / "keeper", ORIGIN).mark.size == 0
    assert not making.exists()


def test_the_key_is_its_owners_alone(folder: Path) -> None:
    assert stat.S_IMODE((folder / "log.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "log.pem").chmod(0o640)
    with pytest.raises(Fault, match="chmod"):
        Keeper.load(folder, ORIGIN)


@pytest.mark.parametrize("name", ["log.pem", "high-water"])
def test_a_lost_or_damaged_part_is_never_made_anew(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-40] + content[-39:])
    with pytest.raises(Fault, match="newest backup"):
        Keeper.load(folder, ORIGIN)
    (folder / name).unlink()
    for take in (Keeper.load, Keeper.create):
        with pytest.raises(Fault, match="newest backup") as raised:
            take(folder, ORIGIN)
        assert raised.value.reason is Reason.LEDGER_NOT_PROVEN


def test_another_logs_mark_is_refused(folder: Path, tmp_path: Path) -> None:
    Keeper.create(tmp_path / "other", ORIGIN)
    (folder / "high-water").write_bytes((tmp_path / "other" / "high-water").read_bytes())
    with pytest.raises(Fault, match="no-known-key"):
        Keeper.load(folder, ORIGIN)
    with pytest.raises(Fault):
        Keeper.load(tmp_path / "other", "other.example/ledger")
