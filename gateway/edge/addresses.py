"""Addresses: who a caller without a name is.

* What an IPv6 site can choose among, its /64, counts as one address.
* What gRPC says of a peer is read here, and nowhere else.

How often an address may do something, `gateway.core.allowance` counts.
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import unquote

_SITE_BITS: Final = 64


def site_of(address: str) -> str:
    """Name who asks from an address.

    Args:
        address: As the socket gives it, as in `192.0.2.7` or `2001:db8::1%eth0`.

    Returns:
        The address; for IPv6 its /64, for what is IPv4 in IPv6 the IPv4 address.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _SITE_BITS), strict=False))
    return str(parsed)


def site_of_peer(peer: str) -> str:
    """Name who calls on a gRPC connection.

    Args:
        peer: As gRPC has it, as in `ipv4:192.0.2.7:51312` or `ipv6:%5B2001:db8::1%5D:51312`.

    Returns:
        As `site_of`; what is no address, as of a socket of this machine, by its kind.
    """
    kind, _, place = unquote(peer).partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return kind
    return site_of(place.rpartition(":")[0].strip("[]"))
