"""Checkpoints: a tree head as C2SP tlog-checkpoint text, in a note that its log has signed.

* A checkpoint is exactly three lines: origin, size in decimal, root in base64. We refuse the
  optional extension lines: they are signed and yet audited by nobody.
* Signatures by unknown keys are ignored, as are those that share only a name or only an id with a
  known key. A known key whose signature does not verify rejects the whole note.
* A log signs with a key named like its origin; without a signature by such a key there is no
  checkpoint, whoever else signed.

It does not decide whether a checkpoint may be signed (the keeper of the high-water mark does), nor
whether the tree that it names extends an earlier one (a consistency proof does). The notes and
their keys come from `note`, and are offered here as well.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from gateway.core.note import (
    Note,
    NoteError,
    NoteReason,
    NoteSignature,
    NoteSigner,
    NoteVerifier,
    decode64,
    decode_text,
    encode64,
    is_line,
    parse_note,
)
from gateway.core.proof import EMPTY_ROOT, HASH_BYTES, MAX_SIZE

__all__ = [
    "Checkpoint",
    "Note",
    "NoteError",
    "NoteReason",
    "NoteSignature",
    "NoteSigner",
    "NoteVerifier",
    "open_checkpoint",
    "parse_note",
]

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The tree head that a log commits to.

    Attributes:
        origin: The log's identity, as in `exchange.example/ledger`; one line.
        size: Number of leaves, 0 to 2**63 - 1.
        root: Root hash, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not is_line(self.origin):
            raise NoteError(NoteReason.ORIGIN_MALFORMED, "an origin is one line, and not empty")
        if not 0 <= self.size <= MAX_SIZE:
            raise NoteError(NoteReason.SIZE_MALFORMED, f"a tree has 0 to {MAX_SIZE} leaves")
        if len(self.root) != HASH_BYTES or (self.size == 0 and self.root != EMPTY_ROOT):
            raise NoteError(NoteReason.ROOT_MALFORMED, "the root is not one of a tree of that size")

    def text(self) -> bytes:
        """Give the three lines that are signed (tlog-checkpoint, "Note text")."""
        return f"{self.origin}\n{self.size}\n{encode64(self.root)}\n".encode()

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read a checkpoint from a note's text, whose signatures have been verified.

        Args:
            text: The text, with its final newline.

        Returns:
            The checkpoint; its `text()` is `text` again.

        Raises:
            NoteError: The text is not exactly the three lines of a checkpoint.
        """
        lines = decode_text(text)[:-1].split("\n")
        if len(lines) < 3:  # noqa: PLR2004 - origin, size, root
            raise NoteError(NoteReason.CHECKPOINT_TOO_SHORT, "it ends before the root")
        origin, size, root, *extensions = lines
        if extensions:
            raise NoteError(NoteReason.EXTENSION_LINES, "a line follows the root")
        if not _SIZE.fullmatch(size):
            raise NoteError(NoteReason.SIZE_MALFORMED, "the size is not a plain decimal number")
        decoded = decode64(root)
        if decoded is None:
            raise NoteError(NoteReason.ROOT_MALFORMED, "the root is not standard base64")
        return cls(origin=origin, size=int(size), root=decoded)


def open_checkpoint(note: bytes, verifiers: Iterable[NoteVerifier], origin: str) -> Checkpoint:
    """Verify a signed checkpoint of a log, and read it.

    Args:
        note: The note's bytes.
        verifiers: The keys that are known; those named like `origin` are the log's.
        origin: The log's identity.

    Returns:
        The checkpoint.

    Raises:
        NoteError: The bytes are not a note; a known key's signature does not verify; no key of the
            log signed; or the text is no checkpoint, or one of another log.
    """
    # 1. Take text and signatures apart.
    parsed = parse_note(note)

    # 2. Every signature that claims to be by a known key must verify; all others are ignored.
    known = tuple(verifiers)
    signers = set()
    for signature in parsed.signatures:
        for verifier in known:
            if verifier.matches(signature):
                verifier.verify(parsed.text, signature)
                signers.add(verifier.name)

    # 3. The log itself must be among the signers.
    if origin not in signers:
        raise NoteError(NoteReason.NO_KNOWN_KEY, "no key known for this log signed the note")

    # 4. Only now is the text worth reading; it must be about this log.
    checkpoint = Checkpoint.parse(parsed.text)
    if checkpoint.origin != origin:
        raise NoteError(NoteReason.ORIGIN_FOREIGN, "the checkpoint is one of another log")
    return checkpoint
