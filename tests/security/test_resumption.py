"""A TLS session that is resumed does not carry a certificate beyond its end.

TLS asks for the dates of a certificate in a full handshake only. Whoever keeps the session's ticket
gets through the handshake for days; what then calls is asked again.

gRPC's own client resumes no session, so a few frames of HTTP/2 are written by hand here.
"""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from forewarn.exchange.v1 import log_service_pb2
from gateway.core.errors import Reason
from tests.world.live import AURORA, CALL_SECONDS, Desk, Live, refused

LASTS = timedelta(seconds=4)
METHOD = b"/forewarn.exchange.v1.LogService/GetCheckpoint"
EXPIRED = b"certificate has expired"
CHECKPOINT = b"exchange.example/ledger\n"


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Write a frame (RFC 9113 section 4.1)."""
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def literal(name: bytes, value: bytes) -> bytes:
    """Write a header field that is not indexed (RFC 7541 section 6.2.2); short ones only."""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


HEADERS = b"".join(
    literal(name, value)
    for name, value in (
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":path", METHOD),
        (b":authority", b"localhost"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    )
)
CALL = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    + frame(4, 0, 0, b"")
    + frame(1, 4, 1, HEADERS)
    + frame(0, 1, 1, bytes(5))
)


class Caller:
    """A system that keeps its TLS session."""

    def __init__(self, live: Live, chain: Path) -> None:
        host, _, port = live.address.rpartition(":")
        self.address = (host, int(port))
        self.context = ssl.create_default_context(cadata=live.authority.bundle.decode())
        self.context.set_alpn_protocols(["h2"])
        self.context.load_cert_chain(chain)
        self.session: ssl.SSLSession | None = None

    def call(self) -> tuple[bool, bytes]:
        """Ask for a checkpoint: whether the session was resumed, and what came back."""
        found = b""
        with (
            socket.create_connection(self.address, CALL_SECONDS) as raw,
            self.context.wrap_socket(
                raw, server_hostname="localhost", session=self.session
            ) as secured,
        ):
            secured.sendall(CALL)
            while EXPIRED not in found and CHECKPOINT not in found:
                read = secured.recv(65536)
                if not read:
                    break
                found += read
            self.session = secured.session
            return bool(secured.session_reused), found


def checkpoint(desk: Desk) -> bytes:
    request = log_service_pb2.GetCheckpointRequest()
    return bytes(desk.log.GetCheckpoint(request, timeout=CALL_SECONDS).checkpoint)


def test_a_resumed_session_ends_with_its_certificate(own: Live) -> None:
    own.init()
    own.serve()
    own.enrol(AURORA)
    begun = datetime.now(UTC)
    chain, key = own.authority.leaf([AURORA.system], not_before=begun, lifetime=LASTS)
    (own.folder / "aurora.pem").write_bytes(chain + b"\n" + key)
    caller = Caller(own, own.folder / "aurora.pem")
    with own.channel((chain, key)) as channel:
        desk = Desk(channel)
        assert checkpoint(desk)
        assert CHECKPOINT in caller.call()[1]
        time.sleep((begun + LASTS - datetime.now(UTC)).total_seconds() + 1.5)

        # A connection that was open then, and a new one in the old session.
        with pytest.raises(grpc.RpcError) as error:
            checkpoint(desk)
    resumed, answer = caller.call()

    assert refused(error.value).reason == Reason.CERTIFICATE_EXPIRED
    assert resumed
    assert EXPIRED in answer
    assert own.stop() == 0
