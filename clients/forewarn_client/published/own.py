"""The member's own statements in the log: each stands there once, unchanged.

* They are known from the receipts that the member saved. A receipt opens its leaf, and proves it to
  be in the tree of a checkpoint; the log then has to go on from that checkpoint.
* Where leaves are read, each is compared as well, and none may stand anywhere else.

It cannot tell whether a statement was recorded a second time under another salt, nor what was never
receipted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forewarn_client import commitment, merkle, note
from forewarn_client.checkpoint_file import SignedCheckpoint
from forewarn_client.receipt import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Misplaced:
    """A statement of the member's that does not stand where it has to, or not only there.

    Attributes:
        index: Where its receipt proves it to be.
        found: Where else it was found; None where something else stands in its place.
    """

    index: int
    found: int | None


@dataclass(slots=True, kw_only=True)
class Own:
    """What the receipts of a folder say of the log.

    Attributes:
        folder: The folder of receipts.
        key: The log's key.
        leaves: Leaf by index.
        checkpoints: The checkpoints that they lead to, by size and root.
    """

    folder: Path
    key: note.VerifierKey
    leaves: dict[int, bytes] = field(default_factory=dict)
    checkpoints: dict[tuple[int, bytes], SignedCheckpoint] = field(default_factory=dict)
    _places: dict[bytes, int] = field(default_factory=dict)
    _read: set[str] = field(default_factory=set)

    def read(self) -> None:
        """Read the receipts that are new.

        Raises:
            HomeError: One cannot be read.
            VerificationError: One does not hold: it is damaged, or made for another log.
        """
        for path in sorted(self.folder.glob("*.json")):
            if path.name not in self._read:
                self._take(path)
                self._read.add(path.name)

    def misplaced(self, first: int, leaves: Sequence[bytes]) -> Iterator[Misplaced]:
        """Compare what stands in the log.

        Args:
            first: Index of the first leaf.
            leaves: Leaves from there on.

        Yields:
            What is not where it has to be, or stands somewhere else, too.
        """
        if not self._places:
            return
        for index, leaf in enumerate(leaves, first):
            if self.leaves.get(index, leaf) != leaf:
                yield Misplaced(index=index, found=None)
            place = self._places.get(leaf, index)
            if place != index:
                yield Misplaced(index=place, found=index)

    def _take(self, path: Path) -> None:
        entry = Receipt.load(path).entry
        opened = note.open_checkpoint(entry.checkpoint, [self.key], self.key.name)
        leaf = commitment.leaf(commitment.commit(entry.entry_body, entry.salt))
        hashed = merkle.leaf_hash(leaf)
        merkle.verify_inclusion(
            hashed, entry.index, opened.size, entry.inclusion_proof, opened.root
        )
        self.leaves[entry.index] = leaf
        self._places[leaf] = entry.index
        self.checkpoints[opened.size, opened.root] = SignedCheckpoint(
            note=entry.checkpoint, checkpoint=opened
        )
