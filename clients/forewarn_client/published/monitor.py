"""Keeping at it: a log verified again and again, only what is new each time.

* Between two looks a while passes, of random length, so that many monitors do not come at once.
* A log that cannot be read at present is told and tried again: an outage is no lie. One that stays
  so is not told from one that is kept from this reader: after a while that ends the monitor, too.
* What does not verify ends it at once.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from typing import Final

from forewarn_client.errors import UnavailableError
from forewarn_client.published.verify import VerifiedLog

_SPREAD: Final = 0.2


async def monitor(
    look: Callable[[], Awaitable[VerifiedLog]], seconds: float, silence: float
) -> AsyncGenerator[VerifiedLog | UnavailableError, None]:
    """Look at a log until closed.

    Args:
        look: Verifies what is new.
        seconds: How long to wait between two looks; a fifth of it more or less.
        silence: For how many seconds it may not be readable.

    Yields:
        What each look found: the log, or why it could not be read.

    Raises:
        UnavailableError: LOG_SILENT, it could not be read for that long.
        VerificationError: It does not hold.
        HomeError: What is kept of it cannot be read or written.
    """
    read_at = time.monotonic()
    while True:
        try:
            found = await look()
        except UnavailableError as error:
            quiet = time.monotonic() - read_at
            if quiet >= silence:
                raise _silent(quiet, error) from None
            yield error
        else:
            read_at = time.monotonic()
            yield found
        spread = random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - no secret hangs on it
        await asyncio.sleep(seconds * spread)


def _silent(quiet: float, last: UnavailableError) -> UnavailableError:
    return UnavailableError(
        "LOG_SILENT",
        f"for {timedelta(seconds=round(quiet))} the log could not be read ({last.detail}). Whether "
        "it is down, or kept from you alone, cannot be told from here: ask whoever runs it, and "
        "others who watch it, by another channel",
    )
