"""Signed envelopes: DSSE 1.0, with the exchange's profile of it.

* What is signed is the pre-authentication encoding of payload type and payload.
* A statement's digest is the SHA-256 of that encoding: signatures do not change it.
* An envelope has 1 to 16 signatures, each by another key. The keyid is the lower-case hex SHA-256
  of the key's SubjectPublicKeyInfo (DER); it narrows the candidates, and the key that verifies is
  what counts.
* Every signature has to verify: one that does not rejects the envelope.

It does not know whose key is whose; the directory does.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from forewarn.exchange.v1 import envelope_pb2
from forewarn_client import strict
from forewarn_client.errors import Flaw, VerificationError

PAYLOAD_TYPE: Final = "application/vnd.forewarn.statement.v1+protobuf"
MAX_SIGNATURES: Final = 16
DIGEST_BYTES: Final = 32
_KEYID: Final = re.compile(r"[0-9a-f]{64}")

# Points of small order verify signatures that nobody made (RFC 8032 section 8; Chalkias et al.,
# "Taming the many EdDSAs", table 1). They are told by their y; the sign of x does not matter.
_P: Final = 2**255 - 19
_Y_OF_ORDER_8: Final = int.from_bytes(
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"
)
_WEAK_Y: Final = frozenset({0, 1, _P - 1, _Y_OF_ORDER_8, _P - _Y_OF_ORDER_8})


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public key that signs statements.

    Attributes:
        keyid: Lower-case hex SHA-256 of `spki`.
        spki: SubjectPublicKeyInfo, DER.
        key: The key itself.
    """

    keyid: str
    spki: bytes
    key: Ed25519PublicKey

    @classmethod
    def load(cls, spki: bytes) -> "PublicKey":
        """Load a key.

        Args:
            spki: SubjectPublicKeyInfo, DER (RFC 5280, RFC 8410).

        Returns:
            The key.

        Raises:
            VerificationError: KEY_ALGORITHM_UNSUPPORTED; it is no Ed25519 key in plain DER.
        """
        try:
            key = load_der_public_key(spki)
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey) or _spki(key) != spki or _is_weak(key):
            raise VerificationError(
                Flaw.KEY_ALGORITHM_UNSUPPORTED,
                "the key is not a sound Ed25519 key in SubjectPublicKeyInfo form",
            )
        return cls(keyid=key_id(spki), spki=spki, key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A well-formed envelope whose signatures are not verified yet.

    Attributes:
        payload: A serialized `Statement`, unless the type says otherwise.
        signatures: Keyid and signature of each, in order; no keyid twice.
        payload_type: Type of the payload.
    """

    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]
    payload_type: str = PAYLOAD_TYPE

    @property
    def digest(self) -> bytes:
        """Digest of the statement, 32 bytes."""
        return digest(self.payload)

    @classmethod
    def parse(cls, data: bytes, payload_type: str = PAYLOAD_TYPE) -> "Envelope":
        """Parse a serialized `Envelope`.

        Args:
            data: The serialized message.
            payload_type: The one type that its payload may have.

        Returns:
            The envelope.

        Raises:
            VerificationError: ENVELOPE_MALFORMED, PAYLOAD_TYPE_UNSUPPORTED or SIGNATURE_MISSING.
        """
        try:
            message = strict.parse_canonical(envelope_pb2.Envelope, data, "envelope")
        except strict.StrictError:
            raise _malformed("the bytes are not an envelope in its one form") from None
        if message.payload_type != payload_type:
            raise VerificationError(
                Flaw.PAYLOAD_TYPE_UNSUPPORTED, f"the envelope's payload type is not {payload_type}"
            )
        signatures = tuple((item.keyid, item.sig) for item in message.signatures)
        if not signatures:
            raise VerificationError(Flaw.SIGNATURE_MISSING, "nobody signed the envelope")
        if len(signatures) > MAX_SIGNATURES:
            raise _malformed(f"an envelope has at most {MAX_SIGNATURES} signatures")
        keyids = {keyid for keyid, _ in signatures}
        if len(keyids) != len(signatures):
            raise _malformed("two signatures claim the same key")
        if not all(_KEYID.fullmatch(keyid) for keyid in keyids):
            raise _malformed("a keyid is not a lower-case hex SHA-256")
        return cls(payload=message.payload, signatures=signatures, payload_type=payload_type)

    def verify(self, candidates: Mapping[str, PublicKey]) -> frozenset[str]:
        """Verify every signature.

        Args:
            candidates: Keys that may sign, by their keyids.

        Returns:
            Keyids of the keys that signed: all that the envelope claims.

        Raises:
            VerificationError: KEY_UNKNOWN for a signature by another key, SIGNATURE_INVALID for one
                that does not verify.
        """
        signed = pae(self.payload_type, self.payload)
        for keyid, signature in self.signatures:
            candidate = candidates.get(keyid)
            if candidate is None:
                raise VerificationError(
                    Flaw.KEY_UNKNOWN,
                    f"key {keyid[:16]} was not a valid key of the sender at that index",
                )
            try:
                candidate.key.verify(signature, signed)
            except InvalidSignature:
                raise VerificationError(
                    Flaw.SIGNATURE_INVALID, f"the signature by key {keyid[:16]} does not verify"
                ) from None
        return frozenset(keyid for keyid, _ in self.signatures)


def pae(payload_type: str, payload: bytes) -> bytes:
    """Make the pre-authentication encoding (DSSE 1.0, protocol).

    Args:
        payload_type: Type of the payload.
        payload: The payload.

    Returns:
        The bytes that are signed.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def digest(payload: bytes) -> bytes:
    """Compute the digest that names a statement.

    Args:
        payload: A serialized `Statement`.

    Returns:
        32 bytes.
    """
    return hashlib.sha256(pae(PAYLOAD_TYPE, payload)).digest()


def key_id(spki: bytes) -> str:
    """Compute the id of a key.

    Args:
        spki: SubjectPublicKeyInfo, DER.

    Returns:
        64 lower-case hex digits.
    """
    return hashlib.sha256(spki).hexdigest()


def _spki(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _is_weak(key: Ed25519PublicKey) -> bool:
    """Tell whether a point has small order, or is not written in its reduced form."""
    y = int.from_bytes(key.public_bytes_raw(), "little") & ~(1 << 255)
    return y >= _P or y in _WEAK_Y


def _malformed(detail: str) -> VerificationError:
    return VerificationError(Flaw.ENVELOPE_MALFORMED, detail)
