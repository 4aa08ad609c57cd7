"""ExchangeService: where members say and read statements.

* Every record leaves through `released`; nothing at or above the newest signed checkpoint is shown.
* What does not exist and what is not the caller's answer with the same bytes.
* A submission is answered with the record as it stands in the ledger, whether it was just made or
  was there before.

Each answer is read from one snapshot of the store. Cases are in `cases`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Final, Protocol

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.admission.batches import Batches
from gateway.core.errors import Reason, Refusal, invalid
from gateway.core.identity import MemberId
from gateway.core.tables import Protocol as CaseProtocol
from gateway.edge import guard
from gateway.edge.callers import Caller, Callers
from gateway.edge.cases import CASE_ENTRIES, CASES_BYTES, Cases
from gateway.edge.cursor import Question
from gateway.edge.filters import Filter, check_digest, parse_filter
from gateway.edge.paging import (
    RECORD_BYTES,
    Page,
    PageLimits,
    check_reached,
    page_size,
    read_page,
)
from gateway.edge.readings import Readings
from gateway.edge.released import Departure, Held, Journal, entry_not_found, released
from gateway.edge.status import About
from gateway.edge.subject import subject_of
from gateway.edge.submissions import Submissions
from gateway.edge.submit_stream import answered
from gateway.ports.reading import (
    Box,
    LedgerHead,
    LedgerReader,
    LedgerSnapshot,
    SignedHead,
    StoredEntry,
)

# A message of a stream is what is kept for a reader that takes nothing.
_FOLLOWED: Final = PageLimits(entries=256, bytes=256 << 10)

# A stream that lacks so few entries of the ledger reads them at once, with all others that do: one
# entry that is delivered to hundreds of streams costs each of them next to nothing.
_NEWS: Final = 64

_Asked = tuple[MemberId, Filter, int]
"""Whose entries, which of them, and from which index on."""


class ExchangeJournal(Journal, guard.Journal, Protocol):
    """The audit log's journal, for releases and for refusals."""


class Streams(Protocol):
    """Open streams, as delivery has them."""

    def follow(
        self,
        *,
        member: str,
        box: Box,
        start: int,
        standing: Callable[[], Awaitable[object]],
        read: Callable[[int], Awaitable[Page]],
    ) -> AsyncGenerator[Page, None]:
        """Give pages, the first at once, until either side ends it."""
        ...


