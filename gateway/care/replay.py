"""A store proven from its blocks: folded anew into a scratch store, then compared row by row.

* Every block is hashed, and folded by the same code that folded it first; what follows from it is
  made anew. So no index, tile or verdict is believed, and no second implementation is either.
* The scratch store is nobody's: it is not synced, and it is thrown away.
* At the first block that is missing or changed the replay ends: what follows from bytes that are
  not the recorded ones proves nothing. What was replayed by then is still compared.
* The scratch tree is compared with the last signed checkpoint, which stands apart from the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from gateway.care.findings import Damage
from gateway.care.inspection import Inspection
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
_TELL_EVERY: Final = 1000

_Row = tuple[tuple[Any, ...], tuple[Any, ...]]


class Replay:
    """A log folded anew, block by block, into a scratch store."""

    def __init__(self, inspection: Inspection, path: Path) -> None:
        """Begin with an empty scratch store.

        Args:
            inspection: The check of the log; told of what no worker of ours writes.
            path: The file of the scratch store, which does not exist yet.

        Raises:
            Fault: The scratch store cannot be written.
        """
        site = inspection.site
        schema.create(path, site.origin)
        self.path = path
        self.blocks = 0
        self._inspection = inspection
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
            self._inspection.in_store(Damage.ENTRY_VOID, f"block {sequence}", detail)

    def close(self) -> None:
        """Close the scratch store, all of it in its file."""
        self._store.settle()
        self._store.close()


def examine(inspection: Inspection, store: RawStore, replay: Replay) -> bool:
    """Fold a store's blocks anew, and compare every row.

    Args:
        inspection: The check of the log.
        store: Its store, open for reading.
        replay: Where to fold.

    Returns:
        Whether all of its blocks could be folded.

    Raises:
        Fault: The scratch store cannot be written.
    """
    whole = _fold(inspection, store, replay)
    with closing(RawStore.open(replay.path)) as anew:
        _compare(inspection, store, anew, _Part(replay, whole=whole))
    return whole


def _fold(inspection: Inspection, store: RawStore, replay: Replay) -> bool:
    expected, whole = 1, True
    try:
        last, _ = store.last
        for row in store.blocks():
            if row.sequence != expected:
                detail = f"the next one is at {row.sequence}"
                inspection.in_store(Damage.BLOCK_MISSING, f"block {expected}", detail)
                whole = False
            if sha256(row.message).digest() != row.sha256:
                detail = "it does not have the SHA-256 that was recorded with it"
                inspection.in_store(Damage.BLOCK_CHANGED, f"block {row.sequence}", detail)
                whole = False
            # The rest is hashed all the same: every changed block is to be named.
            expected = row.sequence + 1
            if whole:
                replay.fold(row.sequence, row.message)
            inspection.tell("folding the blocks anew", row.sequence, last)
    except Unreadable as unreadable:
        detail = f"it cannot be read ({unreadable})"
        inspection.in_store(Damage.STORE_CORRUPT, f"after block {expected - 1}", detail)
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
            # The first one stays the first, whatever comes after.
            "released": f"WHERE idx < {size}",
            "confirmed": f"WHERE idx < {size}",
            # Those that can no longer grow.
            "tile": f"WHERE (n + 1) * (1 << (8 * (level + 1))) <= {size}",
        }.get(table)


def _compare(inspection: Inspection, store: RawStore, anew: RawStore, part: _Part) -> None:
    file = inspection.site.store.name
    try:
        if store.definitions() != anew.definitions():
            detail = "its tables and indexes are not those of its version"
            inspection.add(Damage.STORE_CORRUPT, file, detail)
            return
        for table in anew.tables():
            where = part.of(table)
            # What a store says of itself has been checked, and its notes are checked with the mark.
            if table != "meta" and where is not None:
                _compare_table(inspection, table, store.rows(table, where), anew.rows(table, where))
    except Unreadable as unreadable:
        inspection.add(Damage.STORE_CORRUPT, file, f"it cannot be read ({unreadable})")


def _compare_table(
    inspection: Inspection, table: str, found: Iterator[_Row], wanted: Iterator[_Row]
) -> None:
    damage = _TABLES.get(table, Damage.INDEX_DIFFERS)
    for count, (key, one, other) in enumerate(_side_by_side(found, wanted)):
        if one != other:
            inspection.in_store(damage, f"{table} {_name(key)}", _difference(one, other))
        if not count % _TELL_EVERY:
            inspection.tell(f"comparing {table}", count, 0)


def _side_by_side(
    left: Iterator[_Row], right: Iterator[_Row]
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...] | None, tuple[Any, ...] | None]]:
    """Merge two tables by their keys; None where one of them has no such row."""
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if one is not None and other is not None and one[0] == other[0]:
            # Nearly always, of millions of rows.
            yield one[0], one[1], other[1]
            one, other = next(left, None), next(right, None)
        elif other is None or (one is not None and _before(one[0], other[0])):
            assert one is not None  # noqa: S101 - the loop goes on for it
            yield one[0], one[1], None
            one = next(left, None)
        else:
            yield other[0], None, other[1]
            other = next(right, None)


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
    inspection: Inspection, replay: Replay, places: Places | None, notes: Mapping[str, bytes]
) -> None:
    """Compare a replayed tree with the last signed checkpoint, and with what readers were shown.

    Args:
        inspection: The check of the log.
        replay: The tree, folded from all that can be read.
        places: The mark; None where it cannot be read.
        notes: What the store has shown to readers, by what it is.
    """
    site = inspection.site
    mark = None if places is None else places.mark.checkpoint
    signed = {} if mark is None else {"signed": mark}
    for what, checkpoint in {**signed, **_shown(inspection, notes)}.items():
        if checkpoint.size > replay.head.size:
            detail = f"{checkpoint.size} entries were {what}, {replay.head.size} can be read"
            inspection.add(Damage.ENTRIES_LOST, site.store.name, detail)
        elif replay.root_at(checkpoint.size) != checkpoint.root:
            detail = f"at size {checkpoint.size} the tree has another root than was {what}"
            inspection.add(Damage.HISTORY_DIFFERS, site.store.name, detail)
        if mark is not None and checkpoint.size > mark.size:
            detail = f"the store has {what} size {checkpoint.size}, the mark is {mark.size}"
            inspection.add(Damage.MARK_BEHIND, site.keeper.name, detail)


def _shown(inspection: Inspection, notes: Mapping[str, bytes]) -> dict[str, Checkpoint]:
    site = inspection.site
    found = {}
    for what, note in notes.items():
        try:
            found[what] = open_checkpoint(note, [site.verifier], site.origin)
        except NoteError as error:
            detail = f"the {what} note is none that the log signed ({error.reason})"
            inspection.add(Damage.NOTE_DAMAGED, site.store.name, detail)
    return found
