"""Makes a log's stream of blocks once, and refuses one that could lose what it acknowledged.

* Only `create_stream` creates, and only `forewarn-gateway init` calls it, as the keeper. Run again
  it finds the stream and changes nothing.
* It never creates where JetStream has files but no stream: a wrong at-rest key or a damaged folder
  looks exactly like that, and creating would delete what is left.
* `assert_durable` asks the server itself, over the system account: an acknowledgement counts only
  if every message is synced first. By default nats-server syncs every two minutes.
* `check_stream` looks at the stream's settings before anything is served from it.

It neither repairs a stream nor reads a message.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from enum import StrEnum, unique
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import nats.errors
from nats.js import api
from nats.js.errors import APIError, NotFoundError

from gateway.core.errors import Fault, Reason
from gateway.ledger.nats_conf import MAX_PAYLOAD_BYTES
from gateway.ledger.nats_connection import RoleConnection, SessionEnded
from gateway.ledger.nats_roles import LEDGER, VARZ_SUBJECT, Log

REQUEST_SECONDS: Final = 5.0
DUPLICATE_WINDOW_SECONDS: Final = 600.0
"""How long JetStream knows a message id again; far longer than an append is retried."""


@unique
class StreamCreation(StrEnum):
    """What `create_stream` found to do."""

    CREATED = "created"
    FOUND = "found"


async def assert_durable(system: RoleConnection) -> None:
    """Refuse a server that acknowledges before it has synced, or that has no JetStream.

    Args:
        system: A connection as the system account.

    Raises:
        Fault: LEDGER_UNAVAILABLE, with what to set.
    """
    session = await system.session(within=REQUEST_SECONDS)
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            answer = await session.race(
                session.client.request(VARZ_SUBJECT, timeout=REQUEST_SECONDS)
            )
    except (nats.errors.Error, SessionEnded, TimeoutError) as error:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            "nats-server does not answer its system account: give the gateway a system account "
            "that may ask for VARZ",
        ) from error
    config: dict[str, Any] = (
        json.loads(answer.data).get("data", {}).get("jetstream", {}).get("config", {})
    )
    if not config:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            "nats-server runs without JetStream: enable it, with `sync_interval: always`",
        )
    if config.get("sync_always") is not True:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            "nats-server acknowledges before it syncs, so a power cut loses receipts: set "
            "`sync_interval: always` in its jetstream block",
        )


async def create_stream(
    keeper: RoleConnection,
    log: Log = LEDGER,
    *,
    replicas: int = 1,
    store_dir: Path | None,
    beside: Collection[Log] = (),
) -> StreamCreation:
    """Make the stream of blocks, or find it as it should be.

    Args:
        keeper: A connection as the keeper.
        log: Whose stream.
        replicas: How many servers hold each message; 1 for the embedded server.
        store_dir: The server's JetStream folder where it can be seen from here, else None.
        beside: Logs whose streams are there already, with their files.

    Raises:
        Fault: LEDGER_NOT_PROVEN, the folder holds data but the server shows no stream;
            LEDGER_UNAVAILABLE, the server refused, did not answer, or has a weaker stream.
    """
    if await _stream_config(keeper, log) is None:
        if store_dir is not None and holds_files(store_dir, beside):
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"{store_dir} holds data but nats-server finds no stream {log.stream} in it: "
                "restore the folder from a copy; only if no receipt was ever given, move it away "
                "and run `forewarn-gateway init` again",
            )
        session = await keeper.session(within=REQUEST_SECONDS)
        try:
            await session.race(
                session.client.jsm(timeout=REQUEST_SECONDS).add_stream(_wanted(log, replicas))
            )
        except (nats.errors.Error, SessionEnded, TimeoutError) as error:
            raise _unanswered("creating the stream", error) from error
        await check_stream(keeper, log)
        return StreamCreation.CREATED
    await check_stream(keeper, log)
    return StreamCreation.FOUND


async def check_stream(connection: RoleConnection, log: Log = LEDGER) -> None:
    """Refuse to go on without the stream, or with one whose settings can lose blocks.

    Args:
        connection: A connection as the keeper or the integrator.
        log: Whose stream.

    Raises:
        Fault: LEDGER_UNAVAILABLE, with what to do.
    """
    found = await _stream_config(connection, log)
    if found is None:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"nats-server has no stream {log.stream}: run `forewarn-gateway init` once; if it was "
            "run, restore the JetStream folder from a copy",
        )
    wanted = _wanted(log, found.num_replicas or 1)
    changed = [name for name in _SETTINGS if getattr(found, name, None) != getattr(wanted, name)]
    if changed:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"the stream {log.stream} was changed ({', '.join(changed)}): set it back, or the "
            "log can lose blocks",
        )


def holds_files(store_dir: Path, beside: Collection[Log] = ()) -> bool:
    """Tell whether JetStream has ever kept anything in its folder.

    Args:
        store_dir: The folder.
        beside: Logs whose streams are not counted.
    """
    # An empty server makes folders and no file. What it keeps of a stream is below its name.
    others = [("streams", log.stream) for log in beside]
    return any(
        path.is_file() and not any(pair in others for pair in pairwise(path.parts))
        for path in store_dir.rglob("*")
    )


_SETTINGS: Final = (
    "subjects",
    "storage",
    "retention",
    "discard",
    "max_msgs",
    "max_bytes",
    "max_age",
    "max_msgs_per_subject",
    "max_msg_size",
    "duplicate_window",
    "no_ack",
    "deny_delete",
    "deny_purge",
    "allow_rollup_hdrs",
    "sealed",
)


def _wanted(log: Log, replicas: int) -> api.StreamConfig:
    return api.StreamConfig(
        name=log.stream,
        subjects=[log.blocks],
        storage=api.StorageType.FILE,
        retention=api.RetentionPolicy.LIMITS,
        discard=api.DiscardPolicy.NEW,
        max_msgs=-1,
        max_bytes=-1,
        max_age=0,
        max_msg_size=MAX_PAYLOAD_BYTES,
        duplicate_window=DUPLICATE_WINDOW_SECONDS,
        num_replicas=replicas,
        deny_delete=True,
        deny_purge=True,
        # Reads by sequence are proofs here: only the leader may answer them.
        allow_direct=False,
    )


async def _stream_config(connection: RoleConnection, log: Log) -> api.StreamConfig | None:
    session = await connection.session(within=REQUEST_SECONDS)
    try:
        info = await session.race(
            session.client.jsm(timeout=REQUEST_SECONDS).stream_info(log.stream)
        )
    except NotFoundError:
        return None
    except (nats.errors.Error, SessionEnded, TimeoutError) as error:
        raise _unanswered("asking for the stream", error) from error
    return info.config


def _unanswered(what: str, error: Exception) -> Fault:
    why = error.description if isinstance(error, APIError) else type(error).__name__
    return Fault(Reason.LEDGER_UNAVAILABLE, f"{what} failed at nats-server ({why})")
