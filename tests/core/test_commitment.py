"""What the ledger shows of an entry."""

import pytest

from gateway.core import commitment
from tests.vectors.files import Vector, load, name_of


@pytest.mark.parametrize("vector", load("commitment", "entry"), ids=name_of)
def test_vectors(vector: Vector) -> None:
    body, salt = (bytes.fromhex(vector["input"][name]) for name in ("body", "salt"))
    if vector["expect"] != "ok":
        assert vector["expect"] == "salt-length"
        with pytest.raises(ValueError, match="salt"):
            commitment.entry_leaf_hash(body, salt)
        return
    committed = commitment.commit(body, salt)
    output = vector["output"]
    assert committed.hex() == output["commitment"]
    assert commitment.leaf(committed).hex() == output["leaf"]
    assert commitment.entry_leaf_hash(body, salt).hex() == output["leaf_hash"]


def test_another_salt_or_body_is_another_leaf() -> None:
    salt = bytes(commitment.SALT_BYTES)
    leaves = {
        commitment.entry_leaf_hash(b"body", salt),
        commitment.entry_leaf_hash(b"body", salt[:-1] + b"\x01"),
        commitment.entry_leaf_hash(b"body\x00", salt),
    }
    assert len(leaves) == 3


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_leaf_holds_a_whole_commitment(length: int) -> None:
    with pytest.raises(ValueError, match="commitment"):
        commitment.leaf(bytes(length))
