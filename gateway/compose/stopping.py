"""Running until told to stop.

* What has to run for ever ends the process when it ends: a gateway half of which stands still would
  look as if it ran.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from gateway.core.errors import Fault, Reason


async def until_stopped(stop: asyncio.Event, vital: Iterable[asyncio.Task[None]]) -> None:
    """Wait to be stopped.

    Args:
        stop: Ends the wait.
        vital: What has to run for ever.

    Raises:
        Fault: INTERNAL, one of these has ended; or what it failed with.
    """
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({stopping, *vital}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            # These run for ever: whatever ended one is a failure of ours.
            task.result()
            raise Fault(Reason.INTERNAL, "a part of the gateway ended: see its log")
    finally:
        stopping.cancel()
