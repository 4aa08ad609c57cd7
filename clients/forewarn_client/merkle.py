"""The ledger's tree as a reader needs it: hashes, and both proofs (RFC 6962 section 2.1).

* Leaf hash `SHA-256(0x00 || leaf)`, node hash `SHA-256(0x01 || left || right)`.
* A proof is accepted only when it has exactly the length that its sizes and index ask for.

It keeps no tree and makes no proofs; the exchange does.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from forewarn_client.errors import Flaw, VerificationError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
MAX_SIZE: Final = 2**63 - 1


def leaf_hash(leaf: bytes) -> bytes:
    """Hash a leaf.

    Args:
        leaf: Content of the leaf.

    Returns:
        32 bytes.
    """
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbouring subtrees into one.

    Args:
        left: Hash of the left subtree.
        right: Hash of the right subtree.

    Returns:
        32 bytes.
    """
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """Compute the root of a whole tree by its definition; for checks, not for large logs.

    Args:
        leaf_hashes: Hashes of all leaves, in order.

    Returns:
        32 bytes.
    """
    if not leaf_hashes:
        return EMPTY_ROOT
    if len(leaf_hashes) == 1:
        return leaf_hashes[0]
    split = 1 << ((len(leaf_hashes) - 1).bit_length() - 1)
    return node_hash(tree_root(leaf_hashes[:split]), tree_root(leaf_hashes[split:]))


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Verify that a leaf stands at an index of a tree (RFC 9162 section 2.1.3.2).

    Args:
        leaf: Hash of the leaf.
        index: Its index, from 0.
        size: Number of leaves of the tree.
        proof: Hashes from leaf to root.
        root: Root of the tree.

    Raises:
        VerificationError: PROOF_INVALID; the proof is for something else, or was changed.
    """
    if any(len(item) != HASH_BYTES for item in (leaf, root, *proof)):
        raise _invalid("hash-length", "a hash is not 32 bytes long")
    if not 0 < size <= MAX_SIZE:
        raise _invalid("size-invalid", "the tree is empty, or larger than a tree can be")
    if not 0 <= index < size:
        raise _invalid("index-invalid", "the index lies outside the tree")
    # Up to where the leaf's path meets that of the last leaf, siblings stand on both sides; from
    # there on only on the left, at each level where the path turns right.
    inner = (index ^ (size - 1)).bit_length()
    length = inner + (index >> inner).bit_count()
    _check_length(proof, length)
    computed = leaf
    for level, sibling in enumerate(proof):
        left_sibling = level >= inner or index >> level & 1
        computed = node_hash(sibling, computed) if left_sibling else node_hash(computed, sibling)
    if computed != root:
        raise _invalid("root-mismatch", "the proof does not lead to the root")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Verify that a tree is the beginning of a later one (RFC 9162 section 2.1.4.2).

    Args:
        old_size: Number of leaves of the earlier tree.
        old_root: Its root.
        new_size: Number of leaves of the later tree.
        new_root: Its root.
        proof: Hashes in the order of the RFC; none from 0 and between equal sizes.

    Raises:
        VerificationError: PROOF_INVALID; the later tree is not shown to begin with the earlier.
    """
    if any(len(item) != HASH_BYTES for item in (old_root, new_root, *proof)):
        raise _invalid("hash-length", "a hash is not 32 bytes long")
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise _invalid("size-invalid", "the sizes are not in order, or larger than a tree can be")
    if old_size in {0, new_size}:
        # Nothing leads from nowhere, or from a tree to itself.
        expected = EMPTY_ROOT if old_size == 0 else new_root
        _check_length(proof, 0)
        if old_root != expected or (new_size == 0 and new_root != EMPTY_ROOT):
            raise _invalid("root-mismatch", "the roots are not those of such trees")
        return
    # Both paths begin at the largest perfect subtree that ends where the earlier tree ends, and
    # climb together: up to the last leaf's path siblings stand on both sides, then on the left.
    height = (old_size & -old_size).bit_length() - 1
    start = (old_size - 1) >> height
    inner = ((old_size - 1) ^ (new_size - 1)).bit_length() - height
    whole = old_size == 1 << height
    length = inner + (start >> inner).bit_count() + (0 if whole else 1)
    _check_length(proof, length)
    # An earlier tree that is perfect is its own beginning, and is not sent.
    seed, *path = [old_root, *proof] if whole else proof
    old = new = seed
    for level, sibling in enumerate(path):
        if level >= inner or start >> level & 1:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    if old != old_root or new != new_root:
        raise _invalid("root-mismatch", "the proof does not lead to both roots")


def _check_length(proof: Sequence[bytes], length: int) -> None:
    if len(proof) < length:
        raise _invalid("proof-too-short", "the proof has too few hashes")
    if len(proof) > length:
        raise _invalid("proof-too-long", "the proof has too many hashes")


def _invalid(rule: str, detail: str) -> VerificationError:
    return VerificationError(Flaw.PROOF_INVALID, detail, rule)
