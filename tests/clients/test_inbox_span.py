"""Spans of an inbox, as the client reckons them: against the tree as the RFC writes it down."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.inboxes.span import MOST_ENTRIES, MOST_SENDERS, Shown, Span, by_sender, cut
from tests.world.paper_inboxes import span_of, tree_of


def shown(index: int, sender: str = "aurora") -> Shown:
    return Shown(index=index, leaf_hash=sha256(b"%d" % index).digest(), sender=sender)


def pairs(entries: list[Shown]) -> list[tuple[int, bytes]]:
    return [(each.index, each.leaf_hash) for each in entries]


INDEXES = st.lists(st.integers(0, 400), unique=True, max_size=40).map(sorted)


@given(INDEXES, st.integers(0, 20))
def test_a_span_is_that_of_the_rfcs_tree_and_travels_unchanged(
    indexes: list[int], further: int
) -> None:
    entries, end = [shown(index) for index in indexes], (indexes or [0])[-1] + 1 + further
    span = Span.of(entries, 0, end)
    assert span.message() == span_of(pairs(entries), 0, end)
    assert Span.of_message(span.message()) == span


@given(INDEXES.filter(bool), st.data())
def test_what_is_changed_or_left_out_gives_another_span(
    indexes: list[int], data: st.DataObject
) -> None:
    entries, end = [shown(index) for index in indexes], indexes[-1] + 1
    span = Span.of(entries, 0, end)
    at = data.draw(st.integers(0, len(entries) - 1))
    without = entries[:at] + entries[at + 1 :]
    assert Span.of(without, 0, end) != span
    bit = data.draw(st.integers(0, 255))
    flipped = bytearray(entries[at].leaf_hash)
    flipped[bit // 8] ^= 1 << bit % 8
    other = Shown(index=entries[at].index, leaf_hash=bytes(flipped))
    assert Span.of([*entries[:at], other, *entries[at + 1 :]], 0, end) != span


@given(INDEXES.filter(bool), st.data())
def test_a_proof_shows_the_one_entry_at_its_place(indexes: list[int], data: st.DataObject) -> None:
    entries, end = [shown(index) for index in indexes], indexes[-1] + 1
    span, tree = Span.of(entries, 0, end), tree_of(pairs(entries))
    at = data.draw(st.integers(0, len(entries) - 1))
    path = tree.path(at, len(entries))
    span.verify_holds(entries[at], at, path)
    for entry, position in ((shown(end), at), (entries[at - 1], at), (entries[at], at + 1)):
        if (entry, position) != (entries[at], at):
            with pytest.raises(VerificationError, match=Flaw.PROOF_INVALID):
                span.verify_holds(entry, position, path)


@pytest.mark.parametrize(
    ("entries", "start", "end"),
    [
        ([shown(3), shown(2)], 0, 9),
        ([shown(3), shown(3)], 0, 9),
        ([shown(3)], 4, 9),
        ([shown(3)], 0, 3),
        ([], 5, 4),
        ([Shown(index=3, leaf_hash=b"short")], 0, 9),
    ],
)
def test_what_is_no_span_is_refused(entries: list[Shown], start: int, end: int) -> None:
    with pytest.raises(VerificationError, match=Flaw.ENTRY_MALFORMED):
        Span.of(entries, start, end)


@pytest.mark.parametrize(
    ("count", "senders"),
    [(0, 1), (1, 1), (MOST_ENTRIES, 1), (MOST_ENTRIES + 1, 3), (2 * MOST_SENDERS + 1, 10_000)],
)
def test_what_is_long_is_cut_without_gap(count: int, senders: int) -> None:
    entries = [shown(2 * n, f"member-{n % senders}") for n in range(count)]
    end = 2 * count + 5
    stretches = list(cut(entries, 0, end))
    sizes = [0]
    for stretch in stretches:
        assert stretch.span.from_size == sizes[-1]
        assert stretch.span.count <= MOST_ENTRIES
        assert len(by_sender(stretch.entries)) <= MOST_SENDERS
        sizes.append(stretch.span.to_size)
    assert sizes[-1] == end
    assert [each for stretch in stretches for each in stretch.entries] == entries


def test_senders_are_told_apart_in_order() -> None:
    entries = [shown(1, "borealis"), shown(2, "aurora"), shown(5, "borealis")]
    assert by_sender(entries) == {"aurora": [entries[1]], "borealis": [entries[0], entries[2]]}
    assert list(by_sender(entries)) == ["aurora", "borealis"]
