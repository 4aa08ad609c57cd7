"""A ledger in memory: the ports for reading and recording, the naive way.

* Lists are searched from the front, the tree is computed from scratch: slow, and plain to check.
  The real store has to answer the same (`tests/admission/test_ledgers.py`).
* What happens in bad moments can be asked for: entries held until several stand in one block, and
  something that comes between a judgement and its recording.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256

from gateway.core import fold
from gateway.core.commitment import entry_leaf_hash
from gateway.core.entry import Trace
from gateway.core.fold import Entry, Outcome
from gateway.core.inbox import Delivered
from gateway.ports.reading import Box, CaseRow, FoldedBlock, MemberQuery, StoredEntry
from gateway.wire.blocks import encode_block, encode_entry
from gateway.wire.entries import summarize
from tests.vectors.rfc6962 import Tree

_SEALED = datetime(2026, 11, 21, tzinfo=UTC)


class MemorySnapshot:
    """`gateway.ports.reading.LedgerSnapshot` over a list."""

    note: bytes | None = None
    cosigned: bytes | None = None

    def __init__(self, entries: Sequence[StoredEntry], blocks: Sequence[FoldedBlock]) -> None:
        self._entries = entries
        self._blocks = blocks

    @property
    def size(self) -> int:
        return len(self._entries)

    def statement(self, sender: str, statement_id: str) -> StoredEntry | None:
        return self._first(
            lambda e: (
                e.summary is not None
                and (e.summary.sender, e.summary.statement_id) == (sender, statement_id)
            )
        )

    def by_digest(self, digest: bytes) -> StoredEntry | None:
        return self._first(lambda e: e.summary is not None and e.summary.digest == digest)

    def index_of(self, digest: bytes) -> int | None:
        entry = self.by_digest(digest)
        return None if entry is None else entry.index

    def by_index(self, index: int) -> StoredEntry | None:
        return self._first(lambda e: e.index == index)

    def case(self, case_digest: bytes) -> CaseRow | None:
        entries = self.case_entries(case_digest)
        if not entries or (opener := entries[0].summary) is None:
            return None
        states = [e.summary.case_state for e in entries if e.summary is not None]
        return CaseRow(
            digest=case_digest,
            protocol=opener.protocol,
            state=[state for state in states if state][-1],
            opened_index=entries[0].index,
            last_index=entries[-1].index,
        )

    def case_as_read(self, case_digest: bytes, member: str, before_size: int) -> CaseRow | None:
        case = self.case(case_digest)
        read = self.readable_in_case(case_digest, member, -1, before_size)
        seen = [e for e in read if e.index < before_size]
        if case is None or not seen or seen[0].index != case.opened_index:
            return None
        last = seen[-1]
        assert last.summary is not None
        return replace(case, state=last.summary.case_state, last_index=last.index)

    def readable_in_case(
        self, case_digest: bytes, member: str, after: int, limit: int
    ) -> list[StoredEntry]:
        entries = self.case_entries(case_digest, after=after)
        return [e for e in entries if self.readable(e.index, member)][:limit]

    def newest(self, case_digest: bytes, kinds: Sequence[int]) -> StoredEntry | None:
        found = self.case_entries(case_digest, kinds) if kinds else []
        return found[-1] if found else None

    def case_entries(
        self,
        case_digest: bytes,
        kinds: Sequence[int] = (),
        *,
        after: int = -1,
        limit: int | None = None,
    ) -> list[StoredEntry]:
        found = [
            e
            for e in self._entries
            if e.summary is not None
            and case_digest
            and e.summary.case_digest == case_digest
            and (not kinds or e.summary.kind in kinds)
            and e.index > after
        ]
        return found if limit is None else found[:limit]

    def directory_entries(self, from_index: int, limit: int) -> list[StoredEntry]:
        found = [e for e in self._directory() if e.index >= from_index]
        return found[:limit]

    @property
    def last_directory_index(self) -> int | None:
        return max((e.index for e in self._directory()), default=None)

    def member_entries(self, query: MemberQuery) -> list[StoredEntry]:
        def wanted(entry: StoredEntry) -> bool:
            summary = entry.summary
            if summary is None or not query.after < entry.index < query.before_size:
                return False
            boxes = {
                Box.SENT: summary.sender == query.member,
                Box.RECEIVED: query.member in summary.audience,
            }
            return (
                any(fits for box, fits in boxes.items() if query.box in {box, Box.ALL})
                and (not query.kinds or summary.kind in query.kinds)
                and query.sender in {"", summary.sender}
                and query.case_digest in {b"", summary.case_digest}
            )

        return [e for e in self._entries if wanted(e)][: query.limit]

    def member_horizon(self, query: MemberQuery, most: int) -> int | None:
        boxes = [Box.RECEIVED, Box.SENT] if query.box is Box.ALL else [query.box]
        every = replace(query, kinds=(), sender="", limit=self.size)
        found = [self.member_entries(replace(every, box=box))[most:] for box in boxes]
        return min((entries[0].index for entries in found if entries), default=None)

    def member_cases(self, member: str, protocol: str, after: int, limit: int) -> list[CaseRow]:
        rows = [
            self.case(e.summary.digest)
            for e in self._entries
            if e.summary is not None
            and e.summary.opens_case
            and member in {e.summary.sender, *e.summary.audience}
        ]
        return [
            row
            for row in rows
            if row is not None and row.opened_index > after and protocol in {"", row.protocol}
        ][:limit]

    def delivered(self, member: str, from_size: int, to_size: int, limit: int) -> list[Delivered]:
        return [
            Delivered(index=e.index, sender=e.summary.sender, leaf_hash=self.leaf_hash(e.index))
            for e in self._entries[from_size:to_size]
            if e.summary is not None and member in e.summary.audience
        ][:limit]

    def first_released(self, member: str, index: int) -> int | None:
        return next(
            (
                e.index
                for e in self._entries
                if (trace := _trace(e)) is not None
                and trace.recipient == member
                and index in trace.released
            ),
            None,
        )

    def not_released(self, member: str, indexes: Sequence[int]) -> list[int]:
        return [index for index in indexes if self.first_released(member, index) is None]

    def first_confirmed(self, member: str, sender: str, index: int, before_size: int) -> int | None:
        found = [
            (not trace.signed, e.index)
            for e in self._entries
            if (trace := _trace(e)) is not None
            and (trace.recipient, trace.sender) == (member, sender)
            and trace.confirmed is not None
            and trace.confirmed[0] <= index < trace.confirmed[1]
            and e.index < before_size
        ]
        return min(found)[1] if found else None

    def boxes_touched(self, from_size: int, to_size: int) -> set[tuple[str, Box]]:
        found: set[tuple[str, Box]] = set()
        for e in self._entries[from_size:to_size]:
            if e.summary is not None:
                found.add((e.summary.sender, Box.SENT))
                found |= {(member, Box.RECEIVED) for member in e.summary.audience}
        return found

    def readable(self, index: int, member: str) -> bool:
        entry = self.by_index(index)
        if entry is None or entry.summary is None:
            return False
        summary = entry.summary
        return summary.open_to_all or member in {summary.sender, *summary.audience}

    @property
    def last_received_time(self) -> datetime | None:
        times = [e.summary.received_time for e in self._entries if e.summary is not None]
        return times[-1] if times else None

    def block(self, sha256: bytes) -> FoldedBlock | None:
        return next((block for block in self._blocks if block.sha256 == sha256), None)

    def block_at(self, sequence: int) -> FoldedBlock | None:
        return next((block for block in self._blocks if block.sequence == sequence), None)

    def leaf_hash(self, index: int) -> bytes:
        if not 0 <= index < self.size:
            raise ValueError("no such leaf")
        return entry_leaf_hash(self._entries[index].body, self._entries[index].salt)

    def prove(self, indexes: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
        if not 0 <= size <= self.size or not all(0 <= index < size for index in indexes):
            raise ValueError("no such tree")
        tree = Tree(self.leaf_hash)
        return [tree.path(index, size) for index in indexes]

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        if not 0 <= old <= new <= self.size:
            raise ValueError("no such trees")
        return Tree(self.leaf_hash).proof(old, new)

    def root(self) -> bytes:
        """Compute the root of the whole tree."""
        return Tree(self.leaf_hash).root(self.size)

    def _first(self, wanted: Callable[[StoredEntry], bool]) -> StoredEntry | None:
        return next((e for e in self._entries if wanted(e)), None)

    def _directory(self) -> list[StoredEntry]:
        return [e for e in self._entries if e.summary is not None and e.summary.directory]


def _trace(entry: StoredEntry) -> Trace | None:
    return None if entry.summary is None else entry.summary.trace


@dataclass(slots=True, kw_only=True, eq=False)
class MemoryLedger:
    """`gateway.ports.reading.LedgerReader` and `Recorder` in one.

    Attributes:
        together: How many entries wait for one another to stand in one block.
        meanwhile: What comes between the next judgement and its recording.
    """

    together: int = 1
    meanwhile: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    _entries: list[StoredEntry] = field(default_factory=list)
    _blocks: list[FoldedBlock] = field(default_factory=list)
    _writes: dict[str, int] = field(default_factory=dict)
    _waiting: list[tuple[Entry, asyncio.Future[Outcome]]] = field(default_factory=list)

    @contextmanager
    def snapshot(self) -> Iterator[MemorySnapshot]:
        yield MemorySnapshot(tuple(self._entries), tuple(self._blocks))

    def prove(self, indexes: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
        with self.snapshot() as snapshot:
            return snapshot.prove(indexes, size)

    async def record(self, entry: Entry) -> Outcome:
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, answer))
        self._fold_waiting()
        return await answer

    def expect_fewer(self) -> None:
        """One of those that the others wait for does not come."""
        self.together = max(1, self.together - 1)
        self._fold_waiting()

    def _fold_waiting(self) -> None:
        if not self._waiting or len(self._waiting) < self.together:
            return
        self.together = 1
        waiting, self._waiting = self._waiting, []
        outcomes = self.fold([each for each, _ in waiting])
        for (_, future), outcome in zip(waiting, outcomes, strict=True):
            future.set_result(outcome)

    def fold(self, entries: Sequence[Entry]) -> tuple[Outcome, ...]:
        """Fold a block of entries."""
        before = len(self._entries)
        folded = fold.fold(entries, before, self._writes.get)
        self._writes.update(folded.writes)
        for entry, outcome in zip(entries, folded.outcomes, strict=True):
            if outcome.index is not None:
                self._entries.append(
                    StoredEntry(
                        index=outcome.index,
                        body=entry.body,
                        salt=entry.salt,
                        summary=summarize(entry.body),
                    )
                )
        message = encode_block([encode_entry(e) for e in entries], node="", sealed_time=_SEALED)
        self._blocks.append(
            FoldedBlock(
                sequence=len(self._blocks) + 1,
                sha256=sha256(message).digest(),
                size_before=before,
                size_after=len(self._entries),
                outcomes=folded.outcomes,
            )
        )
        return folded.outcomes

    def root(self) -> bytes:
        """Compute the root of the tree."""
        with self.snapshot() as snapshot:
            return snapshot.root()

    def close(self) -> None:
        """Nothing is held open."""
