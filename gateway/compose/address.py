"""An address to listen on: host and port, as whoever runs the gateway writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self

from gateway.compose.state import SetupError

_ADDRESS: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
MAX_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where something listens.

    Attributes:
        host: Name or number; an IPv6 number in brackets.
        port: 0 for any that is free.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host:port`.

        Args:
            text: As in `127.0.0.1:8443` or `[::1]:0`.

        Returns:
            The address.

        Raises:
            SetupError: It is not one.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None or int(found[2]) > MAX_PORT:
            raise SetupError(f"{text!r} is not host:port, as in 127.0.0.1:8443")
        return cls(host=found[1], port=int(found[2]))

    @property
    def is_loopback(self) -> bool:
        """Whether it can be reached from this machine only."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"
