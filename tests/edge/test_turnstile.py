"""How much one member has open: bounded, whatever it does, and nobody else's affair."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId
from gateway.edge.paging import PageLimits
from gateway.edge.turnstile import MOST_ANSWER_BYTES, MOST_BYTES, Place, Turnstile
from gateway.ledger.recorder import RecorderLimits
from gateway.wire.statements import MAX_STATEMENT_BYTES

NAMES = [MemberId(name) for name in ("aurora", "civil-ai", "harbor-bank")]
SOON = 5.0


def test_one_member_does_not_take_anothers_place() -> None:
    turnstile = Turnstile(2)
    places = [turnstile.enter(NAMES[0], 1) for _ in range(2)]

    with pytest.raises(Refusal) as refusal:
        turnstile.enter(NAMES[0], 1)
    turnstile.enter(NAMES[1], 1)

    assert refusal.value.reason is Reason.TOO_MANY_CALLS
    places[0].leave()
    turnstile.enter(NAMES[0], 1)


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.booleans())), st.integers(1, 4))
def test_it_counts_right_in_any_order(moves: list[tuple[MemberId, bool]], most: int) -> None:
    turnstile, inside = Turnstile(most), defaultdict[MemberId, list[Place]](list)
    for member, enters in moves:
        if enters and len(inside[member]) < most:
            inside[member].append(turnstile.enter(member, 7))
        elif enters:
            with pytest.raises(Refusal):
                turnstile.enter(member, 7)
        elif inside[member]:
            inside[member].pop().leave()
    for places in inside.values():
        for place in places:
            place.leave()

    # Nothing is kept of a member that has no call open.
    assert not turnstile._inside


def test_what_a_member_says_at_once_is_bounded_and_one_request_always_fits() -> None:
    turnstile = Turnstile(100, most_bytes=1000)
    large = turnstile.enter(NAMES[0], 5000)
    with pytest.raises(Refusal):
        turnstile.enter(NAMES[0], 1)
    turnstile.enter(NAMES[1], 1000)
    turnstile.enter(NAMES[1], 0)
    large.leave()
    turnstile.enter(NAMES[0], 999)
    turnstile.enter(NAMES[0], 1)


def test_one_member_fills_half_of_what_may_wait() -> None:
    assert RecorderLimits().waiting_bytes >= 2 * MOST_BYTES
    assert MOST_BYTES > MAX_STATEMENT_BYTES
    assert 16 * PageLimits(entries=1).most_bytes <= MOST_ANSWER_BYTES


@pytest.mark.asyncio
async def test_an_answer_waits_for_the_members_others_to_be_taken_and_for_nobody_elses() -> None:
    turnstile = Turnstile(10, most_answers=1000)
    first, second, third = [turnstile.enter(NAMES[0], 1) for _ in range(3)]
    other = turnstile.enter(NAMES[1], 1)
    async with asyncio.timeout(SOON):
        await first.room(5000)  # one always fits
        waiting = [asyncio.create_task(each.room(500)) for each in (second, third)]
        await other.room(1000)
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        # It turned out smaller: there is room for one more, not for two.
        first.holds(400)
        await waiting[0]
        assert not waiting[1].done()
        # What a call held has been taken when it asks for its next answer, which waits its turn.
        again = asyncio.create_task(first.room(100))
        await waiting[1]
        assert not again.done()
        second.holds(0)
        await again
        for place in (first, second, third, other):
            place.leave()

    assert not turnstile._inside


@pytest.mark.asyncio
async def test_who_leaves_answers_unread_is_refused_more_of_them() -> None:
    turnstile = Turnstile(10, most_answers=1000, patience=0.01)
    unread, more = turnstile.enter(NAMES[0], 1), turnstile.enter(NAMES[0], 1)
    await unread.room(1000)
    with pytest.raises(Refusal) as refusal:
        await more.room(1)

    assert refusal.value.reason is Reason.TOO_MANY_CALLS
    unread.leave()
    await more.room(1000)


@pytest.mark.asyncio
async def test_room_that_came_as_its_caller_left_goes_to_the_next() -> None:
    turnstile = Turnstile(10, most_answers=10)
    first, leaving, last = [turnstile.enter(NAMES[0], 1) for _ in range(3)]
    await first.room(10)
    asked = [asyncio.create_task(each.room(10)) for each in (leaving, last)]
    await asyncio.sleep(0)
    first.leave()  # gives its room to the one that leaves in this moment
    asked[0].cancel()
    async with asyncio.timeout(SOON):
        await asyncio.gather(asked[0], return_exceptions=True)
        await asked[1]
    assert asked[0].cancelled()
