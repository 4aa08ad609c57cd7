"""What a large ledger costs: start, proofs, memory, and reading all of it.

* The ledger is the one that `making` keeps. Every run starts it, measures, and stops it.
* A proof is measured twice, at random indexes: in the store, with a snapshot of its own for each,
  and as a whole call beside an echo of the same size.
* Memory is the most that a process ever had, as Linux counts it: of one process that does
  everything, and of an integrator that has processes of workers beside it.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import grpc

from forewarn.exchange.v1 import exchange_service_pb2, log_service_pb2
from gateway.compose.state import StateFolder
from gateway.ledger.reader import StoreReader
from tests.bench import floors, making, processes, reading, statements
from tests.bench.callers import ECHO, ENTRY, PROOF, SUBMIT, call_all, connect, connected
from tests.bench.figures import Round
from tests.bench.plan import LANES, Plan
from tests.world.ledger_builder import ORIGIN
from tests.world.live import Live

_MS: Final = 1000.0
_MIB: Final = 1 << 20
_PROOF_BYTES: Final = 1024
"""An answer with a proof, give or take some hundred bytes: the echo's size hardly counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found.

    Attributes:
        rounds: Values by round.
        loads: Load average of the machine before each round.
        made: How the ledger was made, and what was measured then.
    """

    rounds: list[Round]
    loads: list[float]
    made: making.Made


async def measure(folder: Path, scratch: Path, plan: Plan, say: Callable[[str], None]) -> Found:
    """Measure the kept ledger; make it where there is none.

    Args:
        folder: Where it is kept.
        scratch: An empty folder.
        plan: How much.
        say: Told how far it is.
    """
    live, made = await asyncio.to_thread(making.kept, folder, plan.statements, say)
    found = Found(rounds=[_of_making(made)], loads=[], made=made)
    try:
        for _ in range(plan.starts):
            found.rounds.append(await asyncio.to_thread(_start, live))
            say(f"start at {made.size:,}: {_brief(found.rounds[-1])}")
        async with _Run.opened(live, plan) as run:
            for number in range(plan.rounds):
                found.loads.append(os.getloadavg()[0])
                found.rounds.append(await run.round())
                say(f"round {number + 1} of {plan.rounds}: {_brief(found.rounds[-1])}")
            found.rounds.append(await asyncio.to_thread(reading.read, live, scratch))
            say(f"the whole log read: {_brief(found.rounds[-1])}")
            usage = processes.parts(_pid(live))
            found.rounds.append(
                {
                    "large_memory": usage["gateway"].most / _MIB,
                    "large_memory_nats": usage["nats-server"].most / _MIB,
                }
            )
        live.stop()
        live.serve("--workers", "1")
        async with _Run.opened(live, plan) as run:
            await run.submit(plan.many)
            most = processes.parts(_pid(live))["integrator"].most / _MIB
            found.rounds.append({"large_memory_integrator": most})
            say(f"with a worker: {_brief(found.rounds[-1])}")
    finally:
        if live.process is not None:
            live.stop()
    return found


@dataclass(slots=True, kw_only=True)
class _Run:
    """A running gateway with the large ledger, and connections to it and to an echo."""

    plan: Plan
    agency: grpc.aio.Channel
    bank: grpc.aio.Channel
    echo: grpc.aio.Channel
    reader: StoreReader
    size: int
    reports: statements.Reports
    random: random.Random

    @classmethod
    @asynccontextmanager
    async def opened(cls, live: Live, plan: Plan) -> AsyncGenerator[_Run, None]:
        tls = (live.folder / "gateway.crt", live.folder / "gateway.key")
        bank, bundle = statements.operators(1)[0], live.authority.bundle
        pairs = [live.authority.leaf([each.system]) for each in (statements.AGENCY, bank)]
        with (
            floors.echo_server(*tls, live.folder / "ca" / "ca.pem") as echo,
            closing(StoreReader(StateFolder(root=live.state).store, ORIGIN)) as reader,
        ):
            with reader.snapshot() as snapshot:
                size = snapshot.size
            channels = [
                connect(live.address, bundle, pairs[0]),
                connect(live.address, bundle, pairs[1]),
                connect(echo, bundle, pairs[1]),
            ]
            async with connected(channels):
                yield cls(
                    plan=plan,
                    agency=channels[0],
                    bank=channels[1],
                    echo=channels[2],
                    reader=reader,
                    size=size,
                    reports=statements.Reports(bank),
                    random=random.Random(size),
                )

    async def round(self) -> Round:
        """Measure proofs and entries at random indexes, and one caller's statements."""
        count, stored = self.plan.proofs, []
        for index in self._indexes(count):
            begun = time.perf_counter()
            with self.reader.snapshot() as snapshot:
                snapshot.prove([index], self.size)
            stored.append(time.perf_counter() - begun)
        proofs = map(_proof_of, self._indexes(count))
        some = self.plan.one
        amber = map(_entry_at, self._indexes(some))
        clear = (_entry_at(1 + each % LANES) for each in range(some))
        return {
            "large_proof_stored": median(stored) * _MS,
            "large_proof_stored_p99": quantiles(stored, n=100)[98] * _MS,
            "large_echo": await self._p50(self.echo, ECHO, [bytes(_PROOF_BYTES)] * count),
            "large_proof": await self._p50(self.agency, PROOF, proofs),
            "large_entry_clear": await self._p50(self.agency, ENTRY, clear),
            "large_entry_amber": await self._p50(self.agency, ENTRY, amber),
            "large_submit": await self.submit(some),
        }

    async def submit(self, count: int) -> float:
        """Submit statements one after the other, and give the median of their times, in ms."""
        return await self._p50(self.bank, SUBMIT, [self.reports.write() for _ in range(count)])

    def _indexes(self, count: int) -> list[int]:
        """Choose statements; what comes before them is the directory."""
        return [self.random.randrange(LANES + 2, self.size) for _ in range(count)]

    async def _p50(
        self, channel: grpc.aio.Channel, method: str, requests: Iterable[bytes]
    ) -> float:
        return median((await call_all([(channel, requests)], method, 1)).latencies) * _MS


def _proof_of(index: int) -> bytes:
    return log_service_pb2.GetInclusionProofRequest(index=index).SerializeToString()


def _entry_at(index: int) -> bytes:
    return exchange_service_pb2.GetEntryRequest(index=index).SerializeToString()


def _of_making(made: making.Made) -> Round:
    return {
        "large_fold": made.fold_rate,
        "large_fold_memory": made.fold_memory,
        "large_fold_memory_nats": made.nats_memory,
    }


def _start(live: Live) -> Round:
    """Start it after it was stopped, then after it was killed; it is left running."""
    if live.process is not None:
        live.stop()
    found = {"large_start": _serving(live)}
    live.kill()
    return found | {"large_start_killed": _serving(live)}


def _serving(live: Live) -> float:
    begun = time.perf_counter()
    live.serve()
    return time.perf_counter() - begun


def _pid(live: Live) -> int:
    assert live.process is not None
    return live.process.pid


def _brief(found: Round) -> str:
    return ", ".join(f"{name.removeprefix('large_')} {value:,.3g}" for name, value in found.items())
