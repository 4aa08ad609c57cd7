"""How many calls one member has open: bounded, whatever it does, and nobody else's affair."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId
from gateway.edge.turnstile import MOST_BYTES, Turnstile
from gateway.ledger.recorder import RecorderLimits
from gateway.wire.statements import MAX_STATEMENT_BYTES

NAMES = [MemberId(name) for name in ("aurora", "civil-ai", "harbor-bank")]


def test_one_member_does_not_take_anothers_place() -> None:
    turnstile = Turnstile(2)
    for _ in range(2):
        turnstile.enter(NAMES[0], 1)

    with pytest.raises(Refusal) as refusal:
        turnstile.enter(NAMES[0], 1)
    turnstile.enter(NAMES[1], 1)

    assert refusal.value.reason is Reason.TOO_MANY_CALLS
    turnstile.leave(NAMES[0], 1)
    turnstile.enter(NAMES[0], 1)


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.booleans())), st.integers(1, 4))
def test_it_counts_right_in_any_order(moves: list[tuple[MemberId, bool]], most: int) -> None:
    turnstile, inside = Turnstile(most), Counter[MemberId]()
    for member, enters in moves:
        if enters and inside[member] < most:
            turnstile.enter(member, 7)
            inside[member] += 1
        elif enters:
            with pytest.raises(Refusal):
                turnstile.enter(member, 7)
        elif inside[member]:
            turnstile.leave(member, 7)
            inside[member] -= 1
    for member, number in inside.items():
        for _ in range(number):
            turnstile.leave(member, 7)

    # Nothing is kept of a member that has no call open.
    assert not turnstile._open
    assert not turnstile._bytes


def test_what_a_member_says_at_once_is_bounded_and_one_request_always_fits() -> None:
    turnstile = Turnstile(100, most_bytes=1000)
    turnstile.enter(NAMES[0], 5000)
    with pytest.raises(Refusal):
        turnstile.enter(NAMES[0], 1)
    turnstile.enter(NAMES[1], 1000)
    turnstile.enter(NAMES[1], 0)
    turnstile.leave(NAMES[0], 5000)
    turnstile.enter(NAMES[0], 999)
    turnstile.enter(NAMES[0], 1)


def test_one_member_fills_half_of_what_may_wait() -> None:
    assert RecorderLimits().waiting_bytes >= 2 * MOST_BYTES
    assert MOST_BYTES > MAX_STATEMENT_BYTES
