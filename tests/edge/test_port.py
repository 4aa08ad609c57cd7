"""A port that workers share, and that nobody else has."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.edge.port import PortError, held


@contextmanager
def listening(port: int, *, shared: bool) -> Iterator[socket.socket]:
    with socket.socket() as one:
        if shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(("127.0.0.1", port))
        one.listen()
        yield one


def test_workers_share_it_and_nobody_else_gets_it() -> None:
    with held("127.0.0.1", 0) as port:
        assert port > 0
        with listening(port, shared=True), listening(port, shared=True):
            # Another gateway asks for it alone first, with workers or without.
            with pytest.raises(PortError, match="another program has the port"):
                held("127.0.0.1", port).__enter__()
            with pytest.raises(OSError, match="in use"):
                listening(port, shared=False).__enter__()
    with held("127.0.0.1", port) as again:
        assert again == port


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_somebody_has_is_refused(shared: bool) -> None:
    with listening(0, shared=shared) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortError, match=f"127.0.0.1:{port} cannot be listened on"):
            held("127.0.0.1", port).__enter__()


def test_a_name_has_one_port_at_all_its_numbers() -> None:
    with held("localhost", 0) as port, pytest.raises(PortError):
        held("127.0.0.1", port).__enter__()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(PortError, match="not this machine's"):
        held(host, 0).__enter__()


def test_an_ipv6_number_may_be_in_brackets() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        with held("[::1]", 0) as port:
            assert port > 0
    except PortError:
        pytest.skip("no IPv6 loopback here")
