"""Vectors of the tree, of its proofs, and of the commitments in its leaves."""

from collections.abc import Iterator
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Any

from tests.vectors.files import Vector
from tests.vectors.making import accepted, flip, refused
from tests.vectors.rfc6962 import SameTree, Tree, leaf_hash, numbered

RFC_LEAVES = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)


def roots() -> Iterator[Vector]:
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in RFC_LEAVES]
    known = Tree(hashes.__getitem__)
    for size in range(9):
        yield accepted(
            "root",
            f"rfc-leaves-{size}",
            f"The first {size} of the eight leaves that implementations of RFC 6962 share.",
            {"leaves": list(RFC_LEAVES[:size])},
            root=known.root(size).hex(),
        )
    tree = Tree(numbered)
    for count in (255, 256, 257, 300, 511, 512, 65535, 65536, 65537):
        yield accepted(
            "root",
            f"numbered-{count}",
            "A size at or near the edge of a tile of 256 hashes.",
            {"count": count},
            root=tree.root(count).hex(),
        )


def _included(tree: Tree, index: int, size: int) -> Vector:
    return {
        "leaf_hash": tree.span(index, index + 1).hex(),
        "index": index,
        "size": size,
        "proof": [each.hex() for each in tree.path(index, size)],
        "root": tree.root(size).hex(),
    }


def inclusion() -> Iterator[Vector]:
    tree = Tree(numbered)
    for index, size in (
        (0, 1),
        (0, 2),
        (1, 2),
        (2, 3),
        (5, 7),
        (6, 7),
        (7, 8),
        (255, 256),
        (256, 257),
        (255, 300),
        (299, 300),
        (65535, 65537),
        (65536, 65537),
    ):
        why = f"Leaf {index} is in the tree of {size}."
        yield accepted(
            "inclusion", f"inclusion-{index}-of-{size}", why, _included(tree, index, size)
        )
    yield accepted(
        "inclusion",
        "inclusion-largest-size",
        "Sizes go up to 2**63 - 1; all leaves of this tree are alike.",
        _included(SameTree(numbered(0)), 2**62 + 1, 2**63 - 1),
    )

    def no(name: str, why: str, reason: str, **changed: Any) -> Vector:
        return refused("inclusion", f"inclusion-{name}", why, good | changed, reason)

    good = _included(tree, 5, 7)
    proof = good["proof"]
    for at in range(len(proof)):
        mutated = [*proof]
        mutated[at] = flip(bytes.fromhex(proof[at]), 31).hex()
        yield no(
            f"bit-in-hash-{at}", "One bit of the proof differs.", "root-mismatch", proof=mutated
        )
    yield no(
        "other-leaf",
        "The leaf is another one of the same tree.",
        "root-mismatch",
        leaf_hash=numbered(4).hex(),
    )
    yield no(
        "other-root",
        "One bit of the root differs.",
        "root-mismatch",
        root=flip(bytes.fromhex(good["root"])).hex(),
    )
    yield no("index-one-less", "The leaf is said to be one to the left.", "root-mismatch", index=4)
    yield no("index-one-more", "The leaf of its own peak is claimed.", "proof-too-long", index=6)
    yield no(
        "size-one-less",
        "The tree is said to be one smaller: leaf 5 would sit beside leaf 4 under the root.",
        "proof-too-long",
        size=6,
    )
    yield refused(
        "inclusion",
        "inclusion-size-one-more",
        "The tree is said to be one larger: leaf 6 would have a sibling.",
        _included(tree, 6, 7) | {"size": 8},
        "proof-too-short",
    )
    yield no("too-short", "The last hash is missing.", "proof-too-short", proof=proof[:-1])
    yield no("too-long", "A hash follows the root.", "proof-too-long", proof=[*proof, proof[0]])
    yield no("empty-proof", "There are no hashes at all.", "proof-too-short", proof=[])
    yield no("reversed", "Root to leaf is the wrong order.", "root-mismatch", proof=proof[::-1])
    yield no("index-is-size", "There is no leaf 7 in a tree of 7.", "index-invalid", index=7)
    yield no("index-negative", "Leaves are counted from 0.", "index-invalid", index=-1)
    yield no("size-zero", "Nothing is in an empty tree.", "size-invalid", size=0, index=0, proof=[])
    yield no("size-too-large", "2**63 is past the largest size.", "size-invalid", size=2**63)
    yield no(
        "short-hash",
        "A hash of 31 bytes is none.",
        "hash-length",
        proof=[proof[0][:-2], *proof[1:]],
    )
    yield no("short-leaf-hash", "A hash of 31 bytes is none.", "hash-length", leaf_hash="00" * 31)
    yield no("long-root", "A hash of 33 bytes is none.", "hash-length", root=good["root"] + "00")


