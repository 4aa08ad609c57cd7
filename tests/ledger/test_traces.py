"""What the audit log tells of an entry is found quickly, and is the first that it tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn.exchange.v1 import audit_pb2, inbox_pb2
from gateway.core.audit import ContentReleased, Event
from gateway.core.identity import SystemId
from gateway.ledger import store as storing
from gateway.wire.audit import encode
from tests.world.audit_log import AuditLog

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SIZES = 24

Said = tuple[str, int, int, bool]
"""A sender, from and to which size its recipient confirmed, and whether that is signed."""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    made = AuditLog(tmp_path)
    yield made
    made.close()


def confirmed(said: Said, *, member: str = "civil-ai") -> bytes:
    sender, from_size, to_size, signed = said
    return audit_pb2.AuditEvent(
        member=member,
        concerned=sender,
        event_time={"seconds": 1},
        inbox_confirmed=audit_pb2.InboxConfirmed(
            span=inbox_pb2.InboxSpan(from_size=from_size, to_size=to_size, count=1),
            confirmation=b"signed" if signed else b"",
        ),
    ).SerializeToString(deterministic=True)


def released(system: str, *indexes: int, concerned: str = "aurora") -> bytes:
    event = Event(
        happening=ContentReleased(entry_indexes=indexes),
        rpc="Follow",
        system=SystemId.parse(system),
        concerned=concerned,
    )
    return encode(event, NOON)


sizes = st.lists(st.integers(0, SIZES), min_size=2, max_size=2, unique=True).map(sorted)
said = st.tuples(st.sampled_from(["aurora", "borealis"]), sizes, st.booleans()).map(
    lambda drawn: (drawn[0], drawn[1][0], drawn[1][1], drawn[2])
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(said, min_size=1, max_size=4), max_size=8), st.integers(0, 33))
def test_the_first_confirmation_of_each_index_is_found(
    blocks: list[list[Said]], bound: int
) -> None:
    with TemporaryDirectory() as folder:
        log = AuditLog(Path(folder))
        try:
            for block in blocks:
                log.fold(*map(confirmed, block))
            every = [each for block in blocks for each in block]
            with log.snapshot() as snapshot:
                found = {
                    (sender, index): snapshot.first_confirmed("civil-ai", sender, index, bound)
                    for sender in ("aurora", "borealis")
                    for index in range(SIZES + 1)
                }
        finally:
            log.close()
    for (sender, index), event in found.items():
        covering = [
            (not signed, at)
            for at, (by, from_size, to_size, signed) in enumerate(every)
            if by == sender and from_size <= index < to_size and at < bound
        ]
        assert event == (min(covering)[1] if covering else None)


def test_spans_of_one_sender_never_overlap_in_the_index(log: AuditLog) -> None:
    for each in ((5, 9), (0, 3), (2, 20), (0, 24)):
        log.fold(confirmed(("aurora", *each, True)))
    # From, to, and the event that was the first to say so.
    assert [(row[4], row[3], row[5]) for row in log.table("confirmed")] == [
        (0, 3, 1),
        (3, 5, 2),
        (5, 9, 0),
        (9, 20, 2),
        (20, 24, 3),
    ]


def test_the_first_release_to_a_member_counts_whichever_system_it_was(log: AuditLog) -> None:
    desk, other = (f"spiffe://exchange.example/agency/civil-ai/{name}" for name in ("a", "b"))
    bank = "spiffe://exchange.example/operator/harbor-bank/security"
    log.fold(released(desk, 3, 4))
    log.fold(released(bank, 4, 5), released(other, 4, 7))
    with log.snapshot() as snapshot:
        assert [snapshot.first_released("civil-ai", index) for index in range(3, 8)] == [
            *(0, 0, None, None, 2)
        ]
        assert snapshot.first_released("harbor-bank", 4) == 1
        assert snapshot.first_released("quay-bank", 4) is None
        assert snapshot.not_released("civil-ai", [2, 3, 5, 7, (1 << 63) - 1]) == [
            *(2, 5, (1 << 63) - 1)
        ]
        assert snapshot.not_released("quay-bank", [4, 3]) == [4, 3]
        assert snapshot.not_released("quay-bank", []) == []


def test_what_tells_nothing_of_deliveries_adds_nothing(log: AuditLog) -> None:
    desk = "spiffe://exchange.example/lab/aurora/desk"
    log.fold(
        released(desk, 3),  # read again by whoever sent it
        released(desk, 3, concerned=""),
        confirmed(("", 0, 9, True)),  # of the whole inbox
        confirmed(("aurora", 0, 9, True), member=""),
    )
    assert log.table("released") == []
    assert log.table("confirmed") == []


def test_whatever_numbers_stand_in_the_log_it_is_folded(log: AuditLog) -> None:
    """Whoever writes past the workers cannot stop the fold."""
    largest = (1 << 64) - 1
    log.fold(
        confirmed(("aurora", 0, largest, True)),
        confirmed(("aurora", 9, 3, True)),
        confirmed(("aurora", largest, largest, True)),
        confirmed(("aurora", (1 << 63) - 2, (1 << 63) - 1, True)),
        released("spiffe://exchange.example/agency/civil-ai/a", 1, (1 << 63) - 2, largest),
    )
    assert log.store.head().size == 5
    assert len(log.table("confirmed")) == 1
    with log.snapshot() as snapshot:
        assert snapshot.first_confirmed("civil-ai", "aurora", 0, 5) is None
        assert snapshot.first_confirmed("civil-ai", "aurora", (1 << 63) - 2, 5) == 3
        assert snapshot.first_released("civil-ai", (1 << 63) - 2) == 4


def test_one_that_covers_very_many_others_is_left_out_and_harms_nobody_else(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "_MOST_CONFIRMED", 3)
    log.fold(*(confirmed(("aurora", at, at + 1, True)) for at in (1, 3, 5, 7)))
    log.fold(confirmed(("aurora", 0, 9, True)), confirmed(("borealis", 0, 9, True)))
    log.fold(confirmed(("aurora", 0, 6, True)))
    with log.snapshot() as snapshot:
        assert [snapshot.first_confirmed("civil-ai", "aurora", at, 7) for at in range(9)] == [
            *(6, 0, 6, 1, 6, 2, None, 3, None)
        ]
        assert snapshot.first_confirmed("civil-ai", "borealis", 4, 7) == 5
