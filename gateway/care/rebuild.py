"""A store made anew from the blocks, and proven before it takes anybody's place.

* It counts only if its tree is, at the size of the last signed checkpoint, the tree that was
  signed. Without a signed checkpoint nothing can be proven, and nothing is put in place.
* Which engine was right where they contradict each other is found by that proof, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway.care.assembly import Assembled, Engine, Piece, Pieces
from gateway.care.site import LogSite, Progress
from gateway.core.checkpoint import Checkpoint
from gateway.core.errors import Fault, Reason
from gateway.core.merkle import TreeHead
from gateway.ledger import schema
from gateway.ledger.store import Store
from gateway.ledger.synced import sync_file
from gateway.ports.blocks import StreamMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A checkpoint that the log has signed.

    Attributes:
        note: The note, verbatim.
        checkpoint: What it says.
    """

    note: bytes
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A store that was proven.

    Attributes:
        path: Its file.
        head: Its tree.
        assembled: The blocks that it was made from, and those that come after it.
    """

    path: Path
    head: TreeHead
    assembled: Assembled


def rebuild(
    site: LogSite,
    pieces: Pieces,
    signed: Iterable[Signed],
    path: Path,
    progress: Progress,
) -> Rebuilt:
    """Fold what the engines hold, and prove it against what was signed.

    Args:
        site: The log.
        pieces: What its engines hold.
        signed: Every signed checkpoint that is known; at least one.
        path: The new file; whatever is there is removed.
        progress: Told how far it is.

    Returns:
        The proven store, on disk.

    Raises:
        Fault: LEDGER_NOT_PROVEN, what can be read is not what was signed, and what is missing;
            LEDGER_UNAVAILABLE, the file cannot be written.
    """
    known = sorted(signed, key=lambda each: each.checkpoint.size)
    tried: list[Assembled] = []
    for first in Engine:
        assembled = pieces.assemble(first)
        if assembled in tried:
            continue
        tried.append(assembled)
        head = _fold(site, pieces, assembled.blocks, path, known[-1].note, progress)
        flaw = _flaw(site, path, head, known)
        if flaw is None:
            sync_file(path)
            return Rebuilt(path=path, head=head, assembled=assembled)
    raise Fault(Reason.LEDGER_NOT_PROVEN, _missing(site, tried[0], known[-1].checkpoint, path))


def _fold(  # noqa: PLR0917 - one file, from what and as what
    site: LogSite,
    pieces: Pieces,
    blocks: Iterable[Piece],
    path: Path,
    note: bytes,
    progress: Progress,
) -> TreeHead:
    remove(path)
    schema.create(path, site.origin)
    with closing(opened(site, path)) as store:
        store.hasten()
        for sequence, piece in enumerate(blocks, 1):
            store.fold(StreamMessage(sequence=sequence, message=pieces.read(piece)))
            progress(f"{site.name}: folding the store anew", sequence, 0)
        store.publish(note)
        store.settle()
        return store.head()


def _flaw(site: LogSite, path: Path, head: TreeHead, known: Iterable[Signed]) -> Checkpoint | None:
    """Give a signed checkpoint that a store contradicts, or does not reach."""
    with closing(opened(site, path)) as store:
        for each in known:
            checkpoint = each.checkpoint
            if checkpoint.size > head.size or store.root_at(checkpoint.size) != checkpoint.root:
                return checkpoint
    return None


def _missing(site: LogSite, assembled: Assembled, signed: Checkpoint, path: Path) -> str:
    with closing(opened(site, path)) as store:
        size = store.head().size
    found = len(assembled.blocks)
    if size < signed.size:
        lost = (
            f"block {found + 1} can be read in neither store nor stream"
            if found < assembled.last
            else "neither store nor stream goes further"
        )
        return (
            f"{site.name}: {signed.size} entries were signed, and those from index {size} on are "
            f"lost: {lost}. Nothing was changed: find a copy of either engine that holds them, put "
            "it in place, and run this again; or restore the newest backup"
        )
    return (
        f"{site.name}: what store and stream hold is another history than the one that was signed "
        f"at size {signed.size}. Nothing was changed: keep the folder, find out what wrote to it, "
        "and restore a backup"
    )


def opened(site: LogSite, path: Path) -> Store:
    """Open a store that was made anew."""
    return Store.open(path, site.origin, summarize=site.summarize)


def remove(path: Path) -> None:
    """Remove a store with the files that SQLite keeps beside it."""
    for each in beside(path):
        each.unlink(missing_ok=True)


def beside(path: Path) -> tuple[Path, ...]:
    """Name a store's file and those that SQLite keeps beside it."""
    return tuple(path.with_name(path.name + end) for end in ("-wal", "-shm", ""))
