"""The gRPC server: one secure port, bounded in everything.

* The port is the gateway's alone (`gateway.edge.port`): this process's, or its workers'.
* Messages, calls, connections, streams on one and its age are bounded, and so is a handshake: who
  has no certificate holds a connection for some seconds only. A connection is made anew after some
  hours, so that an expired certificate does not stay in use.
* Messages come as they are: nothing is decompressed.
* Health starts as NOT_SERVING and follows what it is told.

It starts no part of the gateway but itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import grpc
from grpc_health.v1 import health_pb2_grpc

from gateway.edge import tls13
from gateway.edge.health import MAX_WATCHERS, Health, Status
from gateway.edge.port import Sharing, taken
from gateway.edge.tls import TlsFiles
from gateway.wire.statements import MAX_STATEMENT_BYTES

# Enough to be told STATEMENT_TOO_LARGE with its reason, not enough to matter.
_SLACK: Final = 256 << 10

_HOUR_MS: Final = 3_600_000
_SECOND_MS: Final = 1000
# The bit of "identity", alone.
_NO_COMPRESSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeLimits:
    """What the server takes on.

    Attributes:
        calls: Most calls at once, open streams included.
        calls_per_connection: Most calls at once on one connection.
        calls_per_member: Most calls at once of one member, whatever its systems and connections.
        connections: Most connections at once.
        connection_hours: How long a connection lives before it has to be made anew.
        handshake_seconds: How long one may take to show a certificate.
        watchers: Most programs that watch the health service at once.
    """

    calls: int = 4096
    calls_per_connection: int = 256
    calls_per_member: int = 512
    connections: int = 4096
    connection_hours: int = 12
    handshake_seconds: int = 10
    watchers: int = MAX_WATCHERS


class Server:
    """The server, from port to graceful end."""

    def __init__(
        self,
        handlers: Sequence[grpc.GenericRpcHandler],
        limits: EdgeLimits,
        sharing: Sharing = Sharing.ALONE,
    ) -> None:
        """Prepare; nothing listens yet.

        Args:
            handlers: Guarded services.
            limits: What the server takes on.
            sharing: Whose the port is.

        Raises:
            RuntimeError: TLS 1.2 is not ruled out.
        """
        tls13.check()
        self._health = Health(limits.watchers)
        self._server = grpc.aio.server(
            options=list(_options(limits, sharing)), maximum_concurrent_rpcs=limits.calls
        )
        self._server.add_generic_rpc_handlers(handlers)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    async def start(
        self, address: str, tls: TlsFiles, reloaded: Callable[[], None] | None = None
    ) -> int:
        """Listen, not serving yet.

        Args:
            address: `host:port`; port 0 takes a free one.
            tls: Certificate, key and authorities.
            reloaded: Called, from a thread of gRPC, whenever these were read anew.

        Returns:
            The port.

        Raises:
            PortError: The address is taken, or is none of this machine's.
            TlsError: The files are not fit for use.
        """
        credentials = tls.credentials(reloaded)
        try:
            port = self._server.add_secure_port(address, credentials)
        except RuntimeError:
            raise taken(address) from None
        await self._server.start()
        return port

    def set_serving(self, status: Status) -> None:
        """Tell health checks how the gateway is.

        Args:
            status: SERVING or NOT_SERVING.
        """
        self._health.set(status)

    def retire(self) -> None:
        """Tell health checks that the gateway is going; what follows changes nothing any more."""
        self._health.retire()

    async def stop(self, grace: float) -> None:
        """Take no more calls, and end those in flight.

        Args:
            grace: Seconds that they have to end by themselves.
        """
        await self._server.stop(grace)


def _options(limits: EdgeLimits, sharing: Sharing) -> Iterable[tuple[str, int]]:
    return (
        ("grpc.so_reuseport", sharing.value),
        ("grpc.max_receive_message_length", MAX_STATEMENT_BYTES + _SLACK),
        ("grpc.compression_enabled_algorithms_bitset", _NO_COMPRESSION),
        ("grpc.max_allowed_incoming_connections", limits.connections),
        ("grpc.server_handshake_timeout_ms", limits.handshake_seconds * _SECOND_MS),
        ("grpc.max_concurrent_streams", limits.calls_per_connection),
        # Beyond these gRPC drops calls before anybody sees them, and the caller reads CANCELLED:
        # let them through to where they are refused with a reason.
        ("grpc.server.max_pending_requests", 4 * limits.calls),
        ("grpc.server.max_pending_requests_hard_limit", 8 * limits.calls),
        ("grpc.max_connection_age_ms", limits.connection_hours * _HOUR_MS),
        # What is in flight then has a while to end; a stream is resumed from its cursor.
        ("grpc.max_connection_age_grace_ms", 60_000),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        # A client may ping an idle stream, but not more often than this.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_ping_strikes", 3),
    )
