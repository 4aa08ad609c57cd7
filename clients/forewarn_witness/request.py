"""What is handed in to a witness: `old`, a consistency proof, an empty line, a checkpoint.

* The form is exactly that of C2SP tlog-witness; what does not have it is refused before anything in
  it is looked at.
* A checkpoint may have extension lines here: a witness serves other logs too. It makes no statement
  about them.
"""

import re
from dataclasses import dataclass
from typing import Final

from forewarn_client import note
from forewarn_client.errors import VerificationError

MOST_BYTES: Final = 256 << 10
"""Most bytes of a request: a proof has at most 63 lines, the rest is for signatures."""

_MOST_PROOF_LINES: Final = 63
_HASH_BYTES: Final = 32
_OLD: Final = re.compile(rb"old (0|[1-9][0-9]{0,18})")


class MalformedError(Exception):
    """The request has not the form that it has to have; the text says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """A checkpoint that is handed in, parsed and not verified.

    Attributes:
        old: Size of the checkpoint that the proof begins with; 0 for none.
        proof: The consistency proof's hashes.
        signed: The signed note, as it came.
        parsed: The same, parsed.
        checkpoint: What it says: origin, size, root.
    """

    old: int
    proof: tuple[bytes, ...]
    signed: bytes
    parsed: note.Note
    checkpoint: note.Checkpoint

    @classmethod
    def parse(cls, body: bytes) -> "AddCheckpoint":
        """Parse the body of a request.

        Args:
            body: Its bytes.

        Returns:
            What was handed in.

        Raises:
            MalformedError: It has another form.
        """
        if len(body) > MOST_BYTES:
            raise MalformedError(f"the request is over {MOST_BYTES} bytes")
        head, separator, signed = body.partition(b"\n\n")
        first, *lines = head.split(b"\n")
        old = _OLD.fullmatch(first)
        if old is None or not separator:
            raise MalformedError("the request does not begin with `old`, a size and an empty line")
        if len(lines) > _MOST_PROOF_LINES:
            raise MalformedError(f"the proof has over {_MOST_PROOF_LINES} lines")
        proof = tuple(_hash(line) for line in lines)
        try:
            parsed = note.parse_note(signed)
            checkpoint = note.checkpoint_of(parsed.text)
        except VerificationError as error:
            raise MalformedError(error.detail) from None
        return cls(
            old=int(old[1]), proof=proof, signed=signed, parsed=parsed, checkpoint=checkpoint
        )


def _hash(line: bytes) -> bytes:
    data = note.from_base64(line.decode("ascii", errors="replace"))
    if data is None or len(data) != _HASH_BYTES:
        raise MalformedError("a line of the proof is not the base64 of 32 bytes")
    return data
