"""The past of the audit log: its newest checkpoint, kept and compared at each listing.

* The exchange could take events back only by rewriting that log; whoever has listed before, then
  sees it, and has both signed checkpoints as evidence.
* A worker that lags is asked again for about three seconds; after that, a smaller log is one that
  was rolled back.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from forewarn.exchange.v1 import audit_service_pb2
from forewarn_client import note
from forewarn_client.errors import RefusedError
from forewarn_client.history import History, Kept
from forewarn_client.home import Home
from forewarn_client.note import Checkpoint
from forewarn_client.session import Session

FILE: Final = "audit-checkpoint"

PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between the attempts that a worker is given to catch up."""

_BEYOND: Final = "TREE_SIZE_UNAVAILABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditNotes:
    """Verifies notes of the audit log.

    Attributes:
        key: Its pinned key; its name is the log's origin.
    """

    key: note.VerifierKey

    def checkpoint(self, data: bytes) -> Checkpoint:
        """Verify a signed note; see `note.open_checkpoint`."""
        return note.open_checkpoint(data, [self.key], self.key.name)


class AuditLog:
    """Asks the audit log of an exchange."""

    def __init__(self, session: Session) -> None:
        """Take the connection."""
        self._session = session

    async def consistency(self, old: int, new: int) -> Sequence[bytes]:
        """Ask for the proof that the tree of one size begins with that of a smaller one."""
        request = audit_service_pb2.GetAuditConsistencyProofRequest(old_size=old, new_size=new)
        method = self._session.audit.GetAuditConsistencyProof
        for pause in PAUSES:
            try:
                return tuple((await self._session.call(method, request)).consistency_proof)
            except RefusedError as error:
                if error.reason != _BEYOND:
                    raise
            await asyncio.sleep(pause)
        return tuple((await self._session.call(method, request)).consistency_proof)

    async def newest(self) -> bytes:
        """Ask for the newest signed checkpoint."""
        request = audit_service_pb2.ListAuditEventsRequest(page_size=1)
        answer = await self._session.call(self._session.audit.ListAuditEvents, request)
        return answer.checkpoint


def past(session: Session, home: Home, key: note.VerifierKey) -> History:
    """Take up what a member has verified of the audit log.

    Args:
        session: Its connection.
        home: Its folder.
        key: The audit log's pinned key.

    Returns:
        The past.

    Raises:
        HomeError: What was kept is damaged.
    """
    kept = Kept(
        name="audit log",
        file=FILE,
        notes=AuditNotes(key=key),
        origin=key.name,
        log_key=home.exchange.audit_log_key,
    )
    return History(home, kept, AuditLog(session))