def _extended(tree: Tree, old: int, new: int) -> Vector:
    return {
        "old_size": old,
        "old_root": tree.root(old).hex(),
        "new_size": new,
        "new_root": tree.root(new).hex(),
        "proof": [each.hex() for each in tree.proof(old, new)],
    }


def consistency() -> Iterator[Vector]:
    tree = Tree(numbered)
    for old, new in (
        (0, 0),
        (0, 5),
        (1, 2),
        (1, 8),
        (3, 7),
        (4, 7),
        (4, 8),
        (6, 8),
        (7, 7),
        (7, 8),
        (255, 257),
        (256, 300),
        (65535, 65537),
        (65536, 65537),
    ):
        why = f"The tree of {new} begins with that of {old}."
        yield accepted("consistency", f"consistency-{old}-to-{new}", why, _extended(tree, old, new))
    yield accepted(
        "consistency",
        "consistency-largest-size",
        "Sizes go up to 2**63 - 1; all leaves of this tree are alike.",
        _extended(SameTree(numbered(0)), 2**62 + 1, 2**63 - 1),
    )

    def no(name: str, why: str, reason: str, **changed: Any) -> Vector:
        return refused("consistency", f"consistency-{name}", why, good | changed, reason)

    good = _extended(tree, 3, 7)
    proof = good["proof"]
    for at in range(len(proof)):
        mutated = [*proof]
        mutated[at] = flip(bytes.fromhex(proof[at]), 31).hex()
        yield no(
            f"bit-in-hash-{at}", "One bit of the proof differs.", "root-mismatch", proof=mutated
        )
    other = Tree(lambda index: numbered(index + 1))
    yield no(
        "rewritten",
        "The later tree does not begin with the earlier one: the log was rewritten.",
        "root-mismatch",
        new_root=other.root(7).hex(),
        proof=[each.hex() for each in other.proof(3, 7)],
    )
    yield no(
        "other-old-root",
        "One bit of the earlier root differs.",
        "root-mismatch",
        old_root=flip(bytes.fromhex(good["old_root"])).hex(),
    )
    yield no(
        "other-new-root",
        "One bit of the later root differs.",
        "root-mismatch",
        new_root=flip(bytes.fromhex(good["new_root"])).hex(),
    )
    yield no("too-short", "The last hash is missing.", "proof-too-short", proof=proof[:-1])
    yield no("too-long", "A hash follows the root.", "proof-too-long", proof=[*proof, proof[0]])
    yield no("empty-proof", "3 and 7 need hashes.", "proof-too-short", proof=[])
    yield no("backwards", "A log does not shrink.", "size-invalid", old_size=8)
    yield no("size-too-large", "2**63 is past the largest size.", "size-invalid", new_size=2**63)
    yield no("short-hash", "A hash of 31 bytes is none.", "hash-length", proof=["00" * 31])
    same = _extended(tree, 7, 7)
    yield refused(
        "consistency",
        "consistency-same-size-other-root",
        "Two trees of one size with different roots: a split view.",
        same | {"new_root": other.root(7).hex()},
        "root-mismatch",
    )
    yield refused(
        "consistency",
        "consistency-same-size-with-proof",
        "Between equal sizes the proof is empty.",
        same | {"proof": proof[:1]},
        "proof-too-long",
    )
    from_empty = _extended(tree, 0, 5)
    yield refused(
        "consistency",
        "consistency-from-empty-with-proof",
        "From the empty tree the proof is empty.",
        from_empty | {"proof": proof[:1]},
        "proof-too-long",
    )
    yield refused(
        "consistency",
        "consistency-from-empty-other-root",
        "The empty tree has one root only.",
        from_empty | {"old_root": "00" * 32},
        "root-mismatch",
    )


def commitments() -> Iterator[Vector]:
    salt = sha256(b"vector salt").digest()
    for name, why, body in (
        ("empty-body", "A body may be empty.", b""),
        ("short-body", "A short body.", b"entry body"),
        ("long-body", "A body longer than a block of the hash.", bytes(range(256)) * 5),
    ):
        commitment = hmac_digest(salt, b"forewarn/commit/v1\x00" + body, "sha256")
        leaf = b"forewarn/leaf/v1\n\x00" + commitment
        yield accepted(
            "entry",
            name,
            why,
            {"body": body.hex(), "salt": salt.hex()},
            commitment=commitment.hex(),
            leaf=leaf.hex(),
            leaf_hash=leaf_hash(leaf).hex(),
        )
    for name, bad in (("empty", b""), ("short", salt[:-1]), ("long", salt + b"\x00")):
        yield refused(
            "entry",
            f"salt-{name}",
            "HMAC pads its key with zeros: other lengths could give the same commitment.",
            {"body": b"entry body".hex(), "salt": bad.hex()},
            "salt-length",
        )
