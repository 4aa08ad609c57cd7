"""Signed notes and the checkpoints in them (C2SP signed-note and tlog-checkpoint).

* A note is text, an empty line, and signature lines `— <key name> <base64>`.
* Signatures by unknown keys are ignored; one in a known key's name and id that does not verify
  rejects the note; without any by a known key the note proves nothing.
* A checkpoint is three lines: origin, size in plain decimal, base64 of the root. Nothing follows.

It does not compare checkpoints with each other: `history` does.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from forewarn_client import merkle
from forewarn_client.errors import Flaw, VerificationError

MAX_NOTE_BYTES: Final = 1_048_576
MAX_SIGNATURES: Final = 100
_KEY_ID_BYTES: Final = 4
_ED25519: Final = b"\x01"
_ED25519_BYTES: Final = 32
_LINE: Final = "\u2014 "
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_KEY_PARTS: Final = 3
_CHECKPOINT_LINES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line.

    Attributes:
        name: Name of the key.
        key_id: The key's short id, 4 bytes: a hint, not an identity.
        signature: What follows it; its form is the key's own affair.
    """

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note, parsed and not verified.

    Attributes:
        text: The signed text, its last newline included.
        signatures: Its signature lines, in order.
    """

    text: bytes
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The head of a ledger.

    Attributes:
        origin: Name of the ledger, as in `exchange.example/ledger`.
        size: Number of its entries.
        root: Root hash of its tree, 32 bytes.
    """

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A public key that signs notes, as `name+hex8+base64`.

    Attributes:
        name: Name of the key.
        key_id: Its short id, 4 bytes.
        key: The Ed25519 key itself.
    """

    name: str
    key_id: bytes
    key: Ed25519PublicKey

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Parse a verifier key string.

        Args:
            text: As in `exchange.example/ledger+1a2b3c4d+AQ...`.

        Returns:
            The key.

        Raises:
            VerificationError: LOG_KEY_MALFORMED; it is none, its id does not fit its name and key,
                or it is not an Ed25519 key.
        """
        parts = text.split("+", 2)
        if len(parts) != _KEY_PARTS:
            raise _bad_key("verifier-key-malformed", "a log key has the form name+hex8+base64")
        name, hex_id, encoded = parts
        if not is_name(name):
            raise _bad_key("key-name-malformed", "the log key has no name, or one with spaces")
        material = from_base64(encoded) or b""
        if material[:1] != _ED25519 or len(material) != 1 + _ED25519_BYTES:
            raise _bad_key(
                "verifier-key-malformed", "the log key is not an Ed25519 key (0x01 and 32 bytes)"
            )
        key_id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:_KEY_ID_BYTES]
        if key_id.hex() != hex_id:
            raise _bad_key(
                "verifier-key-malformed", "the log key's id does not fit its name and key"
            )
        key = Ed25519PublicKey.from_public_bytes(material[1:])
        return cls(name=name, key_id=key_id, key=key)

    def __str__(self) -> str:
        """Give the verifier key string."""
        material = _ED25519 + self.key.public_bytes_raw()
        return f"{self.name}+{self.key_id.hex()}+{to_base64(material)}"

    def verifies(self, signature: bytes, text: bytes) -> bool:
        """Tell whether a signature of a note's text is by this key."""
        try:
            self.key.verify(signature, text)
        except InvalidSignature:
            return False
        return True


def parse_note(data: bytes) -> Note:
    """Parse a signed note.

    Args:
        data: The note, UTF-8.

    Returns:
        The note, not verified.

    Raises:
        VerificationError: CHECKPOINT_MALFORMED.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise _malformed("note-too-large", "the note is too long")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise _malformed("not-utf8", "the note is not UTF-8") from None
    if _CONTROL.search(whole):
        raise _malformed("control-character", "the note holds a control character")
    if not whole.endswith("\n"):
        raise _malformed("final-newline-missing", "the note does not end with a newline")
    text, _, block = whole.rpartition("\n\n")
    if not text or not block:
        raise _malformed("signatures-missing", "the note has no text or no signatures")
    lines = block[:-1].split("\n")
    signatures = tuple(_signature(line) for line in lines)
    if len(signatures) > MAX_SIGNATURES:
        raise _malformed("signatures-too-many", f"the note has over {MAX_SIGNATURES} signatures")
    return Note(text=f"{text}\n".encode(), signatures=signatures)


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Parse the text of a checkpoint.

    Args:
        text: Signed text of a note.

    Returns:
        The checkpoint.

    Raises:
        VerificationError: CHECKPOINT_MALFORMED.
    """
    checkpoint = checkpoint_of(text)
    if text.count(b"\n") > _CHECKPOINT_LINES:
        raise _malformed("extension-lines", "a checkpoint has three lines and nothing after them")
    if checkpoint.size == 0 and checkpoint.root != merkle.EMPTY_ROOT:
        raise _malformed("root-malformed", "the root of an empty tree is another one")
    return checkpoint


