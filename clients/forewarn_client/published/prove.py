"""Consistency proofs made out of tiles, for a reader that does not read all leaves.

* Which hashes a proof has follows from the two sizes (RFC 6962 section 2.1.2); each is made from
  perfect subtrees, and each of these is found in, or hashed from, one tile.
* Tiles are not trusted: a proof is verified like any other, and leads to both roots or does not.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from forewarn_client import merkle
from forewarn_client.published.rehash import perfect
from forewarn_client.published.tiles import HEIGHT, WIDTH, Tile, tile_for

_KEPT: Final = 512


class Tiles(Protocol):
    """Where tiles come from."""

    async def hashes(self, tile: Tile) -> Sequence[bytes]:
        """Fetch the hashes of a tile."""
        ...


class KeptTiles:
    """Tiles of which those fetched lately are kept: proofs of one tree share most of theirs."""

    def __init__(self, tiles: Tiles, kept: int = _KEPT) -> None:
        """Keep at most so many."""
        self._below = tiles
        self._kept = kept
        self._tiles: OrderedDict[Tile, Sequence[bytes]] = OrderedDict()

    async def hashes(self, tile: Tile) -> Sequence[bytes]:
        """Fetch the hashes of a tile, unless they are kept."""
        known = self._tiles.get(tile)
        if known is None:
            known = self._tiles[tile] = await self._below.hashes(tile)
            if len(self._tiles) > self._kept:
                self._tiles.popitem(last=False)
        return known


async def consistency(tiles: Tiles, old: int, new: int) -> tuple[bytes, ...]:
    """Make the proof that a tree is the beginning of a later one.

    Args:
        tiles: Where tiles come from.
        old: Size of the earlier tree.
        new: Size of the later tree, at least `old`.

    Returns:
        Its hashes, in the order of the RFC; none from 0 and between equal sizes.

    Raises:
        ForewarnError: A tile could not be fetched.
    """
    spans = [subtrees(start, end) for start, end in consistency_spans(old, new)]
    wanted = sorted({_place(*each) for span in spans for each in span})
    fetched = await asyncio.gather(*(tiles.hashes(tile_for(*place, new)) for place in wanted))
    held = dict(zip(wanted, fetched, strict=True))
    return tuple(_hash(held, span) for span in spans)


def consistency_spans(old: int, new: int) -> list[tuple[int, int]]:
    """Name the stretches of leaves whose hashes a consistency proof has.

    Args:
        old: Size of the earlier tree.
        new: Size of the later tree.

    Returns:
        Stretches as (first, after the last), in the order of the proof.
    """
    if not 0 < old < new:
        return []
    spans, start, end = [], 0, new
    while end != old:
        split = start + (1 << (end - start - 1).bit_length() - 1)
        if old <= split:
            spans.append((split, end))
            end = split
        else:
            spans.append((start, split))
            start = split
    if start:
        spans.append((start, end))
    return spans[::-1]


def subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """Divide a stretch of leaves of a tree into perfect subtrees, from the left.

    Args:
        start: Its first leaf, where a subtree at least as large as the first one begins.
        end: Where it ends.

    Returns:
        Subtrees as (height, number among those of that height).
    """
    parts = []
    while start < end:
        height = (end - start).bit_length() - 1
        parts.append((height, start >> height))
        start += 1 << height
    return parts


def _place(height: int, number: int) -> tuple[int, int]:
    """Find the tile that a perfect subtree is in: level and number."""
    level, above = divmod(height, HEIGHT)
    return level, (number << above) // WIDTH


def _hash(held: Mapping[tuple[int, int], Sequence[bytes]], span: list[tuple[int, int]]) -> bytes:
    roots = []
    for height, number in span:
        above = height % HEIGHT
        first = (number << above) % WIDTH
        roots.append(perfect(held[_place(height, number)][first : first + (1 << above)]))
    root = roots.pop()
    while roots:
        root = merkle.node_hash(roots.pop(), root)
    return root
