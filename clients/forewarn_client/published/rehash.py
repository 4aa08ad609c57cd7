"""The tree, hashed again leaf by leaf in memory that does not grow with it.

* What is kept is the right-hand edge: of each level the hashes of the tile that is not full yet,
  which are the log's own partial tiles at that size.
* Whatever tile becomes full is handed out, so that it can be compared with the one that is served.
* The root of each size that is passed can be asked for.

It reads nothing and compares nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

from forewarn_client import merkle
from forewarn_client.published.tiles import HEIGHT, WIDTH

_LEVELS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FullTile:
    """A tile that has become full.

    Attributes:
        level: Its level.
        number: Its number within the level.
        hashes: Its 256 hashes.
    """

    level: int
    number: int
    hashes: Sequence[bytes]


@dataclass(slots=True, kw_only=True)
class Edge:
    """The right-hand edge of a tree.

    Attributes:
        size: Number of leaves.
        rows: Of each level, from 0, the hashes of the tile that is not full.
    """

    size: int = 0
    rows: list[list[bytes]] = field(default_factory=list)

    @classmethod
    def of(cls, size: int, rows: Sequence[Sequence[bytes]]) -> Self:
        """Take an edge that was kept.

        Args:
            size: Number of leaves.
            rows: As `rows` gave them.

        Returns:
            The edge.

        Raises:
            ValueError: A tree of that size has another edge.
        """
        widths = [size >> HEIGHT * level & WIDTH - 1 for level in range(_LEVELS)]
        while widths and not widths[-1]:
            widths.pop()
        kept = [list(row) for row in rows]
        while kept and not kept[-1]:
            kept.pop()
        whole = all(len(each) == merkle.HASH_BYTES for row in kept for each in row)
        if not 0 <= size <= merkle.MAX_SIZE or [len(row) for row in kept] != widths or not whole:
            raise ValueError("no tree of that size has such an edge")
        return cls(size=size, rows=kept)

    def copy(self) -> "Edge":
        """Give the same edge, to be gone on from another way."""
        return Edge(size=self.size, rows=[list(row) for row in self.rows])

    def add(self, hashes: Sequence[bytes]) -> Iterator[FullTile]:
        """Add leaves at the end.

        Args:
            hashes: Their hashes.

        Yields:
            Each tile that became full, of a level before the one above it. Take all of them.
        """
        at = 0
        while at < len(hashes):
            room = WIDTH - len(self._row(0))
            self._row(0).extend(hashes[at : at + room])
            self.size += len(hashes[at : at + room])
            at += room
            yield from self._full()

    def root(self) -> bytes:
        """Hash the edge into the root of the whole tree."""
        # Perfect subtrees from the left, each smaller than the one before it.
        peaks = []
        for row in reversed(self.rows):
            start = 0
            for bit in reversed(range(HEIGHT)):
                if len(row) >> bit & 1:
                    peaks.append(perfect(row[start : start + (1 << bit)]))
                    start += 1 << bit
        if not peaks:
            return merkle.EMPTY_ROOT
        root = peaks.pop()
        while peaks:
            root = merkle.node_hash(peaks.pop(), root)
        return root

    def _full(self) -> Iterator[FullTile]:
        level = 0
        while len(self._row(level)) == WIDTH:
            hashes = self.rows[level]
            number = (self.size >> HEIGHT * (level + 1)) - 1
            self.rows[level] = []
            self._row(level + 1).append(perfect(hashes))
            yield FullTile(level=level, number=number, hashes=hashes)
            level += 1

    def _row(self, level: int) -> list[bytes]:
        while len(self.rows) <= level:
            self.rows.append([])
        return self.rows[level]


def perfect(hashes: Sequence[bytes]) -> bytes:
    """Hash a perfect subtree.

    Args:
        hashes: 1, 2, 4, ... 256 hashes.

    Returns:
        Its root.
    """
    row = hashes
    while len(row) > 1:
        # Written out, as this is most of the work of reading a log.
        row = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(row[::2], row[1::2], strict=True)
        ]
    return row[0]
