"""Makes a log's stream of blocks once, and refuses one that could lose what it acknowledged.

* Only `create_stream` creates, and only `forewarn-gateway init` calls it, as the keeper. Run again
  it finds the stream and changes nothing.
* It never creates where JetStream has files but no stream: a wrong at-rest key or a damaged folder
  looks exactly like that, and creating would delete what is left. What was left of a stream that
  was being made, and holds no message, can be discarded before (`discard_unfinished`).
* `check_stream` looks at the stream's settings before anything is served from it.
* The bucket of the lease is made and looked at likewise.

It neither repairs a stream nor reads a message, and does not ask whether servers sync: `durability`
does.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from enum import StrEnum, unique
from itertools import pairwise
from pathlib import Path
from typing import Final

import nats.errors
from nats.js import api
from nats.js.errors import APIError, NotFoundError

from gateway.core.errors import Fault, Reason
from gateway.ledger.claim import MAX_CLAIM_BYTES
from gateway.ledger.nats_conf import MAX_PAYLOAD_BYTES
from gateway.ledger.nats_connection import RoleConnection, SessionEnded
from gateway.ledger.nats_roles import LEASE_STREAM, LEASE_SUBJECT, LEDGER, Log

REQUEST_SECONDS: Final = 5.0
DUPLICATE_WINDOW_SECONDS: Final = 600.0
"""How long JetStream knows a message id again; far longer than an append is retried."""


@unique
class StreamCreation(StrEnum):
    """What `create_stream` found to do."""

    CREATED = "created"
    FOUND = "found"


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
        replicas: How many servers hold each message; 1 for one server alone.
        store_dir: The server's JetStream folder where it can be seen from here, else None.
        beside: Logs whose streams are there already, with their files.

    Raises:
        Fault: LEDGER_NOT_PROVEN, the folder holds data but the server shows no stream;
            LEDGER_UNAVAILABLE, the server refused, did not answer, or has a weaker stream.
    """
    if await _stream_config(keeper, log.stream) is None:
        if store_dir is not None and holds_files(store_dir, beside):
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"{store_dir} holds data but nats-server finds no stream {log.stream} in it: "
                "restore the folder from a copy; only if no receipt was ever given, move it away "
                "and run `forewarn-gateway init` again",
            )
        await _add(keeper, _wanted(log, replicas), "creating the stream")
        await check_stream(keeper, log, replicas=replicas)
        return StreamCreation.CREATED
    await check_stream(keeper, log, replicas=replicas)
    return StreamCreation.FOUND


async def discard_unfinished(keeper: RoleConnection, log: Log, store_dir: Path) -> None:
    """Remove what a loss of power has left of a stream that was being made.

    For a log that has signed nothing: nobody has a receipt of it. Where the stream's files hold a
    single byte of a message, they are left as they are.

    Args:
        keeper: A connection as the keeper, of a server that has no other users.
        log: Whose stream.
        store_dir: The server's JetStream folder.

    Raises:
        Fault: LEDGER_UNAVAILABLE, the server did not answer, or the files cannot be removed.
    """
    if await stream_exists(keeper, log):
        return
    _discard(store_dir, log)


def _discard(store_dir: Path, log: Log) -> None:
    for folder in store_dir.glob(f"**/streams/{log.stream}"):
        if any(path.stat().st_size for path in folder.glob("msgs/*.blk")):
            continue
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise Fault(
                Reason.LEDGER_UNAVAILABLE, f"{folder} cannot be removed ({error.strerror})"
            ) from error


async def stream_exists(connection: RoleConnection, log: Log = LEDGER) -> bool:
    """Tell whether the stream is there.

    Args:
        connection: A connection as the keeper or the integrator.
        log: Whose stream.

    Raises:
        Fault: LEDGER_UNAVAILABLE, the server did not answer.
    """
    return await _stream_config(connection, log.stream) is not None


async def create_lease(keeper: RoleConnection, *, replicas: int) -> None:
    """Make the bucket in which nodes keep the lease, or find it.

    What is lost with it is nothing but the turn: nodes take it anew.

    Args:
        keeper: A connection as the keeper.
        replicas: How many servers hold it.

    Raises:
        Fault: LEDGER_UNAVAILABLE, the server refused or did not answer.
    """
    if await _stream_config(keeper, LEASE_STREAM) is None:
        await _add(keeper, _wanted_lease(replicas), "creating the bucket of the lease")
    await check_lease(keeper)


