"""A repair that kills itself at a step: `python -m tests.care.dying FOLDER NUMBER`.

The steps are those that it tells of, but for the tables that it compares; the number says at which
of them it dies.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from gateway.compose.repairing import Wish, repair
from gateway.compose.state import StateFolder


class Steps:
    """Counts what is told, and dies at one."""

    def __init__(self, fatal: int) -> None:
        self.told: list[str] = []
        self._fatal = fatal

    def tell(self, what: str, _done: int, _total: int) -> None:
        if what in self.told or "comparing" in what:
            return
        self.told.append(what)
        if len(self.told) == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    steps = Steps(int(sys.argv[2]))
    wish = Wish(agreed=lambda _: True, progress=steps.tell)
    asyncio.run(repair(StateFolder(root=Path(sys.argv[1])), wish))
