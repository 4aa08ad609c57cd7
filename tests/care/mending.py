"""Repairs in tests, and what has to hold after one: receipts, lists, followers, new statements."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from gateway.care.findings import Damage
from gateway.compose.checking import Report
from gateway.compose.repairing import Wish, repair
from gateway.compose.state import StateFolder
from tests.care.conftest import Past
from tests.faults.drill import Drill, Mortal
from tests.faults.verified import verified
from tests.world.live import Live


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


def holds(past: Past, live: Live, *remarks: Damage) -> Report:
    """Serve, and have everything that was ever answered, listed or delivered be as it was."""
    return verified(remembering(past, live), remarks=remarks)


def remembering(past: Past, live: Live) -> Drill:
    """Go on where a past ended: with everything that was said and answered."""
    answers = dict(zip((each.digest for each in past.said), past.answers, strict=True))
    return Drill(live=cast("Mortal", live), said=list(past.said), answers=answers)


def scrubbing(live: Live) -> None:
    """Have its scrub be always at it, from the next start on."""
    config = live.state / "gateway.toml"
    text = config.read_text()
    assert "pause_seconds = 3600" in text
    config.write_text(text.replace("pause_seconds = 3600", "pause_seconds = 1"))
