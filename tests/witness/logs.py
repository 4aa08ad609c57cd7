"""A log for tests of witnesses: leaves in memory, proofs by the definition, checkpoints signed."""

import base64
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from forewarn_client import merkle
from gateway.core.checkpoint import Checkpoint, Note, NoteSigner

ORIGIN = "exchange.example/ledger"


@dataclass(kw_only=True)
class PaperLog:
    """A log that keeps its leaves, and signs whatever it is asked to."""

    origin: str = ORIGIN
    signer: NoteSigner = field(
        default_factory=lambda: NoteSigner(name=ORIGIN, key=Ed25519PrivateKey.generate())
    )
    leaves: list[bytes] = field(default_factory=list)

    @property
    def key(self) -> str:
        return str(self.signer.verifier())

    def grow(self, leaves: int, *, salt: bytes = b"") -> None:
        start = len(self.leaves)
        self.leaves += [merkle.leaf_hash(salt + b"%d" % i) for i in range(start, start + leaves)]

    def root(self, size: int) -> bytes:
        return merkle.tree_root(self.leaves[:size])

    def note(self, size: int | None = None, *, root: bytes | None = None) -> bytes:
        size = len(self.leaves) if size is None else size
        checkpoint = Checkpoint(
            origin=self.origin, size=size, root=self.root(size) if root is None else root
        )
        text = checkpoint.text()
        return Note(text=text, signatures=(self.signer.sign(text),)).encode()

    def consistency(self, old: int, new: int) -> list[bytes]:
        """RFC 6962 section 2.1.2, as it is written there."""
        return [] if old in {0, new} else _subproof(old, self.leaves[:new], whole=True)

    def request(
        self,
        old: int,
        size: int | None = None,
        *,
        proof: list[bytes] | None = None,
        note: bytes | None = None,
    ) -> bytes:
        size = len(self.leaves) if size is None else size
        proof = self.consistency(old, size) if proof is None else proof
        lines = [b"old %d" % old, *map(base64.b64encode, proof)]
        return b"\n".join(lines) + b"\n\n" + (self.note(size) if note is None else note)


def _subproof(old: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    size = len(leaves)
    if old == size:
        return [] if whole else [merkle.tree_root(leaves)]
    split = 1 << ((size - 1).bit_length() - 1)
    if old <= split:
        return [*_subproof(old, leaves[:split], whole=whole), merkle.tree_root(leaves[split:])]
    return [
        *_subproof(old - split, leaves[split:], whole=False),
        merkle.tree_root(leaves[:split]),
    ]
