"""A store proven from its blocks: folded anew into a scratch store, then compared row by row.

* Every block is hashed, and folded by the same code that folded it first; what follows from it is
  made anew. So no index, tile or verdict is believed, and no second implementation is either.
* The scratch store is nobody's: it is not synced, and it is thrown away.
* At the first block that is missing or changed the replay ends: what follows from bytes that are
  not the recorded ones proves nothing. What was replayed by then is still compared.
* The scratch tree is compared with the last signed checkpoint, which stands apart from the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway.care.findings import Damage, Findings
from gateway.care.site import LogSite, Progress
from gateway.core import merkle
from gateway.core.checkpoint import Checkpoint, NoteError, open_checkpoint
from gateway.core.fold import Verdict
from gateway.ledger import schema
from gateway.ledger.places import Places
from gateway.ledger.raw import RawStore, Unreadable
from gateway.ledger.store import Store
from gateway.ports.blocks import StreamMessage

_TABLES: Final = {
    "block": Damage.BLOCK_MISFOLDED,
    "entry": Damage.ENTRY_DIFFERS,
    "tile": Damage.TILE_DIFFERS,
}
_HEX: Final = 8


class Replay:
    """A log folded anew, block by block, into a scratch store."""

    def __init__(self, site: LogSite, path: Path, findings: Findings) -> None:
        """Begin with an empty scratch store.

        Args:
            site: The log.
            path: The file of the scratch store, which does not exist yet.
            findings: Told of what no worker of ours writes.

        Raises:
            Fault: The scratch store cannot be written.
        """
        schema.create(path, site.origin)
        self.path = path
        self.blocks = 0
        self._site = site
        self._findings = findings
        self._store = Store.open(path, site.origin, summarize=site.summarize)
        self._store.hasten()

    @property
    def head(self) -> merkle.TreeHead:
        """The tree so far."""
        return self._store.head()

    def root_at(self, size: int) -> bytes:
        """Give the root of the tree at a smaller or equal size."""
        return self._store.root_at(size)

    def fold(self, sequence: int, message: bytes) -> None:
        """Fold the next block."""
        self._store.fold(StreamMessage(sequence=sequence, message=message))
        self.blocks = sequence
        folded = self._store.last_block()
        outcomes = folded.outcomes if folded is not None else ()
        void = sum(outcome.verdict is Verdict.VOID for outcome in outcomes)
        # It is in the stream for ever, and harms nothing; but no worker of ours wrote it.
        if void or not outcomes:
            detail = f"{void} of its {len(outcomes)} entries are none"
            where = f"{self._site.store.name}, block {sequence}"
            self._findings.add(Damage.ENTRY_VOID, where, detail)

    def close(self) -> None:
        """Close the scratch store, all of it in its file."""
        self._store.settle()
        self._store.close()


def examine(
    site: LogSite, store: RawStore, replay: Replay, findings: Findings, progress: Progress
) -> bool:
    """Fold a store's blocks anew, and compare every row.

    Args:
        site: The log.
        store: Its store, open for reading.
        replay: Where to fold.
        findings: Told what differs.
        progress: Told how far it is.

    Returns:
        Whether all of its blocks could be folded.

    Raises:
        Fault: The scratch store cannot be written.
    """
    whole = _fold(site, store, replay, findings, progress)
    with closing(RawStore.open(replay.path)) as anew:
        _compare(site, store, anew, _Part(replay, whole=whole), findings, progress)
    return whole


def _fold(
    site: LogSite, store: RawStore, replay: Replay, findings: Findings, progress: Progress
) -> bool:
    file = site.store.name
    what = f"{site.name}: folding the blocks anew"
    expected, whole = 1, True
    try:
        last, _ = store.last
        for row in store.blocks():
            if row.sequence != expected:
                detail = f"the next one is at {row.sequence}"
                findings.add(Damage.BLOCK_MISSING, f"{file}, block {expected}", detail)
                whole = False
            if sha256(row.message).digest() != row.sha256:
                detail = "it does not have the SHA-256 that was recorded with it"
                findings.add(Damage.BLOCK_CHANGED, f"{file}, block {row.sequence}", detail)
                whole = False
            # The rest is hashed all the same: every changed block is to be named.
            expected = row.sequence + 1
            if whole:
                replay.fold(row.sequence, row.message)
            progress(what, row.sequence, last)
    except Unreadable as unreadable:
        where = f"{file}, after block {expected - 1}"
        findings.add(Damage.STORE_CORRUPT, where, f"it cannot be read ({unreadable})")
        return False
    return whole


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a store that a replay has made."""

    replay: Replay
    whole: bool

    def of(self, table: str) -> str | None:
        """Say which rows of a table that are; None where they depend on what is missing."""
        if self.whole:
            return ""
        size = self.replay.head.size
        return {
            "block": f"WHERE sequence <= {self.replay.blocks}",
            "entry": f"WHERE idx < {size}",
            "member_entry": f"WHERE idx < {size}",
            "party": f"WHERE opened_idx < {size}",
            # Those that can no longer grow.
            "tile": f"WHERE (n + 1) * (1 << (8 * (level + 1))) <= {size}",
        }.get(table)


