"""Port of the published log: the tree of a log, as far as everybody may read it.

* Whoever is given it can read hashes and leaves, which are commitments. No method gives a body, a
  salt or anything of who said what: what it does not offer cannot be served by mistake.
* It does not know which checkpoint is signed: ask for nothing beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class PublishedLog(Protocol):
    """The tree of one log; safe to use from many threads, and to be used in threads only."""

    def tile(self, level: int, n: int, width: int) -> bytes:
        """Read a tile's first hashes.

        Args:
            level: Level of the tile.
            n: Its number within the level, from 0.
            width: How many hashes, 1 to 256.

        Returns:
            The hashes, one after the other, 32 bytes each.

        Raises:
            Fault: The store does not hold as many, or failed.
        """

    def leaves(self, n: int, width: int) -> Sequence[bytes]:
        """Read the leaves that the first hashes of a tile of level 0 are made from.

        Args:
            n: Number of the tile, from 0.
            width: How many leaves, 1 to 256.

        Returns:
            The leaves, each of which hashes to its place in the tile.

        Raises:
            Fault: The store does not hold as many, holds others than it has hashed, or failed.
        """
