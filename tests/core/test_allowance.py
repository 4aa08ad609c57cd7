"""How often each of many may do something."""

from __future__ import annotations

import pytest

from gateway.core.allowance import Allowance


def asked(allowance: Allowance[str], name: str, now: float, times: int) -> int:
    return sum(allowance.admit(name, now) for _ in range(times))


def test_a_burst_and_then_a_rate() -> None:
    allowance = Allowance[str](rate=2, burst=5)
    assert asked(allowance, "a", 10.0, 9) == 5
    assert asked(allowance, "a", 10.4, 9) == 0
    assert asked(allowance, "a", 11.5, 9) == 3
    assert asked(allowance, "a", 99.0, 9) == 5


def test_each_name_has_its_own() -> None:
    allowance = Allowance[str](rate=1, burst=1)
    assert allowance.admit("a", 0.0)
    assert allowance.admit("b", 0.0)
    assert not allowance.admit("a", 0.0)


def test_so_many_are_remembered_the_latest() -> None:
    allowance = Allowance[str](rate=0.001, burst=1, remembered=2)
    assert [allowance.admit(name, 0.0) for name in "abc"] == [True] * 3
    assert [allowance.admit(name, 0.0) for name in "cb"] == [False] * 2
    assert allowance.admit("a", 0.0)


def test_who_has_none_left_is_told_when_to_come_back() -> None:
    allowance = Allowance[str](rate=2, burst=1)
    assert allowance.wait("a", 5.0) == 0
    assert allowance.admit("a", 5.0)
    assert allowance.wait("a", 5.0) == pytest.approx(0.5)
    assert allowance.wait("a", 5.4) == pytest.approx(0.1)
    assert allowance.admit("a", 5.5)
