"""What was recorded out of order by several workers is found by its time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest

from forewarn.exchange.v1 import audit_service_pb2 as pb
from gateway.edge.audit import _MOST_SKIPPED, AuditService
from gateway.edge.readings import Readings

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DISORDER = timedelta(seconds=5)


@dataclass
class Log:
    """An audit log of one member's events, as far as the service reads it."""

    times: list[datetime]
    looked: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def snapshot(self) -> Log:
        return self

    @property
    def current(self) -> Any:
        return SimpleNamespace(size=len(self.times), note=b"note")

    def by_index(self, index: int) -> Any:
        summary = SimpleNamespace(
            sender="aurora", audience=frozenset(), received_time=self.times[index]
        )
        return SimpleNamespace(index=index, summary=summary, body=b"", salt=b"")

    def member_entries(self, query: Any) -> list[Any]:
        indexes = range(query.after + 1, len(self.times))[: query.limit]
        self.looked += len(indexes)
        return [self.by_index(index) for index in indexes]

    def prove(self, indexes: list[int], _size: int) -> list[tuple[bytes, ...]]:
        return [() for _ in indexes]


class Place:
    async def room(self, most: int) -> None:
        pass


async def _since(log: Log, time: datetime) -> list[int]:
    return [index for page in await _pages(log, time) for index in page]


async def _pages(log: Log, time: datetime) -> list[list[int]]:
    part = cast("Any", log)
    readings = Readings(1)
    service = AuditService(
        origin="audit", reader=part, head=part, readings=readings, disorder=DISORDER
    )
    request = pb.ListAuditEventsRequest()
    request.since_time.FromDatetime(time)
    caller = cast("Any", SimpleNamespace(id="aurora", place=Place()))
    pages = []
    try:
        while True:
            log.looked = 0
            answer = await service.list_audit_events(caller, request)
            pages.append([record.index for record in answer.records])
            assert log.looked <= 100 + _MOST_SKIPPED + 100
            if not answer.more:
                return pages
            assert answer.cursor != request.cursor
            request.cursor = answer.cursor
    finally:
        await asyncio.to_thread(readings.close)


@pytest.mark.asyncio
async def test_no_event_since_a_time_is_left_out_whatever_the_order() -> None:
    seconds = [0, 10, 20, 30, 27, 26, 31, 28, 40, 37, 50]
    log = Log([NOON + timedelta(seconds=each) for each in seconds])

    for asked in range(52):
        found = await _since(log, NOON + timedelta(seconds=asked))
        assert found == [index for index, each in enumerate(seconds) if each >= asked]


@pytest.mark.asyncio
async def test_the_first_of_all_times_can_be_asked_for() -> None:
    log = Log([NOON])
    assert await _since(log, datetime(1, 1, 1, tzinfo=UTC)) == [0]


@pytest.mark.asyncio
async def test_a_page_looks_at_so_many_and_the_next_goes_on() -> None:
    # A busy moment, recorded within what two workers may be out of order: all of it is of before.
    busy = 3 * _MOST_SKIPPED + 50
    log = Log([NOON] * busy + [NOON + timedelta(seconds=2), NOON, NOON + timedelta(seconds=3)])

    pages = await _pages(log, NOON + timedelta(seconds=2))

    assert pages[:3] == [[], [], []]
    assert [index for page in pages for index in page] == [busy, busy + 2]
