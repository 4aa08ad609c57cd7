"""A ledger of nothing but summaries, for tests of what leaves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.core.entry import EntrySummary
from gateway.ports.reading import Box, LedgerSnapshot, MemberQuery, SignedHead, StoredEntry

START = datetime(2026, 11, 21, 9, tzinfo=UTC)


def entry(
    index: int,
    *,
    sender: str = "aurora",
    audience: tuple[str, ...] = (),
    tlp: int = 3,
    directory: bool = False,
    body: bytes = b"body",
) -> StoredEntry:
    """Make an entry."""
    summary = EntrySummary(
        digest=index.to_bytes(32, "big"),
        sender=sender,
        statement_id=f"id-{index}",
        kind=128,
        case_digest=b"",
        protocol="",
        case_state="",
        tlp=tlp,
        audience=audience,
        directory=directory,
        refers_to=(),
        received_time=START,
    )
    return StoredEntry(index=index, body=body, salt=bytes(32), summary=summary)


def head(size: int) -> SignedHead:
    """Make a head; nobody here looks at its note."""
    return SignedHead(note=b"note %d" % size, size=size, root=bytes(32))


@dataclass(slots=True)
class Snapshot:
    """The reading of a list of entries; what a test does not need is not there."""

    entries: list[StoredEntry]

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def last_directory_index(self) -> int | None:
        found = [each.index for each in self.entries if each.summary and each.summary.directory]
        return found[-1] if found else None

    def boxes_touched(self, from_size: int, to_size: int) -> set[tuple[str, Box]]:
        found: set[tuple[str, Box]] = set()
        for each in self.entries[from_size:to_size]:
            if each.summary is not None:
                found.add((each.summary.sender, Box.SENT))
                found |= {(member, Box.RECEIVED) for member in each.summary.audience}
        return found

    def member_entries(self, query: MemberQuery) -> list[StoredEntry]:
        found = [
            each
            for each in self.entries
            if each.summary is not None
            and query.member in {each.summary.sender, *each.summary.audience}
            and query.after < each.index < query.before_size
        ]
        return found[: query.limit]

    def prove(self, indexes: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
        assert all(index < size for index in indexes)
        return [(b"proof of %d" % index,) for index in indexes]


def snapshot(entries: Sequence[StoredEntry]) -> LedgerSnapshot:
    """Give the reading of some entries, typed as what it stands for."""
    reading: Any = Snapshot(list(entries))
    typed: LedgerSnapshot = reading
    return typed


class Reader:
    """A `LedgerReader` over entries that a test may add to."""

    def __init__(self, entries: Sequence[StoredEntry] = ()) -> None:
        self.entries = list(entries)
        self.snapshots = 0

    @contextmanager
    def snapshot(self) -> Iterator[LedgerSnapshot]:
        self.snapshots += 1
        yield snapshot(self.entries)

    def prove(self, indexes: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
        return snapshot(self.entries).prove(indexes, size)
