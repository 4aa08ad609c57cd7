"""The place of the lease in JetStream KV: `gateway.ports.nodes.LeasePlace`.

* One key of one bucket. A write names the revision that it replaces, and the server refuses it
  where another stands there: of two that write at once, one is told.
* Reads are answered by the leader of the bucket's stream. Even one that is no leader any more does
  no harm: it is the write that decides.

The bucket is made by `stream_setup`, and nothing here waits or renews.
"""

from __future__ import annotations

from typing import Final

import nats.errors
from nats.js import api
from nats.js.errors import APIError, NotFoundError

from gateway.core.errors import Fault, Reason
from gateway.ledger.nats_connection import RoleConnection, SessionEnded
from gateway.ledger.nats_roles import LEASE_STREAM, LEASE_SUBJECT
from gateway.ports.nodes import Standing

_WRONG_REVISION: Final = 10071
_ANSWER_SECONDS: Final = 2.0


class KvLeasePlace:
    """Reads and writes the lease as an integrator."""

    def __init__(self, integrator: RoleConnection) -> None:
        """Use a connection; the bucket must be there."""
        self._connection = integrator

    async def read(self) -> Standing | None:
        """Read what stands there; see `gateway.ports.nodes.LeasePlace.read`."""
        session = await self._connection.session(within=_ANSWER_SECONDS)
        jsm = session.client.jsm(timeout=_ANSWER_SECONDS)
        try:
            found = await session.race(jsm.get_last_msg(LEASE_STREAM, LEASE_SUBJECT))
        except NotFoundError:
            return None
        except (nats.errors.Error, SessionEnded, TimeoutError) as error:
            raise _unanswered(error) from error
        return Standing(value=found.data or b"", revision=found.seq or 0)

    async def write(self, value: bytes, *, revision: int) -> int | None:
        """Write by compare-and-set; see `gateway.ports.nodes.LeasePlace.write`."""
        session = await self._connection.session(within=_ANSWER_SECONDS)
        jetstream = session.client.jetstream()
        try:
            ack = await session.race(
                jetstream.publish(
                    LEASE_SUBJECT,
                    value,
                    timeout=_ANSWER_SECONDS,
                    stream=LEASE_STREAM,
                    headers={api.Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value: str(revision)},
                )
            )
        except APIError as error:
            if error.err_code == _WRONG_REVISION:
                return None
            raise _unanswered(error) from error
        except (nats.errors.Error, SessionEnded, TimeoutError) as error:
            raise _unanswered(error) from error
        return int(ack.seq)


def _unanswered(error: Exception) -> Fault:
    why = error.description if isinstance(error, APIError) else type(error).__name__
    return Fault(
        Reason.LEDGER_UNAVAILABLE,
        f"the place of the lease does not answer ({why}): see the log of the NATS servers",
    )
