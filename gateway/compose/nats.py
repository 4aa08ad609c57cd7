"""Where NATS is: a child of this gateway, or servers that somebody else runs.

* Without addresses, nats-server is a child of the gateway and nobody else's (`ledger.nats_server`).
* With addresses, several nodes may share the streams: they compare what they fold, and one of them
  signs. Before anything is served, every server that answers has said that it syncs, or whoever
  runs them vouches for it in so many words.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.compose.settings import setting
from gateway.core.errors import Fault, Reason
from gateway.ledger.durability import assert_durable
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_external import ExternalNats
from gateway.ledger.nats_roles import NatsEndpoint, Role
from gateway.ports.blocks import MAX_BLOCK_BYTES

_log: Final = logging.getLogger(__name__)

_REPLICAS: Final = (1, 3, 5)
_HEADERS_BYTES: Final = 64 * 1024
_CONNECT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Nats:
    """See `[nats]`."""

    urls: tuple[str, ...] = field(
        default=(),
        metadata=setting(
            "Addresses of NATS servers, each tls://host:port; of a cluster, all of them.\n"
            "Left empty, the gateway runs its own nats-server, and is the only node."
        ),
    )
    ca: Path | None = field(
        default=None,
        metadata=setting("The authorities that sign the certificates of these servers, PEM."),
    )
    credentials: Path | None = field(
        default=None,
        metadata=setting(
            "The folder with a secret for each role, in files named worker, integrator and sys,\n"
            "and keeper for init: an nkey seed or a .creds file each, mode 0600."
        ),
    )
    replicas: int = field(
        default=3,
        metadata=setting(
            "How many servers hold each block: 1, 3 or 5; not more than there are.",
            unit="servers",
            least=1,
            most=5,
        ),
    )
    lease_seconds: float = field(
        default=15.0,
        metadata=setting(
            "After so long without a word from the node that signs, another one signs.",
            unit="seconds",
            least=3,
            most=300,
        ),
    )
    sync_vouched_for: bool = field(
        default=False,
        metadata=setting(
            "Whether to go on without a secret for the role sys, with which every server is asked\n"
            "whether it syncs before it acknowledges. true says: whoever runs NATS vouches that\n"
            "every server has sync_interval: always. If that is wrong, a power cut loses receipts."
        ),
    )

    def __post_init__(self) -> None:
        """Refuse half of what is needed."""
        if self.replicas not in _REPLICAS:
            raise ValueError("replicas is 1, 3 or 5")
        if self.urls and (self.ca is None or self.credentials is None):
            raise ValueError("with urls, ca and credentials are needed as well")
        if not self.urls and (self.ca is not None or self.credentials is not None):
            raise ValueError("ca and credentials are for servers that urls names")

    @property
    def held_by(self) -> int:
        """How many servers have to hold each block."""
        return self.replicas if self.urls else 1

    @property
    def external(self) -> ExternalNats | None:
        """The servers that somebody else runs; None where nats-server is a child."""
        if not self.urls or self.ca is None or self.credentials is None:
            return None
        return ExternalNats(urls=self.urls, ca=self.ca, credentials=self.credentials)


@asynccontextmanager
async def reached(nats: Nats, roles: Collection[Role]) -> AsyncGenerator[NatsEndpoint, None]:
    """Reach NATS servers that somebody else runs, and have them prove that they are durable.

    Args:
        nats: The settings.
        roles: Who may connect.

    Raises:
        Fault: LEDGER_UNAVAILABLE, they cannot be reached, or acknowledge before they sync.
    """
    external = nats.external
    if external is None:
        raise Fault(Reason.INTERNAL, "no NATS servers are named")
    endpoint = external.endpoint({*roles, Role.SYS})
    await _check_durable(endpoint, nats)
    await _check_room(endpoint)
    yield endpoint


async def _check_durable(endpoint: NatsEndpoint, nats: Nats) -> None:
    if Role.SYS not in endpoint.seeds:
        if not nats.sync_vouched_for:
            raise Fault(
                Reason.LEDGER_UNAVAILABLE,
                f"{nats.credentials}/sys is missing: with it every NATS server is asked whether it "
                "syncs before it acknowledges. Put it there, or set nats.sync_vouched_for = true "
                "where whoever runs NATS vouches for `sync_interval: always`",
            )
        _log.warning(
            "nobody asks the NATS servers whether they sync before they acknowledge: "
            "gateway.toml says that this is vouched for",
            extra={"event": "sync_vouched_for"},
        )
        return
    system = await RoleConnection.open(endpoint, Role.SYS, within=_CONNECT_SECONDS)
    try:
        answered = await assert_durable(system)
    finally:
        await system.close()
    if answered.silent:
        _log.warning(
            "%d of %d NATS servers did not answer: %s did",
            answered.silent,
            answered.expected,
            ", ".join(answered.servers),
            extra={"event": "nats_silent"},
        )


async def _check_room(endpoint: NatsEndpoint) -> None:
    """Refuse servers that would not take the largest block."""
    connection = await RoleConnection.open(endpoint, Role.WORKER, within=_CONNECT_SECONDS)
    try:
        session = await connection.session(within=_CONNECT_SECONDS)
        most = session.client.max_payload
    finally:
        await connection.close()
    if most < MAX_BLOCK_BYTES + _HEADERS_BYTES:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"NATS takes messages of at most {most:,} bytes, a block has up to "
            f"{MAX_BLOCK_BYTES:,}: set `max_payload: 8MB` at every server",
        )
