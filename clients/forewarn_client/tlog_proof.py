"""Proofs as files: C2SP tlog-proof, which tools that nobody here wrote can read.

* `c2sp.org/tlog-proof@v1`, an `extra` line where there is one, `index`, the hashes from leaf to
  root, an empty line, the checkpoint verbatim. What parses is written as the same bytes again.
* In a party's copy, `extra` is the *opening*: `forewarn/opening/v1`, a newline, a NUL, the 32 bytes
  of the salt, the entry body. Whoever has it has the content. Without it, a file proves that a
  commitment is in the log, and has to be told which.
* Nothing in a file is trusted. The specification says of `extra` that it is not authenticated; an
  opening is, as it has to hash to the leaf that is proven.

It says nothing of who signed the statement: `bundle` does.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from forewarn_client import commitment, merkle, note
from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.records import Evidence

SUFFIX: Final = ".tlog-proof"
MAX_BYTES: Final = 4 * 1_048_576
MAX_HASHES: Final = 63
_HEADER: Final = "c2sp.org/tlog-proof@v1"
_EXTRA: Final = "extra "
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)
_OPENING: Final = b"forewarn/opening/v1\n\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """A proof that something is in a log; nothing in it counts before it is verified.

    Attributes:
        index: Where it is said to be, from 0.
        hashes: The inclusion proof, leaf to root.
        checkpoint: The signed note that it leads to.
        extra: What the application added; None for nothing.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        """Take an entry with its proof, opened.

        Args:
            evidence: The entry.

        Returns:
            The proof, with the opening in `extra`.
        """
        return cls(
            index=evidence.index,
            hashes=evidence.inclusion_proof,
            checkpoint=evidence.checkpoint,
            extra=_OPENING + evidence.salt + evidence.entry_body,
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a file.

        Args:
            data: Its content.

        Returns:
            The proof; its `encode()` is `data` again.

        Raises:
            VerificationError: PROOF_MALFORMED, it is none; CHECKPOINT_MALFORMED, what it ends with
                is no note.
        """
        if len(data) > MAX_BYTES:
            raise _malformed("proof-too-large", f"a proof has at most {MAX_BYTES} bytes")
        head, separator, checkpoint = data.partition(b"\n\n")
        try:
            header, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise _malformed(
                "not-ascii", "before the checkpoint there is more than ASCII"
            ) from None
        if header != _HEADER:
            raise _malformed("header-malformed", f"it does not begin with {_HEADER}")
        if not separator:
            raise _malformed("checkpoint-missing", "no checkpoint follows an empty line")
        extra = _extra(lines.pop(0)) if lines and lines[0].startswith(_EXTRA) else None
        found = _INDEX.fullmatch(lines.pop(0)) if lines else None
        if found is None or int(found[1]) >= merkle.MAX_SIZE:
            raise _malformed("index-malformed", "it does not say an index in plain decimal")
        if len(lines) > MAX_HASHES:
            raise _malformed("hashes-too-many", f"a proof has at most {MAX_HASHES} hashes")
        note.parse_note(checkpoint)
        return cls(
            index=int(found[1]),
            hashes=tuple(parse_hash(line) for line in lines),
            checkpoint=checkpoint,
            extra=extra,
        )

    def encode(self) -> bytes:
        """Write the file.

        Returns:
            What `parse` reads.
        """
        extra = [] if self.extra is None else [_EXTRA + note.to_base64(self.extra)]
        hashes = [note.to_base64(item) for item in self.hashes]
        lines = [_HEADER, *extra, f"index {self.index}", *hashes, "", ""]
        return "\n".join(lines).encode() + self.checkpoint

    def without_opening(self) -> "TlogProof":
        """Give the copy for whoever is not to have the content."""
        return TlogProof(index=self.index, hashes=self.hashes, checkpoint=self.checkpoint)

    def opened(self) -> Evidence:
        """Take the opening out.

        Returns:
            The entry with its proof, not verified.

        Raises:
            VerificationError: PROOF_MALFORMED, there is no opening.
        """
        start = len(_OPENING) + commitment.SALT_BYTES
        if self.extra is None or not self.extra.startswith(_OPENING) or len(self.extra) < start:
            raise _malformed("opening-missing", "it holds no opening: it is no party's copy")
        return Evidence(
            entry_body=self.extra[start:],
            index=self.index,
            salt=self.extra[len(_OPENING) : start],
            inclusion_proof=self.hashes,
            checkpoint=self.checkpoint,
        )

    def verify(self, key: note.VerifierKey, committed: bytes) -> note.Checkpoint:
        """Verify that the log holds a commitment where the file says.

        Args:
            key: The log's key; its name is the origin.
            committed: The commitment, 32 bytes.

        Returns:
            The checkpoint that proves it.

        Raises:
            VerificationError: The checkpoint is not the log's, or the proof does not lead to it.
        """
        checkpoint = note.open_checkpoint(self.checkpoint, [key], key.name)
        leaf = merkle.leaf_hash(commitment.leaf(committed))
        merkle.verify_inclusion(leaf, self.index, checkpoint.size, self.hashes, checkpoint.root)
        return checkpoint


def parse_hash(line: str) -> bytes:
    """Read a hash that stands on a line of its own.

    Args:
        line: The line, without its end.

    Returns:
        The hash, 32 bytes.

    Raises:
        VerificationError: PROOF_MALFORMED, it is none.
    """
    item = note.from_base64(line)
    if item is None or len(item) != merkle.HASH_BYTES:
        raise _malformed("hash-malformed", "a line is not the base64 of a hash")
    return item


def _extra(line: str) -> bytes:
    extra = note.from_base64(line.removeprefix(_EXTRA))
    if not extra:
        raise _malformed("extra-malformed", "what is extra is empty, or not base64")
    return extra


def _malformed(rule: str, detail: str) -> VerificationError:
    return VerificationError(Flaw.PROOF_MALFORMED, f"the file is not a tlog-proof: {detail}", rule)
