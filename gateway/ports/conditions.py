"""Conditions: how a log's integrator is, as its workers hear it.

* A condition is a hint for whoever asks whether statements can be taken in. It is never the record:
  what was recorded is read from the store.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Protocol

from gateway.core.errors import Reason


@unique
class State(StrEnum):
    """What an integrator does."""

    CHECKING = "checking"
    """It compares stream and store, or folds what the stream held when it began."""
    FOLDING = "folding"
    """All that the stream held is folded, and what comes is."""
    UNSIGNED = "unsigned"
    """The same, and what it folded last has waited for long for a signature, another node's."""
    STALLED = "stalled"
    """Something keeps it from folding; it tries again."""
    HALTED = "halted"
    """It folds no more: the log cannot be proven whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How an integrator is.

    Attributes:
        state: What it does.
        reason: Why it has halted; None in any other state.
    """

    state: State
    reason: Reason | None = None

    def __post_init__(self) -> None:
        """Refuse a halt without its reason, and a reason without a halt."""
        if (self.state is State.HALTED) is not (self.reason is not None):
            raise ValueError("a halt has a reason, and nothing else has")


class Conditioned(Protocol):
    """An integrator, for whoever says how it is."""

    @property
    def condition(self) -> Condition:
        """How it is."""

    @property
    def turned(self) -> asyncio.Event:
        """An event that the next change of condition sets. Take it before looking, then wait."""
