"""The recipes that verify a Merkle proof, and the hashes that they are made of.

* The tree is that of RFC 6962 section 2.1 over SHA-256; nothing of ours is mixed into its hashes.
* Inclusion follows RFC 9162 section 2.1.3.2 and consistency section 2.1.4.2, step by step.
* A proof has exactly one length and order: one hash more, fewer or elsewhere, and it is refused.
* Roots are compared in constant time.

It needs no tiles and trusts nobody. It does not make proofs (`merkle` does), and does not ask where
a root comes from: that is the checkpoint's part.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum, unique
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
MAX_SIZE: Final = 2**63 - 1
EMPTY_ROOT: Final = sha256().digest()


@unique
class ProofReason(StrEnum):
    """Why a proof does not hold. The words are shared with the vector files."""

    HASH_LENGTH = "hash-length"
    SIZE_INVALID = "size-invalid"
    INDEX_INVALID = "index-invalid"
    PROOF_TOO_SHORT = "proof-too-short"
    PROOF_TOO_LONG = "proof-too-long"
    ROOT_MISMATCH = "root-mismatch"


class ProofError(ValueError):
    """A proof does not show what it is said to show.

    Attributes:
        reason: What is wrong with it.
    """

    def __init__(self, reason: ProofReason, detail: str) -> None:
        """Keep the reason; the sentence is the error's text."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


def leaf_hash(leaf: bytes) -> bytes:
    """Hash one leaf: `SHA-256(0x00 || leaf)` (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into one: `SHA-256(0x01 || left || right)` (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf is where it is said to be (RFC 9162 section 2.1.3.2).

    Args:
        leaf_hash: Hash of the leaf, 32 bytes.
        index: Where it is said to be, from 0.
        size: Size of the tree.
        proof: Sibling hashes, leaf to root.
        root: Root of that tree, from a verified checkpoint.

    Raises:
        ProofError: The proof does not lead from the leaf at that index to that root.
    """
    _check_hashes((leaf_hash, root, *proof))
    if not 0 < size <= MAX_SIZE:
        raise ProofError(ProofReason.SIZE_INVALID, "nothing is in a tree of that size")
    if not 0 <= index < size:
        raise ProofError(ProofReason.INDEX_INVALID, "the index is not below the tree's size")
    computed = leaf_hash
    for sibling, on_left in _climb(index, size - 1, proof):
        computed = node_hash(sibling, computed) if on_left else node_hash(computed, sibling)
    _compare_roots(computed, root)


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that a tree is the beginning of a later one (RFC 9162 section 2.1.4.2).

    Args:
        old_size: Size of the earlier tree; of 0, everything is an extension.
        old_root: Root of the earlier tree.
        new_size: Size of the later tree.
        new_root: Root of the later tree.
        proof: Hashes in the order of the RFC; none where `old_size` is 0 or equal to `new_size`.

    Raises:
        ProofError: The later tree is not shown to begin with the earlier one.
    """
    _check_hashes((old_root, new_root, *proof))
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise ProofError(ProofReason.SIZE_INVALID, "the sizes are not in order")
    if old_size in (0, new_size):
        if proof:
            raise ProofError(ProofReason.PROOF_TOO_LONG, "these sizes need no hashes")
        _compare_roots(old_root, EMPTY_ROOT if old_size == 0 else new_root)
        if new_size == 0:
            _compare_roots(new_root, EMPTY_ROOT)
        return
    # An earlier tree that is one perfect subtree is its own first hash, and is not sent.
    path = (old_root, *proof) if old_size & (old_size - 1) == 0 else tuple(proof)
    if not path:
        raise ProofError(ProofReason.PROOF_TOO_SHORT, "these sizes need hashes")
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old_computed = new_computed = path[0]
    for sibling, on_left in _climb(fn, sn, path[1:]):
        if on_left:
            old_computed = node_hash(sibling, old_computed)
            new_computed = node_hash(sibling, new_computed)
        else:
            new_computed = node_hash(new_computed, sibling)
    _compare_roots(old_computed, old_root)
    _compare_roots(new_computed, new_root)


def _climb(fn: int, sn: int, path: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Go from node `fn` of a level whose last node is `sn` up to the root, one hash a step.

    Gives each sibling with whether it stands on the left. The names are those of RFC 9162.
    """
    for sibling in path:
        if sn == 0:
            raise ProofError(ProofReason.PROOF_TOO_LONG, "hashes are left at the root")
        on_left = bool(fn & 1) or fn == sn
        if on_left:
            # At the right-hand edge a node may have no sibling for some levels: no hash for these.
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
        yield sibling, on_left
    if sn != 0:
        raise ProofError(ProofReason.PROOF_TOO_SHORT, "the hashes end below the root")


def _check_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ProofError(ProofReason.HASH_LENGTH, f"every hash has {HASH_BYTES} bytes")


def _compare_roots(computed: bytes, expected: bytes) -> None:
    if not hmac.compare_digest(computed, expected):
        raise ProofError(ProofReason.ROOT_MISMATCH, "the hashes lead to another root")
