"""Under which signed note a node shows its tree: one that it signs, or one that it has compared.

* The integrator folds, and asks its `Endorser` for a note. Alone, that is the `keeper`, which
  signs. Beside other nodes it is a `NodeEndorser`: it signs while it has the turn, and else waits
  for what the signer says, compares, and passes that on.
* Every note heard is compared with this node's own tree as soon as the tree is that large, also
  while this node signs itself. Before it is compared, nobody here is shown it.
* A node never shows a head that nobody has signed.
* A note that the log's key has signed and that this tree contradicts halts the node, with both kept
  on disk. So do two such notes that contradict each other.
* What the log's key has not signed counts for nothing.

It knows no lease and no NATS: whose turn it is, and what was said, it is told.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from gateway.core.checkpoint import Checkpoint, NoteError, open_checkpoint
from gateway.core.errors import Fault, Reason
from gateway.core.merkle import TreeHead
from gateway.ledger import evidence
from gateway.ledger.keeper import Keeper

_log: Final = logging.getLogger(__name__)

_MOST_NOTES: Final = 1024


class Endorser(Protocol):
    """Gives the note under which a head may be shown. Used from the integrator's thread."""

    @property
    def mark(self) -> Checkpoint:
        """The last checkpoint that was signed or agreed with here."""

    def endorse(self, head: TreeHead, root_at: Callable[[int], bytes]) -> bytes | None:
        """Give the newest signed note that this tree bears out.

        Args:
            head: The head, which is durable in the store.
            root_at: Gives the tree's root at a smaller or equal size, computed from its tiles.

        Returns:
            The note, of the head's size or a smaller one; None where there is none yet.

        Raises:
            Fault: LEDGER_NOT_PROVEN, a signed checkpoint and this tree contradict each other;
                LEDGER_UNAVAILABLE, the mark could not be written.
        """


class NodeEndorser:
    """The endorser of a node beside others."""

    def __init__(self, keeper: Keeper, *, evidence_folder: Path) -> None:
        """Begin without the turn.

        Args:
            keeper: The log's mark, and its key where this node has it; used by nobody else.
            evidence_folder: Where contradictions are kept.
        """
        self._keeper = keeper
        self._evidence = evidence_folder
        # Filled by the loop, emptied by the integrator's thread; a deque is safe for both.
        self._heard: deque[bytes] = deque(maxlen=_MOST_NOTES)
        self._waiting: dict[int, tuple[Checkpoint, bytes]] = {}
        self._turn: Callable[[], bool] = _never

    @property
    def mark(self) -> Checkpoint:
        """See `Endorser.mark`."""
        return self._keeper.mark

    @property
    def note(self) -> bytes | None:
        """The note of the mark."""
        return self._keeper.note

    @property
    def signing(self) -> bool:
        """Whether this node has the turn to sign."""
        return self._keeper.can_sign and self._turn()

    def take_turn(self, lasts: Callable[[], bool]) -> None:
        """Sign from now on, for as long as a turn lasts.

        Args:
            lasts: Tells whether it still does; asked before every signature, from any thread.
        """
        self._turn = lasts

    def hear(self, note: bytes) -> bool:
        """Have a note compared with the next head. It need not be one.

        Args:
            note: What was heard.

        Returns:
            Whether there is something to compare: what this node says it hears itself, and a note
            that is the mark already says nothing new.
        """
        if note == self._keeper.note:
            return False
        self._heard.append(note)
        return True

    def endorse(self, head: TreeHead, root_at: Callable[[int], bytes]) -> bytes | None:
        """See `Endorser.endorse`."""
        # 1. Everything that was ever signed and is known here, against this node's own tree.
        self._take_in()
        ripe = sorted(size for size in self._waiting if size <= head.size)
        for size in ripe:
            checkpoint, note = self._waiting[size]
            own = root_at(size)
            if own != checkpoint.root:
                ours = Checkpoint(origin=checkpoint.origin, size=size, root=own)
                raise self._contradicted(checkpoint, note, ours.text())

        # 2. With the turn: sign. Asked last, right before the signature.
        if head.size >= self.mark.size and self.signing:
            self._forget(ripe)
            return self._keeper.sign(head, root_at)

        # 3. Without it: the newest note that was compared becomes the mark.
        if ripe and ripe[-1] > self.mark.size:
            self._keeper.agree(*self._waiting[ripe[-1]], root_at)
        self._forget(ripe)
        return self.note if self.mark.size <= head.size else None

    def _take_in(self) -> None:
        while self._heard:
            note = self._heard.popleft()
            try:
                verifier = self._keeper.verifier
                checkpoint = open_checkpoint(note, [verifier], verifier.name)
            except NoteError as error:
                _log.warning(
                    "a note was heard that the log did not sign: %s",
                    error.reason,
                    extra={"event": "note_unsigned"},
                )
                continue
            known = self._waiting.setdefault(checkpoint.size, (checkpoint, note))
            if known[0].root != checkpoint.root:
                raise self._contradicted(checkpoint, note, known[1])
        while len(self._waiting) > _MOST_NOTES:
            # The larger ones extend it, or are found out.
            del self._waiting[min(self._waiting)]

    def _forget(self, sizes: list[int]) -> None:
        for size in sizes:
            del self._waiting[size]

    def _contradicted(self, claimed: Checkpoint, heard: bytes, other: bytes) -> Fault:
        found = evidence.Contradiction(
            heard=heard, claimed=claimed, other=other, agreed=self._keeper.note
        )
        place = evidence.keep(self._evidence, found)
        return Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"a checkpoint of size {claimed.size} was signed that this node's tree contradicts: "
            f"both are kept in {place}. Stop this node and compare with the others: if these agree "
            "with the signed one, move this node's state folder away and join anew; if not, the "
            "log key was misused",
        )


def _never() -> bool:
    return False
