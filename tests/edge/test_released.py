"""Delivered implies entitled: what leaves, and that there is one way out."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway
from gateway.core.audit import ContentReleased, Event, GrantLookedUp
from gateway.core.entry import EntrySummary
from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.identity import MemberId, SystemId
from gateway.edge.paging import (
    DEFAULT_ENTRIES,
    MAX_ENTRIES,
    PageLimits,
    check_reached,
    page_size,
    read_page,
)
from gateway.edge.released import Departure, entitled, released
from gateway.ports.reading import StoredEntry
from tests.edge.ledgers import entry, head, snapshot

NAMES = ["aurora", "civil-ai", "harbor-bank", "quay-bank"]
READER = MemberId("harbor-bank")

entries = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.frozensets(st.sampled_from(NAMES)),
        st.integers(min_value=1, max_value=5),
        st.booleans(),
        st.integers(min_value=0, max_value=3000),
    ),
    max_size=60,
).map(
    lambda rows: [
        entry(
            index,
            sender=sender,
            audience=tuple(sorted(audience)),
            tlp=tlp,
            directory=directory,
            body=bytes(size),
        )
        for index, (sender, audience, tlp, directory, size) in enumerate(rows)
    ]
)


def may(stored: StoredEntry, size: int) -> bool:
    """The rule, written down once more."""
    summary = stored.summary
    assert summary is not None
    party = READER in {summary.sender, *summary.audience}
    return stored.index < size and (party or summary.tlp == 1 or summary.directory)


@given(entries, st.integers(min_value=0, max_value=60))
def test_exactly_what_the_reader_may_have_leaves(rows: list[StoredEntry], size: int) -> None:
    size = min(size, len(rows))

    held = released(rows, reader=READER, head=head(size), snapshot=snapshot(rows))
    records = held.given_back()

    assert [each.index for each in records] == [each.index for each in rows if may(each, size)]
    assert all(each.inclusion_proof == [b"proof of %d" % each.index] for each in records)


def test_what_nobody_can_read_is_nobodys() -> None:
    opaque = StoredEntry(index=0, body=b"?", salt=bytes(32), summary=None)

    assert not entitled(opaque, READER, head(1))


@given(
    entries,
    st.integers(min_value=1, max_value=20),
    st.integers(min_value=1, max_value=9000),
    st.integers(min_value=0, max_value=60),
)
def test_pages_give_everything_once_in_order_and_never_too_much(
    rows: list[StoredEntry], most: int, room: int, size: int
) -> None:
    size = min(size, len(rows))
    at, found = 0, []
    while True:
        page = read_page(
            lambda start, limit: rows[start : start + limit],
            at,
            reader=READER,
            head=head(size),
            snapshot=snapshot(rows),
            limits=PageLimits(entries=most, bytes=room),
        )
        records = page.records.given_back()
        found += [each.index for each in records]
        assert len(page.records) == len(records) <= most
        assert len(records) <= 1 or sum(len(each.entry_body) for each in records) <= room
        assert page.position > at or not page.more
        at = page.position
        if not page.more:
            break

    assert found == [each.index for each in rows if may(each, size)]
    assert at == size


@pytest.mark.parametrize(("asked", "given"), [(0, DEFAULT_ENTRIES), (1, 1), (1000, MAX_ENTRIES)])
def test_page_sizes(asked: int, given: int) -> None:
    assert page_size(asked) == given


def test_a_page_size_out_of_range_is_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        page_size(MAX_ENTRIES + 1)
    assert refusal.value.reason is Reason.PAGE_SIZE_INVALID


def test_a_place_not_reached_yet_is_no_rollback() -> None:
    check_reached(3, head(3))
    with pytest.raises(Fault) as fault:
        check_reached(4, head(3))
    assert fault.value.reason is Reason.LEDGER_UNAVAILABLE


def test_records_are_made_in_one_place() -> None:
    """Whatever leaves as a record has passed `released`: nothing else makes one."""
    root = Path(gateway.__file__).parent
    makers = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Record"
    }

    assert makers == {"edge/released.py"}


class Journal:
    """Remembers what was recorded before it left, and what was noted."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault
        self.recorded: list[Event] = []
        self.notes: list[Event] = []
        self.deliveries: list[tuple[str, int]] = []

    async def released(self, events: Sequence[Event]) -> None:
        if self.fault is not None:
            raise self.fault
        self.recorded += events

    def noted(self, event: Event) -> None:
        self.notes.append(event)

    def delivered(self, *, system: SystemId, rpc: str, sender: str, indexes: Sequence[int]) -> None:
        assert (system, rpc) in {(DESK, "ListEntries"), (DESK, "GetCase")}
        self.deliveries.extend((sender, index) for index in indexes)


DESK = SystemId.parse("spiffe://exchange.example/operator/harbor-bank/security")


@pytest.mark.asyncio
@given(rows=entries)
async def test_what_is_let_go_above_green_is_recorded_first_or_stays(
    rows: list[StoredEntry],
) -> None:
    held = released(rows, reader=READER, head=head(len(rows)), snapshot=snapshot(rows))
    strict = [
        each.index
        for each in rows
        if may(each, len(rows)) and each.summary and each.summary.tlp > 2
        if not each.summary.directory
    ]
    departure = Departure(system=DESK, rpc="ListEntries")
    journal, broken = Journal(), Journal(Fault(Reason.LEDGER_UNAVAILABLE, "away"))

    records = await held.let_go(journal, departure)

    assert records == held.given_back()
    named = [
        index
        for event in journal.recorded
        if isinstance(event.happening, ContentReleased)
        for index in event.happening.entry_indexes
    ]
    assert sorted(named) == strict
    assert journal.notes == []
    # What is addressed to its reader is on record or noted; nothing else is noted.
    assert sorted(journal.deliveries) == sorted(
        (each.summary.sender, each.index)
        for each in rows
        if each.summary and may(each, len(rows)) and READER in each.summary.audience
        if each.index not in strict
    )
    if strict:
        with pytest.raises(Fault):
            await held.let_go(broken, departure)
    else:
        assert await held.let_go(broken, departure) == records


@pytest.mark.asyncio
@pytest.mark.parametrize("tlp", [2, 3])
async def test_a_grant_that_is_looked_up_is_told_to_each_whose_statements_were_seen(
    tlp: int,
) -> None:
    rows = [
        StoredEntry(
            index=index,
            body=b"x",
            salt=bytes(32),
            summary=EntrySummary(
                digest=bytes(32),
                sender=sender,
                statement_id="x",
                kind=97,
                case_digest=bytes(32),
                protocol="",
                case_state="OFFERED",
                tlp=tlp,
                audience=(READER,),
                directory=False,
                refers_to=(),
                received_time=datetime(2026, 11, 21, tzinfo=UTC),
            ),
        )
        for index, sender in enumerate(["aurora", "harbor-bank", "aurora"])
    ]
    held = released(rows, reader=READER, head=head(3), snapshot=snapshot(rows))
    journal = Journal()

    await held.let_go(journal, Departure(system=DESK, rpc="GetCase", grant=bytes(32)))

    looked = [
        each
        for each in (*journal.recorded, *journal.notes)
        if isinstance(each.happening, GrantLookedUp)
    ]
    assert [each.concerned for each in looked] == ["aurora", "harbor-bank"]
    assert len(journal.recorded) == (4 if tlp > 2 else 0)
