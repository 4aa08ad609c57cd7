"""The ledger's house: lock, NATS, connections, each left in the reverse order.

* Whoever has the lock has the folder: nothing is opened before it.
* A nats-server child outlives everything that talks to it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.compose import gate, generations
from gateway.compose.nats import Nats, reached
from gateway.compose.state import StateFolder
from gateway.ledger.lock import StateLock
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_roles import NatsEndpoint, Role
from gateway.ledger.nats_server import EmbeddedNats

# A gateway that was just killed leaves its child some moments to end.
_LOCK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """NATS, reached and durable.

    Attributes:
        endpoint: Where it is, and how to be each role there.
        authorities: The certificates that its servers prove themselves with or to, PEM.
        store_dir: Its JetStream folder; None where it is on other hosts.
        child: The server, where it is a child of this gateway.
    """

    endpoint: NatsEndpoint
    authorities: str
    store_dir: Path | None
    child: EmbeddedNats | None


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """NATS, and the connections of this gateway.

    Attributes:
        nats: NATS.
        worker: The connection that appends blocks and hears announcements.
        integrator: The connection that reads the stream and announces.
    """

    nats: Served
    worker: RoleConnection
    integrator: RoleConnection


@asynccontextmanager
async def opened(
    state: StateFolder, nats: Nats, roles: Collection[Role]
) -> AsyncGenerator[House, None]:
    """Lock a state folder, have NATS, and connect to it as worker and as integrator.

    Args:
        state: The folder.
        nats: Where NATS is.
        roles: Who may connect.

    Raises:
        SetupError: What stands there has to be repaired or compared first.
        Fault: LEDGER_UNAVAILABLE, another gateway has the folder, or NATS is not fit for use.
    """
    async with (
        locked(state) as lock,
        running(state, lock, nats, roles) as served,
        connected(served.endpoint, Role.WORKER) as worker,
        connected(served.endpoint, Role.INTEGRATOR) as integrator,
    ):
        yield House(nats=served, worker=worker, integrator=integrator)


@asynccontextmanager
async def locked(state: StateFolder) -> AsyncGenerator[StateLock, None]:
    """Have a state folder for a while.

    Args:
        state: The folder.

    Raises:
        Fault: LEDGER_UNAVAILABLE, another gateway has it.
    """
    lock = await StateLock.acquire(state.root, within=_LOCK_SECONDS)
    try:
        yield lock
    finally:
        lock.release()


@asynccontextmanager
async def running(
    state: StateFolder, lock: StateLock, nats: Nats, roles: Collection[Role]
) -> AsyncGenerator[Served, None]:
    """Have NATS for a while: the folder's own nats-server, or servers that somebody else runs.

    Args:
        state: The folder.
        lock: Its lock.
        nats: Where NATS is.
        roles: Who may connect.

    Raises:
        SetupError: What stands there has to be repaired or compared first.
        Fault: LEDGER_UNAVAILABLE, the server does not start, or is not durable.
    """
    gate.check(state)
    external = nats.external
    if external is not None:
        state.listen.parent.mkdir(mode=0o700, exist_ok=True)
        async with reached(nats, roles) as endpoint:
            yield Served(
                endpoint=endpoint, authorities=external.authorities(), store_dir=None, child=None
            )
        return
    logs = generations.logs_of(state)
    child = EmbeddedNats(state_dir=state.root, lock=lock, roles=roles, logs=logs)
    try:
        await child.settle()
        await child.start()
        yield Served(
            endpoint=child.endpoint,
            authorities=child.certificate,
            store_dir=child.store_dir,
            child=child,
        )
    finally:
        await child.stop()


@asynccontextmanager
async def connected(endpoint: NatsEndpoint, role: Role) -> AsyncGenerator[RoleConnection, None]:
    """Be a role for a while.

    Args:
        endpoint: The server.
        role: Who to be.
    """
    connection = await RoleConnection.open(endpoint, role)
    try:
        yield connection
    finally:
        await connection.close()
