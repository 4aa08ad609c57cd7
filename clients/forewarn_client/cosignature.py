"""Cosignatures: what witnesses say about a checkpoint (C2SP tlog-cosignature).

* A witness states that, at a time, the checkpoint was the largest that it knew of this log, and
  went on from every one that it had cosigned before. So a log cannot show two histories to those
  who ask for the same witnesses.
* Two kinds of keys: Ed25519 (type 0x04), and ML-DSA-44 (type 0x06), whose signature also commits to
  the witness's name.
* As with any signed note, unknown keys are ignored, and a known one that fails rejects the note.

Which witnesses count is for whoever pins them to say. What a witness does is in `forewarn_witness`.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from forewarn_client import note
from forewarn_client.errors import Flaw, VerificationError

ED25519: Final = 0x04
ML_DSA_44: Final = 0x06
_TIME: Final = struct.Struct(">Q")
_MOST_TIME: Final = 2**63 - 1
_MOST_NAME_BYTES: Final = 255

PublicKey = Ed25519PublicKey | MLDSA44PublicKey
_KINDS: Final[Mapping[int, Callable[[bytes], PublicKey]]] = {
    ED25519: Ed25519PublicKey.from_public_bytes,
    ML_DSA_44: MLDSA44PublicKey.from_public_bytes,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessKey:
    """A witness's public key, as `name+hex8+base64`.

    Attributes:
        name: Name of the witness.
        key_id: The key's short id, 4 bytes.
        key: The key itself.
    """

    name: str
    key_id: bytes
    key: PublicKey

    @classmethod
    def of(cls, name: str, key: PublicKey) -> "WitnessKey":
        """Name a key.

        Args:
            name: Name of the witness, as in `witness.example/w1`.
            key: Its public key.

        Returns:
            The key.

        Raises:
            VerificationError: WITNESS_KEY_MALFORMED; the name is empty, too long, or has spaces.
        """
        if not note.is_name(name) or len(name.encode()) > _MOST_NAME_BYTES:
            raise _bad_key("a witness's name has 1 to 255 bytes, no space and no plus sign")
        return cls(name=name, key_id=_key_id(name, material(key)), key=key)

    @classmethod
    def parse(cls, text: str) -> "WitnessKey":
        """Parse a verifier key string.

        Args:
            text: As in `witness.example/w1+1a2b3c4d+BA...`.

        Returns:
            The key.

        Raises:
            VerificationError: WITNESS_KEY_MALFORMED; it is none, its id does not fit its name and
                key, or its kind is not one of these two.
        """
        name, first, rest = text.partition("+")
        hex_id, second, encoded = rest.partition("+")
        data = note.from_base64(encoded) or b""
        if not (first and second and data):
            raise _bad_key("a witness's key has the form name+hex8+base64")
        found = cls.of(name, _load(data))
        if found.key_id.hex() != hex_id:
            raise _bad_key("a witness key's id does not fit its name and key")
        return found

    def __str__(self) -> str:
        """Give the verifier key string."""
        return f"{self.name}+{self.key_id.hex()}+{note.to_base64(material(self.key))}"

    def verify(self, payload: bytes, text: bytes) -> int:
        """Verify a cosignature.

        Args:
            payload: What follows the key id in the signature line.
            text: The checkpoint's text, its last newline included.

        Returns:
            When it was made, in seconds since 1970, UTC.

        Raises:
            VerificationError: COSIGNATURE_INVALID.
        """
        if len(payload) <= _TIME.size:
            raise _invalid(self.name)
        (time,) = _TIME.unpack_from(payload)
        signature = payload[_TIME.size :]
        if time > _MOST_TIME:
            raise _invalid(self.name)
        try:
            self.key.verify(signature, message(self.key, self.name, time, text))
        except InvalidSignature:
            raise _invalid(self.name) from None
        return int(time)


def material(key: PublicKey) -> bytes:
    """Give what a verifier key string holds of a key: its type, and its raw bytes.

    Args:
        key: The key.

    Returns:
        33 bytes for Ed25519, 1,313 for ML-DSA-44.
    """
    kind = ED25519 if isinstance(key, Ed25519PublicKey) else ML_DSA_44
    return bytes([kind]) + key.public_bytes_raw()


def message(key: PublicKey, name: str, time: int, text: bytes) -> bytes:
    """Give the bytes that a witness signs.

    Args:
        key: The key that signs; its kind decides the form.
        name: Name of the witness.
        time: When, in seconds since 1970, UTC.
        text: The checkpoint's text, its last newline included.

    Returns:
        The bytes.

    Raises:
        VerificationError: CHECKPOINT_MALFORMED, or its origin is longer than this form can hold.
    """
    if isinstance(key, Ed25519PublicKey):
        return b"cosignature/v1\ntime %d\n" % time + text
    head = note.checkpoint_of(text)
    origin = head.origin.encode()
    if len(origin) > _MOST_NAME_BYTES:
        raise VerificationError(Flaw.CHECKPOINT_MALFORMED, "the origin is longer than 255 bytes")
    return b"".join(
        (
            b"subtree/v1\n\0",
            _short(name.encode()),
            _TIME.pack(time),
            _short(origin),
            _TIME.pack(0),
            _TIME.pack(head.size),
            head.root,
        )
    )


def cosigned(data: bytes, witnesses: Iterable[WitnessKey]) -> Mapping[str, int]:
    """Tell which witnesses have cosigned a checkpoint. The log's signature is not looked at.

    Args:
        data: The signed note.
        witnesses: Keys of the witnesses that are trusted; one witness may have several.

    Returns:
        When each of them did, in seconds since 1970, by its name; the latest of several.

    Raises:
        VerificationError: COSIGNATURE_INVALID, a line in the name and id of one of them does not
            verify; CHECKPOINT_MALFORMED, the note is none.
    """
    parsed = note.parse_note(data)
    known = {(key.name, key.key_id): key for key in witnesses}
    found: dict[str, int] = {}
    for line in parsed.signatures:
        key = known.get((line.name, line.key_id))
        if key is not None:
            found[key.name] = max(found.get(key.name, 0), key.verify(line.signature, parsed.text))
    return found


def _load(data: bytes) -> PublicKey:
    load = _KINDS.get(data[0])
    if load is None:
        raise _bad_key("a witness's key is neither Ed25519 (0x04) nor ML-DSA-44 (0x06)")
    try:
        return load(data[1:])
    except ValueError:
        raise _bad_key("a witness's key has not the length of its kind") from None


def _key_id(name: str, data: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]


def _short(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def _bad_key(detail: str) -> VerificationError:
    return VerificationError(
        Flaw.WITNESS_KEY_MALFORMED, f"{detail}; copy it again from the witness"
    )


def _invalid(name: str) -> VerificationError:
    return VerificationError(
        Flaw.COSIGNATURE_INVALID, f"a cosignature in the name of {name} does not verify"
    )
