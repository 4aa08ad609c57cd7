"""Names of tiles and bundles of entries, and how their bytes are taken apart (C2SP tlog-tiles).

* A tile is 1 to 256 hashes of 32 bytes, exactly as many as its name says.
* A bundle is as many leaves, each with its length before it. Leaves of this exchange are
  commitments, all of one form and length; another one is refused, so that what is read is bounded.

It fetches nothing and hashes nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from forewarn_client import commitment, merkle
from forewarn_client.errors import Flaw, VerificationError

WIDTH: Final = 256
HEIGHT: Final = 8
MOST_LEVEL: Final = 63
LEAF_BYTES: Final = len(commitment.leaf(bytes(merkle.HASH_BYTES)))
MOST_BYTES: Final = WIDTH * (2 + LEAF_BYTES)
"""The largest of them, a full bundle."""

_PATH: Final = re.compile(
    r"tile/(entries|\d{1,2})/((?:x\d{3}/){0,6}\d{3})(?:\.p/(\d{1,3}))?", re.ASCII
)
_LENGTH: Final = LEAF_BYTES.to_bytes(2, "big")
_LABEL: Final = commitment.leaf(b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """Names a tile, or a bundle of entries.

    Attributes:
        level: Level of its hashes; None for a bundle.
        number: Its number within the level, from 0.
        width: How many hashes or leaves, 1 to 256.
    """

    level: int | None
    number: int
    width: int = WIDTH

    @classmethod
    def parse(cls, path: str) -> Self:
        """Read the path of a tile.

        Args:
            path: Below the log's prefix, as in `tile/0/x001/234.p/17`.

        Returns:
            The name; its `path` is the same again.

        Raises:
            VerificationError: LOG_MALFORMED, it is none, or another spelling of one.
        """
        found = _PATH.fullmatch(path)
        if found is not None:
            level, number, width = found.groups()
            tile = cls(
                level=None if level == "entries" else int(level),
                number=int(re.sub(r"[x/]", "", number)),
                width=int(width or WIDTH),
            )
            sound = (tile.level or 0) <= MOST_LEVEL and tile.number <= merkle.MAX_SIZE
            if sound and 0 < tile.width <= WIDTH and tile.path == path:
                return tile
        raise VerificationError(Flaw.LOG_MALFORMED, "this names no tile", "tile-name")

    @property
    def path(self) -> str:
        """Where it is, below the log's prefix."""
        digits = f"{self.number:0{-(-len(str(self.number)) // 3) * 3}d}"
        groups = re.findall("...", digits)
        number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        level = "entries" if self.level is None else self.level
        return f"tile/{level}/{number}" + ("" if self.width == WIDTH else f".p/{self.width}")


def tile_for(level: int, number: int, size: int) -> Tile:
    """Name a tile as it is in the tree of a size.

    Args:
        level: Its level.
        number: Its number; the tile has to exist at that size.
        size: Number of leaves.

    Returns:
        The tile, full or partial.
    """
    return Tile(
        level=level, number=number, width=min(WIDTH, (size >> HEIGHT * level) - number * WIDTH)
    )


def hashes_of(tile: Tile, content: bytes) -> list[bytes]:
    """Take a tile apart.

    Args:
        tile: Which one it is said to be.
        content: What came.

    Returns:
        Its hashes.

    Raises:
        VerificationError: LOG_MALFORMED, it holds another number of bytes.
    """
    if len(content) != tile.width * merkle.HASH_BYTES:
        raise VerificationError(
            Flaw.LOG_MALFORMED, f"{tile.path} does not hold {tile.width} hashes", "tile-length"
        )
    step = merkle.HASH_BYTES
    return [content[at : at + step] for at in range(0, len(content), step)]


def leaves_of(bundle: Tile, content: bytes) -> Sequence[bytes]:
    """Take a bundle of entries apart.

    Args:
        bundle: Which one it is said to be.
        content: What came.

    Returns:
        Its leaves.

    Raises:
        VerificationError: LOG_MALFORMED, it holds another number of leaves, or what is no leaf of
            an exchange.
    """
    step = 2 + LEAF_BYTES
    head = _LENGTH + _LABEL
    if len(content) != bundle.width * step or any(
        content[at : at + len(head)] != head for at in range(0, len(content), step)
    ):
        raise VerificationError(
            Flaw.LOG_MALFORMED,
            f"{bundle.path} does not hold {bundle.width} commitments",
            "bundle-form",
        )
    return [content[at + 2 : at + step] for at in range(0, len(content), step)]
