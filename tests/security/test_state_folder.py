"""The state folder is its owner's: nobody else writes into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.core.errors import Fault
from gateway.ledger.lock import StateLock


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o777])
async def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(mode)

    with pytest.raises(Fault, match="chmod it to 700"):
        await StateLock.acquire(folder)
    assert not list(folder.iterdir())


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755])
async def test_a_folder_that_others_may_only_read_is_taken(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(mode)

    lock = await StateLock.acquire(folder)
    lock.release()


@pytest.mark.asyncio
async def test_a_new_folder_is_its_owners_alone(tmp_path: Path) -> None:
    lock = await StateLock.acquire(tmp_path / "a" / "state")
    lock.release()

    assert (tmp_path / "a" / "state").stat().st_mode & 0o777 == 0o700
