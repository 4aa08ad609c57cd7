"""The tree equals a naive RFC 6962, at every size, and reads next to nothing while doing so."""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import merkle
from gateway.core.errors import Fault, Reason
from gateway.core.merkle import MAX_SIZE, ProofError, ProofReason, TreeHead
from tests.vectors.files import Vector, load, name_of
from tests.vectors.rfc6962 import SameTree, Tree, numbered

SMALL = 600
LARGE = 65536 + 700
EDGES = (1, 2, 255, 256, 257, 511, 512, 513, 65279, 65280, 65535, 65536, 65537, 65792, LARGE)

REFERENCE = Tree(numbered)


class Kept:
    """Tiles in a dictionary, which counts what is read."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.read: list[tuple[int, int]] = []

    def hashes(self, level: int, n: int) -> Sequence[bytes]:
        self.read.append((level, n))
        content = self.tiles.get((level, n))
        return () if content is None else merkle.split_tile(content)

    def grow(self, size: int, by: int) -> TreeHead:
        added = [numbered(index) for index in range(size, size + by)]
        appended = merkle.append(self, size, added)
        self.tiles.update(appended.tiles)
        return appended.head


class Alike:
    """The tiles of a tree of any size whose leaves are all alike."""

    def __init__(self) -> None:
        self.read: list[tuple[int, int]] = []
        self.row = [numbered(0)]
        for _ in range(63):
            self.row.append(merkle.node_hash(self.row[-1], self.row[-1]))

    def hashes(self, level: int, n: int) -> Sequence[bytes]:
        self.read.append((level, n))
        return (self.row[8 * level],) * 256


@pytest.fixture(scope="module")
def large() -> Kept:
    kept = Kept()
    kept.grow(0, LARGE)
    return kept


@pytest.mark.parametrize("vector", load("merkle", "root"), ids=name_of)
def test_root_vectors(vector: Vector) -> None:
    given_ = vector["input"]
    if "leaves" in given_:
        leaves = [bytes.fromhex(leaf) for leaf in given_["leaves"]]
    else:
        leaves = [index.to_bytes(8, "big") for index in range(given_["count"])]
    head = merkle.append(Kept(), 0, [merkle.leaf_hash(leaf) for leaf in leaves]).head
    assert head == TreeHead(size=len(leaves), root=bytes.fromhex(vector["output"]["root"]))


@pytest.mark.parametrize("vector", load("proof", "inclusion"), ids=name_of)
def test_inclusion_vectors(vector: Vector) -> None:
    arguments = vector["input"]
    _expect(
        vector["expect"],
        lambda: merkle.verify_inclusion(
            bytes.fromhex(arguments["leaf_hash"]),
            arguments["index"],
            arguments["size"],
            [bytes.fromhex(each) for each in arguments["proof"]],
            bytes.fromhex(arguments["root"]),
        ),
    )


@pytest.mark.parametrize("vector", load("proof", "consistency"), ids=name_of)
def test_consistency_vectors(vector: Vector) -> None:
    arguments = vector["input"]
    _expect(
        vector["expect"],
        lambda: merkle.verify_consistency(
            arguments["old_size"],
            bytes.fromhex(arguments["old_root"]),
            arguments["new_size"],
            bytes.fromhex(arguments["new_root"]),
            [bytes.fromhex(each) for each in arguments["proof"]],
        ),
    )


def _expect(expected: str, run: Callable[[], None]) -> None:
    if expected == "ok":
        run()
    else:
        with pytest.raises(ProofError) as refused:
            run()
        assert refused.value.reason == ProofReason(expected)


def test_one_leaf_at_a_time_gives_the_root_of_every_size() -> None:
    kept = Kept()
    for size in range(SMALL):
        assert merkle.root(kept, size) == REFERENCE.root(size)
        assert kept.grow(size, 1) == TreeHead(size=size + 1, root=REFERENCE.root(size + 1))


def test_proofs_at_every_small_size(large: Kept) -> None:
    """The tiles are ahead of the size by far, as they are while a block is folded."""
    for size in range(1, SMALL):
        indexes = sorted({0, size // 3, size // 2, size - 1, min(255, size - 1)})
        proofs = merkle.inclusion_proofs(large, indexes, size)
        for index, proof in zip(indexes, proofs, strict=True):
            assert proof == REFERENCE.path(index, size)
            merkle.verify_inclusion(numbered(index), index, size, proof, REFERENCE.root(size))
        for old in indexes:
            between = merkle.consistency_proof(large, old, size)
            assert between == REFERENCE.proof(old, size)
            merkle.verify_consistency(old, REFERENCE.root(old), size, REFERENCE.root(size), between)


near_edges = st.one_of(
    st.integers(1, LARGE),
    st.builds(
        lambda edge, off: min(max(edge + off, 1), LARGE), st.sampled_from(EDGES), st.integers(-3, 3)
    ),
)


@given(size=near_edges, at=st.randoms(use_true_random=False))
@settings(deadline=None)
def test_proofs_across_the_edges_of_tiles(large: Kept, size: int, at: random.Random) -> None:
    index, old = at.randrange(size), at.randint(0, size)
    assert merkle.root(large, size) == REFERENCE.root(size)
    assert merkle.inclusion_proof(large, index, size) == REFERENCE.path(index, size)
    assert merkle.consistency_proof(large, old, size) == REFERENCE.proof(old, size)


@given(sizes=st.lists(st.integers(0, 400), max_size=8))
@settings(deadline=None, max_examples=30)
def test_blocks_of_any_sizes_give_the_same_tiles(sizes: list[int]) -> None:
    kept, size = Kept(), 0
    for by in sizes:
        head = kept.grow(size, by)
        size += by
        assert head == TreeHead(size=size, root=REFERENCE.root(size))
    at_once = Kept()
    at_once.grow(0, size)
    assert kept.tiles == at_once.tiles
    for (level, n), content in kept.tiles.items():
        span = 256**level
        first = 256 * n
        width = min(256, size // span - first)
        hashes = [REFERENCE.span(i * span, (i + 1) * span) for i in range(first, first + width)]
        assert content == b"".join(hashes)


@given(st.integers(1, MAX_SIZE), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_trees_of_any_size_are_proven_from_a_few_tiles(size: int, at: random.Random) -> None:
    alike, reference = Alike(), SameTree(numbered(0))
    index, old = at.randrange(size), at.randint(1, size)
    levels = (size.bit_length() + 7) // 8

    proof = merkle.inclusion_proof(alike, index, size)
    assert proof == reference.path(index, size)
    merkle.verify_inclusion(numbered(0), index, size, proof, reference.root(size))
    assert len(alike.read) == len(set(alike.read)) <= 2 * levels

    alike.read.clear()
    between = merkle.consistency_proof(alike, old, size)
    assert between == reference.proof(old, size)
    merkle.verify_consistency(old, reference.root(old), size, reference.root(size), between)
    assert len(alike.read) == len(set(alike.read)) <= 2 * levels


def test_appending_to_a_large_tree_touches_a_few_tiles() -> None:
    alike, reference, size = Alike(), SameTree(numbered(0)), 2**40 + 2**16 - 100
    appended = merkle.append(alike, size, [numbered(0)] * 256)
    assert appended.head.root == reference.root(size + 256)
    first = size // 256
    assert sorted(appended.tiles) == [(0, first), (0, first + 1), (1, first >> 8), (2, first >> 16)]
    assert len(alike.read) < 12


def test_a_batch_reads_each_tile_once(large: Kept) -> None:
    large.read.clear()
    indexes = range(LARGE - 256, LARGE)
    proofs = merkle.inclusion_proofs(large, indexes, LARGE)
    assert len(large.read) == len(set(large.read)) <= 8
    assert proofs == tuple(REFERENCE.path(index, LARGE) for index in indexes)


@given(size=st.integers(2, SMALL), at=st.randoms(use_true_random=False), bit=st.integers(0, 255))
@settings(deadline=None)
def test_any_changed_bit_breaks_a_proof(
    large: Kept, size: int, at: random.Random, bit: int
) -> None:
    index, old = at.randrange(size), at.randint(1, size - 1)
    root = REFERENCE.root(size)

    path = merkle.inclusion_proof(large, index, size)
    changed = _change(path, at.randrange(len(path)), bit)
    with pytest.raises(ProofError) as refused:
        merkle.verify_inclusion(numbered(index), index, size, changed, root)
    assert refused.value.reason == ProofReason.ROOT_MISMATCH

    between = merkle.consistency_proof(large, old, size)
    changed = _change(between, at.randrange(len(between)), bit)
    with pytest.raises(ProofError) as refused:
        merkle.verify_consistency(old, REFERENCE.root(old), size, root, changed)
    assert refused.value.reason == ProofReason.ROOT_MISMATCH


def _change(hashes: Sequence[bytes], at: int, bit: int) -> list[bytes]:
    number = int.from_bytes(hashes[at], "big") ^ (1 << bit)
    return [*hashes[:at], number.to_bytes(32, "big"), *hashes[at + 1 :]]


@given(size=st.integers(2, SMALL), at=st.randoms(use_true_random=False))
@settings(deadline=None)
def test_a_proof_is_good_for_one_index_only(large: Kept, size: int, at: random.Random) -> None:
    index, other = at.sample(range(size), 2)
    proof = merkle.inclusion_proof(large, index, size)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(numbered(index), other, size, proof, REFERENCE.root(size))


def test_appending_nothing_changes_nothing(large: Kept) -> None:
    appended = merkle.append(large, 300, [])
    assert appended.head == TreeHead(size=300, root=REFERENCE.root(300))
    assert appended.tiles == {}


def test_tiles_that_lack_hashes_are_a_fault(large: Kept) -> None:
    damaged = Kept()
    damaged.tiles = {**large.tiles, (0, 1): large.tiles[0, 1][:-32]}
    for run in (
        lambda: merkle.inclusion_proof(damaged, 256, 600),
        lambda: merkle.inclusion_proof(damaged, 511, 512),
        lambda: merkle.root(Kept(), 1),
        lambda: merkle.append(Kept(), 1, [numbered(1)]),
    ):
        with pytest.raises(Fault) as fault:
            run()
        assert fault.value.reason == Reason.LEDGER_NOT_PROVEN


@pytest.mark.parametrize("content", [b"", bytes(31), bytes(33), bytes(257 * 32)])
def test_a_tile_of_odd_length_is_a_fault(content: bytes) -> None:
    with pytest.raises(Fault) as fault:
        merkle.split_tile(content)
    assert fault.value.reason == Reason.LEDGER_NOT_PROVEN


def test_arguments_out_of_range_are_errors_of_ours(large: Kept) -> None:
    for run in (
        lambda: merkle.root(large, -1),
        lambda: merkle.root(large, MAX_SIZE + 1),
        lambda: merkle.inclusion_proof(large, 5, 5),
        lambda: merkle.inclusion_proof(large, -1, 5),
        lambda: merkle.inclusion_proof(large, 0, 0),
        lambda: merkle.consistency_proof(large, 6, 5),
        lambda: merkle.consistency_proof(large, -1, 5),
        lambda: merkle.append(large, -1, []),
        lambda: merkle.append(large, MAX_SIZE, [numbered(0)]),
        lambda: merkle.append(large, 5, [bytes(31)]),
        lambda: TreeHead(size=-1, root=bytes(32)),
        lambda: TreeHead(size=MAX_SIZE + 1, root=bytes(32)),
        lambda: TreeHead(size=1, root=bytes(31)),
        lambda: TreeHead(size=0, root=bytes(32)),
    ):
        with pytest.raises(ValueError, match=r"leaves|leaf|tree|root"):
            run()
