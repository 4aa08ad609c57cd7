"""Receipts that wait for a quorum: an exchange that needs both of two witnesses on loopback.

* The witnesses are `forewarn witness serve`, processes of their own: each syncs before it answers.
* It runs beside the exchange without witnesses, and both are measured in turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import grpc

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn_client.witness_policy import WitnessPolicy
from tests.bench import statements
from tests.bench.callers import SUBMIT, call_all, connect, connected
from tests.bench.figures import Round
from tests.world.live import Live
from tests.world.watchers import Watcher, configure

WITNESSES: Final = 2

_MS: Final = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """An exchange whose receipts wait for its witnesses.

    Attributes:
        channel: The connection of a member.
        reports: Its statements.
        policy: The witnesses' policy, as a client pins it.
    """

    channel: grpc.aio.Channel
    reports: statements.Reports
    policy: WitnessPolicy

    async def round(self, count: int) -> Round:
        """Measure one caller, and see that every receipt has the quorum.

        Args:
            count: How many statements.
        """
        written = [self.reports.write() for _ in range(count)]
        done = await call_all([(self.channel, written)], SUBMIT, 1)
        for answer in done.answers:
            checkpoint = pb.SubmitResponse.FromString(answer).receipt.checkpoint
            if not self.policy.standing(checkpoint).met:
                raise RuntimeError("a receipt was given before the quorum had cosigned")
        return {"submit_witnessed": median(done.latencies) * _MS}


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Watched, None]:
    """Run such an exchange in an empty folder.

    Args:
        folder: The folder.
    """
    live = Live.make(folder / "exchange")
    begun = live.init()
    keys = begun["log_key"], begun["audit_log_key"]
    (bank,) = statements.operators(1)
    async with AsyncExitStack() as stack:
        watchers = [Watcher(folder, number, keys) for number in range(1, WITNESSES + 1)]
        for each in watchers:
            stack.enter_context(each.serving())
        policy = folder / "witnesses.policy"
        configure(live, watchers, policy, wait=True)
        live.serve()
        stack.callback(live.stop)
        await asyncio.to_thread(live.enrol, statements.AGENCY, bank)
        pair = live.authority.leaf([bank.system])
        channel = connect(live.address, live.authority.bundle, pair)
        await stack.enter_async_context(connected([channel]))
        yield Watched(
            channel=channel,
            reports=statements.Reports(bank),
            policy=WitnessPolicy.parse(policy.read_bytes()),
        )
