"""The published log over the store: `gateway.ports.published.PublishedLog`.

* Tiles are read as they stand. Leaves are not stored: they are made again from bodies and salts,
  one row after the other, so that memory does not grow with what members said.
* A leaf is given only where it hashes to its place in the tile: a row that is damaged is a fault of
  this gateway, and must never look like a rewritten log to a stranger.
* The commitments of tiles read lately are kept, and only those that are missing are made: a reader
  that comes back for a few more leaves does not have all of them hashed again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from gateway.core.commitment import commit, leaf
from gateway.core.errors import Fault, Reason
from gateway.core.merkle import HASH_BYTES, TILE_WIDTH, leaf_hash
from gateway.ledger.reader import StoreReader

_KEPT: Final = 1024
"""Tiles whose commitments are kept, of 8 KiB each."""


class StoredLog:
    """Reads a log's tree from its store; see `gateway.ports.published.PublishedLog`."""

    def __init__(self, reader: StoreReader, kept: int = _KEPT) -> None:
        """Read through a reader.

        Args:
            reader: The store's reading side.
            kept: Of how many tiles to keep the commitments.
        """
        self._reader = reader
        self._kept = kept
        self._commitments: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def tile(self, level: int, n: int, width: int) -> bytes:
        """Read a tile's first hashes."""
        with self._reader.snapshot() as snapshot:
            content = snapshot.tile(level, n)
        if len(content) < width * HASH_BYTES:
            raise _not_whole(f"tile {n} of level {level} holds fewer hashes than were signed")
        return content[: width * HASH_BYTES]

    def leaves(self, n: int, width: int) -> Sequence[bytes]:
        """Read the leaves that the first hashes of a tile of level 0 are made from."""
        with self._lock:
            known = self._commitments.get(n, b"")
        if len(known) < width * HASH_BYTES:
            known += self._made(n, len(known) // HASH_BYTES, width)
            with self._lock:
                self._commitments[n] = max(known, self._commitments.get(n, b""), key=len)
                self._commitments.move_to_end(n)
                if len(self._commitments) > self._kept:
                    self._commitments.popitem(last=False)
        return [leaf(each) for each in _split(known)[:width]]

    def _made(self, n: int, known: int, width: int) -> bytes:
        """Make the commitments of a tile from those that are known up to a width."""
        start, end = n * TILE_WIDTH + known, n * TILE_WIDTH + width
        with self._reader.snapshot() as snapshot:
            hashes = _split(snapshot.tile(0, n))[known:width]
            made = [commit(body, salt) for body, salt in snapshot.openings(start, end)]
        if [leaf_hash(leaf(each)) for each in made] != hashes or len(made) != end - start:
            raise _not_whole(f"entries from {start} on are not those that the tree was made from")
        return b"".join(made)


def _split(content: bytes) -> list[bytes]:
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def _not_whole(detail: str) -> Fault:
    return Fault(Reason.LEDGER_NOT_PROVEN, f"the store is damaged: {detail}")
