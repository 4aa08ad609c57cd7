"""What keeping two engines costs: each alone, and both as shipped, in turns.

* JetStream alone: a block published, synced and acknowledged. Nothing of it can be found, proven or
  signed; it is the least that any use of it costs.
* The store alone: the same block folded and committed with its tree and index, the head signed with
  its mark, and the note published. So would a gateway work that kept no stream.
* Both as shipped: published and acknowledged, read by the integrator, folded and committed, signed,
  announced and heard by the worker in the same process. One block is under way at a time, as in the
  recorder.

gRPC and admission come on top of each, and are the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from gateway.ledger.announced_here import AnnouncedHere
from gateway.ledger.head import Head
from gateway.ledger.integrator import Integrator
from gateway.ledger.keeper import Keeper
from gateway.ledger.reader import StoreReader
from gateway.ledger.store import Store
from gateway.ports.blocks import BlockAppender, StreamMessage
from gateway.wire.entries import summarize
from tests.bench import sealing
from tests.bench.figures import Round
from tests.ledger import running
from tests.world.ledger_builder import ORIGIN

SIZES: Final = {"one": 1, "block": sealing.BLOCK_ENTRIES}
"""Statements in a block: a caller that is alone, and busy streams."""

_MS: Final = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Both engines, and each of them alone.

    Attributes:
        appender: A stream that nobody folds.
        store: A store that no stream feeds.
        keeper: Its key.
        shipped: A stream whose blocks an integrator folds.
        head: What a worker hears of that.
    """

    appender: BlockAppender
    store: Store
    keeper: Keeper
    shipped: BlockAppender
    head: Head

    async def round(self, count: int) -> Round:
        """Measure each way with blocks of each size.

        Args:
            count: How many blocks.
        """
        found: Round = {}
        for name, size in SIZES.items():
            jetstream, store, both = [], [], []
            for _ in range(count):
                # In turns, block by block: what disturbs one disturbs the others.
                made = [sealing.block(size, 0, datetime.now(UTC)) for _ in range(3)]
                jetstream.append(await self._append(made[0]))
                store.append(await asyncio.to_thread(self._fold, made[1]))
                both.append(await self._ship(made[2]))
            found |= {
                f"engine_jetstream_{name}": median(jetstream) * _MS,
                f"engine_store_{name}": median(store) * _MS,
                f"engine_both_{name}": median(both) * _MS,
            }
        return found

    async def _append(self, block: bytes) -> float:
        begun = perf_counter()
        await self.appender.append(block)
        return perf_counter() - begun

    def _fold(self, block: bytes) -> float:
        begun = perf_counter()
        last = self.store.last_block()
        message = StreamMessage(sequence=last.sequence + 1 if last else 1, message=block)
        self.store.publish(self.keeper.sign(self.store.fold(message), self.store.root_at))
        return perf_counter() - begun

    async def _ship(self, block: bytes) -> float:
        size = self.head.size
        begun = perf_counter()
        await self.shipped.append(block)
        await self.head.wait_beyond(size)
        return perf_counter() - begun


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Engines, None]:
    """Run both engines in an empty folder.

    Args:
        folder: The folder.
    """
    alone, both = folder / "alone", folder / "both"
    for each in (alone, both):
        each.mkdir(mode=0o700, parents=True)
        await running.initialise(each)
    async with (
        running.server(alone) as silent,
        running.server(both) as folded,
        running.nats_ledger(silent) as unread,
        running.nats_ledger(folded) as ledger,
    ):
        here = AnnouncedHere()
        keeper, open_store = _begun(both)
        integrator = Integrator(
            stream=ledger.reader,
            store=open_store(),
            endorser=keeper,
            announcer=here,
        )
        reader = StoreReader(both / "ledger.db", ORIGIN)
        head = Head(reader=reader, announcements=here, verifier=keeper.verifier)
        tasks = [asyncio.create_task(each.run()) for each in (integrator, head)]
        alone_keeper, open_alone = _begun(alone)
        try:
            with closing(open_alone()) as store:
                yield Engines(
                    appender=unread.appender,
                    store=store,
                    keeper=alone_keeper,
                    shipped=ledger.appender,
                    head=head,
                )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await integrator.close()
            reader.close()


def _begun(folder: Path) -> tuple[Keeper, Callable[[], Store]]:
    path = folder / "ledger.db"
    Store.create(path, ORIGIN)
    keeper = Keeper.create(folder / "keeper", ORIGIN)
    return keeper, lambda: Store.open(path, ORIGIN, summarize=summarize)
