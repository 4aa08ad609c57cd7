"""Signed notes: text that one or more keys have signed, in the C2SP signed-note format.

* A note is UTF-8 text without control characters other than newline; a text, an empty line, and
  signature lines, each ended by a newline. What parses encodes to the same bytes, or is refused.
* Name and id together say which key made a line; either alone says nothing.
* Only Ed25519, type 0x01, is signed and verified here; lines of other types are kept as they are.

It does not decide whose signature is needed, nor what a text means: `checkpoint` does.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from enum import StrEnum, unique
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MAX_NOTE_BYTES: Final = 1 << 20
MAX_NOTE_SIGNATURES: Final = 100

_DASH: Final = "\u2014"
_ED25519: Final = b"\x01"
_KEY_BYTES: Final = 32
_KEY_ID_BYTES: Final = 4
_CONTROL: Final = re.compile(r"[\x00-\x1f]")


@unique
class NoteReason(StrEnum):
    """Why a note, a checkpoint or a verifier key is refused. Shared with the vector files."""

    NOTE_TOO_LARGE = "note-too-large"
    NOT_UTF8 = "not-utf8"
    CONTROL_CHARACTER = "control-character"
    FINAL_NEWLINE_MISSING = "final-newline-missing"
    SIGNATURES_MISSING = "signatures-missing"
    SIGNATURES_TOO_MANY = "signatures-too-many"
    SIGNATURE_LINE_MALFORMED = "signature-line-malformed"
    SIGNATURE_INVALID = "signature-invalid"
    NO_KNOWN_KEY = "no-known-key"
    CHECKPOINT_TOO_SHORT = "checkpoint-too-short"
    EXTENSION_LINES = "extension-lines"
    ORIGIN_MALFORMED = "origin-malformed"
    ORIGIN_FOREIGN = "origin-foreign"
    SIZE_MALFORMED = "size-malformed"
    ROOT_MALFORMED = "root-malformed"
    KEY_NAME_MALFORMED = "key-name-malformed"
    VERIFIER_KEY_MALFORMED = "verifier-key-malformed"


class NoteError(ValueError):
    """A note, a checkpoint or a verifier key is not to be relied on.

    Attributes:
        reason: What is wrong with it.
    """

    def __init__(self, reason: NoteReason, detail: str) -> None:
        """Keep the reason; the sentence is the error's text."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line of a note, of whatever type.

    Attributes:
        name: The key's name, without spaces and `+`.
        key_id: The key's id, 4 bytes.
        signature: What the key made, at least one byte; its type is known to who knows the key.
    """

    name: str
    key_id: bytes
    signature: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.key_id) != _KEY_ID_BYTES or not self.signature:
            raise NoteError(NoteReason.SIGNATURE_LINE_MALFORMED, "a key id has 4 bytes")

    def line(self) -> bytes:
        """Give the line, with its newline (signed-note, "Signatures")."""
        return f"{_DASH} {self.name} {encode64(self.key_id + self.signature)}\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text and its signatures, none of them verified yet.

    Attributes:
        text: The text that is signed, with its final newline.
        signatures: 1 to 100 signature lines, in order.
    """

    text: bytes
    signatures: tuple[NoteSignature, ...]

    def __post_init__(self) -> None:
        decode_text(self.text)
        if not self.signatures:
            raise NoteError(NoteReason.SIGNATURES_MISSING, "nobody signed the note")
        if len(self.signatures) > MAX_NOTE_SIGNATURES:
            raise NoteError(
                NoteReason.SIGNATURES_TOO_MANY, f"at most {MAX_NOTE_SIGNATURES} may sign a note"
            )

    def encode(self) -> bytes:
        """Give the note's bytes (signed-note, "Format")."""
        return self.text + b"\n" + b"".join(signature.line() for signature in self.signatures)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteVerifier:
    """A key that notes are verified with; `str()` gives the verifier key string.

    Attributes:
        name: The key's name.
        public_key: Ed25519 public key, 32 bytes (RFC 8032).
        key_id: First 4 bytes of `SHA-256(name || 0x0A || 0x01 || public key)`.
    """

    name: str
    public_key: bytes
    key_id: bytes = field(init=False)
    _key: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public_key) != _KEY_BYTES:
            raise NoteError(NoteReason.VERIFIER_KEY_MALFORMED, "an Ed25519 key has 32 bytes")
        key_id = sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()
        object.__setattr__(self, "key_id", key_id[:_KEY_ID_BYTES])
        object.__setattr__(self, "_key", Ed25519PublicKey.from_public_bytes(self.public_key))

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode64(_ED25519 + self.public_key)}"

    @classmethod
    def parse(cls, verifier_key: str) -> Self:
        """Read a verifier key as members keep it in their configuration.

        Args:
            verifier_key: `name+hex8+base64(type || public key)`.

        Returns:
            The key; `str()` of it is `verifier_key` again.

        Raises:
            NoteError: The string has another form, another type of key, or an id that is not
                this key's.
        """
        name, _, rest = verifier_key.partition("+")
        decoded = decode64(rest.partition("+")[2])
        if decoded is None or decoded[:1] != _ED25519:
            raise NoteError(
                NoteReason.VERIFIER_KEY_MALFORMED, "it is not name+id+key of an Ed25519 key"
            )
        verifier = cls(name=name, public_key=decoded[1:])
        if str(verifier) != verifier_key:
            raise NoteError(NoteReason.VERIFIER_KEY_MALFORMED, "the id in it is not that key's")
        return verifier

    def matches(self, signature: NoteSignature) -> bool:
        """Tell whether a line claims to be by this key: both its name and its id match."""
        return (signature.name, signature.key_id) == (self.name, self.key_id)

    def verify(self, text: bytes, signature: NoteSignature) -> None:
        """Check a signature of this key.

        Args:
            text: The note's text, with its final newline.
            signature: A line that claims to be by this key.

        Raises:
            NoteError: The signature does not verify.
        """
        try:
            self._key.verify(signature.signature, text)
        except InvalidSignature:
            raise NoteError(
                NoteReason.SIGNATURE_INVALID, "a known key did not make its signature"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSigner:
    """A key that notes are signed with.

    Attributes:
        name: The key's name; for a log, its origin.
        key: The private key.
    """

    name: str
    key: Ed25519PrivateKey = field(repr=False)
    _verifier: NoteVerifier = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        public_key = self.key.public_key().public_bytes_raw()
        verifier = NoteVerifier(name=self.name, public_key=public_key)
        object.__setattr__(self, "_verifier", verifier)

    def sign(self, text: bytes) -> NoteSignature:
        """Sign a note's text. Whether it may be signed has been decided before.

        Args:
            text: The text, with its final newline.

        Returns:
            The signature line.

        Raises:
            NoteError: The text is not one that a note can carry.
        """
        decode_text(text)
        key_id = self.verifier().key_id
        return NoteSignature(name=self.name, key_id=key_id, signature=self.key.sign(text))

    def verifier(self) -> NoteVerifier:
        """Give the public half."""
        return self._verifier

    def verifier_key(self) -> str:
        """Give the public half as members keep it: `name+hex8+base64(type || public key)`."""
        return str(self.verifier())


def parse_note(note: bytes) -> Note:
    """Read a note without verifying it (signed-note, "Format").

    Args:
        note: The note's bytes, at most 1 MiB.

    Returns:
        The note; its `encode()` is `note` again.

    Raises:
        NoteError: The bytes are not exactly a note.
    """
    if len(note) > MAX_NOTE_BYTES:
        raise NoteError(NoteReason.NOTE_TOO_LARGE, f"a note has at most {MAX_NOTE_BYTES} bytes")
    # The last empty line counts: a text may hold others (signed-note, "Format").
    text, separator, lines = decode_text(note).rpartition("\n\n")
    if not separator or not lines:
        raise NoteError(NoteReason.SIGNATURES_MISSING, "no signatures follow an empty line")
    signatures = tuple(_parse_line(line) for line in lines[:-1].split("\n"))
    return Note(text=f"{text}\n".encode(), signatures=signatures)


def decode_text(text: bytes) -> str:
    """Decode what must be lines of UTF-8 without control characters, the last one ended.

    Args:
        text: A note, or a note's text.

    Returns:
        The same as a string, with its final newline.

    Raises:
        NoteError: The bytes are not such lines.
    """
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        raise NoteError(NoteReason.NOT_UTF8, "a note is UTF-8") from None
    if _CONTROL.search(decoded.replace("\n", "")):
        raise NoteError(NoteReason.CONTROL_CHARACTER, "a note has no control character but newline")
    if not decoded.endswith("\n"):
        raise NoteError(NoteReason.FINAL_NEWLINE_MISSING, "the last line is not ended")
    return decoded


def is_line(text: str) -> bool:
    """Tell whether a string can stand as one line of a note: not empty, no control, UTF-8."""
    has_utf8 = not any("\ud800" <= char <= "\udfff" for char in text)
    return bool(text) and has_utf8 and not _CONTROL.search(text)


def encode64(data: bytes) -> str:
    """Encode standard base64 (RFC 4648 section 4)."""
    return base64.b64encode(data).decode()


def decode64(encoded: str) -> bytes | None:
    """Decode standard base64 (RFC 4648 section 4) that has this one encoding, or give None."""
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return None
    return decoded if encode64(decoded) == encoded else None


def _parse_line(line: str) -> NoteSignature:
    """Read one signature line, without its newline."""
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    decoded = decode64(encoded)
    if dash != _DASH or decoded is None or not _is_name(name):
        raise NoteError(
            NoteReason.SIGNATURE_LINE_MALFORMED, "a line is not dash, key name, and base64"
        )
    return NoteSignature(
        name=name, key_id=decoded[:_KEY_ID_BYTES], signature=decoded[_KEY_ID_BYTES:]
    )


def check_name(name: str) -> None:
    """Raise the NoteError of a name that no key may have (signed-note, "Format")."""
    if not _is_name(name):
        raise NoteError(
            NoteReason.KEY_NAME_MALFORMED, "a key's name has no spaces and no +, and is not empty"
        )


def _is_name(name: str) -> bool:
    """Tell whether a key may have this name (signed-note, "Format")."""
    return is_line(name) and "+" not in name and not any(char.isspace() for char in name)