async def check_lease(connection: RoleConnection) -> None:
    """Refuse to go on without the bucket of the lease.

    Args:
        connection: A connection as the keeper or the integrator.

    Raises:
        Fault: LEDGER_UNAVAILABLE, with what to do.
    """
    found = await _stream_config(connection, LEASE_STREAM)
    if found is None:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            "NATS has no bucket for the lease: run `forewarn-gateway init` once more with the "
            "secret of the role keeper at hand",
        )
    wanted = _wanted_lease(found.num_replicas or 1)
    if found.subjects != wanted.subjects or found.max_age or found.mirror or found.sources:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"the bucket of the lease ({LEASE_STREAM}) was changed: set it back, or two nodes may "
            "sign at once",
        )


async def check_stream(connection: RoleConnection, log: Log = LEDGER, *, replicas: int = 1) -> None:
    """Refuse to go on without the stream, or with one whose settings can lose blocks.

    Args:
        connection: A connection as the keeper or the integrator.
        log: Whose stream.
        replicas: How many servers have to hold each message.

    Raises:
        Fault: LEDGER_UNAVAILABLE, with what to do.
    """
    found = await _stream_config(connection, log.stream)
    if found is None:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"nats-server has no stream {log.stream}: it is lost, stop and run `forewarn-gateway "
            "ledger repair`; or `forewarn-gateway init` was never run to its end, run it",
        )
    changed = _changed(found, log)
    if changed:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"the stream {log.stream} was changed ({', '.join(changed)}), and can lose blocks: set "
            "it back, or stop and run `forewarn-gateway ledger repair`",
        )
    if (found.num_replicas or 1) < replicas:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"the stream {log.stream} is held by {found.num_replicas or 1} servers and not by "
            f"{replicas}: set its replicas in NATS, or nats.replicas in gateway.toml",
        )


async def changed_settings(connection: RoleConnection, log: Log) -> tuple[str, ...] | None:
    """Name those settings of a stream that are not as they were made.

    Args:
        connection: A connection as the keeper or the integrator.
        log: Whose stream.

    Returns:
        Their names; None where there is no such stream.

    Raises:
        Fault: LEDGER_UNAVAILABLE, the server does not answer.
    """
    found = await _stream_config(connection, log.stream)
    return None if found is None else _changed(found, log)


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
    "mirror",
    "sources",
    "republish",
    "subject_transform",
)


def _changed(found: api.StreamConfig, log: Log) -> tuple[str, ...]:
    wanted = _wanted(log, found.num_replicas or 1)
    return tuple(name for name in _SETTINGS if getattr(found, name, None) != getattr(wanted, name))


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


def _wanted_lease(replicas: int) -> api.StreamConfig:
    """Give the stream behind the bucket, as `nats kv` shows it (ADR-8 of NATS)."""
    return api.StreamConfig(
        name=LEASE_STREAM,
        subjects=[f"{LEASE_SUBJECT.rpartition('.')[0]}.>"],
        storage=api.StorageType.FILE,
        retention=api.RetentionPolicy.LIMITS,
        discard=api.DiscardPolicy.NEW,
        max_msgs_per_subject=1,
        max_msg_size=MAX_CLAIM_BYTES,
        num_replicas=replicas,
        deny_delete=True,
        allow_rollup_hdrs=True,
        allow_direct=False,
    )


async def _add(keeper: RoleConnection, config: api.StreamConfig, what: str) -> None:
    session = await keeper.session(within=REQUEST_SECONDS)
    try:
        await session.race(session.client.jsm(timeout=REQUEST_SECONDS).add_stream(config))
    except (nats.errors.Error, SessionEnded, TimeoutError) as error:
        raise _unanswered(what, error) from error


async def _stream_config(connection: RoleConnection, stream: str) -> api.StreamConfig | None:
    session = await connection.session(within=REQUEST_SECONDS)
    try:
        info = await session.race(session.client.jsm(timeout=REQUEST_SECONDS).stream_info(stream))
    except NotFoundError:
        return None
    except (nats.errors.Error, SessionEnded, TimeoutError) as error:
        raise _unanswered("asking for the stream", error) from error
    return info.config


def _unanswered(what: str, error: Exception) -> Fault:
    why = error.description if isinstance(error, APIError) else type(error).__name__
    return Fault(Reason.LEDGER_UNAVAILABLE, f"{what} failed at nats-server ({why})")
