"""The blocks of a log, put together from what its two engines still hold.

* A block of the store counts if it has the SHA-256 that was recorded with it; a block of the stream
  if it has the one that the store recorded, or proves itself by its message id.
* Where both engines hold a block at one place and contradict each other, either may be right: the
  signed checkpoint decides, once with the one and once with the other.
* What comes after the first place that neither can fill is kept apart: it may follow only if
  everything that was signed stands before it.
* Nothing is made up, and nothing is left out of what was signed: `rebuild` proves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum, unique
from hashlib import sha256
from itertools import count
from typing import Final

from gateway.ledger.raw import RawStore, Unreadable
from gateway.ledger.salvage import Salvaged

_MOST_SOUGHT: Final = 10_000_000
"""So many blocks are asked for one by one: a damaged number can be any."""


@unique
class Engine(StrEnum):
    """Which of the two is believed first where they contradict each other."""

    STORE = "store"
    STREAM = "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A block that can be read.

    Attributes:
        sha256: SHA-256 of its bytes.
        stored: Its sequence in the store, if it is read from there.
        streamed: Its record in the stream's files, if it is read from there.
    """

    sha256: bytes
    stored: int = 0
    streamed: Salvaged | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What there is of a log.

    Attributes:
        blocks: The blocks from the first on, without a gap.
        later: Blocks that the engines hold besides, in order; nobody was given a receipt for them
            if all that was signed stands in `blocks`.
        last: The last sequence that either engine knows of.
    """

    blocks: tuple[Piece, ...]
    later: tuple[Piece, ...]
    last: int


class Pieces:
    """Everything that the engines of one log hold, looked through once."""

    def __init__(self, store: RawStore | None, streamed: Iterable[Salvaged]) -> None:
        """Look through both.

        Args:
            store: The store; None where it cannot be opened.
            streamed: What the stream's files hold.

        Raises:
            OSError: A file of the stream cannot be read.
        """
        self._store = store
        self._recorded: dict[int, bytes] = {}
        self._stored: dict[int, Piece] = {}
        self._streamed: dict[int, list[Salvaged]] = {}
        for sequence, recorded, found in _stored(store) if store is not None else ():
            self._recorded[sequence] = recorded
            if found == recorded:
                self._stored[sequence] = Piece(sha256=found, stored=sequence)
        for record in streamed:
            self._streamed.setdefault(record.sequence, []).append(record)

    def close(self) -> None:
        """Close the store; nothing can be read any more."""
        if self._store is not None:
            self._store.close()

    def assemble(self, first: Engine) -> Assembled:
        """Put the blocks together.

        Args:
            first: Which engine is believed where they contradict each other.
        """
        blocks: list[Piece] = []
        for sequence in count(1):
            piece = self._at(sequence, first)
            if piece is None:
                break
            blocks.append(piece)
        known = {piece.sha256 for piece in blocks}
        later: list[Piece] = []
        # What is there, and not what may be: a damaged number can be any.
        held = sorted({*self._recorded, *self._streamed})
        for sequence in held:
            for piece in self._certain(sequence):
                if piece.sha256 not in known:
                    known.add(piece.sha256)
                    later.append(piece)
        return Assembled(blocks=tuple(blocks), later=tuple(later), last=max(held, default=0))

    def read(self, piece: Piece) -> bytes:
        """Read a block again, and compare it with what was found.

        Raises:
            Unreadable: It is not what it was.
        """
        if piece.streamed is not None:
            message = piece.streamed.read()
        else:
            row = self._store.block(piece.stored) if self._store is not None else None
            message = row.message if row is not None else b""
        if sha256(message).digest() != piece.sha256:
            raise Unreadable("a block changed while it was read")
        return message

    def _at(self, sequence: int, first: Engine) -> Piece | None:
        """Choose the block at a place."""
        stored = self._stored.get(sequence)
        recorded = self._recorded.get(sequence)
        found = self._streamed.get(sequence, [])
        ranks = (
            [each for each in found if each.sha256 == recorded],
            [each for each in found if each.proven and each.chained],
            [each for each in found if each.proven],
            # Somebody wrote it without an id: only the signed tree can vouch for it.
            [each for each in found if recorded is None and not each.named],
        )
        streamed = next((Piece(sha256=r[-1].sha256, streamed=r[-1]) for r in ranks if r), None)
        if first is Engine.STREAM and streamed is not None:
            return streamed
        return stored or streamed

    def _certain(self, sequence: int) -> Iterator[Piece]:
        """Give what holds by itself at a place, without a tree that vouches for it."""
        if sequence in self._stored:
            yield self._stored[sequence]
        for each in self._streamed.get(sequence, ()):
            if each.proven and each.chained:
                yield Piece(sha256=each.sha256, streamed=each)


def _stored(store: RawStore) -> Iterator[tuple[int, bytes, bytes]]:
    """Give sequence, recorded hash and hash of every block that SQLite can still read."""
    after = 0
    try:
        for row in store.blocks():
            after = row.sequence
            yield row.sequence, row.sha256, sha256(row.message).digest()
    except Unreadable:
        # One page is damaged: what stands on others can be asked for by itself.
        for sequence in range(after + 1, min(_last(store), after + _MOST_SOUGHT) + 1):
            try:
                found = store.block(sequence)
            except Unreadable:
                continue
            if found is not None:
                yield found.sequence, found.sha256, sha256(found.message).digest()


def _last(store: RawStore) -> int:
    try:
        return store.last[0]
    except Unreadable:
        return 0
