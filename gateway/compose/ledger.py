"""The ledger's house: lock, nats-server child, connections, each left in the reverse order.

* Whoever has the lock has the folder: nothing is opened before it.
* The child outlives everything that talks to it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from gateway.compose import gate, generations
from gateway.compose.state import StateFolder
from gateway.ledger.lock import StateLock
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_roles import NatsEndpoint, Role
from gateway.ledger.nats_server import EmbeddedNats

# A gateway that was just killed leaves its child some moments to end.
_LOCK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A running nats-server and the connections of this gateway.

    Attributes:
        nats: The server.
        worker: The connection that appends blocks and hears announcements.
        integrator: The connection that reads the stream and announces.
    """

    nats: EmbeddedNats
    worker: RoleConnection
    integrator: RoleConnection


@asynccontextmanager
async def opened(state: StateFolder, roles: Iterable[Role]) -> AsyncGenerator[House, None]:
    """Lock a state folder, run its nats-server, and connect to it as worker and as integrator.

    Args:
        state: The folder.
        roles: Who may connect.

    Raises:
        SetupError: What stands there has to be repaired or compared first.
        Fault: LEDGER_UNAVAILABLE, another gateway has the folder, or the server does not start.
    """
    async with (
        locked(state) as lock,
        running(state, lock, roles) as nats,
        connected(nats.endpoint, Role.WORKER) as worker,
        connected(nats.endpoint, Role.INTEGRATOR) as integrator,
    ):
        yield House(nats=nats, worker=worker, integrator=integrator)


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
    state: StateFolder, lock: StateLock, roles: Iterable[Role]
) -> AsyncGenerator[EmbeddedNats, None]:
    """Run the nats-server of a state folder for a while.

    Args:
        state: The folder.
        lock: Its lock.
        roles: Who may connect.

    Raises:
        SetupError: What stands there has to be repaired or compared first.
        Fault: LEDGER_UNAVAILABLE, the server does not start.
    """
    gate.check(state)
    logs = generations.logs_of(state)
    nats = EmbeddedNats(state_dir=state.root, lock=lock, roles=roles, logs=logs)
    try:
        await nats.start()
        yield nats
    finally:
        await nats.stop()


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
