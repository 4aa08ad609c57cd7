"""The two places of a high-water file, read without taking either on trust.

* A place holds a whole note of the log, nothing, or something that is neither: then it is damaged.
* A place is empty only before it was ever written: beside a mark larger than the empty tree, an
  empty one is damaged as well.
* Beside a damaged place, the mark in the other may be the one before the last. Whether it is can be
  told by the tree (`Doubt.settled`). Where the tree does not tell, nobody may sign on.

It writes nothing: the keeper does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.core.checkpoint import (
    Checkpoint,
    NoteError,
    NoteVerifier,
    open_checkpoint,
    parse_note,
)
from gateway.core.merkle import EMPTY_ROOT, TreeHead

PLACE_BYTES: Final = 4096
NOTHING_YET: Final = b"forewarn: this node has agreed with no checkpoint yet\n"
"""What a node says that cannot sign and has heard of no note."""
_PLACES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A whole place.

    Attributes:
        place: Which one, 0 or 1.
        note: The note, verbatim; None where the node has agreed with none yet.
        checkpoint: What it says.
    """

    place: int
    note: bytes | None
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A damaged place, which may have held a later mark than the other.

    Attributes:
        place: Which one, 0 or 1.
        mark: The mark in the other place.
        claim: What its text still says; None where it cannot be read.
        held: Its bytes, as far as they are no padding.
    """

    place: int
    mark: Checkpoint
    claim: Checkpoint | None
    held: bytes

    @property
    def harmless(self) -> bool:
        """Whether the place can only have held an earlier mark than the other."""
        return self.claim is not None and self.claim.size <= self.mark.size

    def settled(self, head: TreeHead, key: NoteVerifier) -> bool:
        """Tell whether the tree holds all that the damaged place can have said.

        A note is written only once the store has what it names. So a place that was cut off while
        it was written stands beside a tree that has grown beyond the mark; and where the tree ends
        at the mark, either the place held an earlier one, or both engines have lost what it named.

        Args:
            head: The tree's head, which stream and store agree on.
            key: The log's key.
        """
        if self.harmless or self._signed(head, key):
            return True
        if self.claim is not None and self.claim.size > head.size:
            return False
        return head.size > self.mark.size

    def _signed(self, head: TreeHead, key: NoteVerifier) -> bool:
        """Tell whether the place's signature, if it can still be read, is over this head."""
        text = Checkpoint(origin=key.name, size=head.size, root=head.root).text()
        _, _, lines = self.held.rpartition(b"\n\n")
        try:
            note = parse_note(text + b"\n" + lines)
            open_checkpoint(note.encode(), [key], key.name)
        except NoteError:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What a high-water file holds.

    Attributes:
        mark: The newest whole place.
        doubt: The other place, if it is damaged.
    """

    mark: Mark
    doubt: Doubt | None

    @classmethod
    def read(cls, content: bytes, key: NoteVerifier) -> Places:
        """Read a file.

        Args:
            content: The file's bytes.
            key: The log's key.

        Raises:
            NoteError: No place holds a note of the log.
        """
        held = [
            content[place * PLACE_BYTES :][:PLACE_BYTES].rstrip(b"\0") for place in range(_PLACES)
        ]
        whole: list[Mark] = []
        flaw: NoteError | None = None
        for place, note in enumerate(held):
            if note == NOTHING_YET:
                empty = Checkpoint(origin=key.name, size=0, root=EMPTY_ROOT)
                whole.append(Mark(place=place, note=None, checkpoint=empty))
                continue
            try:
                checkpoint = open_checkpoint(note, [key], key.name)
            except NoteError as error:
                flaw = flaw or error
                continue
            whole.append(Mark(place=place, note=note, checkpoint=checkpoint))
        if not whole:
            raise flaw or AssertionError
        mark = max(whole, key=lambda each: each.checkpoint.size)
        other = 1 - mark.place
        if len(whole) == _PLACES or (not held[other] and not mark.checkpoint.size):
            return cls(mark=mark, doubt=None)
        doubt = Doubt(
            place=other,
            mark=mark.checkpoint,
            claim=_claim(held[other], key),
            held=held[other],
        )
        return cls(mark=mark, doubt=doubt)


def padded(note: bytes) -> bytes:
    """Give the bytes of a place that holds a note."""
    return note.ljust(PLACE_BYTES, b"\0")


def _claim(held: bytes, key: NoteVerifier) -> Checkpoint | None:
    text, gap, _ = held.partition(b"\n\n")
    try:
        claim = Checkpoint.parse(text + b"\n")
    except NoteError:
        return None
    return claim if gap and claim.origin == key.name else None
