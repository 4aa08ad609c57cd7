"""Whether the NATS servers sync every message before they acknowledge it.

* They are asked themselves, over the system account (`$SYS.REQ.SERVER.PING.VARZ`), to which every
  server answers for itself. By default nats-server syncs every two minutes, and a power cut loses
  what it acknowledged.
* In a cluster every server that answers has to sync, and more than half of them have to answer: one
  that is down must not keep the others from serving.

It says nothing of one stream's settings: `stream_setup` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any, Final

import nats.errors
from nats.aio.msg import Msg

from gateway.core.errors import Fault, Reason
from gateway.ledger.nats_connection import RoleConnection, Session, SessionEnded
from gateway.ledger.nats_roles import VARZ_SUBJECT
from gateway.ledger.stream_setup import REQUEST_SECONDS

_ASK_SECONDS: Final = 0.5
_STRAGGLER_SECONDS: Final = 1.5
"""How long the last few are waited for; a server that runs answers within milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Who answered for its durability.

    Attributes:
        servers: Names of the servers that did, all of them durable.
        expected: How many servers JetStream has in all.
    """

    servers: tuple[str, ...]
    expected: int

    @property
    def silent(self) -> int:
        """How many did not."""
        return max(0, self.expected - len(self.servers))


async def assert_durable(system: RoleConnection) -> Answered:
    """Refuse servers that acknowledge before they have synced, or that have no JetStream.

    Args:
        system: A connection as the system account.

    Returns:
        Who answered: all servers of the cluster, or a majority of them.

    Raises:
        Fault: LEDGER_UNAVAILABLE, with what to set, and at which server.
    """
    session = await system.session(within=REQUEST_SECONDS)
    try:
        found = await _server_settings(session)
    except (nats.errors.Error, SessionEnded) as error:
        raise _silent() from error
    if not found:
        raise _silent()
    durable: dict[str, str] = {}
    expected = 1
    for server in found.values():
        jetstream = server.get("jetstream") or {}
        config = jetstream.get("config")
        if not config:
            continue  # it keeps nothing: a server that only passes on
        name = str(server.get("server_name", "nats-server"))
        if config.get("sync_always") is not True:
            raise Fault(
                Reason.LEDGER_UNAVAILABLE,
                f"the NATS server {name} acknowledges before it syncs, so a power cut loses "
                "receipts: set `sync_interval: always` in its jetstream block",
            )
        durable[str(server.get("server_id"))] = name
        expected = max(expected, int((jetstream.get("meta") or {}).get("cluster_size", 1)))
    if not durable:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            "nats-server runs without JetStream: enable it, with `sync_interval: always`",
        )
    answered = Answered(servers=tuple(sorted(durable.values())), expected=expected)
    if 2 * len(durable) <= expected:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"only {len(durable)} of {expected} NATS servers say that they sync: start the others, "
            "a cluster works with more than half of them",
        )
    return answered


async def _server_settings(session: Session) -> dict[str, dict[str, Any]]:
    """Ask every server for its settings; each answers for itself, and nobody says who is missing.

    Returns:
        What each said, by its id.
    """
    client = session.client
    inbox = client.new_inbox()
    found: dict[str, dict[str, Any]] = {}
    arrived = asyncio.Event()

    async def take(msg: Msg) -> None:
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            data = json.loads(msg.data)["data"]
            found[str(data["server_id"])] = data
            arrived.set()

    subscription = await session.race(client.subscribe(inbox, cb=take))
    try:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not found or len(found) < _cluster_size(found):
            enough = 2 * len(found) > _cluster_size(found)
            if loop.time() - began > (_STRAGGLER_SECONDS if enough else REQUEST_SECONDS):
                break
            # Again and again: servers that are just starting find one another late.
            await session.race(client.publish(VARZ_SUBJECT, b"", reply=inbox))
            await _all_or_pause(session, found, arrived)
    finally:
        with contextlib.suppress(nats.errors.Error, SessionEnded):
            await session.race(subscription.unsubscribe())
    return found


async def _all_or_pause(
    session: Session, found: dict[str, dict[str, Any]], arrived: asyncio.Event
) -> None:
    """Wait until every server has answered, or it is time to ask again."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ASK_SECONDS):
            while not found or len(found) < _cluster_size(found):
                arrived.clear()
                await session.event(arrived)
                if session.over:
                    raise SessionEnded


def _cluster_size(found: dict[str, dict[str, Any]]) -> int:
    """Tell how many servers there are, as far as those that answered know."""
    sizes = [1]
    for server in found.values():
        meta = (server.get("jetstream") or {}).get("meta") or {}
        sizes.append(int(meta.get("cluster_size", 1)))
    return max(sizes)


def _silent() -> Fault:
    return Fault(
        Reason.LEDGER_UNAVAILABLE,
        "no NATS server answers its system account: give the gateway a user of the system account "
        "that may ask for VARZ",
    )
