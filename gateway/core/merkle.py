"""The ledger's Merkle tree: RFC 6962 hashes, kept as C2SP tlog-tiles, with both kinds of proof.

* The tree is kept as tiles of up to 256 hashes. Hash `i` of level `L` is the root of the perfect
  subtree over leaves `i * 256**L` up to `(i + 1) * 256**L`; tile `n` holds hashes `256 * n` and on.
* Tiles may run ahead of the size that is asked about: only the hashes below it are read.
* Appending and proving read at most a few tiles per level, whatever the size of the tree.
* What the tiles lack is a `Fault`: a store that cannot prove the ledger is damaged, and says so.

It does not store tiles, know what a leaf holds, or sign anything: see `commitment`, `checkpoint`.
The hashes and the verifying recipes come from `proof`, and are offered here as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final, Protocol

from gateway.core.errors import Fault, Reason
from gateway.core.proof import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_SIZE,
    ProofError,
    ProofReason,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "MAX_SIZE",
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "Appended",
    "ProofError",
    "ProofReason",
    "Prover",
    "Tiles",
    "TreeHead",
    "append",
    "consistency_proof",
    "inclusion_proof",
    "inclusion_proofs",
    "leaf_hash",
    "node_hash",
    "root",
    "split_tile",
    "verify_consistency",
    "verify_inclusion",
]

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT

_HASHED_AT_ONCE: Final = 8


class Tiles(Protocol):
    """Where the hashes of a tree are read from."""

    def hashes(self, level: int, n: int) -> Sequence[bytes]:
        """Give the hashes of one tile.

        Args:
            level: Level of the tile; level 0 holds leaf hashes.
            n: Number of the tile within its level, from 0.

        Returns:
            Up to 256 hashes of 32 bytes, from the left; none where the tile does not exist.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """A tree in 40 bytes: how many leaves, and the root over them.

    Attributes:
        size: Number of leaves, 0 to 2**63 - 1.
        root: Root hash, 32 bytes; `EMPTY_ROOT` if and only if the tree may be empty.
    """

    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Refuse a size out of range, a root that is no hash, and a false empty root."""
        if not 0 <= self.size <= MAX_SIZE:
            raise ValueError(f"a tree has 0 to {MAX_SIZE} leaves")
        if len(self.root) != HASH_BYTES:
            raise ValueError(f"a root has {HASH_BYTES} bytes")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise ValueError("the root of an empty tree is the SHA-256 of nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What appending leaves to a tree comes to.

    Attributes:
        head: The tree after it.
        tiles: New content, as concatenated hashes, of every tile that changed, by (level, number).
    """

    head: TreeHead
    tiles: Mapping[tuple[int, int], bytes]


# The last tile of each level is read some times for each block.
@lru_cache(maxsize=16)
def split_tile(content: bytes) -> tuple[bytes, ...]:
    """Take a tile's content apart.

    Args:
        content: Concatenated hashes, as in `Appended.tiles` and in a tile served to readers.

    Returns:
        Its hashes, from the left.

    Raises:
        Fault: The content is not made of 1 to 256 whole hashes, so the store is damaged.
    """
    if len(content) % HASH_BYTES or not 0 < len(content) <= TILE_WIDTH * HASH_BYTES:
        raise Fault(Reason.LEDGER_NOT_PROVEN, "a stored tile is not made of whole hashes")
    return tuple(content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES))


