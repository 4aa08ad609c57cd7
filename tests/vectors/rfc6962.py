"""The Merkle tree as RFC 6962 section 2.1 writes it down: recursive, slow, and plain to check.

It shares no code with what it is compared to. Leaves are given by a function from index to leaf
hash, and the hashes of ranges are remembered, so that large trees stay affordable.
"""

from collections.abc import Callable
from functools import cache
from hashlib import sha256


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def numbered(index: int) -> bytes:
    """Give the leaf hash of the leaf that holds its own index, 8 bytes, big-endian."""
    return leaf_hash(index.to_bytes(8, "big"))


class Tree:
    """MTH, PATH and PROOF of RFC 6962 sections 2.1, 2.1.1 and 2.1.2."""

    def __init__(self, leaf_hash_of: Callable[[int], bytes]) -> None:
        @cache
        def mth(start: int, end: int) -> bytes:
            if end == start:
                return sha256(b"").digest()
            if end == start + 1:
                return leaf_hash_of(start)
            k = _k(end - start)
            left, right = mth(start, start + k), mth(start + k, end)
            return sha256(b"\x01" + left + right).digest()

        self._mth: Callable[[int, int], bytes] = mth

    def root(self, size: int) -> bytes:
        return self._mth(0, size)

    def span(self, start: int, end: int) -> bytes:
        return self._mth(start, end)

    def path(self, index: int, size: int) -> tuple[bytes, ...]:
        return self._path(index, 0, size)

    def _path(self, m: int, start: int, end: int) -> tuple[bytes, ...]:
        n = end - start
        if n == 1:
            return ()
        k = _k(n)
        if m < k:
            return (*self._path(m, start, start + k), self._mth(start + k, end))
        return (*self._path(m - k, start + k, end), self._mth(start, start + k))

    def proof(self, old: int, new: int) -> tuple[bytes, ...]:
        return () if old == 0 else self._subproof(old, 0, new, known=True)

    def _subproof(self, m: int, start: int, end: int, *, known: bool) -> tuple[bytes, ...]:
        n = end - start
        if m == n:
            return () if known else (self._mth(start, end),)
        k = _k(n)
        if m <= k:
            return (*self._subproof(m, start, start + k, known=known), self._mth(start + k, end))
        return (*self._subproof(m - k, start + k, end, known=False), self._mth(start, start + k))


class SameTree(Tree):
    """A tree whose leaves are all alike: a range's hash depends on its length alone."""

    def __init__(self, same: bytes) -> None:
        @cache
        def mth(length: int) -> bytes:
            if length == 0:
                return sha256(b"").digest()
            if length == 1:
                return same
            k = _k(length)
            return sha256(b"\x01" + mth(k) + mth(length - k)).digest()

        self._mth = lambda start, end: mth(end - start)


def _k(n: int) -> int:
    """Give the largest power of two smaller than n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k
