"""What leaves without waiting for the audit log, until it is recorded.

* It is gathered for each system, call and sender, within bounds (`gateway.core.audit`): of too
  much, what comes last is lost, and a log line says how much.
* What is on record as released to a member already is left out: what is read again and again costs
  the audit log nothing.
* Where the audit log cannot be read, nothing is left out: twice on record is better than never.

It records nothing: the `journal` does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gateway.core.audit import Delivery, DeliveryTally, Event
from gateway.core.errors import Fault
from gateway.core.identity import SystemId
from gateway.ports.reading import LedgerReader

_log: Final = logging.getLogger(__name__)


class Deliveries:
    """Gathers what was delivered."""

    def __init__(self, reader: LedgerReader) -> None:
        """Begin with nothing.

        Args:
            reader: The audit log, which tells what was delivered before.
        """
        self._reader = reader
        self._tally = DeliveryTally()

    def add(self, *, system: SystemId, rpc: str, sender: str, indexes: Sequence[int]) -> None:
        """Add entries of one sender; see `Journal.delivered`."""
        self._tally.add(system=system, rpc=rpc, sender=sender, indexes=indexes)

    async def take(self) -> list[Event]:
        """Give what is to be recorded, and begin anew."""
        delivered, lost = self._tally.take()
        if lost:
            _log.warning(
                "%d deliveries at or below TLP:GREEN were too many to be noted",
                lost,
                extra={"event": "audit_deliveries_lost"},
            )
        if not delivered:
            return []
        try:
            delivered = await asyncio.to_thread(self._unknown, delivered)
        except Fault as fault:
            _log.warning(
                "what was delivered before cannot be looked up: %s",
                fault.detail,
                extra={"event": "audit_unread", "reason": fault.reason},
            )
        return [event for each in delivered for event in each.events()]

    def _unknown(self, delivered: Sequence[Delivery]) -> list[Delivery]:
        with self._reader.snapshot() as snapshot:
            return [
                replace(
                    each,
                    indexes=tuple(snapshot.not_released(str(each.system.member), each.indexes)),
                )
                for each in delivered
            ]
