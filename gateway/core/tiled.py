"""The log as strangers read it: names of tiles and of bundles of entries, and a bundle's form.

* Names and forms are those of C2SP tlog-tiles. A name has one spelling: what parses is written the
  same again, and everything else is no name.
* Level 0 to 63 names hashes, `entries` the leaves themselves, in bundles as wide as a tile of
  level 0. A partial one is named by its width, 1 to 255; without a width it is full, 256.
* A tile is there as soon as a signed checkpoint covers each of its hashes. A partial one stays when
  it has grown.

It reads nothing: see `gateway.ports.published`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from gateway.core.merkle import MAX_SIZE, TILE_HEIGHT, TILE_WIDTH

ENTRIES: Final = "entries"
MAX_LEVEL: Final = 63

_GROUP: Final = 1000
# Seven groups hold any index below 2**63; longer names are none, however they are spelt.
_NAME: Final = re.compile(
    r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([0-9]{1,3}))?", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TileName:
    """Which tile, or which bundle of entries.

    Attributes:
        level: Level of the hashes, 0 to 63; None for a bundle of entries.
        n: Number of the tile within its level, from 0.
        width: How many hashes or leaves, 1 to 256; 256 is a full one.
    """

    level: int | None
    n: int
    width: int

    def __post_init__(self) -> None:
        """Refuse what cannot be named."""
        if self.level is not None and not 0 <= self.level <= MAX_LEVEL:
            raise ValueError(f"a level is 0 to {MAX_LEVEL}")
        if not 0 <= self.n <= MAX_SIZE:
            raise ValueError("a tile's number is not that of any tree")
        if not 1 <= self.width <= TILE_WIDTH:
            raise ValueError(f"a tile has 1 to {TILE_WIDTH} hashes")

    @classmethod
    def parse(cls, path: str) -> Self | None:
        """Read a name.

        Args:
            path: The part of the URL below the log's prefix, as in `tile/0/x001/234.p/17`.

        Returns:
            The tile; None where this is not the one spelling of a name.
        """
        found = _NAME.fullmatch(path)
        if found is None:
            return None
        level, number, width = found.groups()
        try:
            name = cls(
                level=None if level == ENTRIES else int(level),
                n=int(number.replace("/", "").replace("x", "")),
                width=TILE_WIDTH if width is None else int(width),
            )
        except ValueError:
            return None
        return name if name.path() == path else None

    def path(self) -> str:
        """Write the name, as `parse` reads it."""
        n, last = divmod(self.n, _GROUP)
        groups = [f"{last:03}"]
        while n:
            n, group = divmod(n, _GROUP)
            groups.insert(0, f"x{group:03}")
        level = ENTRIES if self.level is None else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(groups)}{partial}"

    def is_covered(self, size: int) -> bool:
        """Tell whether a tree has this tile.

        Args:
            size: Number of its leaves.

        Returns:
            True where each hash is the root of a subtree that is full at that size.
        """
        hashes = size >> TILE_HEIGHT * (self.level or 0)
        return self.n * TILE_WIDTH + self.width <= hashes


def bundle(leaves: Iterable[bytes]) -> bytes:
    """Write leaves as a bundle of entries: each with its length before it, 16 bits, big-endian.

    Args:
        leaves: Up to 256 leaves of at most 65535 bytes.

    Returns:
        The bundle.

    Raises:
        OverflowError: A leaf is larger.
    """
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)
