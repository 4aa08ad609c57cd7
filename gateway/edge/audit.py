"""AuditService: what the audit log holds about a member's statements and systems, with proofs.

* A member is shown the events of its own systems, and those about statements that it sent. What
  concerns another, or nobody, is left out before anything is counted or proven.
* Only what a signed checkpoint of the audit log covers is shown.
* No call looks at many more events than it answers with: where a time is asked for, a page may be
  empty and the next one begins further on.
* Asking leaves nothing in the audit log but a refusal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.message import Message

from forewarn.exchange.v1 import audit_service_pb2 as pb
from gateway.core.errors import invalid
from gateway.core.identity import MemberId
from gateway.edge.callers import Caller
from gateway.edge.cursor import Question
from gateway.edge.log import check_signed
from gateway.edge.paging import RECORD_BYTES, PageLimits, check_reached, page_size, pick
from gateway.edge.readings import Readings
from gateway.edge.released import entry_not_found
from gateway.ports.reading import (
    Box,
    LedgerHead,
    LedgerReader,
    LedgerSnapshot,
    MemberQuery,
    SignedHead,
    StoredEntry,
)
from gateway.wire.headers import time_from

_HEARD_SECONDS: Final = 2.0
_MOST_SKIPPED: Final = 1000
"""Events of before a time that a page looks at, at most; they stand out of order (ADR 19)."""


class AuditService:
    """See `forewarn.exchange.v1.AuditService`."""

    def __init__(
        self,
        *,
        origin: str,
        reader: LedgerReader,
        head: LedgerHead,
        readings: Readings,
        disorder: timedelta,
    ) -> None:
        """Keep where it reads.

        Args:
            origin: The audit log's origin.
            reader: Its store.
            head: Its newest signed checkpoint.
            readings: Where calls read the store.
            disorder: By how much the time of an event may be before that of one recorded earlier.
        """
        self._disorder = disorder
        self._readings = readings
        self._origin = origin
        self._reader = reader
        self._head = head

    async def list_audit_events(
        self, caller: Caller, request: pb.ListAuditEventsRequest
    ) -> pb.ListAuditEventsResponse:
        """List the events that concern the caller's member."""
        limits = PageLimits(entries=page_size(request.page_size), skipped=_MOST_SKIPPED)
        since = _since(request)
        canonical = _canonical(request.since_time) if since is not None else b""
        question = Question(origin=self._origin, member=caller.id, rpc="audit", question=canonical)
        start = question.index(request.cursor)
        return await self._readings.content(
            caller, limits.most_bytes, self._page, question, start, since, limits
        )

    async def get_audit_event(
        self, caller: Caller, request: pb.GetAuditEventRequest
    ) -> pb.GetAuditEventResponse:
        """Give one event that concerns the caller's member."""
        # Another worker may have recorded it a moment before this one heard of it.
        if self._head.size <= request.index:
            with suppress(TimeoutError):
                async with asyncio.timeout(_HEARD_SECONDS):
                    await self._head.wait_beyond(request.index)
        return await self._readings.content(
            caller, RECORD_BYTES, self._event, caller.id, request.index
        )

    async def get_audit_consistency_proof(
        self, caller: Caller, request: pb.GetAuditConsistencyProofRequest
    ) -> pb.GetAuditConsistencyProofResponse:
        """Prove that one tree of the audit log is the beginning of another."""
        check_signed("new_size", request.new_size, self._head.current)
        if request.old_size > request.new_size:
            raise invalid("old_size", "is larger than new_size; ask the other way round")
        proof = await self._readings.run(caller.id, self._compare, request)
        return pb.GetAuditConsistencyProofResponse(consistency_proof=proof)

    def _compare(self, request: pb.GetAuditConsistencyProofRequest) -> tuple[bytes, ...]:
        with self._reader.snapshot() as snapshot:
            return snapshot.consistency(request.old_size, request.new_size)

    def _event(self, member: MemberId, index: int) -> pb.GetAuditEventResponse:
        head = self._head.current
        if index >= head.size:
            raise entry_not_found()
        with self._reader.snapshot() as snapshot:
            # Read as one of the member's: what is not its own is not even looked at.
            found = [
                entry
                for entry in snapshot.member_entries(_own(member, index - 1, 1, index + 1))
                if entry.index == index and concerns(entry, member, head)
            ]
            if not found:
                raise entry_not_found()
            return pb.GetAuditEventResponse(
                record=_records(found, snapshot, head)[0], checkpoint=head.note
            )

    def _page(
        self, question: Question, start: int, since: datetime | None, limits: PageLimits
    ) -> pb.ListAuditEventsResponse:
        head = self._head.current
        check_reached(start, head)
        member = question.member

        def may(entry: StoredEntry) -> bool:
            return concerns(entry, member, head) and (since is None or _time(entry) >= since)

        with self._reader.snapshot() as snapshot:
            first = start
            if since is not None:
                first = max(start, first_at(snapshot, _before(since, self._disorder), head))
            found = pick(
                lambda index, limit: snapshot.member_entries(
                    _own(member, index - 1, limit, head.size)
                ),
                first,
                may=may,
                head=head,
                limits=limits,
            )
            records = _records(found.entries, snapshot, head)
        return pb.ListAuditEventsResponse(
            records=records,
            checkpoint=head.note,
            cursor=question.cursor(found.position),
            more=found.more,
        )


