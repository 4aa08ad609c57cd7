"""How often an address may ask."""

from __future__ import annotations

import pytest

from gateway.edge.addresses import Addresses, site_of


def asked(addresses: Addresses, site: str, now: float, times: int) -> int:
    return sum(addresses.admit(site, now) for _ in range(times))


def test_a_burst_and_then_a_rate() -> None:
    addresses = Addresses(rate=2, burst=5)
    assert asked(addresses, "a", 10.0, 9) == 5
    assert asked(addresses, "a", 10.4, 9) == 0
    assert asked(addresses, "a", 11.5, 9) == 3
    assert asked(addresses, "a", 99.0, 9) == 5


def test_each_address_has_its_own() -> None:
    addresses = Addresses(rate=1, burst=1)
    assert addresses.admit("a", 0.0)
    assert addresses.admit("b", 0.0)
    assert not addresses.admit("a", 0.0)


def test_so_many_are_remembered_the_latest() -> None:
    addresses = Addresses(rate=0.001, burst=1, remembered=2)
    assert [addresses.admit(site, 0.0) for site in "abc"] == [True] * 3
    assert [addresses.admit(site, 0.0) for site in "cb"] == [False] * 2
    assert addresses.admit("a", 0.0)


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_who_an_address_is(address: str, site: str) -> None:
    assert site_of(address) == site