def append(tiles: Tiles, size: int, leaf_hashes: Sequence[bytes]) -> Appended:
    """Add leaves at the right-hand end of a tree, without storing anything.

    Args:
        tiles: The tree as it is; what it holds beyond `size` is not read.
        size: Number of leaves so far.
        leaf_hashes: Leaf hashes to add, in order.

    Returns:
        The new head, and the new content of every tile touched, whether full or partial.

    Raises:
        ValueError: The size is out of range, or something that is no hash is to be added.
        Fault: A tile holds less than `size` says, so the store is damaged.
    """
    total = size + len(leaf_hashes)
    _check_size(size)
    _check_size(total)
    if any(len(added) != HASH_BYTES for added in leaf_hashes):
        raise ValueError(f"a leaf hash has {HASH_BYTES} bytes")
    touched: dict[tuple[int, int], list[bytes]] = {}
    level, count, arriving = 0, size, list(leaf_hashes)
    while arriving:
        first, width = divmod(count, TILE_WIDTH)
        row = [*_read(tiles, level, first, width), *arriving]
        arriving = []
        for start in range(0, len(row), TILE_WIDTH):
            tile = row[start : start + TILE_WIDTH]
            touched[level, first + start // TILE_WIDTH] = tile
            if len(tile) == TILE_WIDTH:
                arriving.append(_perfect_root(tuple(tile)))
        level, count = level + 1, count >> TILE_HEIGHT
    head = TreeHead(size=total, root=root(_Overlay(tiles, touched), total))
    return Appended(head=head, tiles={at: b"".join(tile) for at, tile in touched.items()})


def root(tiles: Tiles, size: int) -> bytes:
    """Compute the root over the first `size` leaves.

    Args:
        tiles: A tree of at least that size.
        size: Number of leaves.

    Returns:
        The root, 32 bytes; `EMPTY_ROOT` for size 0.

    Raises:
        ValueError: The size is out of range.
        Fault: A tile holds less than `size` says, so the store is damaged.
    """
    _check_size(size)
    return _Tree(tiles, size).span(0, size) if size else EMPTY_ROOT


def inclusion_proof(tiles: Tiles, index: int, size: int) -> tuple[bytes, ...]:
    """Prove that a leaf is in the tree of a size (RFC 6962 section 2.1.1).

    Args:
        tiles: A tree of at least that size.
        index: Which leaf, from 0.
        size: Number of leaves of the tree to prove it in.

    Returns:
        The sibling hashes, leaf to root.

    Raises:
        ValueError: The index is not below the size, or the size is out of range.
        Fault: A tile holds less than `size` says, so the store is damaged.
    """
    return inclusion_proofs(tiles, (index,), size)[0]


def inclusion_proofs(
    tiles: Tiles, indexes: Iterable[int], size: int
) -> tuple[tuple[bytes, ...], ...]:
    """Prove several leaves in the tree of one size, reading each tile once.

    Args:
        tiles: A tree of at least that size.
        indexes: Which leaves, from 0, in any order.
        size: Number of leaves of the tree to prove them in.

    Returns:
        One proof for each index, in the order given, each leaf to root.

    Raises:
        ValueError: An index is not below the size, or the size is out of range.
        Fault: A tile holds less than `size` says, so the store is damaged.
    """
    prover = Prover(tiles, size)
    return tuple(prover.inclusion(index) for index in indexes)


class Prover:
    """Proves leaves in the tree of one size; each tile is read once.

    It holds what it has read: use one as long as the tiles are read in one transaction.
    """

    def __init__(self, tiles: Tiles, size: int) -> None:
        """Begin with nothing read.

        Args:
            tiles: A tree of at least that size.
            size: Number of leaves of the tree to prove in.

        Raises:
            ValueError: The size is out of range.
        """
        _check_size(size)
        self._tree = _Tree(tiles, size)
        self.size = size

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """Prove a leaf; see `inclusion_proof`.

        Args:
            index: Which leaf, from 0.

        Returns:
            The sibling hashes, leaf to root.

        Raises:
            ValueError: The index is not below the size.
            Fault: A tile holds less than the size says, so the store is damaged.
        """
        if not 0 <= index < self.size:
            raise ValueError("only a leaf below the tree's size can be proven in it")
        start, end = 0, self.size
        siblings = []
        while end - start > 1:
            middle = _middle(start, end)
            if index < middle:
                siblings.append(self._tree.span(middle, end))
                end = middle
            else:
                siblings.append(self._tree.span(start, middle))
                start = middle
        return tuple(reversed(siblings))


def consistency_proof(tiles: Tiles, old: int, new: int) -> tuple[bytes, ...]:
    """Prove that a tree is the beginning of a later one (RFC 6962 section 2.1.2).

    Args:
        tiles: A tree of at least the later size.
        old: Size of the earlier tree.
        new: Size of the later tree, at least `old`.

    Returns:
        The hashes in the order of the RFC; none where `old` is 0 or equal to `new`.

    Raises:
        ValueError: The sizes are out of range or the wrong way round.
        Fault: A tile holds less than `new` says, so the store is damaged.
    """
    _check_size(new)
    if not 0 <= old <= new:
        raise ValueError("an earlier tree is not larger than a later one")
    if old in (0, new):
        return ()
    tree = _Tree(tiles, new)
    start, end = 0, new
    hashes = []
    while old != end:
        middle = _middle(start, end)
        if old <= middle:
            hashes.append(tree.span(middle, end))
            end = middle
        else:
            hashes.append(tree.span(start, middle))
            start = middle
    # The verifier has the earlier root already: it is sent only in part, where it is not whole.
    if start:
        hashes.append(tree.span(start, end))
    return tuple(reversed(hashes))


class _Overlay:
    """Tiles as they will be once what was appended is stored."""

    def __init__(self, below: Tiles, above: Mapping[tuple[int, int], Sequence[bytes]]) -> None:
        self._below = below
        self._above = above

    def hashes(self, level: int, n: int) -> Sequence[bytes]:
        tile = self._above.get((level, n))
        return self._below.hashes(level, n) if tile is None else tile


class _Tree:
    """Subtrees over the first `size` leaves; each tile is read once."""

    def __init__(self, tiles: Tiles, size: int) -> None:
        self._tiles = tiles
        self._size = size
        self._read: dict[tuple[int, int], tuple[bytes, ...]] = {}
        self._spans: dict[tuple[int, int], bytes] = {}

    def span(self, start: int, end: int) -> bytes:
        """Hash leaves `start` to `end`, where `start` is a multiple of the largest part's size."""
        known = self._spans.get((start, end))
        if known is not None:
            return known
        peaks = []
        at = start
        while at < end:
            height = (end - at).bit_length() - 1
            peaks.append(self._subtree(height, at >> height))
            at += 1 << height
        hashed = peaks.pop()
        while peaks:
            hashed = node_hash(peaks.pop(), hashed)
        self._spans[start, end] = hashed
        return hashed

    def _subtree(self, height: int, index: int) -> bytes:
        """Give the root of the perfect subtree number `index` among those of `2**height` leaves."""
        level, above = divmod(height, TILE_HEIGHT)
        n, first = divmod(index << above, TILE_WIDTH)
        tile = self._read.get((level, n))
        if tile is None:
            width = min(TILE_WIDTH, (self._size >> level * TILE_HEIGHT) - n * TILE_WIDTH)
            tile = self._read[level, n] = tuple(_read(self._tiles, level, n, width))
        if above == 0:
            return tile[first]
        return _perfect_root(tile[first : first + (1 << above)])


def _read(tiles: Tiles, level: int, n: int, width: int) -> Sequence[bytes]:
    """Read the first `width` hashes of a tile, which must be there."""
    if width == 0:
        return ()
    hashes = tiles.hashes(level, n)
    if len(hashes) < width:
        detail = f"tile {n} of level {level} holds fewer hashes than the ledger's size asks for"
        raise Fault(Reason.LEDGER_NOT_PROVEN, detail)
    return hashes[:width]


# Every block asks for the roots before and after it and for some proofs, over tiles that have
# hardly changed. What is remembered follows from the hashes alone, so a tile that was changed on
# disk gives another root all the same. About 1 MiB.
@lru_cache(maxsize=1024)
def _perfect_root(hashes: tuple[bytes, ...]) -> bytes:
    """Hash neighbours, as many as a power of two, into the one node above them all."""
    if len(hashes) > _HASHED_AT_ONCE:
        half = len(hashes) // 2
        return node_hash(_perfect_root(hashes[:half]), _perfect_root(hashes[half:]))
    row: Sequence[bytes] = hashes
    while len(row) > 1:
        row = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(row[::2], row[1::2], strict=True)
        ]
    return row[0]


def _middle(start: int, end: int) -> int:
    """Split as RFC 6962 does: the left part is the largest power of two below the whole."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise ValueError(f"a tree has 0 to {MAX_SIZE} leaves")
