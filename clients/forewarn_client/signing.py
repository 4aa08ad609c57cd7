"""Signing keys and what they sign.

* A key signs statements, and confirmations of what was received; each under a payload type of its
  own, so that neither is ever taken for the other. TLS uses another key.
* Keys are Ed25519, in PKCS #8 PEM files of mode 0600; they are never printed or logged.
* An envelope carries one signature a key, in the order of the keys.

It does not judge what is signed: `authoring` checks a statement's rules before it comes here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from forewarn.exchange.v1 import envelope_pb2
from forewarn_client import dsse, files
from forewarn_client.errors import HomeError, RequestError


class Signable(Protocol):
    """A statement that is ready to be signed, such as an `authoring.Draft`."""

    @property
    def payload(self) -> bytes:
        """A serialized `Statement`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key that signs statements.

    Attributes:
        keyid: Lower-case hex SHA-256 of `spki`.
        spki: The public key: SubjectPublicKeyInfo, DER. The registrar registers it.
    """

    keyid: str
    spki: bytes
    _key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, key: Ed25519PrivateKey) -> Self:
        """Wrap a private key.

        Args:
            key: The key.

        Returns:
            The signer.
        """
        spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(keyid=dsse.key_id(spki), spki=spki, _key=key)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a key from its file.

        Args:
            path: A PKCS #8 PEM file, not encrypted.

        Returns:
            The signer.

        Raises:
            HomeError: It cannot be read, others may read it, or it holds no Ed25519 key.
        """
        try:
            key = load_pem_private_key(files.read_private(path), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise HomeError(f"{path} is not an unencrypted private key in PEM form") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise HomeError(f"{path} is not an Ed25519 key: statements are signed with Ed25519")
        return cls.of(key)

    @classmethod
    def generate(cls, path: Path) -> Self:
        """Make a new key and keep it in a file of mode 0600.

        Args:
            path: The file; it must not exist.

        Returns:
            The signer.

        Raises:
            HomeError: The file exists, or cannot be written.
        """
        if path.exists():
            raise HomeError(f"{path} exists already: a key is never overwritten")
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        files.make_folder(path.parent)
        files.write(path, pem)
        return cls.of(key)

    def sign(self, message: bytes) -> bytes:
        """Sign a message.

        Args:
            message: The pre-authentication encoding of a statement.

        Returns:
            64 bytes.
        """
        return self._key.sign(message)


def sign(draft: Signable, signers: Sequence[Signer]) -> bytes:
    """Sign a statement.

    Args:
        draft: The statement.
        signers: Keys to sign it with, 1 to 16, each another one.

    Returns:
        A serialized `Envelope`.

    Raises:
        RequestError: There is no key, one too many, or the same twice.
    """
    return sign_payload(draft.payload, dsse.PAYLOAD_TYPE, signers)


def sign_payload(payload: bytes, payload_type: str, signers: Sequence[Signer]) -> bytes:
    """Sign a payload of some type.

    Args:
        payload: The bytes.
        payload_type: What they are.
        signers: Keys to sign it with, 1 to 16, each another one.

    Returns:
        A serialized `Envelope`.

    Raises:
        RequestError: There is no key, one too many, or the same twice.
    """
    keyids = {signer.keyid for signer in signers}
    if not 1 <= len(signers) <= dsse.MAX_SIGNATURES or len(keyids) != len(signers):
        raise RequestError("a statement is signed by 1 to 16 keys, each another one")
    message = dsse.pae(payload_type, payload)
    envelope = envelope_pb2.Envelope(payload=payload, payload_type=payload_type)
    for signer in signers:
        envelope.signatures.add(sig=signer.sign(message), keyid=signer.keyid)
    return envelope.SerializeToString(deterministic=True)
