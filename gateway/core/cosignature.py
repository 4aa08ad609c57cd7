"""Cosignatures by witnesses (C2SP tlog-cosignature), as the gateway checks what witnesses answer.

* Ed25519 (type 0x04) signs a header, the time and the checkpoint's text; ML-DSA-44 (type 0x06) a
  structure of the witness's name, the time, origin, size and root.
* A line is taken only if it verifies under a key of the policy; anything else in an answer is left.

The gateway makes none: a log that cosigned itself would prove nothing.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from gateway.core.checkpoint import Checkpoint
from gateway.core.note import (
    NoteError,
    NoteReason,
    NoteSignature,
    check_name,
    decode64,
    encode64,
)

_ED25519: Final = 0x04
_ML_DSA_44: Final = 0x06
_KEY_BYTES: Final = {_ED25519: 32, _ML_DSA_44: 1312}
_TIME_BYTES: Final = 8
_MOST_NAME_BYTES: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignatureKey:
    """A key that cosignatures are verified with; `str()` gives the verifier key string.

    Attributes:
        name: The witness's name.
        material: Type byte, then the public key.
        key_id: First 4 bytes of `SHA-256(name || 0x0A || material)`.
    """

    name: str
    material: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        kind = self.material[0] if self.material else 0
        if len(self.material) != 1 + _KEY_BYTES.get(kind, -1):
            raise NoteError(
                NoteReason.VERIFIER_KEY_MALFORMED, "it is no Ed25519 or ML-DSA-44 cosigner's key"
            )
        if len(self.name.encode()) > _MOST_NAME_BYTES:
            raise NoteError(NoteReason.KEY_NAME_MALFORMED, "a witness's name has over 255 bytes")
        key_id = sha256(self.name.encode() + b"\n" + self.material).digest()[:4]
        object.__setattr__(self, "key_id", key_id)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode64(self.material)}"

    @classmethod
    def parse(cls, verifier_key: str) -> Self:
        """Read a verifier key as a policy has it.

        Args:
            verifier_key: `name+hex8+base64(type || public key)`.

        Returns:
            The key; `str()` of it is `verifier_key` again.

        Raises:
            NoteError: It has another form, another type, or an id that is not this key's.
        """
        name, _, rest = verifier_key.partition("+")
        key = cls(name=name, material=decode64(rest.partition("+")[2]) or b"")
        if str(key) != verifier_key:
            raise NoteError(NoteReason.VERIFIER_KEY_MALFORMED, "the id in it is not that key's")
        return key

    def matches(self, signature: NoteSignature) -> bool:
        """Tell whether a line claims to be by this key: both its name and its id match."""
        return (signature.name, signature.key_id) == (self.name, self.key_id)

    def verifies(self, signature: NoteSignature, text: bytes) -> bool:
        """Tell whether a line cosigns a checkpoint.

        Args:
            signature: The line.
            text: The checkpoint's text, with its final newline; it has been parsed before.

        Returns:
            True if this key made it over this text.
        """
        time, signed = signature.signature[:_TIME_BYTES], signature.signature[_TIME_BYTES:]
        if len(time) < _TIME_BYTES or time[0] >> 7 or not self.matches(signature):
            return False
        try:
            if self.material[0] == _ED25519:
                message = b"cosignature/v1\ntime %d\n" % int.from_bytes(time, "big") + text
                Ed25519PublicKey.from_public_bytes(self.material[1:]).verify(signed, message)
            else:
                message = _subtree(self.name, time, Checkpoint.parse(text))
                MLDSA44PublicKey.from_public_bytes(self.material[1:]).verify(signed, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def _subtree(name: str, time: bytes, head: Checkpoint) -> bytes:
    origin = head.origin.encode()
    return b"".join(
        (
            b"subtree/v1\n\0",
            bytes([len(name.encode())]) + name.encode(),
            time,
            bytes([len(origin)]) + origin,
            bytes(8),
            head.size.to_bytes(8, "big"),
            head.root,
        )
    )