class ExchangeService:
    """See `forewarn.exchange.v1.ExchangeService`."""

    def __init__(  # noqa: PLR0913 - the parts that a submission and a delivery pass through
        self,
        *,
        origin: str,
        reader: LedgerReader,
        head: LedgerHead,
        callers: Callers,
        submissions: Submissions,
        streams: Streams,
        readings: Readings,
        journal: ExchangeJournal,
    ) -> None:
        """Put the parts together.

        Args:
            origin: The ledger's origin.
            reader: The store.
            head: The newest signed checkpoint.
            callers: Asked again and again whether a stream's caller may still call.
            submissions: The way into the ledger.
            streams: Open streams.
            readings: Where calls read the store.
            journal: Where releases are recorded before anything leaves.
        """
        self._origin = origin
        self._reader = reader
        self._head = head
        self._callers = callers
        self._submissions = submissions
        self._streams = streams
        self._readings = readings
        self._journal = journal
        self._news = Batches(self._reading_news)
        self._cases = Cases(origin=origin, reader=reader, head=head)

    async def submit(self, caller: Caller, request: pb.SubmitRequest) -> pb.SubmitResponse:
        """Take a statement in, and answer once it is recorded, durable and proven."""
        return await self._submissions.submit(caller, request.envelope)

    async def submit_stream(
        self, caller: Caller, incoming: AsyncIterator[tuple[Caller, pb.SubmitStreamRequest]]
    ) -> AsyncGenerator[pb.SubmitStreamResponse, None]:
        """Take statements in as they come, and answer each under its tag."""

        async def refused(request: pb.SubmitStreamRequest, refusal: Refusal) -> About:
            digest = subject_of(request)
            on_record = await self._journal.refused(
                system=caller.system, rpc="SubmitStream", reason=refusal.reason, digest=digest
            )
            return About(system=caller.system, digest=digest, on_record=on_record)

        stream = answered(self._submissions, caller.id, incoming, refused)
        async with aclosing(stream) as answers:
            async for answer in answers:
                yield answer

    async def get_entry(self, caller: Caller, request: pb.GetEntryRequest) -> pb.GetEntryResponse:
        """Give one entry that the caller may read."""
        if request.WhichOneof("name") is None:
            raise invalid("name", "is missing; give an index or a digest", Reason.FIELD_MISSING)
        if request.HasField("digest"):
            check_digest("digest", request.digest)
        held, head, grant = await self._readings.content(
            caller, RECORD_BYTES, self._entry, caller, request
        )
        departure = Departure(system=caller.system, rpc="GetEntry", grant=grant)
        (record,) = await held.let_go(self._journal, departure)
        return pb.GetEntryResponse(record=record, checkpoint=head.note)

    async def list_entries(
        self, caller: Caller, request: pb.ListEntriesRequest
    ) -> pb.ListEntriesResponse:
        """List the caller's entries."""
        wanted = parse_filter(request)
        limits = PageLimits(entries=page_size(request.page_size))
        question = self._question(caller, wanted)
        start = question.index(request.cursor)
        page = await self._readings.content(
            caller, limits.most_bytes, self._page, caller, wanted, start, limits
        )
        departure = Departure(system=caller.system, rpc="ListEntries")
        return pb.ListEntriesResponse(
            records=await page.records.let_go(self._journal, departure),
            checkpoint=page.head.note,
            cursor=question.cursor(page.position),
            more=page.more,
        )

    async def follow(
        self, caller: Caller, request: pb.FollowRequest
    ) -> AsyncGenerator[pb.FollowResponse, None]:
        """Deliver the caller's entries, those of the past first."""
        wanted = parse_filter(request)
        question = self._question(caller, wanted)
        departure = Departure(system=caller.system, rpc="Follow")

        async def standing() -> None:
            await self._callers.member(caller.system)

        async def read(start: int) -> Page:
            if self._head.size - start <= _NEWS:
                await caller.place.room(_FOLLOWED.most_bytes)
                return await self._news.do((caller.id, wanted, start))
            return await self._readings.content(
                caller, _FOLLOWED.most_bytes, self._page, caller, wanted, start, _FOLLOWED
            )

        pages = self._streams.follow(
            member=caller.id,
            box=wanted.box,
            start=question.index(request.cursor),
            standing=standing,
            read=read,
        )
        async with aclosing(pages):
            async for page in pages:
                yield pb.FollowResponse(
                    records=await page.records.let_go(self._journal, departure),
                    checkpoint=page.head.note,
                    cursor=question.cursor(page.position),
                )

    async def get_case(self, caller: Caller, request: pb.GetCaseRequest) -> pb.GetCaseResponse:
        """Give a case with those of its entries that the caller may read."""
        check_digest("case_digest", request.case_digest)
        view, page = await self._readings.content(
            caller, CASE_ENTRIES.most_bytes, self._cases.get, caller.id, request
        )
        grant = view.case_digest if view.protocol == CaseProtocol.GRANT else b""
        departure = Departure(system=caller.system, rpc="GetCase", grant=grant)
        return pb.GetCaseResponse(
            case_view=view,
            records=await page.records.let_go(self._journal, departure),
            checkpoint=page.head.note,
            more=page.more,
        )

    async def list_cases(
        self, caller: Caller, request: pb.ListCasesRequest
    ) -> pb.ListCasesResponse:
        """List the cases that the caller is party to."""
        return await self._readings.content(
            caller, CASES_BYTES, self._cases.list, caller.id, request
        )

    def _entry(self, caller: Caller, request: pb.GetEntryRequest) -> tuple[Held, SignedHead, bytes]:
        """Give an entry that the caller may read, and the grant's case that it belongs to."""
        head = self._head.current
        with self._reader.snapshot() as snapshot:
            by_digest = request.HasField("digest")
            index = snapshot.index_of(request.digest) if by_digest else request.index
            # What is not the caller's is not even read: how large it is would show in the time.
            readable = index is not None and snapshot.readable(index, caller.id)
            entry = snapshot.by_index(index) if index is not None and readable else None
            found = [entry] if entry is not None else []
            held = released(found, reader=caller.id, head=head, snapshot=snapshot)
            if not held:
                raise entry_not_found()
            return held, head, _grant(found[0], snapshot)

    def _page(self, caller: Caller, wanted: Filter, start: int, limits: PageLimits) -> Page:
        head = self._head.current
        with self._reader.snapshot() as snapshot:
            return _page(head, snapshot, limits, (caller.id, wanted, start))

    @contextmanager
    def _reading_news(self) -> Iterator[Callable[[_Asked], Page]]:
        """Open what streams share that are at the head: one snapshot, and the work of proofs."""
        head = self._head.current
        with self._reader.snapshot() as snapshot:
            yield partial(_page, head, snapshot, _FOLLOWED)

    def _question(self, caller: Caller, wanted: Filter) -> Question:
        """Bind cursors to what is asked; those of ListEntries and Follow are the same."""
        return Question(
            origin=self._origin, member=caller.id, rpc="entries", question=wanted.canonical
        )


def _page(head: SignedHead, snapshot: LedgerSnapshot, limits: PageLimits, asked: _Asked) -> Page:
    member, wanted, start = asked
    check_reached(start, head)
    end = wanted.end(snapshot, member, start, head)
    return read_page(
        wanted.fetch(snapshot, member, end),
        start,
        end=end,
        reader=member,
        head=head,
        snapshot=snapshot,
        limits=limits,
    )


def _grant(entry: StoredEntry, snapshot: LedgerSnapshot) -> bytes:
    """Name the grant's case that an entry belongs to; empty for none."""
    digest = entry.summary.case_digest if entry.summary is not None else b""
    case = snapshot.case(digest) if digest else None
    return digest if case is not None and case.protocol == CaseProtocol.GRANT else b""
