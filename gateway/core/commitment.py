"""What the ledger shows of an entry: a salted commitment, and nothing of what was recorded.

* Commitment: `HMAC-SHA256(salt, "forewarn/commit/v1" 0x00 || entry body)`.
* Leaf: `"forewarn/leaf/v1" 0x0A 0x00 || commitment`. Both labels keep these bytes apart from every
  other use of the same hashes.
* The salt is 32 random bytes, drawn by a worker for this entry alone and given to its parties only.
  Without it a short or guessable body could be found by trying.
* Body and salt together are the *opening*: whoever has them can recompute the leaf, nobody else.

It does not draw salts, and does not compare: an opening is checked by proving its leaf hash.
"""

import hmac
from typing import Final

from gateway.core.proof import HASH_BYTES, leaf_hash

SALT_BYTES: Final = 32

_COMMIT_LABEL: Final = b"forewarn/commit/v1\x00"
_LEAF_LABEL: Final = b"forewarn/leaf/v1\n\x00"


def commit(body: bytes, salt: bytes) -> bytes:
    """Commit to an entry's body.

    Args:
        body: The serialized entry body, exactly as stored and delivered.
        salt: The entry's own salt, 32 bytes.

    Returns:
        The commitment, 32 bytes.

    Raises:
        ValueError: The salt has another length.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has exactly {SALT_BYTES} bytes")
    return hmac.digest(salt, _COMMIT_LABEL + body, "sha256")


def leaf(commitment: bytes) -> bytes:
    """Wrap a commitment into the bytes of its leaf, 50 in all.

    Args:
        commitment: As `commit` gives it, 32 bytes.

    Returns:
        The leaf, as readers of the log find it in an entry tile.

    Raises:
        ValueError: The commitment has another length.
    """
    if len(commitment) != HASH_BYTES:
        raise ValueError(f"a commitment has exactly {HASH_BYTES} bytes")
    return _LEAF_LABEL + commitment


def entry_leaf_hash(body: bytes, salt: bytes) -> bytes:
    """Give the leaf hash of an entry from its opening.

    Args:
        body: The serialized entry body.
        salt: The entry's own salt, 32 bytes.

    Returns:
        The leaf hash, 32 bytes.

    Raises:
        ValueError: The salt has another length.
    """
    return leaf_hash(leaf(commit(body, salt)))
