"""Pages: as much of a list as one answer holds.

* A page ends at the number of entries asked for or at about 2 MiB, whichever comes first, so that
  an answer stays below gRPC's usual 4 MiB. One entry always fits.
* The store is read in small steps: a page never holds more than a few entries beyond its own size.
* A page says where the next one begins. A page that has reached the head goes on at the head, so a
  cursor that was kept looks at nothing twice.
* What a reader may not have takes no room on a page. Where much of a list can be left out, what a
  page looks at is bounded besides: then it may be empty, and say that there is more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.core.errors import Fault, Reason, invalid
from gateway.core.identity import MemberId
from gateway.edge.released import Held, entitled, released
from gateway.ports.reading import LedgerSnapshot, SignedHead, StoredEntry
from gateway.wire.statements import MAX_STATEMENT_BYTES

DEFAULT_ENTRIES: Final = 100
MAX_ENTRIES: Final = 1000
PAGE_BYTES: Final = 2 << 20
RECORD_BYTES: Final = MAX_STATEMENT_BYTES + (64 << 10)
"""The largest record: an entry holds an envelope, and what is said about it."""

_STEP: Final = 16
# Beside body and proof: index, salt, tags and lengths.
_RECORD_OVERHEAD: Final = 64
_HASH_BYTES: Final = 34

Fetch = Callable[[int, int], list[StoredEntry]]
"""Gives at most so many entries (second) from an index on (first), in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page.

    Attributes:
        records: Its entries, held until it is on record that they leave.
        head: The checkpoint that their proofs lead to.
        position: Index at which the next page begins.
        more: Whether more is there already.
    """

    records: Held
    head: SignedHead
    position: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """The entries of one page, not proven yet.

    Attributes:
        entries: The entries.
        position: Index at which the next page begins.
        more: Whether more is there already.
    """

    entries: list[StoredEntry]
    position: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLimits:
    """How much a page holds at most.

    Attributes:
        entries: Entries.
        bytes: Bytes of its records; one entry fits in any case.
        skipped: Entries that were looked at and left out; None where few can be.
    """

    entries: int
    bytes: int = PAGE_BYTES
    skipped: int | None = None

    @property
    def most_bytes(self) -> int:
        """The largest that an answer with such a page can be."""
        return self.bytes + RECORD_BYTES


def page_size(asked: int) -> int:
    """Give the number of items on a page.

    Args:
        asked: As the caller asked; 0 for the usual number.

    Returns:
        1 to 1000.

    Raises:
        Refusal: PAGE_SIZE_INVALID.
    """
    if asked > MAX_ENTRIES:
        raise invalid("page_size", f"is not between 0 and {MAX_ENTRIES}", Reason.PAGE_SIZE_INVALID)
    return asked or DEFAULT_ENTRIES


def check_reached(start: int, head: SignedHead) -> None:
    """Refuse to go on at an index that this gateway has not reached.

    A gateway that lags behind another must not look as if the ledger had been rolled back.

    Args:
        start: The index.
        head: The newest signed checkpoint.

    Raises:
        Fault: LEDGER_UNAVAILABLE.
    """
    if start > head.size:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            "this gateway has not reached the place that the cursor names; try again shortly",
        )


def read_page(  # noqa: PLR0913 - what a page is made of
    fetch: Fetch,
    start: int,
    *,
    end: int | None = None,
    reader: MemberId,
    head: SignedHead,
    snapshot: LedgerSnapshot,
    limits: PageLimits,
) -> Page:
    """Read one page. Runs in a worker thread.

    Args:
        fetch: Reads the list.
        start: Index at which the page begins.
        end: Index at which it ends at the latest; at the head where None.
        reader: The member that asks.
        head: The newest signed checkpoint.
        snapshot: Where the list is read, at least of the head's size.
        limits: How much the page holds.

    Returns:
        The page.
    """
    found = pick(
        fetch,
        start,
        end=end,
        may=lambda entry: entitled(entry, reader, head),
        head=head,
        limits=limits,
    )
    records = released(found.entries, reader=reader, head=head, snapshot=snapshot)
    return Page(records=records, head=head, position=found.position, more=found.more)


def pick(
    fetch: Fetch,
    start: int,
    *,
    end: int | None = None,
    may: Callable[[StoredEntry], bool],
    head: SignedHead,
    limits: PageLimits,
) -> Picked:
    """Pick the entries of one page. Runs in a worker thread.

    Args:
        fetch: Reads the list.
        start: Index at which the page begins.
        end: Index at which it ends at the latest; at the head where None.
        may: Tells whether an entry belongs on it.
        head: The newest signed checkpoint.
        limits: How much the page holds.

    Returns:
        The entries, and where to go on.
    """
    picked: list[StoredEntry] = []
    room, skipped = limits.bytes, 0
    end = head.size if end is None else end
    position, more = max(start, end), end < head.size
    for entry in _walk(fetch, start, head):
        if not may(entry):
            if skipped == limits.skipped:
                position, more = entry.index, True
                break
            skipped += 1
            continue
        room -= len(entry.body) + _RECORD_OVERHEAD + _HASH_BYTES * head.size.bit_length()
        if picked and (room < 0 or len(picked) == limits.entries):
            position, more = entry.index, True
            break
        picked.append(entry)
    return Picked(entries=picked, position=position, more=more)


def _walk(fetch: Fetch, start: int, head: SignedHead) -> Iterator[StoredEntry]:
    while True:
        rows = fetch(start, _STEP)
        for row in rows:
            if row.index >= head.size:
                return
            yield row
        if len(rows) < _STEP:
            return
        start = rows[-1].index + 1
