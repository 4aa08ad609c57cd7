"""Repairs in tests, and what has to hold after one: receipts, lists, followers, new statements."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from gateway.compose.checking import Report, check_folder
from gateway.compose.repairing import Wish, repair
from gateway.compose.state import StateFolder
from tests.care.conftest import Past
from tests.faults.drill import Drill, Mortal
from tests.world.live import AURORA, CIVIL, Live


def check(state: Path, stream: str = "read") -> Report:
    return asyncio.run(
        check_folder(StateFolder(root=state), scratch=None, stream=stream, progress=lambda *_: None)
    )


def mend(state: Path, *seen: bytes, words: list[str] | None = None) -> bool:
    """Repair a folder; agree to everything."""

    def agreed(said: Sequence[str]) -> bool:
        if words is not None:
            words.extend(said)
        return True

    wish = Wish(agreed=agreed, seen=seen, progress=lambda *_: None)
    return asyncio.run(repair(StateFolder(root=state), wish))


def content(state: Path) -> dict[str, bytes]:
    """Read everything that a folder holds, but what SQLite and nats-server make for themselves."""
    return {
        str(path.relative_to(state)): path.read_bytes()
        for path in state.rglob("*")
        if path.is_file() and "-" not in path.suffix and path.name != "lock"
    }


def holds(past: Past, live: Live) -> None:
    """Serve, and have everything that was ever answered, listed or delivered be as it was."""
    live.serve()
    answers = dict(zip((each.digest for each in past.said), past.answers, strict=True))
    drill = Drill(live=cast("Mortal", live), said=list(past.said), answers=answers)
    with live.desk(AURORA) as lab, live.desk(CIVIL) as agency:
        drill.follower.start(agency)
        assert drill.burst(lab, 2) == []
        drill.check(lab)
        drill.follower.end()
    assert live.stop() == 0
