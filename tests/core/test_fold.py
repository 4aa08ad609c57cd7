"""The fold is total, agrees with a naive model, and never accepts what was read stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.fold import (
    MAX_BODY_BYTES,
    MAX_KEY_BYTES,
    MAX_KEYS,
    Entry,
    Folded,
    Outcome,
    Verdict,
    fold,
)

SALT = bytes(32)
NOTHING: Mapping[str, int] = {}


def entry(
    *,
    body: bytes = b"body",
    salt: bytes = SALT,
    judged_at: int = 0,
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
) -> Entry:
    return Entry(
        body=body, salt=salt, judged_at=judged_at, reads=tuple(reads), writes=tuple(writes)
    )


def verdicts(folded: Folded) -> list[Verdict]:
    return [outcome.verdict for outcome in folded.outcomes]


def naive(
    entries: Sequence[Entry | None], size: int, written: Mapping[str, int]
) -> tuple[list[Outcome], dict[str, int]]:
    """Keep every write ever made, and look through all of them."""
    history = list(written.items())
    outcomes = []
    beginning = size
    for each in entries:
        if (
            each is None
            or len(each.salt) != 32
            or each.body == b""
            or len(each.body) > 1_114_112
            or each.judged_at not in range(beginning + 1)
            or len(each.reads) > 64
            or len(each.writes) > 64
            or any(key == "" or len(key.encode()) > 512 for key in each.reads + each.writes)
        ):
            outcomes.append(Outcome(verdict=Verdict.VOID, index=None))
        elif any(key in each.reads and index >= each.judged_at for key, index in history):
            outcomes.append(Outcome(verdict=Verdict.STALE, index=None))
        else:
            outcomes.append(Outcome(verdict=Verdict.ACCEPTED, index=size))
            history.extend((key, size) for key in each.writes)
            size += 1
    return outcomes, dict(history)


keys = st.lists(st.sampled_from("abc"), max_size=3)
odd_keys = st.lists(st.sampled_from(["a", "b", "", "k" * 512, "k" * 513, "é" * 257]), max_size=66)
plain = st.builds(entry, judged_at=st.integers(0, 8), reads=keys, writes=keys)
odd = st.builds(
    entry,
    body=st.sampled_from([b"", b"x", bytes(MAX_BODY_BYTES), bytes(MAX_BODY_BYTES + 1)]),
    salt=st.sampled_from([b"", SALT, bytes(31), bytes(33)]),
    judged_at=st.integers(-1, 2**64 - 1),
    reads=odd_keys,
    writes=odd_keys,
)
blocks = st.lists(st.one_of(st.none(), plain, plain, plain, odd), max_size=12)


@given(entries=blocks, size=st.integers(0, 8), data=st.data())
def test_it_equals_the_naive_model(
    entries: list[Entry | None], size: int, data: st.DataObject
) -> None:
    below = st.integers(0, size - 1) if size else st.nothing()
    written = data.draw(st.dictionaries(st.sampled_from("abc"), below) if size else st.just({}))
    folded = fold(entries, size, written.get)
    outcomes, history = naive(entries, size, written)
    assert list(folded.outcomes) == outcomes
    assert {**written, **folded.writes} == history
    assert folded.size == size + sum(outcome.index is not None for outcome in outcomes)


@given(st.lists(st.lists(st.one_of(st.none(), plain), max_size=4), max_size=6))
def test_nothing_is_accepted_that_was_read_stale(stream: list[list[Entry | None]]) -> None:
    written: dict[str, int] = {}
    accepted: list[Entry] = []
    for block in stream:
        folded = fold(block, len(accepted), written.get)
        written.update(folded.writes)
        accepted.extend(
            each
            for each, outcome in zip(block, folded.outcomes, strict=True)
            if each is not None and outcome.verdict is Verdict.ACCEPTED
        )
    for index, each in enumerate(accepted):
        for between in accepted[each.judged_at : index]:
            assert not set(each.reads) & set(between.writes)


@given(blocks, st.integers(0, 8), st.integers(0, 12))
def test_where_a_stream_is_cut_into_blocks_matters_only_to_what_was_judged_ahead(
    entries: list[Entry | None], size: int, cut: int
) -> None:
    settled = [each for each in entries if each is None or each.judged_at <= size]
    whole = fold(settled, size, NOTHING.get)
    first = fold(settled[:cut], size, NOTHING.get)
    second = fold(settled[cut:], first.size, first.writes.get)
    assert first.outcomes + second.outcomes == whole.outcomes
    assert {**first.writes, **second.writes} == whole.writes


def test_of_two_judged_alike_the_second_is_stale() -> None:
    one = entry(judged_at=3, reads=["case/a"], writes=["case/a"])
    other = entry(judged_at=3, reads=["case/a", "member/x"], writes=["case/a"])
    folded = fold([one, other], 3, {"case/a": 2}.get)
    assert folded.outcomes == (
        Outcome(verdict=Verdict.ACCEPTED, index=3),
        Outcome(verdict=Verdict.STALE, index=None),
    )
    assert folded.writes == {"case/a": 3}


def test_what_is_stale_writes_nothing() -> None:
    stale = entry(judged_at=1, reads=["a"], writes=["b"])
    reader = entry(judged_at=1, reads=["b"])
    assert verdicts(fold([stale, reader], 5, {"a": 1}.get)) == [Verdict.STALE, Verdict.ACCEPTED]


def test_a_write_at_the_size_of_judgement_is_after_it() -> None:
    assert verdicts(fold([entry(judged_at=4, reads=["a"])], 6, {"a": 4}.get)) == [Verdict.STALE]
    assert verdicts(fold([entry(judged_at=5, reads=["a"])], 6, {"a": 4}.get)) == [Verdict.ACCEPTED]


@pytest.mark.parametrize(
    "void",
    [
        None,
        entry(salt=bytes(31)),
        entry(salt=bytes(33)),
        entry(body=b""),
        entry(body=bytes(MAX_BODY_BYTES + 1)),
        entry(judged_at=8),
        entry(judged_at=-1),
        entry(judged_at=2**64 - 1),
        entry(reads=["k"] * (MAX_KEYS + 1)),
        entry(writes=["k"] * (MAX_KEYS + 1)),
        entry(reads=[""]),
        entry(writes=["k" * (MAX_KEY_BYTES + 1)]),
        entry(writes=["é" * (MAX_KEY_BYTES // 2 + 1)]),
    ],
)
def test_what_is_no_entry_is_void(void: Entry | None) -> None:
    assert fold([void], 7, NOTHING.get) == Folded(
        outcomes=(Outcome(verdict=Verdict.VOID, index=None),), writes={}, size=7
    )


def test_the_greatest_entry_is_one() -> None:
    greatest = entry(
        body=bytes(MAX_BODY_BYTES),
        judged_at=7,
        reads=["r" * MAX_KEY_BYTES] * MAX_KEYS,
        writes=["é" * (MAX_KEY_BYTES // 2)] * MAX_KEYS,
    )
    assert verdicts(fold([greatest], 7, NOTHING.get)) == [Verdict.ACCEPTED]


def test_a_size_reached_within_the_block_cannot_have_been_read() -> None:
    assert verdicts(fold([entry(judged_at=2), entry(judged_at=3)], 2, NOTHING.get)) == [
        Verdict.ACCEPTED,
        Verdict.VOID,
    ]


def test_the_stored_numbers_never_change() -> None:
    assert {verdict.name: verdict.value for verdict in Verdict} == {
        "VOID": 0,
        "ACCEPTED": 1,
        "STALE": 2,
    }
