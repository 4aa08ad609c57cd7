"""Whether a nats-server can still write what it is given.

* After an error in writing, of a full disk or a broken one, nats-server takes nothing more into
  that stream for as long as it runs: what the file holds is in doubt until it is read again. It
  goes on serving reads, and is silent to those who publish. Room on the disk changes nothing of
  that; a start does.
* It says so where it is asked for its health, over the system account.

It starts nothing and ends nothing: `nats_server` does.
"""

from __future__ import annotations

import json
from typing import Any, Final

import nats.errors

from gateway.core.errors import Fault
from gateway.ledger.nats_connection import RoleConnection, SessionEnded
from gateway.ledger.nats_roles import HEALTHZ_SUBJECT

_ANSWER_SECONDS: Final = 5.0
_WRITE_ERROR: Final = "write error"


async def unwritable(system: RoleConnection) -> tuple[str, ...]:
    """Name the streams into which a server writes no more.

    Args:
        system: A connection as the system account, to that one server.

    Returns:
        Their names; none where it did not answer.
    """
    try:
        session = await system.session(within=_ANSWER_SECONDS)
        asking = session.client.request(
            HEALTHZ_SUBJECT, b'{"details": true}', timeout=_ANSWER_SECONDS
        )
        answer = await session.race(asking)
        said: Any = json.loads(answer.data)
        errors = said["data"].get("errors") or ()
        return tuple(
            str(each.get("stream", "?"))
            for each in errors
            if _WRITE_ERROR in str(each.get("error"))
        )
    except (Fault, nats.errors.Error, SessionEnded, TimeoutError, OSError):
        return ()
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()