def checkpoint_of(text: bytes) -> Checkpoint:
    """Parse what any log's checkpoint says, also one with extension lines, which are passed over.

    Whether the root of an empty tree is the right one is left open: who answers for a log's past
    answers that otherwise than a malformed note.

    Args:
        text: Signed text of a note.

    Returns:
        The checkpoint: the first three lines.

    Raises:
        VerificationError: CHECKPOINT_MALFORMED.
    """
    lines = text.decode(errors="replace").split("\n")
    if len(lines) <= _CHECKPOINT_LINES:
        raise _malformed("checkpoint-too-short", "a checkpoint has three lines")
    if lines.pop() or "" in lines[_CHECKPOINT_LINES:]:
        raise _malformed("extension-lines", "a line after the three is empty, or does not end")
    origin, size, encoded = lines[:_CHECKPOINT_LINES]
    if _SIZE.fullmatch(size) is None or int(size) > merkle.MAX_SIZE:
        raise _malformed("size-malformed", "the size is not a plain decimal number")
    root = from_base64(encoded) or b""
    if len(root) != merkle.HASH_BYTES:
        raise _malformed("root-malformed", "the root is not the base64 of 32 bytes")
    if not is_name(origin):
        raise _malformed("origin-malformed", "the origin is empty, or has spaces")
    return Checkpoint(origin=origin, size=int(size), root=root)


def open_checkpoint(data: bytes, keys: Sequence[VerifierKey], origin: str) -> Checkpoint:
    """Verify a signed checkpoint.

    Args:
        data: The signed note.
        keys: Keys that are trusted for this ledger.
        origin: Name of the ledger that is expected.

    Returns:
        The checkpoint.

    Raises:
        VerificationError: CHECKPOINT_MALFORMED, CHECKPOINT_UNSIGNED, CHECKPOINT_SIGNATURE_INVALID
            or CHECKPOINT_FOREIGN.
    """
    note = parse_note(data)
    known = {(key.name, key.key_id): key for key in keys}
    signed_by: set[str] = set()
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        if not key.verifies(line.signature, note.text):
            raise VerificationError(
                Flaw.CHECKPOINT_SIGNATURE_INVALID,
                f"the checkpoint's signature by {key.name} does not verify",
                "signature-invalid",
            )
        signed_by.add(key.name)
    if origin not in signed_by:
        raise VerificationError(
            Flaw.CHECKPOINT_UNSIGNED,
            "the checkpoint is not signed by the pinned log key; if the exchange says that its "
            "log key changed, obtain the new one out of band",
            "no-known-key",
        )
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise VerificationError(
            Flaw.CHECKPOINT_FOREIGN, f"the checkpoint is not one of {origin}", "origin-foreign"
        )
    return checkpoint


def _signature(line: str) -> NoteSignature:
    name, separator, encoded = line.removeprefix(_LINE).partition(" ")
    payload = from_base64(encoded) or b""
    well_formed = line.startswith(_LINE) and separator and is_name(name)
    if not well_formed or len(payload) <= _KEY_ID_BYTES:
        raise _malformed(
            "signature-line-malformed", "a signature line does not read `\u2014 name base64`"
        )
    return NoteSignature(
        name=name, key_id=payload[:_KEY_ID_BYTES], signature=payload[_KEY_ID_BYTES:]
    )


def is_name(name: str) -> bool:
    """Tell whether a key may have a name: not empty, without spaces and plus signs."""
    return bool(name) and "+" not in name and not any(character.isspace() for character in name)


def to_base64(data: bytes) -> str:
    """Encode in standard padded base64."""
    return base64.b64encode(data).decode()


def from_base64(text: str) -> bytes | None:
    """Decode standard padded base64; None for anything that is not its one encoding."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    return data if to_base64(data) == text else None


def _malformed(rule: str, detail: str) -> VerificationError:
    return VerificationError(Flaw.CHECKPOINT_MALFORMED, detail, rule)


def _bad_key(rule: str, detail: str) -> VerificationError:
    return VerificationError(
        Flaw.LOG_KEY_MALFORMED, f"{detail}; copy it again from the exchange's join file", rule
    )
