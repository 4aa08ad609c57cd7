"""The floor: the size that a caller has verified, below which it is shown nothing.

* A caller says it in the metadata `forewarn-verified-size`, in decimal; one that says nothing is
  answered from whatever this worker has.
* A worker that has not reached it waits a little, then says LEDGER_UNAVAILABLE: a worker that lags
  behind another never looks as if the ledger had been rolled back.
* It only ever delays an answer. It grants nothing and is compared with nothing else.

Whether the ledger goes on from what a caller saw is for the caller to verify.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Final

from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.merkle import MAX_SIZE
from gateway.ports.reading import LedgerHead

VERIFIED_SIZE: Final = "forewarn-verified-size"
WAIT_SECONDS: Final = 2.0

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def verified_size(metadata: Iterable[tuple[str, str | bytes]] | None) -> int:
    """Read which size a caller has verified.

    Args:
        metadata: The call's metadata.

    Returns:
        The size; 0 where the caller says nothing.

    Raises:
        Refusal: FIELD_INVALID; it is said twice, or is no size.
    """
    said = [value for key, value in metadata or () if key == VERIFIED_SIZE]
    if not said:
        return 0
    text = said[0]
    if len(said) > 1 or not isinstance(text, str) or _DECIMAL.fullmatch(text) is None:
        raise _no_size()
    size = int(text)
    if size > MAX_SIZE:
        raise _no_size()
    return size


async def reach(head: LedgerHead, size: int, *, seconds: float = WAIT_SECONDS) -> None:
    """Wait until this worker shows at least as much as a caller has verified.

    Args:
        head: The newest signed checkpoint.
        size: What the caller has verified.
        seconds: How long to wait.

    Raises:
        Fault: LEDGER_UNAVAILABLE, this worker has not reached it.
    """
    if head.size >= size:
        return
    try:
        async with asyncio.timeout(seconds):
            await head.wait_beyond(size - 1)
    except TimeoutError:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            "this gateway has not reached the size that you have verified; try again shortly",
        ) from None


def _no_size() -> Refusal:
    return Refusal(
        Reason.FIELD_INVALID, f"the metadata {VERIFIED_SIZE} is no size, in decimal, said once"
    )
