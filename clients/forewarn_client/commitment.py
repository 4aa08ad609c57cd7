"""What the ledger shows of an entry: a blinded commitment that only its parties can open.

* Commitment: `HMAC-SHA256(salt, "forewarn/commit/v1" || 0x00 || entry body)`.
* Leaf: `forewarn/leaf/v1`, a newline, a NUL, then the commitment.
* The salt, the opening, is exactly 32 bytes.

It does not look into the entry body.
"""

import hashlib
import hmac
from typing import Final

from forewarn_client import merkle
from forewarn_client.errors import Flaw, VerificationError

SALT_BYTES: Final = 32
_COMMIT_LABEL: Final = b"forewarn/commit/v1\x00"
_LEAF_LABEL: Final = b"forewarn/leaf/v1\n\x00"


def commit(body: bytes, salt: bytes) -> bytes:
    """Commit to an entry body.

    Args:
        body: A serialized `EntryBody`.
        salt: The opening, 32 bytes.

    Returns:
        32 bytes.

    Raises:
        VerificationError: SALT_INVALID; the salt has another length.
    """
    if len(salt) != SALT_BYTES:
        raise VerificationError(
            Flaw.SALT_INVALID,
            f"the opening has {len(salt)} bytes instead of {SALT_BYTES}",
            "salt-length",
        )
    return hmac.new(salt, _COMMIT_LABEL + body, hashlib.sha256).digest()


def leaf(commitment: bytes) -> bytes:
    """Make the content of the leaf that holds a commitment.

    Args:
        commitment: 32 bytes.

    Returns:
        The leaf's content.
    """
    return _LEAF_LABEL + commitment


def entry_leaf_hash(body: bytes, salt: bytes) -> bytes:
    """Hash the leaf of an entry.

    Args:
        body: A serialized `EntryBody`.
        salt: The opening, 32 bytes.

    Returns:
        32 bytes.

    Raises:
        VerificationError: SALT_INVALID; the salt has another length.
    """
    return merkle.leaf_hash(leaf(commit(body, salt)))
