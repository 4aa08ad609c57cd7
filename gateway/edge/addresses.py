"""Addresses: how often each may ask, where a caller has no name.

* Each address has a number of requests to begin with, which fills up again at a rate. Who has none
  left is told so, and told when to come back.
* What an IPv6 site can choose among, its /64, counts as one address.
* So many addresses are remembered; the one that asked longest ago is forgotten first. Whoever has
  very many addresses is bounded by connections, not here.

It sees times and addresses, and no requests.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Final

_REMEMBERED: Final = 16_384
_SITE_BITS: Final = 64


class Addresses:
    """Counts requests by address."""

    def __init__(self, *, rate: float, burst: float, remembered: int = _REMEMBERED) -> None:
        """Begin with nobody known.

        Args:
            rate: Requests that an address may go on asking, per second.
            burst: Requests that it may ask at once.
            remembered: How many addresses are remembered.
        """
        self._rate = rate
        self._burst = burst
        self._remembered = remembered
        # What each has left, and when that was so.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(self, site: str, now: float) -> bool:
        """Count a request.

        Args:
            site: Who asks, as `site_of` names it.
            now: Seconds on a clock that never runs backwards.

        Returns:
            False where it has asked too often: nothing is counted then.
        """
        left, since = self._left.pop(site, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        admitted = left >= 1
        self._left[site] = (left - 1 if admitted else left, now)
        if len(self._left) > self._remembered:
            self._left.popitem(last=False)
        return admitted


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
