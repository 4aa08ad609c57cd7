"""A file that is replaced is the old one or the new one, whole, and on disk when that is said."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from gateway.ledger import synced


def test_content_before_name_before_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mark"
    path.write_bytes(b"old")
    seen: list[tuple[str, bytes]] = []
    real = os.fsync

    def fsync(fd: int) -> None:
        what = Path(f"/proc/self/fd/{fd}").readlink().name
        seen.append((what, path.read_bytes()))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    synced.replace(path, b"new")
    assert seen == [("mark.new", b"old"), (tmp_path.name, b"new")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_disk_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mark"
    synced.replace(path, b"old")

    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as failing:
        failing.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            synced.replace(path, b"new")
    assert path.read_bytes() == b"old"
    # What was left half written is no obstacle.
    synced.replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["mark"]
