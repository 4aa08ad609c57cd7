"""Spans of an inbox: the same only where everything is the same, whoever counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId
from gateway.core.inbox import (
    MAX_ENTRIES,
    Confirmation,
    Delivered,
    Span,
    Tree,
    by_sender,
    span_of,
)
from gateway.core.proof import verify_inclusion
from tests.vectors import rfc6962
from tests.vectors.files import Vector, load, name_of

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CIVIL = MemberId("civil-ai")
ORIGIN = "exchange.example/ledger"


def delivered(index: int, sender: str = "aurora") -> Delivered:
    return Delivered(index=index, sender=sender, leaf_hash=sha256(b"%d" % index).digest())


def from_vector(rows: list[Vector]) -> list[Delivered]:
    return [
        Delivered(index=row["index"], sender="", leaf_hash=bytes.fromhex(row["leaf_hash"]))
        for row in rows
    ]


@pytest.mark.parametrize("vector", load("inbox", "span"), ids=name_of)
def test_span_vectors(vector: Vector) -> None:
    asked = vector["input"]
    span = span_of(from_vector(asked["entries"]), asked["from_size"], asked["to_size"])
    assert {"count": span.count, "root": span.root.hex()} == vector["output"]


@pytest.mark.parametrize("vector", load("inbox", "compare"), ids=name_of)
def test_compare_vectors(vector: Vector) -> None:
    stated = vector["input"]["span"]
    if vector["expect"] == "span-malformed":
        with pytest.raises(Refusal) as refused:
            stated_span(stated)
        assert refused.value.reason is Reason.FIELD_INVALID
        return
    span = stated_span(stated)
    within = [
        each
        for each in from_vector(vector["input"]["entries"])
        if span.from_size <= each.index < span.to_size
    ]
    same = span_of(within, span.from_size, span.to_size).same_as(span)
    assert same is (vector["expect"] == "ok")


def stated_span(stated: Vector) -> Span:
    return Span(
        from_size=stated["from_size"],
        to_size=stated["to_size"],
        count=stated["count"],
        root=bytes.fromhex(stated["root"]),
    )


indexes = st.lists(st.integers(min_value=0, max_value=3000), unique=True, max_size=300).map(sorted)


def naive(found: list[int]) -> bytes:
    """The root as the words of the format give it."""
    label = b"forewarn/inbox/v1" + bytes([0x0A, 0x00])
    leaves = [
        rfc6962.leaf_hash(label + index.to_bytes(8, "big") + sha256(b"%d" % index).digest())
        for index in found
    ]
    return rfc6962.Tree(leaves.__getitem__).root(len(leaves))


@given(indexes)
def test_a_span_is_the_tree_that_the_format_says(found: list[int]) -> None:
    span = span_of([delivered(index) for index in found], 0, 3001)
    assert (span.count, span.root) == (len(found), naive(found))


@given(indexes, st.data())
def test_whatever_is_left_out_or_added_is_seen(found: list[int], data: st.DataObject) -> None:
    held = span_of([delivered(index) for index in found], 0, 3001)
    shown = data.draw(indexes)
    assume(shown != found)
    assert not span_of([delivered(index) for index in shown], 0, 3001).same_as(held)
    assert span_of([delivered(index) for index in found], 0, 3001).same_as(held)
    if found:
        without = found[:]
        without.pop(data.draw(st.integers(0, len(found) - 1)))
        assert not span_of([delivered(index) for index in without], 0, 3001).same_as(held)


@given(indexes.filter(bool), st.data())
def test_each_entry_is_proven_at_its_position(found: list[int], data: st.DataObject) -> None:
    tree = Tree(delivered(index) for index in found)
    position = data.draw(st.integers(0, len(found) - 1))
    leaf = rfc6962.leaf_hash(delivered(found[position]).leaf)
    verify_inclusion(leaf, position, len(found), tree.inclusion(position), naive(found))


def test_entries_are_sorted_by_sender_and_keep_their_order() -> None:
    rows = [delivered(1, "quay-bank"), delivered(2), delivered(5, "quay-bank"), delivered(9)]
    assert by_sender(rows) == {"aurora": rows[1::2], "quay-bank": rows[::2]}
    assert list(by_sender(rows)) == ["aurora", "quay-bank"]


def test_a_span_holds_so_many_entries_and_no_more() -> None:
    span_of([delivered(index) for index in range(MAX_ENTRIES)], 0, MAX_ENTRIES)
    with pytest.raises(Refusal) as refused:
        span_of([delivered(index) for index in range(MAX_ENTRIES + 1)], 0, MAX_ENTRIES + 1)
    assert refused.value.reason is Reason.FIELD_INVALID


CHANGES: list[tuple[Reason, dict[str, object]]] = [
    (Reason.EXCHANGE_FOREIGN, {"exchange": "elsewhere.example/ledger"}),
    (Reason.SENDER_MISMATCH, {"recipient": "natsec-ai"}),
    (Reason.CREATED_IN_FUTURE, {"created_time": NOON + timedelta(minutes=5, microseconds=1)}),
    (Reason.FIELD_INVALID, {"span": span_of([], 0, 9)}),
]


@pytest.mark.parametrize(("reason", "change"), CHANGES, ids=[each for each, _ in CHANGES])
def test_a_confirmation_is_of_this_exchange_this_member_and_this_time(
    reason: Reason, change: dict[str, object]
) -> None:
    stated: dict[str, object] = {
        "exchange": ORIGIN,
        "recipient": CIVIL,
        "sender": "aurora",
        "span": span_of([delivered(3)], 0, 9),
        "created_time": NOON + timedelta(minutes=5),
    }
    Confirmation(**stated).check(ORIGIN, CIVIL, NOON)  # type: ignore[arg-type] # mixed
    with pytest.raises(Refusal) as refused:
        Confirmation(**{**stated, **change}).check(ORIGIN, CIVIL, NOON)  # type: ignore[arg-type] # mixed
    assert refused.value.reason is reason
