"""Mutual TLS as gRPC does it: which certificates reach the application, and which never do."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from cryptography import x509

from certs.authority import SERVER_AUTH, Authority
from certs.flaws import IN_HANDSHAKE, Flaw, flawed

DESK = "spiffe://exchange.example/lab/aurora/release-desk"

Call = Callable[[grpc.ChannelCredentials], bytes]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("pki") / "ca", trust_domain="exchange.example")


def peer_certificate(request: bytes, context: grpc.ServicerContext) -> bytes:
    # The published types say bytes; what gRPC gives is a list of them.
    certificates: Any = context.auth_context()["x509_pem_cert"]
    return bytes(certificates[0])


@pytest.fixture(scope="module")
def call(authority: Authority) -> Iterator[Call]:
    """A server that answers with the caller's certificate, and a way to call it."""
    chain, key = authority.leaf(
        [], dns=["localhost"], ips=["127.0.0.1", "::1"], usages=[SERVER_AUTH]
    )
    with ThreadPoolExecutor(max_workers=2) as threads:
        server = grpc.server(threads)
        method: Any = grpc.unary_unary_rpc_method_handler(peer_certificate)
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("test.Peer", {"Certificate": method})]
        )
        credentials = grpc.ssl_server_credentials(
            [(key, chain)], root_certificates=authority.bundle, require_client_auth=True
        )
        port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()

        def through(credentials: grpc.ChannelCredentials) -> bytes:
            with grpc.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
                certificate: Any = channel.unary_unary("/test.Peer/Certificate")
                return bytes(certificate(b"", timeout=10))

        yield through
        server.stop(grace=None).wait()


def credentials(authority: Authority, pair: tuple[bytes, bytes]) -> grpc.ChannelCredentials:
    chain, key = pair
    return grpc.ssl_channel_credentials(authority.bundle, key, chain)


def test_a_good_leaf_arrives_at_the_application(authority: Authority, call: Call) -> None:
    chain, key = authority.leaf([DESK])

    arrived = call(credentials(authority, (chain, key)))

    assert x509.load_pem_x509_certificate(arrived) == x509.load_pem_x509_certificate(chain)


@pytest.mark.parametrize("flaw", [flaw for flaw in Flaw if flaw not in IN_HANDSHAKE])
def test_a_wrong_name_or_no_usage_arrives_and_is_the_gateways_to_refuse(
    authority: Authority, call: Call, flaw: Flaw
) -> None:
    chain, key = flawed(authority, DESK, flaw)

    arrived = call(credentials(authority, (chain, key)))

    assert x509.load_pem_x509_certificate(arrived) == x509.load_pem_x509_certificate(chain)


@pytest.mark.parametrize("flaw", sorted(IN_HANDSHAKE))
def test_these_flaws_end_in_the_handshake(authority: Authority, call: Call, flaw: Flaw) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        call(credentials(authority, flawed(authority, DESK, flaw)))

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_no_certificate_ends_in_the_handshake(authority: Authority, call: Call) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        call(grpc.ssl_channel_credentials(authority.bundle))

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_server_of_another_authority_is_not_believed(
    authority: Authority, call: Call, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Authority.create(
        tmp_path_factory.mktemp("other") / "ca", trust_domain="exchange.example"
    )

    with pytest.raises(grpc.RpcError) as refused:
        call(credentials(other, authority.leaf([DESK])))

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
