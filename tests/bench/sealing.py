"""Blocks of signed statements, made as a busy gateway's workers make them, without the callers.

* Every entry is what admission makes of its statement: a test hands one in and compares. What is
  passed over is gRPC and the judging, which is the same for each of them.
* Entries are judged at the size that the ledger had when its members were enrolled: nothing that
  they read is written after that, so the fold accepts them all.
* Processes of their own sign: it is the senders' work, and most of it.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from multiprocessing import get_context
from typing import Final

from gateway.admission import keys
from gateway.core.fold import Entry
from gateway.core.identity import MemberId
from gateway.core.statements import Kind
from gateway.core.tables import OPENINGS
from gateway.wire import entries
from gateway.wire.blocks import encode_block, encode_entry
from tests.bench.plan import LANES
from tests.bench.statements import AGENCY, Report, Reports, operators

BLOCK_ENTRIES: Final = 128
"""As many as eight busy streams put into a block; 64 callers put about twenty."""

_PROCESSES: Final = 2
_AHEAD: Final = 6


def entry_of(report: Report, *, judged_at: int, received: datetime) -> Entry:
    """Make the entry of a report.

    Args:
        report: The report.
        judged_at: Size of the ledger at which it is judged.
        received: When it was received, UTC.
    """
    sender = report.sender
    own = f"statement/{sender.member}/{report.statement_id}"
    body = entries.Body(
        envelope=report.envelope,
        submitting_system=sender.system,
        received_time=received,
        audience=(MemberId(AGENCY.member),),
        profile_version="",
        case_state=OPENINGS[Kind.BREACH_REPORT].to,
    )
    return Entry(
        body=entries.encode(body),
        salt=secrets.token_bytes(32),
        judged_at=judged_at,
        reads=tuple(sorted((own, keys.member(sender.member), keys.MEMBERS))),
        writes=tuple(sorted((own, keys.case(report.digest)))),
    )


def blocks(statements: int, *, judged_at: int) -> Iterator[tuple[bytes, int]]:
    """Make blocks, some of them ahead of being taken.

    Args:
        statements: How many they hold in all.
        judged_at: Size of the ledger at which all of them are judged.

    Yields:
        Each block with the number of its statements, in order of the time of receipt.
    """
    with ExitStack() as stack:
        pool = stack.enter_context(
            ProcessPoolExecutor(_PROCESSES, mp_context=get_context("forkserver"))
        )
        asked: deque[tuple[Future[bytes], int]] = deque()
        while statements or asked:
            while statements and len(asked) < _AHEAD:
                count = min(statements, BLOCK_ENTRIES)
                asked.append((pool.submit(block, count, judged_at, datetime.now(UTC)), count))
                statements -= count
            made, count = asked.popleft()
            yield made.result(), count


def block(count: int, judged_at: int, received: datetime) -> bytes:
    """Sign statements of eight members in turn, and make a block of them."""
    signed = (each.sign(received) for each in islice(_in_turn(), count))
    made = (entry_of(each, judged_at=judged_at, received=received) for each in signed)
    return encode_block(map(encode_entry, made), node="maker", sealed_time=received)


def _in_turn() -> Iterator[Reports]:
    while True:
        yield from _reports()


@cache
def _reports() -> tuple[Reports, ...]:
    return tuple(map(Reports, operators(LANES)))
