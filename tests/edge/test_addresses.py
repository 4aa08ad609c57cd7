"""Who a caller without a name is."""

from __future__ import annotations

import pytest

from gateway.edge.addresses import site_of, site_of_peer


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


@pytest.mark.parametrize(
    ("peer", "site"),
    [
        ("ipv4:192.0.2.7:51312", "192.0.2.7"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:443", "2001:db8:1:2::/64"),
        ("ipv6:[::ffff:192.0.2.7]:443", "192.0.2.7"),
        ("ipv6:[fe80::1%25eth0]:443", "fe80::/64"),
        ("unix:/run/a", "unix"),
        ("", ""),
    ],
)
def test_who_a_peer_of_grpc_is(peer: str, site: str) -> None:
    assert site_of_peer(peer) == site
