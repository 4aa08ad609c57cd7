"""The parts of reading a log: names, bundles, the edge of the tree, proofs out of tiles."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forewarn_client import merkle
from forewarn_client.errors import VerificationError
from forewarn_client.published.prove import KeptTiles, consistency
from forewarn_client.published.rehash import Edge
from forewarn_client.published.tiles import (
    MOST_BYTES,
    Tile,
    hashes_of,
    leaves_of,
    tile_for,
)
from gateway.core.tiled import TileName, bundle
from tests.vectors.rfc6962 import Tree, numbered
from tests.world.budget import examples
from tests.world.paper_log import leaves

MOST = 70_000
TREE = Tree(numbered)
EDGES = [0, 1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_792]

tiles = st.builds(
    Tile,
    level=st.none() | st.integers(0, 63),
    number=st.integers(0, 3000) | st.integers(0, merkle.MAX_SIZE),
    width=st.integers(1, 256),
)


@cache
def hashes() -> list[bytes]:
    return [numbered(index) for index in range(MOST)]


def edge_of(size: int) -> Edge:
    edge = Edge()
    list(edge.add(hashes()[:size]))
    return edge


@given(tiles)
def test_both_implementations_name_a_tile_alike(tile: Tile) -> None:
    name = TileName(level=tile.level, n=tile.number, width=tile.width)
    assert tile.path == name.path()
    assert Tile.parse(tile.path) == tile


@settings(max_examples=examples(150))
@given(
    st.from_regex(r"tile/(entries|[0-9]{1,3})/(x?[0-9]{1,4}/){0,3}[0-9]{2,4}(\.p/[0-9]{1,3})?")
    | st.text(max_size=30)
)
@example("tile/0/000.p/0")
@example("tile/64/000")
@example("tile/entries/000.p/300")
@example("tile/0/000.p/256")
@example("tile/0/x009/x223/x372/x036/x854/x775/808")
def test_both_implementations_refuse_the_same_names(path: str) -> None:
    parsed = None
    with contextlib.suppress(VerificationError):
        parsed = Tile.parse(path)
        assert parsed.path == path
    assert (parsed is None) == (TileName.parse(path) is None)


@given(st.integers(1, 256))
def test_a_bundle_is_taken_apart_as_the_gateway_puts_it_together(width: int) -> None:
    name = Tile(level=None, number=0, width=width)
    written = bundle(leaves(256)[:width])
    assert tuple(leaves_of(name, written)) == leaves(256)[:width]
    assert len(written) <= MOST_BYTES


@pytest.mark.parametrize(
    "spoil",
    [
        lambda written: written[:-1],
        lambda written: written + b"\0",
        lambda written: b"\0\x31" + written[2:],
        lambda written: written[:52] + b"\0\x33" + written[54:],
        lambda written: written[:2] + b"F" + written[3:],
        lambda written: b"",
    ],
    ids=["short", "long", "length", "length-inside", "label", "empty"],
)
def test_a_bundle_of_anything_else_is_refused(spoil: object) -> None:
    assert callable(spoil)
    name = Tile(level=None, number=0, width=3)
    with pytest.raises(VerificationError, match="LOG_MALFORMED"):
        leaves_of(name, spoil(bundle(leaves(3))))
    with pytest.raises(VerificationError, match="LOG_MALFORMED"):
        hashes_of(Tile(level=0, number=0, width=3), bytes(95))


@settings(max_examples=examples(40), deadline=None)
@given(st.data())
def test_the_edge_gives_every_root_however_leaves_are_added(data: st.DataObject) -> None:
    edge, size = Edge(), 0
    for _ in range(data.draw(st.integers(1, 4))):
        more = data.draw(st.integers(0, 700))
        full = list(edge.add(hashes()[size : size + more]))
        size += more
        assert edge.size == size
        assert edge.root() == TREE.root(size)
        for tile in full:
            span = 256**tile.level
            first = tile.number * 256
            assert list(tile.hashes) == [
                TREE.span((first + at) * span, (first + at + 1) * span) for at in range(256)
            ]
        assert Edge.of(size, edge.rows) == Edge.of(size, edge.copy().rows)


@pytest.mark.parametrize("size", EDGES)
def test_the_edge_at_the_edges_of_tiles(size: int) -> None:
    edge = edge_of(size)
    assert edge.root() == TREE.root(size)
    for level, row in enumerate(edge.rows):
        if row:
            tile = tile_for(level, size >> 8 * (level + 1), size)
            assert tile.width == len(row)


@pytest.mark.parametrize(
    ("size", "rows"),
    [
        (1, []),
        (1, [[bytes(31)]]),
        (2, [[bytes(32)]]),
        (256, [[bytes(32)] * 256]),
        (0, [[bytes(32)]]),
        (-1, []),
        (2**63, [[]]),
    ],
)
def test_an_edge_that_no_tree_has_is_refused(size: int, rows: list[list[bytes]]) -> None:
    with pytest.raises(ValueError, match="no tree"):
        Edge.of(size, rows)


class Served:
    """Tiles of the numbered tree, cut from it by the definition."""

    def __init__(self) -> None:
        self.asked: list[Tile] = []

    async def hashes(self, tile: Tile) -> Sequence[bytes]:
        self.asked.append(tile)
        assert tile.level is not None
        span, first = 256**tile.level, tile.number * 256
        return [TREE.span((first + at) * span, (first + at + 1) * span) for at in range(tile.width)]


@pytest.mark.asyncio
@pytest.mark.parametrize("new", EDGES)
async def test_proofs_out_of_tiles_are_those_of_the_definition(new: int) -> None:
    for old in [each for each in (*EDGES, 3, 300, 1000, new - 1) if 0 <= each <= new]:
        proof = await consistency(Served(), old, new)
        expected = TREE.proof(old, new) if old < new else ()
        assert proof == expected
        merkle.verify_consistency(old, TREE.root(old), new, TREE.root(new), proof)


@pytest.mark.asyncio
async def test_tiles_that_are_kept_are_fetched_once() -> None:
    served = Served()
    kept = KeptTiles(served, 4)
    first = await consistency(kept, 300, 700)
    fetched = len(served.asked)
    assert await consistency(kept, 300, 700) == first
    assert len(served.asked) == fetched


def test_the_digest_of_nothing_is_the_empty_root() -> None:
    assert Edge().root() == sha256(b"").digest()
