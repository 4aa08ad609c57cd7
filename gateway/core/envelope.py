"""The envelope: DSSE 1.0 around a statement's bytes, and the keys that verify it.

* What is signed is the pre-authentication encoding of type and payload, never a re-serialisation.
* There is one payload type for statements, and one for confirmations of an inbox; no signature of
  the one is one of the other. There are 1 to 16 signatures, each naming another key.
* A key is named by the lower-case hex SHA-256 of its SubjectPublicKeyInfo DER. The name only picks
  the candidate: what counts is the key that verifies.
* *Every* signature must verify under a candidate; one that does not refuses the whole envelope.
* A key that would verify signatures nobody made (an Ed25519 point of small order) is no key.
* The digest names the statement. It is over the signed bytes, so signatures do not change it.

It does not parse the payload, know whose a key is, or ask whether there are enough signatures: the
directory and the admission do. It does not limit the payload's size: the wire does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from gateway.core.errors import Reason, Refusal

PAYLOAD_TYPE: Final = "application/vnd.forewarn.statement.v1+protobuf"
CONFIRMATION_TYPE: Final = "application/vnd.forewarn.inbox-confirmation.v1+protobuf"
MAX_SIGNATURES: Final = 16

_PAYLOAD_TYPES: Final = frozenset({PAYLOAD_TYPE, CONFIRMATION_TYPE})
_KEYID: Final = re.compile(r"[0-9a-f]{64}")

# The y-coordinates of the eight points of small order, in every encoding that decodes (RFC 8032
# section 5.1.3 asks for y < p; not every library does), with the sign bit cleared. A signature
# under such a key can be valid for any message at all.
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(encoded)
    for encoded in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature of an envelope.

    Attributes:
        keyid: Name of the key, 64 lower-case hex digits.
        sig: The signature's bytes.
    """

    keyid: str
    sig: bytes

    def __post_init__(self) -> None:
        if not _KEYID.fullmatch(self.keyid):
            raise Refusal(
                Reason.ENVELOPE_MALFORMED,
                "a keyid is the SHA-256 of the key's SubjectPublicKeyInfo, in lower-case hex",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A payload and who signed it. Making one that breaks the envelope's rules is refused.

    Attributes:
        payload: The bytes of what is said, as signed.
        payload_type: `PAYLOAD_TYPE`, or `CONFIRMATION_TYPE`; whoever parses one says which.
        signatures: 1 to 16 signatures, no two under the same keyid, in the order received.
    """

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        if self.payload_type not in _PAYLOAD_TYPES:
            raise unsupported(PAYLOAD_TYPE)
        if not self.signatures:
            raise Refusal(Reason.SIGNATURE_MISSING, "the envelope carries no signature; sign it")
        if len(self.signatures) > MAX_SIGNATURES:
            raise Refusal(
                Reason.ENVELOPE_MALFORMED, f"an envelope has at most {MAX_SIGNATURES} signatures"
            )
        if len({signature.keyid for signature in self.signatures}) < len(self.signatures):
            raise Refusal(Reason.ENVELOPE_MALFORMED, "an envelope has one signature for each keyid")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key that statements are verified with. Making one that cannot serve is refused.

    Attributes:
        spki_der: SubjectPublicKeyInfo, DER, in the one encoding that the algorithm has.
        keyid: Lower-case hex SHA-256 of `spki_der`.
    """

    spki_der: bytes
    keyid: str = field(init=False, compare=False)
    _key: Ed25519PublicKey = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keyid", sha256(self.spki_der).hexdigest())
        object.__setattr__(self, "_key", _load(self.spki_der))

    def verify(self, sig: bytes, message: bytes) -> None:
        """Check one signature.

        Args:
            sig: The signature.
            message: The bytes that were signed.

        Raises:
            Refusal: SIGNATURE_INVALID.
        """
        try:
            self._key.verify(sig, message)
        except InvalidSignature:
            raise Refusal(
                Reason.SIGNATURE_INVALID,
                "a signature does not verify under the key that it names; sign the bytes again",
            ) from None


def unsupported(expected: str) -> Refusal:
    """Build the refusal of an envelope with another payload type.

    Args:
        expected: The type that it should have.
    """
    return Refusal(Reason.PAYLOAD_TYPE_UNSUPPORTED, f"the payload type is {expected}")


def public_key(spki_der: bytes) -> PublicKey:
    """Load a statement-signing key.

    Args:
        spki_der: SubjectPublicKeyInfo, DER (RFC 8410 for Ed25519).

    Returns:
        The key.

    Raises:
        Refusal: KEY_ALGORITHM_UNSUPPORTED, it is not an Ed25519 key in its one encoding, or it is
            one of the points of small order.
    """
    return PublicKey(spki_der=spki_der)


def pae(type: str, body: bytes) -> bytes:  # noqa: A002 - the specification's word
    """Encode type and body for signing (DSSE 1.0, protocol, "PAE").

    Args:
        type: The payload type.
        body: The payload.

    Returns:
        `"DSSEv1" SP len(type) SP type SP len(body) SP body`, lengths in decimal, of bytes.
    """
    encoded = type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(encoded), encoded, len(body), body)


def digest(payload: bytes) -> bytes:
    """Name a statement: the SHA-256 of what its signers sign.

    Args:
        payload: The statement's bytes.

    Returns:
        The digest, 32 bytes.
    """
    return sha256(pae(PAYLOAD_TYPE, payload)).digest()


def verify(envelope: Envelope, candidates: Mapping[str, PublicKey]) -> tuple[str, ...]:
    """Check every signature of an envelope (DSSE 1.0, protocol, "Verifying").

    Args:
        envelope: The envelope.
        candidates: Keys that may have signed it, by keyid.

    Returns:
        The keyids of the keys that verified: all of the envelope's, in its order.

    Raises:
        Refusal: KEY_UNKNOWN, a signature names no candidate; SIGNATURE_INVALID, one does not verify
            under the candidate that it names.
    """
    # 1. Recompute what the signers must have signed, from the payload's bytes as they came.
    signed = pae(envelope.payload_type, envelope.payload)

    # 2. Each signature must name a candidate, and verify under it. One bad signature is enough.
    verified = []
    for signature in envelope.signatures:
        key = candidates.get(signature.keyid)
        if key is None:
            raise Refusal(
                Reason.KEY_UNKNOWN,
                "a signature names a key that the directory does not hold for the sender",
            )
        key.verify(signature.sig, signed)
        verified.append(key.keyid)

    # 3. The caller decides whether these keys are enough, and whose they are.
    return tuple(verified)


def _load(spki_der: bytes) -> Ed25519PublicKey:
    """Load an Ed25519 key that has this encoding only, and that one private key stands behind."""
    unusable = Refusal(
        Reason.KEY_ALGORITHM_UNSUPPORTED,
        "a signing key is Ed25519, as SubjectPublicKeyInfo DER (RFC 8410); make one with forewarn",
    )
    try:
        key = load_der_public_key(spki_der)
    except (ValueError, UnsupportedAlgorithm):
        raise unusable from None
    if not isinstance(key, Ed25519PublicKey):
        raise unusable
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != spki_der:
        raise unusable
    raw = key.public_bytes_raw()
    if raw[:-1] + bytes([raw[-1] & 0x7F]) in _SMALL_ORDER:
        raise unusable
    return key
