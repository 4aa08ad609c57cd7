"""Cases as a caller may see them.

* A case exists for a caller if it may read the entry that opened it; its state is the state after
  the last of its entries that the caller may read. Filtering comes before everything else.
* An answer of GetCase holds entries up to about 2 MiB; the next begins where the caller says.
"""

from __future__ import annotations

from typing import Final

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId
from gateway.edge.cursor import Question
from gateway.edge.filters import check_protocol
from gateway.edge.paging import Page, PageLimits, check_reached, page_size, read_page
from gateway.ports.reading import CaseRow, LedgerHead, LedgerReader

CASE_ENTRIES: Final = PageLimits(entries=1000)
"""How much of a case one answer holds."""

CASES_BYTES: Final = 256 << 10
"""The largest list of cases, each about a hundred bytes."""


class Cases:
    """Reads cases."""

    def __init__(self, *, origin: str, reader: LedgerReader, head: LedgerHead) -> None:
        """Keep where it reads.

        Args:
            origin: The ledger's origin.
            reader: The store.
            head: The newest signed checkpoint.
        """
        self._origin = origin
        self._reader = reader
        self._head = head

    def get(self, member: MemberId, request: pb.GetCaseRequest) -> tuple[pb.CaseView, Page]:
        """Give one case and a page of its entries. Runs in a worker thread.

        Args:
            member: The member that asks.
            request: The request, its digest of 32 bytes.

        Returns:
            The case, and the page.

        Raises:
            Refusal: CASE_NOT_FOUND.
            Fault: LEDGER_UNAVAILABLE, this gateway has not reached the index asked for.
        """
        digest, head = request.case_digest, self._head.current
        check_reached(request.from_index, head)
        with self._reader.snapshot() as snapshot:
            row = snapshot.case_as_read(digest, member, head.size)
            if row is None:
                raise _case_not_found()
            page = read_page(
                lambda start, limit: snapshot.readable_in_case(digest, member, start - 1, limit),
                request.from_index,
                reader=member,
                head=head,
                snapshot=snapshot,
                limits=CASE_ENTRIES,
            )
        return _view(row), page

    def list(self, member: MemberId, request: pb.ListCasesRequest) -> pb.ListCasesResponse:
        """List the cases that a member is party to. Runs in a worker thread.

        Args:
            member: The member that asks.
            request: The request.

        Returns:
            The answer.

        Raises:
            Refusal: PAGE_SIZE_INVALID, FIELD_INVALID or CURSOR_INVALID.
        """
        size = page_size(request.page_size)
        protocol = check_protocol(request.protocol)
        question = Question(
            origin=self._origin, member=member, rpc="cases", question=protocol.encode()
        )
        start = question.index(request.cursor)
        head = self._head.current
        check_reached(start, head)
        with self._reader.snapshot() as snapshot:
            # One beyond the page tells whether there is more.
            found = snapshot.member_cases(member, protocol, start - 1, size + 1)
            rows = [row for row in found if row.opened_index < head.size]
            seen = [snapshot.case_as_read(row.digest, member, head.size) for row in rows[:size]]
        more = len(rows) > size
        position = rows[size].opened_index if more else max(start, head.size)
        return pb.ListCasesResponse(
            cases=[_view(row) for row in seen if row is not None],
            cursor=question.cursor(position),
            more=more,
        )


def _view(row: CaseRow) -> pb.CaseView:
    return pb.CaseView(
        case_digest=row.digest,
        protocol=row.protocol,
        state=row.state,
        opened_index=row.opened_index,
        last_index=row.last_index,
    )


def _case_not_found() -> Refusal:
    """Build the one answer to a case that does not exist and to one that is not the caller's."""
    return Refusal(Reason.CASE_NOT_FOUND, "there is no such case among those you may read")