def _own(member: MemberId, after: int, limit: int, before: int) -> MemberQuery:
    """Ask for a member's events between two indexes."""
    return MemberQuery(member=member, box=Box.ALL, after=after, limit=limit, before_size=before)


def _records(
    entries: Sequence[StoredEntry], snapshot: LedgerSnapshot, head: SignedHead
) -> list[pb.AuditRecord]:
    proofs = snapshot.prove([entry.index for entry in entries], head.size)
    return [
        pb.AuditRecord(event=entry.body, index=entry.index, salt=entry.salt, inclusion_proof=proof)
        for entry, proof in zip(entries, proofs, strict=True)
    ]


def concerns(entry: StoredEntry, member: MemberId, head: SignedHead) -> bool:
    """Tell whether an event may be shown to a member.

    Args:
        entry: The event, as the audit log's store has it.
        member: The member that asks.
        head: The audit log's newest signed checkpoint.

    Returns:
        True if one of its systems called, or if it is about statements that it sent.
    """
    summary = entry.summary
    if summary is None or entry.index >= head.size:
        return False
    return member == summary.sender or member in summary.audience


def first_at(snapshot: LedgerSnapshot, since: datetime, head: SignedHead) -> int:
    """Find where to begin for events of a time or later, as far as they stand in order of time.

    Several workers record out of order by a little (ADR 19): whoever wants none left out asks for
    a time that is earlier by as much.

    Args:
        snapshot: The audit log.
        since: The time, UTC.
        head: The newest signed checkpoint.

    Returns:
        An index; at most the head's size. The event before it is of an earlier time.
    """
    low, high = 0, head.size
    while low < high:
        middle = (low + high) // 2
        entry = snapshot.by_index(middle)
        if entry is not None and entry.summary is not None and _time(entry) < since:
            low = middle + 1
        else:
            high = middle
    return low


def _before(since: datetime, disorder: timedelta) -> datetime:
    earliest = datetime.min.replace(tzinfo=UTC)
    return since - disorder if since - earliest > disorder else earliest


def _time(entry: StoredEntry) -> datetime:
    if entry.summary is None:
        raise ValueError("an entry that cannot be read has no time")
    return entry.summary.received_time


def _since(request: pb.ListAuditEventsRequest) -> datetime | None:
    if not request.HasField("since_time"):
        return None
    try:
        # Refuses what lies outside the years 1 to 9999, and fractions that are none.
        request.since_time.ToDatetime()
        return time_from(request.since_time)
    except (ValueError, OverflowError):
        raise invalid("since_time", "is not a time between the years 1 and 9999") from None


def _canonical(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)
