"""A new generation of a log's stream, filled with blocks that are known.

* The blocks are published in order, each only if it comes right after the one before: what comes of
  it is these blocks at these sequences, or a failure.
* Each has its message id, so that it proves itself in the stream's files; a block that stands in
  the log twice has it the first time only, or JetStream would not store it again.
* Every sequence is read back.

The stream is made by `stream_setup`; which blocks these are is for `gateway.care` to prove.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final

import nats.errors
from nats.js import api
from nats.js.errors import APIError

from gateway.core.errors import Fault, Reason
from gateway.ledger.nats_connection import RoleConnection, SessionEnded
from gateway.ledger.nats_roles import Log
from gateway.ledger.stream import JetStreamReader
from gateway.ledger.stream_setup import REQUEST_SECONDS

_ACKNOWLEDGED_SECONDS: Final = 30.0
_LAST_SEQUENCE: Final = "Nats-Expected-Last-Sequence"


async def fill(
    worker: RoleConnection,
    integrator: RoleConnection,
    log: Log,
    messages: Iterable[bytes],
    published: Callable[[int], None],
) -> int:
    """Fill an empty stream.

    Args:
        worker: A connection that may publish blocks of this generation.
        integrator: A connection that may read them.
        log: The log, of this generation.
        messages: The blocks, in order.
        published: Told how many are in the stream.

    Returns:
        How many there are.

    Raises:
        Fault: LEDGER_UNAVAILABLE, nats-server refused or did not answer; LEDGER_NOT_PROVEN, it
            holds something else than was published.
    """
    hashes: list[bytes] = []
    known: set[bytes] = set()
    session = await worker.session(within=REQUEST_SECONDS)
    jetstream = session.client.jetstream()
    for message in messages:
        digest = sha256(message).digest()
        headers = {_LAST_SEQUENCE: str(len(hashes))}
        if digest not in known:
            headers[api.Header.MSG_ID.value] = digest.hex()
        call = jetstream.publish(
            log.blocks,
            message,
            timeout=_ACKNOWLEDGED_SECONDS,
            stream=log.stream,
            headers=headers,
        )
        try:
            ack = await session.race(call)
        except (nats.errors.Error, SessionEnded, TimeoutError, OSError) as error:
            why = error.description if isinstance(error, APIError) else type(error).__name__
            raise Fault(
                Reason.LEDGER_UNAVAILABLE,
                f"the stream {log.stream} does not take block {len(hashes) + 1} ({why}): see the "
                "nats-server log and the free disk space",
            ) from error
        hashes.append(digest)
        known.add(digest)
        if ack.seq != len(hashes) or ack.duplicate:
            raise _another(log, len(hashes))
        published(len(hashes))
    reader = JetStreamReader(integrator, log)
    for sequence, digest in enumerate(hashes, 1):
        held = await reader.message(sequence)
        if held is None or sha256(held).digest() != digest:
            raise _another(log, sequence)
    return len(hashes)


def _another(log: Log, sequence: int) -> Fault:
    return Fault(
        Reason.LEDGER_NOT_PROVEN,
        f"the new stream {log.stream} does not hold at sequence {sequence} what was published",
    )
