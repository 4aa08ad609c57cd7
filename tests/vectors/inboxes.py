"""Vectors of spans of an inbox: what they hold, and what is not the same."""

from collections.abc import Iterator, Sequence
from hashlib import sha256

from tests.vectors.files import Vector
from tests.vectors.making import accepted, flip, refused
from tests.vectors.rfc6962 import Tree, leaf_hash

_LABEL = b"forewarn/inbox/v1\n\x00"

Row = tuple[int, bytes]
"""Index of an entry, and its leaf hash in the ledger."""


def _row(index: int) -> Row:
    return index, sha256(b"leaf hash of %d" % index).digest()


def _root(rows: Sequence[Row]) -> bytes:
    leaves = [leaf_hash(_LABEL + index.to_bytes(8, "big") + known) for index, known in rows]
    return Tree(leaves.__getitem__).root(len(rows))


def _entries(rows: Sequence[Row]) -> list[Vector]:
    return [{"index": index, "leaf_hash": known.hex()} for index, known in rows]


_LARGE = (1 << 63) - 2
_SPANS = (
    ("empty", "Nothing was delivered; the span still has its two sizes.", (), 7, 12),
    ("of-no-length", "Both sizes are the same.", (), 12, 12),
    ("whole-ledger", "From the beginning; index 0 is an entry like others.", (0, 1), 0, 2),
    ("one", "One entry, at the first index that the span may hold.", (7,), 7, 12),
    ("at-both-ends", "The first and the last index that it may hold.", (7, 11), 7, 12),
    ("three", "An odd number of leaves: the tree is not balanced.", (7, 9, 10), 7, 12),
    ("seven", "The indexes need not follow one another.", (1, 2, 3, 5, 8, 13, 21), 0, 34),
    ("large-index", "The index is eight bytes, big-endian.", (_LARGE,), 0, _LARGE + 1),
)


def spans() -> Iterator[Vector]:
    for name, why, indexes, from_size, to_size in _SPANS:
        rows = [_row(index) for index in indexes]
        given = {"from_size": from_size, "to_size": to_size, "entries": _entries(rows)}
        root = _root(rows).hex()
        yield accepted("span", f"span-{name}", why, given, count=len(rows), root=root)
    rows = [_row(index) for index in range(0, 900, 3)]
    yield accepted(
        "span",
        "span-over-one-tile",
        "More leaves than a tile of 256 hashes.",
        {"from_size": 0, "to_size": 900, "entries": _entries(rows)},
        count=len(rows),
        root=_root(rows).hex(),
    )


def comparisons() -> Iterator[Vector]:
    rows = [_row(index) for index in (7, 9, 10)]
    root = _root(rows)
    good: Vector = {"from_size": 7, "to_size": 12, "count": 3, "root": root.hex()}

    def compared(name: str, why: str, stated: Vector, expect: str) -> Vector:
        given = {"entries": _entries(rows), "span": {**good, **stated}}
        if expect == "ok":
            return accepted("compare", f"compare-{name}", why, given)
        return refused("compare", f"compare-{name}", why, given, expect)

    def other(*indexes: int) -> Vector:
        others = [_row(index) for index in indexes]
        return {"count": len(others), "root": _root(others).hex()}

    swapped = _root([rows[1], rows[0], rows[2]]).hex()
    moved = _root([(8, rows[0][1]), rows[1], rows[2]]).hex()
    empty = sha256(b"").hexdigest()
    differs, malformed = "span-differs", "span-malformed"
    yield compared("same", "What was shown is what is held.", {}, "ok")
    yield compared("left-out-first", "The first entry was kept back.", other(9, 10), differs)
    yield compared("left-out-middle", "One in the middle was kept back.", other(7, 10), differs)
    yield compared("left-out-last", "The last entry was kept back.", other(7, 9), differs)
    yield compared("left-out-all", "All were kept back.", other(), differs)
    yield compared("added", "One was shown that is not held.", other(7, 9, 10, 11), differs)
    yield compared("swapped", "Two were shown in another order.", {"root": swapped}, differs)
    yield compared("moved", "One was shown at another index.", {"root": moved}, differs)
    flipped = flip(root, 31).hex()
    yield compared("bit", "One bit of the root is another.", {"root": flipped}, differs)
    yield compared("later-begin", "It says to begin after an entry.", {"from_size": 8}, differs)
    yield compared("earlier-end", "It says to end before an entry.", {"to_size": 10}, differs)
    yield compared("count", "The root is right, the count is not.", {"count": 2}, differs)
    yield compared("count-of-none", "No entries with a root.", {"count": 0}, malformed)
    yield compared("root-of-none", "Entries with the empty root.", {"root": empty}, malformed)
    yield compared("short-root", "A root has 32 bytes.", {"root": root[1:].hex()}, malformed)
    yield compared("backwards", "It ends before it begins.", {"to_size": 6}, malformed)
    yield compared("crowded", "More entries than indexes.", {"count": 6}, malformed)
    too_many = {"from_size": 0, "to_size": 9000, "count": 4097}
    yield compared("too-many", "More than 4,096 entries.", too_many, malformed)
