"""Findings, and the checks that make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum, unique

from gateway.compose.doctor.patient import Patient


@unique
class Level(IntEnum):
    """How bad it is. The number is the command's exit status where nothing is worse."""

    OK = 0
    WARNING = 1
    """It works, and will not for long, or not as well as it should."""
    PROBLEM = 2
    """It does not work, or what it answers could be lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check has found.

    Attributes:
        level: How bad it is.
        what: What is, in a sentence without its full stop.
        remedy: What to do about it, likewise; empty where all is well.
        check: The check's name, as in `certificate`; the examination says it.
    """

    level: Level
    what: str
    remedy: str = ""
    check: str = ""

    def __post_init__(self) -> None:
        """Refuse a complaint without a remedy, and a remedy for nothing."""
        if (self.level is Level.OK) is bool(self.remedy):
            raise ValueError("what is not well has a remedy, and nothing else has")


Check = Callable[[Patient], Iterator[Finding]]


def ok(what: str) -> Finding:
    """Say that all is well."""
    return Finding(level=Level.OK, what=what)


def warning(what: str, remedy: str) -> Finding:
    """Say what will not do for long."""
    return Finding(level=Level.WARNING, what=what, remedy=remedy)


def problem(what: str, remedy: str) -> Finding:
    """Say what does not do."""
    return Finding(level=Level.PROBLEM, what=what, remedy=remedy)
