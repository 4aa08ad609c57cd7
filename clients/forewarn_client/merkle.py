"""The ledger's tree as a reader needs it: hashes and inclusion proofs (RFC 6962 section 2.1).

* Leaf hash `SHA-256(0x00 || leaf)`, node hash `SHA-256(0x01 || left || right)`.
* A proof is accepted only when it has exactly the length that index and size ask for.

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
    if len(proof) < length:
        raise _invalid("proof-too-short", "the proof has too few hashes")
    if len(proof) > length:
        raise _invalid("proof-too-long", "the proof has too many hashes")
    computed = leaf
    for level, sibling in enumerate(proof):
        left_sibling = level >= inner or index >> level & 1
        computed = node_hash(sibling, computed) if left_sibling else node_hash(computed, sibling)
    if computed != root:
        raise _invalid("root-mismatch", "the proof does not lead to the root")


def _invalid(rule: str, detail: str) -> VerificationError:
    return VerificationError(Flaw.PROOF_INVALID, detail, rule)
