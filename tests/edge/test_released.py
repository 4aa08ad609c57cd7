"""Delivered implies entitled: what leaves, and that there is one way out."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway
from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.identity import MemberId
from gateway.edge.paging import (
    DEFAULT_ENTRIES,
    MAX_ENTRIES,
    PageLimits,
    check_reached,
    page_size,
    read_page,
)
from gateway.edge.released import entitled, released
from gateway.ports import StoredEntry
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

    records = released(rows, reader=READER, head=head(size), snapshot=snapshot(rows))

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
        found += [each.index for each in page.records]
        assert len(page.records) <= most
        assert len(page.records) <= 1 or sum(len(each.entry_body) for each in page.records) <= room
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
