"""How a ledger begins: its genesis entry, recorded the way every entry is.

* Only an empty ledger gets one. Where the stream holds blocks already, they are folded instead, so
  that a run that was killed half-way is finished, and a store that was lost is made anew.

It makes neither stream, store nor keeper: `init` has made them before; nor the genesis statement.
"""

from __future__ import annotations

from datetime import datetime

from gateway.core.errors import Fault, Reason
from gateway.core.fold import Entry
from gateway.core.merkle import TreeHead
from gateway.ledger.integrator import Integrator
from gateway.ports.blocks import BlockAppender
from gateway.wire.blocks import encode_block, encode_entry


async def begin(
    *, integrator: Integrator, appender: BlockAppender, genesis: Entry, node: str, now: datetime
) -> TreeHead:
    """Record the genesis entry, unless the ledger holds an entry already.

    Args:
        integrator: The integrator, not running.
        appender: The stream.
        genesis: The genesis entry, judged at size 0.
        node: Name of the gateway node, for people.
        now: The present, with its time zone.

    Returns:
        The signed head, of size 1 where the ledger has just begun.

    Raises:
        Fault: The ledger cannot be proven whole, or stream or store failed; safe to repeat.
    """
    head = await integrator.catch_up()
    if head.size:
        return head
    # Killed after this line, the block is in the stream: the next run folds it, and appends none.
    await appender.append(encode_block([encode_entry(genesis)], node=node, sealed_time=now))
    head = await integrator.catch_up()
    if not head.size:
        raise Fault(Reason.INTERNAL, "the fold did not accept the genesis entry")
    return head
