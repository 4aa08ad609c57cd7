"""Cursors: bound to who asks what, the same after a restart, and never anything else."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId
from gateway.edge.cursor import MAX_INDEX, Question

MINE = Question(
    origin="exchange.example/ledger",
    member=MemberId("harbor-bank"),
    rpc="entries",
    question=b"\x08\x01",
)
indexes = st.integers(min_value=0, max_value=MAX_INDEX)


def refused(question: Question, cursor: str) -> None:
    with pytest.raises(Refusal) as refusal:
        question.index(cursor)
    assert refusal.value.reason is Reason.CURSOR_INVALID


@given(indexes)
def test_a_cursor_leads_back_to_its_index(index: int) -> None:
    assert MINE.index(MINE.cursor(index)) == index
    # Nothing in it is of this process: another one makes the same.
    assert replace(MINE).cursor(index) == MINE.cursor(index)


def test_no_cursor_is_the_beginning() -> None:
    assert MINE.index("") == 0


@pytest.mark.parametrize(
    "foreign",
    [
        replace(MINE, origin="elsewhere.example/ledger"),
        replace(MINE, member=MemberId("quay-bank")),
        replace(MINE, rpc="cases"),
        replace(MINE, question=b"\x08\x02"),
    ],
)
def test_a_foreign_cursor_is_refused(foreign: Question) -> None:
    refused(MINE, foreign.cursor(7))


@given(st.text(min_size=1))
def test_any_other_text_is_refused(text: str) -> None:
    refused(MINE, text)


@given(indexes, st.integers(min_value=0, max_value=33), st.characters(codec="ascii"))
def test_one_changed_character_is_refused_or_only_moves_the_place(
    index: int, at: int, new: str
) -> None:
    cursor = MINE.cursor(index)
    changed = cursor[:at] + new + cursor[at + 1 :]

    try:
        found = MINE.index(changed)
    except Refusal:
        return
    assert MINE.cursor(found) == changed


def test_a_place_beyond_every_ledger_is_refused() -> None:
    raw = bytearray(base64.urlsafe_b64decode(MINE.cursor(0) + "=="))
    raw[1] = 0x80

    refused(MINE, base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


def test_framing_keeps_the_parts_apart() -> None:
    moved = replace(MINE, rpc="entrie", question=b"s\x08\x01")

    assert moved.cursor(1) != MINE.cursor(1)
