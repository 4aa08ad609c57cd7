"""Keeping at it: a log verified again and again, only what is new each time.

* Between two looks a while passes, of random length, so that many monitors do not come at once.
* A log that cannot be read at present is told and tried again: an outage is no lie. What does not
  verify ends the monitor.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

from forewarn_client.errors import UnavailableError
from forewarn_client.published.verify import VerifiedLog

_SPREAD: Final = 0.2


async def monitor(
    look: Callable[[], Awaitable[VerifiedLog]], seconds: float
) -> AsyncGenerator[VerifiedLog | UnavailableError, None]:
    """Look at a log until closed.

    Args:
        look: Verifies what is new.
        seconds: How long to wait between two looks; a fifth of it more or less.

    Yields:
        What each look found: the log, or why it could not be read.

    Raises:
        VerificationError: It does not hold.
        HomeError: What is kept of it cannot be read or written.
    """
    while True:
        try:
            yield await look()
        except UnavailableError as error:
            yield error
        spread = random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - no secret hangs on it
        await asyncio.sleep(seconds * spread)