def _compare(
    site: LogSite,
    store: RawStore,
    anew: RawStore,
    part: _Part,
    findings: Findings,
    progress: Progress,
) -> None:
    file = site.store.name
    try:
        if store.definitions() != anew.definitions():
            detail = "its tables are not those of its version"
            findings.add(Damage.STORE_CORRUPT, file, detail)
            return
        for table in anew.tables():
            if table == "meta":
                continue
            where = part.of(table)
            if where is None:
                continue
            damage = _TABLES.get(table, Damage.INDEX_DIFFERS)
            pairs = _side_by_side(store.rows(table, where), anew.rows(table, where))
            for count, (key, found, wanted) in enumerate(pairs):
                if found != wanted:
                    detail = _difference(found, wanted)
                    findings.add(damage, f"{file}, {table} {_name(key)}", detail)
                if not count % 1000:
                    progress(f"{site.name}: comparing {table}", count, 0)
    except Unreadable as unreadable:
        findings.add(Damage.STORE_CORRUPT, file, str(unreadable))


_Row = tuple[tuple[Any, ...], tuple[Any, ...]]
_T = TypeVar("_T")


def _side_by_side(
    left: Iterator[_Row], right: Iterator[_Row]
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...] | None, tuple[Any, ...] | None]]:
    """Merge two tables by their keys; None where one of them has no such row."""
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if other is None or (one is not None and _before(one[0], other[0])):
            assert one is not None  # noqa: S101 - the loop goes on for it
            yield one[0], one[1], None
            one = next(left, None)
        elif one is None or _before(other[0], one[0]):
            yield other[0], None, other[1]
            other = next(right, None)
        else:
            yield one[0], one[1], other[1]
            one, other = next(left, None), next(right, None)


def _before(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return tuple(map(_rank, one)) < tuple(map(_rank, other))


def _rank(value: object) -> tuple[int, Any]:
    """Order values as SQLite does: nothing, numbers, texts by their bytes, bytes."""
    if value is None:
        return 0, 0
    if isinstance(value, int | float):
        return 1, value
    if isinstance(value, str):
        return 2, value.encode(errors="surrogatepass")
    return 3, value


def _difference(found: tuple[Any, ...] | None, wanted: tuple[Any, ...] | None) -> str:
    if found is None:
        return "the row is missing"
    if wanted is None:
        return "the row follows from no block"
    columns = sum(one != other for one, other in zip(found, wanted, strict=True))
    return f"{columns} of its columns are not what follows from the blocks"


def _name(key: tuple[Any, ...]) -> str:
    """Name a row by its key; long or binary parts by their begin, and nothing of a content."""
    return "/".join(
        part.hex()[:_HEX] if isinstance(part, bytes) else str(part)[:80] for part in key
    )


def examine_history(
    site: LogSite,
    replay: Replay,
    places: Places | None,
    note: bytes | None,
    findings: Findings,
) -> None:
    """Compare a replayed tree with the last signed checkpoint, and with the published note.

    Args:
        site: The log.
        replay: The tree, folded from all that can be read.
        places: The mark; None where it cannot be read.
        note: What the store has published; None where it has published nothing.
        findings: Told what contradicts the tree.
    """
    signed = [] if places is None else [("signed", places.mark.checkpoint)]
    published = _published(site, note, findings)
    if published is not None:
        signed.append(("published", published))
    head = replay.head
    for what, checkpoint in signed:
        if checkpoint.size > head.size:
            detail = f"{checkpoint.size} entries were {what}, only {head.size} can be read"
            findings.add(Damage.ENTRIES_LOST, site.store.name, detail)
        elif replay.root_at(checkpoint.size) != checkpoint.root:
            detail = f"at size {checkpoint.size} the tree has another root than was {what}"
            findings.add(Damage.HISTORY_DIFFERS, site.store.name, detail)
    if places is not None and published is not None:
        mark = places.mark.checkpoint
        if published.size > mark.size:
            detail = f"the store has published size {published.size}, the mark is {mark.size}"
            findings.add(Damage.MARK_BEHIND, site.keeper.name, detail)


def _published(site: LogSite, note: bytes | None, findings: Findings) -> Checkpoint | None:
    if note is None:
        return None
    try:
        return open_checkpoint(note, [site.verifier], site.origin)
    except NoteError as error:
        detail = f"the published note is none that the log signed ({error.reason})"
        findings.add(Damage.NOTE_DAMAGED, site.store.name, detail)
        return None
