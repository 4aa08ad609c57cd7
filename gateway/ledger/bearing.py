"""How an integrator is: what it tells of itself, and what it logs of it.

* What it waits for is logged once, and again every minute while it lasts: the disk that has no room
  may be the log's own.
* Of several nodes one signs. Where what was folded waits for that for long, this is told.

It decides nothing: the integrator says what has happened. Use it from the event loop alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from gateway.core.errors import Fault
from gateway.ports.conditions import Condition, State

_log: Final = logging.getLogger(__name__)

_REMIND_SECONDS: Final = 60.0


class Bearing:
    """An integrator's condition, and what it has said."""

    def __init__(self, unendorsed: Callable[[], bool], unsigned_seconds: float) -> None:
        """Begin as checking.

        Args:
            unendorsed: Tells whether entries are folded that no signed note covers yet.
            unsigned_seconds: How long what was folded may wait for a signature before that is said.
        """
        self._unendorsed = unendorsed
        self._unsigned_seconds = unsigned_seconds
        # Since when nothing was signed though something waits, and what was signed then.
        self._unsigned_since: float | None = None
        self._signed_then = 0
        self._halted: Fault | None = None
        self._stalled: Fault | None = None
        self._said = ("", 0.0)
        self._caught_up = False
        self._turned = asyncio.Event()

    @property
    def halted(self) -> Fault | None:
        """Why it folds no more; None while it runs."""
        return self._halted

    @property
    def turned(self) -> asyncio.Event:
        """An event that the next change sets."""
        return self._turned

    @property
    def condition(self) -> Condition:
        """How it is."""
        if self._halted is not None:
            return Condition(state=State.HALTED, reason=self._halted.reason)
        if self._stalled is not None:
            return Condition(state=State.STALLED)
        if not self._caught_up:
            return Condition(state=State.CHECKING)
        return Condition(state=State.UNSIGNED if self._is_unsigned() else State.FOLDING)

    @property
    def trouble(self) -> str:
        """What has halted it, or keeps it from folding, in a sentence; empty where nothing does."""
        fault = self._halted or self._stalled
        if fault is not None:
            return fault.detail
        if self.condition.state is State.UNSIGNED:
            return (
                "no node signs: run `forewarn-gateway lease show`, and start one that has the key"
            )
        return ""

    def halt(self, fault: Fault) -> None:
        """It folds no more."""
        self._halted = fault
        self._turn()

    def stall(self, fault: Fault) -> None:
        """Something keeps it from folding."""
        if self._stalled is not fault:
            self._stalled = fault
            self._turn()

    def go_on(self) -> None:
        """It folds: a block is in the store, or there is none to come."""
        self._said = ("", 0.0)
        if self._stalled is not None:
            self._stalled = None
            self._turn()

    def catch_up(self) -> None:
        """All is folded that the stream held when it was checked."""
        if not self._caught_up:
            self._caught_up = True
            self._turn()

    def wait(self, words: str, fault: Fault) -> None:
        """Log what it waits for, if that was not just logged.

        Args:
            words: What it does, with a place for what keeps it.
            fault: What keeps it.
        """
        now = asyncio.get_running_loop().time()
        said, at = self._said
        if said == fault.detail and now - at < _REMIND_SECONDS:
            return
        self._said = (fault.detail, now)
        _log.warning(
            words, fault.detail, extra={"event": "integrator_waits", "reason": fault.reason}
        )

    def watch(self, signed: int) -> None:
        """Take note of since when nothing is signed, while something waits for it.

        Args:
            signed: How many entries a signed note covers.
        """
        if not self._unendorsed():
            self._unsigned_since = None
        elif self._unsigned_since is None or signed != self._signed_then:
            self._unsigned_since = asyncio.get_running_loop().time()
        self._signed_then = signed

    def _is_unsigned(self) -> bool:
        since = self._unsigned_since
        if since is None or not self._unendorsed():
            return False
        return asyncio.get_running_loop().time() - since > self._unsigned_seconds

    def _turn(self) -> None:
        self._turned.set()
        self._turned = asyncio.Event()
