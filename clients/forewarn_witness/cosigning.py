"""A witness's signing keys, and the cosignatures that they make.

* One witness may sign with an Ed25519 key and an ML-DSA-44 key, both under its one name.
* Nothing is signed here that was not judged: callers pass what `judging` has accepted.
"""

import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from forewarn_client import cosignature, note

PrivateKey = Ed25519PrivateKey | MLDSA44PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigner:
    """A signing key under a witness's name.

    Attributes:
        name: Name of the witness, as in `witness.example/w1`.
        key: The private key.
    """

    name: str
    key: PrivateKey

    @property
    def verifier(self) -> cosignature.WitnessKey:
        """The public half; `str()` of it is what logs and their readers pin."""
        return cosignature.WitnessKey.of(self.name, self.key.public_key())

    def cosign(self, text: bytes, time: int) -> bytes:
        """Cosign a checkpoint.

        Args:
            text: Its text, the last newline included.
            time: The present, in seconds since 1970, UTC.

        Returns:
            A signature line, its newline included.
        """
        public = self.verifier
        signature = self.key.sign(cosignature.message(public.key, self.name, time, text))
        payload = public.key_id + struct.pack(">Q", time) + signature
        return f"\u2014 {self.name} {note.to_base64(payload)}\n".encode()
