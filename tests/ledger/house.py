"""A node's ledger for tests: store, keeper, integrator, head and recorder over given ports."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from gateway.core.entry import EntrySummary
from gateway.core.fold import Entry
from gateway.ledger.head import Head
from gateway.ledger.integrator import Integrator
from gateway.ledger.keeper import Keeper
from gateway.ledger.reader import StoreReader
from gateway.ledger.recorder import BlockRecorder, RecorderLimits
from gateway.ledger.store import Store
from gateway.wire.blocks import encode_block, encode_entry
from tests.ledger.running import (
    PATIENCE,
    Ledger,
)

ORIGIN = "exchange.example/ledger"
NOON = datetime(2026, 11, 21, 12, 0, 0, 5, tzinfo=UTC)
AMBER, CLEAR = 3, 1
QUICK = RecorderLimits(answer_seconds=PATIENCE, look_seconds=0.1, late_seconds=0.3)


def digest(name: str) -> bytes:
    return sha256(name.encode()).digest()


def body(
    name: str,
    *,
    sender: str = "aurora",
    audience: Sequence[str] = ("civil-ai",),
    kind: int = 80,
    case: str = "",
    state: str = "",
    tlp: int = AMBER,
    directory: bool = False,
    at: int = 0,
    pad: int = 0,
) -> bytes:
    """Make an entry body that `summarize` reads; a case is named by its opener's name."""
    fields = [name, sender, list(audience), kind, case, state, tlp, directory, at, "x" * pad]
    return json.dumps(fields).encode()


def summarize(content: bytes) -> EntrySummary | None:
    """Stand in for the reader of real entry bodies."""
    try:
        name, sender, audience, kind, case, state, tlp, directory, at, _ = json.loads(content)
        return EntrySummary(
            digest=digest(name),
            sender=sender,
            statement_id=name,
            kind=kind,
            case_digest=digest(case) if case else b"",
            protocol="release" if case == name else "",
            case_state=state,
            tlp=tlp,
            audience=tuple(audience),
            directory=directory,
            refers_to=(digest(case),) if case else (),
            received_time=NOON + timedelta(seconds=at),
        )
    except (TypeError, ValueError):
        return None


def entry(content: bytes, *, judged_at: int = 0, keys: Sequence[str] = ()) -> Entry:
    """Make an entry that reads and writes the same keys."""
    salt = sha256(content).digest()
    return Entry(
        body=content, salt=salt, judged_at=judged_at, reads=tuple(keys), writes=tuple(keys)
    )


def statement(name: str, *, judged_at: int = 0, keys: Sequence[str] = (), **fields: Any) -> Entry:
    """Make an entry that is unique by its name, as admission makes them."""
    own = f"statement/{fields.get('sender', 'aurora')}/{name}"
    return entry(body(name, **fields), judged_at=judged_at, keys=[own, *keys])


def block(*entries: Entry, node: str = "node-a") -> bytes:
    return encode_block(map(encode_entry, entries), node=node, sealed_time=NOON)


def rows(path: Path) -> dict[str, list[str]]:
    """Read everything that a store holds, but the note, which is published and not folded."""
    with opened(path) as store:
        store._connection.execute("DELETE FROM meta WHERE key = 'note'")
        found = store._connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        return {
            name: sorted(map(repr, store._connection.execute(f"SELECT * FROM {name}")))  # noqa: S608 - ours
            for (name,) in found.fetchall()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A state folder, and the parts over it."""

    folder: Path
    ledger: Ledger
    keeper: Keeper
    integrator: Integrator
    reader: StoreReader
    head: Head
    recorder: BlockRecorder
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, *parts: Coroutine[Any, Any, None]) -> None:
        self.tasks.extend(map(asyncio.create_task, parts))

    def start_all(self) -> None:
        self.start(self.integrator.run(), self.head.run(), self.recorder.run())

    async def folded(self, size: int) -> None:
        """Wait until the store holds so many entries."""
        async with asyncio.timeout(PATIENCE):
            while self.size < size:  # noqa: ASYNC110 - another part's file is watched
                await asyncio.sleep(0.005)

    @property
    def size(self) -> int:
        with self.reader.snapshot() as snapshot:
            return snapshot.size


def initialise_house(folder: Path) -> None:
    """Make store and keeper, as `forewarn-gateway init` does."""
    Store.create(folder / "ledger.db", ORIGIN)
    Keeper.create(folder / "keeper", ORIGIN)


@asynccontextmanager
async def house(
    folder: Path,
    ledger: Ledger,
    *,
    limits: RecorderLimits = QUICK,
    doubt_seconds: float = 0.0,
) -> AsyncGenerator[House, None]:
    """Open what `initialise_house` made; leaving it is as good as being killed between blocks."""
    keeper = Keeper.load(folder / "keeper", ORIGIN)
    store = Store.open(folder / "ledger.db", ORIGIN, summarize=summarize)
    reader = StoreReader(folder / "ledger.db", ORIGIN)
    integrator = Integrator(
        stream=ledger.reader,
        store=store,
        endorser=keeper,
        announcer=ledger.announcer,
        doubt_seconds=doubt_seconds,
    )
    head = Head(reader=reader, announcements=ledger.announcements, verifier=keeper.verifier)
    recorder = BlockRecorder(
        appender=ledger.appender,
        reader=reader,
        head=head,
        node="node-a",
        now=lambda: NOON,
        limits=limits,
    )
    made = House(
        folder=folder,
        ledger=ledger,
        keeper=keeper,
        integrator=integrator,
        reader=reader,
        head=head,
        recorder=recorder,
    )
    try:
        yield made
    finally:
        for task in made.tasks:
            task.cancel()
        await asyncio.gather(*made.tasks, return_exceptions=True)
        await integrator.close()
        reader.close()


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """Open a store for a while."""
    with contextlib.closing(Store.open(path, ORIGIN, summarize=summarize)) as store:
        yield store
