"""Cursors: opaque page tokens that say where to go on, and under which question.

* A cursor is base64url of a version byte, the next index (8 bytes, big-endian) and the first 16
  bytes of SHA-256 over origin, member and the canonical question. It holds no state of the gateway,
  so it survives restarts and moves between gateways of the same ledger.
* It grants nothing: whoever makes one up chooses a place to begin, and entitlement is asked again
  for every record.
* A cursor that is malformed, of another ledger, of another member or of another question is
  refused; it is never taken for a beginning.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId

_VERSION: Final = 1
_BINDING_BYTES: Final = 16
_BYTES: Final = 1 + 8 + _BINDING_BYTES
MAX_INDEX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a cursor is bound to.

    Attributes:
        origin: The ledger's origin.
        member: The member that asks.
        rpc: Which list it is a place in, as in `entries`.
        question: The canonical bytes of the filter.
    """

    origin: str
    member: MemberId
    rpc: str
    question: bytes

    def cursor(self, index: int) -> str:
        """Make the cursor that goes on at an index.

        Args:
            index: The next index, 0 to 2**63 - 1.

        Returns:
            The token.
        """
        raw = bytes([_VERSION]) + index.to_bytes(8, "big") + self._binding()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def index(self, cursor: str) -> int:
        """Give the index at which a cursor goes on.

        Args:
            cursor: The token; empty for the beginning.

        Returns:
            The next index.

        Raises:
            Refusal: CURSOR_INVALID.
        """
        if not cursor:
            return 0
        index = _index(cursor, self._binding())
        # The one form: what the cursor says, said again, is the cursor.
        if index is None or self.cursor(index) != cursor:
            raise Refusal(
                Reason.CURSOR_INVALID,
                "the cursor is not one for this list and filter; begin with an empty cursor",
            )
        return index

    def _binding(self) -> bytes:
        parts = (self.origin.encode(), self.member.encode(), self.rpc.encode(), self.question)
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return sha256(b"forewarn/cursor/v1\0" + framed).digest()[:_BINDING_BYTES]


def _index(cursor: str, binding: bytes) -> int | None:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _BYTES or raw[0] != _VERSION or raw[9:] != binding:
        return None
    index = int.from_bytes(raw[1:9], "big")
    return index if index <= MAX_INDEX else None
