"""DirectoryService: the directory's chain, for every member."""

from __future__ import annotations

from forewarn.exchange.v1 import directory_service_pb2 as pb
from gateway.edge.callers import Caller
from gateway.edge.paging import Page, PageLimits, check_reached, page_size, read_page
from gateway.edge.readings import Readings
from gateway.edge.released import Departure, Journal
from gateway.ports.reading import LedgerHead, LedgerReader


class DirectoryService:
    """See `forewarn.exchange.v1.DirectoryService`."""

    def __init__(
        self, *, reader: LedgerReader, head: LedgerHead, readings: Readings, journal: Journal
    ) -> None:
        """Keep where it reads.

        Args:
            reader: The store.
            head: The newest signed checkpoint.
            readings: Where calls read the store.
            journal: Where releases are recorded.
        """
        self._readings = readings
        self._reader = reader
        self._head = head
        self._journal = journal

    async def list_directory_entries(
        self, caller: Caller, request: pb.ListDirectoryEntriesRequest
    ) -> pb.ListDirectoryEntriesResponse:
        """List the directory's entries from an index on."""
        limits = PageLimits(entries=page_size(request.page_size))
        page = await self._readings.content(
            caller, limits.most_bytes, self._page, caller, request.from_index, limits
        )
        departure = Departure(system=caller.system, rpc="ListDirectoryEntries")
        records = await page.records.let_go(self._journal, departure)
        return pb.ListDirectoryEntriesResponse(
            records=records, checkpoint=page.head.note, more=page.more
        )

    def _page(self, caller: Caller, start: int, limits: PageLimits) -> Page:
        head = self._head.current
        check_reached(start, head)
        with self._reader.snapshot() as snapshot:
            return read_page(
                snapshot.directory_entries,
                start,
                reader=caller.id,
                head=head,
                snapshot=snapshot,
                limits=limits,
            )
