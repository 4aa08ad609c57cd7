"""Leaves with one deliberate flaw each, for tests and the demo's attacks.

* `Flaw` names what is wrong and says who refuses it: the handshake, or the gateway that reads the
  name.
* Apart from its flaw, each is what `Authority.leaf` gives for a good name.

It makes no bad chain of CAs: what tests of TLS libraries do is not done here again.
"""

import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from pathlib import Path

from certs.authority import SERVER_AUTH, Authority


@unique
class Flaw(StrEnum):
    """What is wrong with a leaf."""

    TWO_NAMES = "two SPIFFE IDs"
    NO_NAME = "no SPIFFE ID"
    FOREIGN_DOMAIN = "a SPIFFE ID of another trust domain"
    NO_USAGE = "no extended key usage at all"
    SERVER_ONLY = "an extended key usage for servers only"
    EXPIRED = "expired"
    OTHER_AUTHORITY = "another authority with the same trust domain"


IN_HANDSHAKE = frozenset({Flaw.SERVER_ONLY, Flaw.EXPIRED, Flaw.OTHER_AUTHORITY})
"""Refused by TLS, before any code of the gateway; the other flaws are the gateway's to refuse."""


def flawed(authority: Authority, uri: str, flaw: Flaw) -> tuple[bytes, bytes]:
    """Make a leaf with one flaw.

    Args:
        authority: The authority that signs it, or is imitated.
        uri: The SPIFFE ID that it would have without the flaw.
        flaw: What is wrong with it.

    Returns:
        The chain and the key, both PEM, as `Authority.leaf` gives them.
    """
    return _MADE[flaw](authority, uri)


def _expired(authority: Authority, uri: str) -> tuple[bytes, bytes]:
    begun = datetime.now(UTC) - timedelta(days=2)
    return authority.leaf([uri], not_before=begun, lifetime=timedelta(days=1))


def _of_another_authority(authority: Authority, uri: str) -> tuple[bytes, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        other = Authority.create(Path(folder) / "ca", trust_domain=authority.trust_domain)
    return other.leaf([uri])


def _foreign(authority: Authority, uri: str) -> tuple[bytes, bytes]:
    return authority.leaf([uri.replace(authority.trust_domain, "elsewhere.example", 1)])


_MADE: Mapping[Flaw, Callable[[Authority, str], tuple[bytes, bytes]]] = {
    Flaw.TWO_NAMES: lambda authority, uri: authority.leaf([uri, f"{uri}-too"]),
    Flaw.NO_NAME: lambda authority, _: authority.leaf([], dns=["nobody.example"]),
    Flaw.FOREIGN_DOMAIN: _foreign,
    Flaw.NO_USAGE: lambda authority, uri: authority.leaf([uri], usages=()),
    Flaw.SERVER_ONLY: lambda authority, uri: authority.leaf([uri], usages=(SERVER_AUTH,)),
    Flaw.EXPIRED: _expired,
    Flaw.OTHER_AUTHORITY: _of_another_authority,
}
