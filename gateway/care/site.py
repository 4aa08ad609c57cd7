"""One log as the checks see it: where its parts stand, and what is pinned of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.core.checkpoint import NoteVerifier
from gateway.ledger.nats_roles import Log
from gateway.ledger.store import Summarizer

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSite:
    """Where a log's parts stand.

    Attributes:
        name: `ledger` or `audit`.
        origin: Its origin, which names its key.
        log: Its places in NATS.
        store: Its store's file.
        keeper: The folder of its key and its mark.
        pinned: Its verifier key, as members have pinned it.
        key_elsewhere: Whether the key may be on other nodes alone.
        genesis: Digest of the statement that begins it, hex; empty for a log of events.
        summarize: Reads what its index keeps of an entry.
    """

    name: str
    origin: str
    log: Log
    store: Path
    keeper: Path
    pinned: str
    key_elsewhere: bool
    genesis: str
    summarize: Summarizer

    @property
    def verifier(self) -> NoteVerifier:
        """The pinned key.

        Raises:
            NoteError: What is pinned is no key.
        """
        return NoteVerifier.parse(self.pinned)


def quiet(_what: str, _done: int, _total: int) -> None:
    """Hear of progress and say nothing."""
