"""The port: one process's alone, or shared by the workers of one gateway.

* A port that somebody else has is an error, never shared: it is taken alone first, and only then
  opened to the workers. So `SO_REUSEPORT` shares it among processes of one gateway, and of no two.
* Whoever holds a shared port accepts no connection: the kernel hands each to one of the workers
  that listen. It keeps the number for as long as workers come and go, also where the number was
  left to the system.

What is sent over it is no concern of this module.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum, unique


class PortError(Exception):
    """The address cannot be listened on; the text says what to do."""


@unique
class Sharing(Enum):
    """Whose a port is."""

    ALONE = 0
    """This process's."""
    WORKERS = 1
    """Every worker's, while somebody holds it (`held`)."""


@contextmanager
def held(host: str, port: int) -> Iterator[int]:
    """Hold a port for workers to listen on.

    Args:
        host: Name or number; an IPv6 number may be in brackets.
        port: 0 for any that is free.

    Yields:
        The port.

    Raises:
        PortError: The address is taken, or is none of this machine's.
    """
    with ExitStack() as stack:
        for family, at in _places(host, port):
            one = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            try:
                # A name can stand for several numbers: the port is the same at each.
                one.bind((at, port))
            except OSError as error:
                if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                    continue
                raise taken(f"{host}:{port}") from None
            port = one.getsockname()[1]
            # Set after binding: who bound first has to agree before anybody can share.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if not port:
            raise taken(f"{host}:{port}")
        yield port


def taken(address: str) -> PortError:
    """Build the error of an address that cannot be listened on.

    Args:
        address: `host:port`, as it was given.
    """
    return PortError(
        f"{address} cannot be listened on: another program has the port, or the host is not this "
        "machine's; choose another with --listen"
    )


def _places(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError:
        raise taken(f"{host}:{port}") from None
    return [(family, str(place[0])) for family, _, _, _, place in found]
