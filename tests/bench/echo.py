"""The floor under every call: a server that gives back what it is sent, over the same mutual TLS.

`python -m tests.bench.echo CERTIFICATE KEY AUTHORITIES` prints its port and serves until it ends.
"""

# ruff: noqa: E402 - the environment is set before grpc is imported

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from gateway.edge import tls13

tls13.enforce()

import grpc
import uvloop


async def serve(certificate: bytes, key: bytes, authorities: bytes) -> None:
    """Serve until killed."""

    async def echo(request: bytes, _: Any) -> bytes:
        return request

    async def echo_stream(requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request

    server = grpc.aio.server()
    methods: dict[str, Any] = {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "EchoStream": grpc.stream_stream_rpc_method_handler(echo_stream),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("bench.Echo", methods)])
    credentials = grpc.ssl_server_credentials(
        [(key, certificate)],
        root_certificates=authorities,
        require_client_auth=True,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(serve(*(Path(name).read_bytes() for name in sys.argv[1:4])))
