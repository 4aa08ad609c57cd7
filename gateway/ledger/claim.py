"""What stands where the lease is kept: who signs, and the newest notes that it signed.

* What does not parse is nobody's claim: whoever waits treats it as one that is never renewed.
* It holds nothing secret: names, sizes and roots.

How it is taken and lost is said in `lease`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum, unique
from typing import Final, Self

from gateway.ledger.places import PLACE_BYTES

_VERSION: Final = 1
MAX_CLAIM_BYTES: Final = 64 * 1024
_MOST_SECONDS: Final = 3600.0
_MOST_NOTES: Final = 8


@unique
class Hold(StrEnum):
    """How a claim stands."""

    HELD = "held"
    ASKED = "asked"
    """Held, and its holder was asked by hand to let go."""
    LET_GO = "let_go"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim to the lease.

    Attributes:
        hold: How it stands.
        node: Name of the node whose claim it is or was.
        token: Random, of one run of that node.
        seconds: How long the lease lasts unless it is renewed; above 0.
        nominee: Name of the node that is to take what was let go; empty for whoever comes.
        written: When it was written by its writer's clock, for people only.
        notes: The newest signed note that the node knew, unverified, by its log's stream.
    """

    hold: Hold
    node: str
    token: str
    seconds: float
    nominee: str
    written: str
    notes: Mapping[str, bytes]

    def encode(self) -> bytes:
        """Give what is written."""
        table = asdict(self)
        table["notes"] = {stream: note.decode() for stream, note in self.notes.items()}
        return json.dumps({"version": _VERSION, **table}).encode()

    @classmethod
    def decode(cls, value: bytes) -> Self | None:
        """Read what stands there; None where it is no claim."""
        try:
            if len(value) > MAX_CLAIM_BYTES:
                return None
            table = json.loads(value)
            if table.pop("version") != _VERSION:
                return None
            notes = {stream: note.encode() for stream, note in table.pop("notes").items()}
            claim = cls(
                hold=Hold(table.pop("hold")),
                seconds=float(table.pop("seconds")),
                notes=notes,
                **table,
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return claim if claim._is_sound() else None

    def _is_sound(self) -> bool:
        texts = (self.node, self.token, self.nominee, self.written)
        return (
            all(isinstance(text, str) for text in texts)
            and 0 < self.seconds <= _MOST_SECONDS
            and len(self.notes) <= _MOST_NOTES
            and all(len(note) <= PLACE_BYTES for note in self.notes.values())
        )
