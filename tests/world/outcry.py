"""What a gateway says in its log when a log of its own cannot be proven whole."""

from __future__ import annotations

import json

from tests.world.live import Live


def halted(live: Live) -> bool:
    """Tell whether something has halted."""
    return bool(_critical(live))


def outcry(live: Live, remedy: str) -> list[str]:
    """Give the critical lines: of each part that halted one, and each names what to run."""
    messages = _critical(live)
    assert messages
    # Ledger and audit log may halt both, and of each the integrator and the recorder.
    assert len(set(messages)) == len(messages) <= 4
    assert all(remedy in message for message in messages), messages
    return messages


def _critical(live: Live) -> list[str]:
    text = (live.folder / "gateway.log").read_text()
    # The last line may not be whole yet; and what ends the command is said in words.
    whole = text[: text.rfind("\n") + 1].splitlines()
    lines = [json.loads(line) for line in whole if line.startswith("{")]
    return [line["message"] for line in lines if line["level"] == "CRITICAL"]
