"""The tree's tiles as they stand in the store, for `gateway.core.merkle`.

* A full tile never changes, so it is read once and kept for a while; partial tiles are read anew.
* Loading happens on the caller's connection: what is read belongs to the caller's transaction.

It writes nothing: the store does, in the transaction of the block that touches a tile.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from gateway.core.merkle import TILE_WIDTH, split_tile

_KEPT_TILES: Final = 1024  # of at most about 20 KiB each


class TileCache:
    """Full tiles that were read lately; safe to share between threads."""

    def __init__(self, kept: int = _KEPT_TILES) -> None:
        """Keep at most so many tiles."""
        self._kept = kept
        self._tiles: OrderedDict[tuple[int, int], tuple[bytes, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, level: int, n: int) -> tuple[bytes, ...] | None:
        """Give a tile if it is kept."""
        with self._lock:
            tile = self._tiles.get((level, n))
            if tile is not None:
                self._tiles.move_to_end((level, n))
            return tile

    def keep(self, level: int, n: int, tile: tuple[bytes, ...]) -> None:
        """Keep a tile if it is full."""
        if len(tile) < TILE_WIDTH:
            return
        with self._lock:
            self._tiles[level, n] = tile
            if len(self._tiles) > self._kept:
                self._tiles.popitem(last=False)


class StoredTiles:
    """The tree on one connection: `gateway.core.merkle.Tiles`."""

    def __init__(self, connection: sqlite3.Connection, cache: TileCache) -> None:
        """Read over a connection, past a cache."""
        self._connection = connection
        self._cache = cache

    def hashes(self, level: int, n: int) -> Sequence[bytes]:
        """Give the hashes of one tile; none where it does not exist."""
        tile = self._cache.get(level, n)
        if tile is not None:
            return tile
        row = self._connection.execute(
            "SELECT hashes FROM tile WHERE level = ? AND n = ?", (level, n)
        ).fetchone()
        if row is None:
            return ()
        tile = split_tile(row[0])
        self._cache.keep(level, n, tile)
        return tile
