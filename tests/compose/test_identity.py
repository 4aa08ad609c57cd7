"""Who gets in: what TLS refuses, what the gateway refuses, and who is let in for what."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse

from certs.flaws import IN_HANDSHAKE, Flaw, flawed
from forewarn.exchange.v1 import log_service_pb2
from gateway.core.errors import Reason
from tests.world.ledger_builder import party
from tests.world.live import AURORA, CALL_SECONDS, Desk, Live, refused

REASONS = {
    Flaw.TWO_NAMES: Reason.SPIFFE_ID_AMBIGUOUS,
    Flaw.NO_NAME: Reason.SPIFFE_ID_MISSING,
    Flaw.FOREIGN_DOMAIN: Reason.TRUST_DOMAIN_FOREIGN,
    Flaw.NO_USAGE: Reason.CLIENT_AUTH_EKU_MISSING,
}


def checkpoint(channel: grpc.Channel) -> bytes:
    request = log_service_pb2.GetCheckpointRequest()
    answer = Desk(channel).log.GetCheckpoint(request, timeout=CALL_SECONDS)
    return bytes(answer.checkpoint)


def test_every_flaw_is_the_handshakes_or_the_gateways() -> None:
    assert set(REASONS) | IN_HANDSHAKE == set(Flaw)


@pytest.mark.parametrize("flaw", list(Flaw))
def test_a_flawed_certificate_is_refused(exchange: Live, flaw: Flaw) -> None:
    pair = flawed(exchange.authority, AURORA.system, flaw)

    with exchange.channel(pair) as channel, pytest.raises(grpc.RpcError) as error:
        checkpoint(channel)

    answer = refused(error.value)
    if flaw in IN_HANDSHAKE:
        assert (answer.code, answer.reason) == (grpc.StatusCode.UNAVAILABLE, "")
    else:
        assert (answer.code, answer.reason) == (grpc.StatusCode.UNAUTHENTICATED, REASONS[flaw])


def test_no_certificate_is_refused_in_the_handshake(exchange: Live) -> None:
    with exchange.channel(None) as channel, pytest.raises(grpc.RpcError) as error:
        checkpoint(channel)

    assert refused(error.value).code is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        (party("borealis", "lab"), Reason.MEMBER_UNKNOWN),
        (party("aurora", "operator", "release-desk"), Reason.MEMBER_UNKNOWN),
        (party("aurora", "lab", "other-desk"), Reason.SYSTEM_UNKNOWN),
    ],
    ids=["not enrolled", "another kind", "not registered"],
)
def test_a_certificate_is_not_a_membership(exchange: Live, who: object, reason: Reason) -> None:
    with (
        exchange.channel(exchange.authority.leaf([who.system])) as channel,  # type: ignore[attr-defined] # a system
        pytest.raises(grpc.RpcError) as error,
    ):
        checkpoint(channel)

    answer = refused(error.value)
    assert (answer.code, answer.reason) == (grpc.StatusCode.PERMISSION_DENIED, reason)


def test_health_asks_for_a_certificate_and_no_more(exchange: Live) -> None:
    with exchange.desk(party("borealis", "lab")) as nobody:
        assert nobody.status() == HealthCheckResponse.SERVING
    with exchange.channel(None) as channel, pytest.raises(grpc.RpcError) as error:
        Desk(channel).status()
    assert refused(error.value).code is grpc.StatusCode.UNAVAILABLE


def handshake(exchange: Live, folder: Path, most: ssl.TLSVersion) -> str | None:
    """Shake hands as a member's system that speaks TLS up to a version."""
    chain, key = exchange.authority.leaf([AURORA.system])
    pem = folder / "client.pem"
    pem.write_bytes(chain + key)
    context = ssl.create_default_context(cadata=exchange.authority.bundle.decode())
    context.load_cert_chain(pem)
    context.maximum_version = most
    context.set_alpn_protocols(["h2"])
    host, _, port = exchange.address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), CALL_SECONDS) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as secured,
    ):
        return secured.version()


def test_tls_1_2_is_refused(exchange: Live, tmp_path: Path) -> None:
    # The same client gets in once it may speak 1.3: it is the version that is refused.
    assert handshake(exchange, tmp_path, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(exchange, tmp_path, ssl.TLSVersion.TLSv1_2)
