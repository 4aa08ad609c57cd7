"""Audit events: whom they concern, what has to be recorded, and what a flood may cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.audit import (
    MAX_INDEXES,
    CallsRefused,
    ContentReleased,
    DeliveryTally,
    deliveries,
    must_be_recorded,
    origin_of,
    releases,
)
from gateway.core.entry import EntrySummary
from gateway.core.errors import Reason
from gateway.core.identity import SystemId
from gateway.core.refused import MAX_CAUSES, MAX_CAUSES_OF_ONE, MAX_DIGESTS, RefusalTally

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DESK = SystemId.parse("spiffe://exchange.example/agency/civil-ai/notice")
# An equivocation is counted by itself whatever the crowd.
REASONS = [each for each in Reason if each is not Reason.EQUIVOCATION]


def summary(sender: str, tlp: int, *, directory: bool = False) -> EntrySummary:
    return EntrySummary(
        digest=bytes(32),
        sender=sender,
        statement_id="x",
        kind=80,
        case_digest=b"",
        protocol="",
        case_state="",
        tlp=tlp,
        audience=("civil-ai",),
        directory=directory,
        refers_to=(),
        received_time=NOON,
    )


@pytest.mark.parametrize(
    ("ledger", "audit"),
    [
        ("exchange.example/ledger", "exchange.example/audit"),
        ("exchange.example/a/ledger", "exchange.example/a/audit"),
        ("exchange.example", "exchange.example/audit"),
        ("exchange.example/audit", "exchange.example/audit/audit"),
    ],
)
def test_the_audit_log_has_an_origin_of_its_own(ledger: str, audit: str) -> None:
    assert origin_of(ledger) == audit != ledger


@pytest.mark.parametrize(
    ("found", "must"),
    [
        (summary("aurora", 1), False),
        (summary("aurora", 2), False),
        (summary("aurora", 3), True),
        (summary("aurora", 4), True),
        (summary("aurora", 5), True),
        (summary("exchange-registrar", 3, directory=True), False),
        (None, True),
    ],
)
def test_what_is_not_known_to_be_green_or_clear_must_be_recorded(
    found: EntrySummary | None, must: object
) -> None:
    assert must_be_recorded(found) is must


@given(st.lists(st.tuples(st.sampled_from(["aurora", "borealis"]), st.integers(1, 5))))
def test_an_answer_is_one_event_for_each_sender_and_names_each_entry_once(
    entries: list[tuple[str, int]],
) -> None:
    found = releases(
        [(index, summary(*each)) for index, each in enumerate(entries)],
        rpc="ListEntries",
        system=DESK,
    )

    named = {}
    for event in found:
        assert isinstance(event.happening, ContentReleased)
        assert (event.member, event.rpc) == ("civil-ai", "ListEntries")
        assert event.concerned not in named
        named[event.concerned] = event.happening.entry_indexes
    for sender in ("aurora", "borealis"):
        strict = [i for i, (by, tlp) in enumerate(entries) if by == sender and tlp > 2]
        assert list(named.get(sender, ())) == strict


refusals = st.tuples(
    st.integers(0, 400), st.sampled_from(["Submit", "GetCase"]), st.sampled_from(REASONS)
)


@given(st.lists(refusals, max_size=600))
def test_every_refusal_is_counted_and_their_events_are_few(
    found: list[tuple[int, str, Reason]],
) -> None:
    tally = RefusalTally()
    for number, rpc, reason in found:
        name = f"spiffe://exchange.example/agency/civil-ai/desk-{number}"
        system = SystemId.parse(name)
        tally.add(system=system, rpc=rpc, reason=reason, digest=bytes(32), now=NOON)

    events = list(tally.take().values())

    counted = [each.happening for each in events if isinstance(each.happening, CallsRefused)]
    assert sum(each.count for each in counted) == len(found)
    assert len(events) <= MAX_CAUSES + 1
    assert all(1 <= len(each.digests) <= MAX_DIGESTS for each in counted)
    assert not tally.take()


def test_one_system_with_many_causes_hides_no_other() -> None:
    other = SystemId.parse("spiffe://exchange.example/lab/aurora/desk")
    tally = RefusalTally()
    for number, reason in enumerate(REASONS * 40):
        now = NOON + timedelta(seconds=number)
        tally.add(system=DESK, rpc=f"Rpc{number % 7}", reason=reason, digest=None, now=now)
    tally.add(system=other, rpc="Submit", reason=REASONS[0], digest=None, now=NOON)

    *flood, last = tally.take().values()

    assert len(flood) == MAX_CAUSES_OF_ONE + 1
    assert (last.system, last.rpc) == (other, "Submit")
    lumped = [each for each in flood if not each.rpc]
    assert [each.system for each in lumped] == [DESK]


def test_what_is_addressed_to_its_reader_and_need_not_be_recorded_is_noted() -> None:
    rows = [
        (1, summary("aurora", 1)),
        (2, summary("aurora", 2)),
        (3, summary("aurora", 3)),
        (4, summary("borealis", 2)),
        (5, None),
    ]
    assert deliveries(rows, reader="civil-ai") == {"aurora": [1, 2], "borealis": [4]}
    assert deliveries(rows, reader="harbor-bank") == {}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["aurora", "borealis"]),
            st.lists(st.integers(0, 2 * MAX_INDEXES), max_size=20),
        ),
        max_size=20,
    )
)
def test_deliveries_are_told_once_each_by_sender_and_ascending(
    added: list[tuple[str, list[int]]],
) -> None:
    tally = DeliveryTally()
    for sender, indexes in added:
        tally.add(system=DESK, rpc="Follow", sender=sender, indexes=indexes)
    taken, lost = tally.take()
    events = [event for each in taken for event in each.events()]
    assert lost == 0
    assert tally.take() == ([], 0)

    told: dict[str, list[int]] = {}
    for event in events:
        assert isinstance(event.happening, ContentReleased)
        assert 0 < len(event.happening.entry_indexes) <= MAX_INDEXES
        told.setdefault(event.concerned, []).extend(event.happening.entry_indexes)
    wanted: dict[str, set[int]] = {}
    for sender, indexes in added:
        wanted.setdefault(sender, set()).update(indexes)
    assert told == {sender: sorted(each) for sender, each in wanted.items() if each}


def test_an_equivocation_is_never_lost_in_a_crowd() -> None:
    tally = RefusalTally()
    for number in range(400):
        system = SystemId.parse(f"spiffe://exchange.example/agency/civil-ai/desk-{number}")
        for rpc in ("Submit", "GetCase"):
            tally.add(system=system, rpc=rpc, reason=REASONS[0], digest=None, now=NOON)
    said = tally.add(
        system=DESK, rpc="Submit", reason=Reason.EQUIVOCATION, digest=bytes(32), now=NOON
    )

    event = tally.take()[said]

    assert (event.system, event.rpc) == (DESK, "Submit")
    assert isinstance(event.happening, CallsRefused)
    assert (event.happening.reason, event.happening.digests) == (Reason.EQUIVOCATION, (bytes(32),))
