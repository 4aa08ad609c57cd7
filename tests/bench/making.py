"""A large ledger, made once and kept below `run/`: `make bench-ledger`, or the first `make bench`.

* Members are enrolled through a running gateway. Then signed statements (see `sealing`) are
  published into JetStream by the gateway's own appender, each block synced and acknowledged.
* `serve --workers 1` folds them: the integrator in a process of its own, as at any start that
  finds the stream ahead of the store. How fast, and in how much memory, is measured there.
* A ledger that was not finished, is of another size, or that this version would make otherwise, is
  removed and made anew. Every measurement leaves it some events larger.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import uvloop

from certs.authority import SERVER_AUTH, Authority
from certs.files import write_pair
from gateway.compose.ledger import connected, locked, running
from gateway.compose.nats import Nats
from gateway.compose.state import StateFolder
from gateway.ledger.nats_roles import Role
from gateway.ledger.raw import RawStore
from gateway.ledger.schema import SCHEMA_VERSION
from gateway.ledger.stream import JetStreamAppender
from tests.bench import processes, sealing
from tests.bench.plan import LANES
from tests.bench.statements import AGENCY, operators
from tests.world.live import Live

_RECIPE: Final = f"1, tables of version {SCHEMA_VERSION}"
_MADE: Final = "made.json"
_LOOK_SECONDS: Final = 5.0
_FOLD_SECONDS: Final = 4 * 3600.0
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How a ledger was made.

    Attributes:
        recipe: By which version of all this.
        statements: How many statements were published.
        size: How many entries it had then.
        load: Load average of the machine when the fold began.
        fold_rate: Entries folded in a second, from the start of the gateway to its serving.
        fold_memory: Most memory of the integrator meanwhile, MiB.
        nats_memory: Most memory of nats-server meanwhile, MiB.
    """

    recipe: str
    statements: int
    size: int
    load: float
    fold_rate: float
    fold_memory: float
    nats_memory: float


def kept(folder: Path, statements: int, say: Callable[[str], None]) -> tuple[Live, Made]:
    """Give the large ledger, which does not run; make it where there is none.

    Args:
        folder: Where it is kept.
        statements: How many it has to hold.
        say: Told how far it is.
    """
    found = _found(folder, statements)
    if found is None:
        shutil.rmtree(folder, ignore_errors=True)
        found = _make(folder, statements, say)
    live = Live(folder=folder, authority=Authority.load(folder / "ca"))
    # Certificates last for a month, the ledger until somebody removes it.
    usages, ips = [SERVER_AUTH], ["127.0.0.1", "::1"]
    pair = live.authority.leaf([], dns=["localhost"], ips=ips, usages=usages)
    for old in ("gateway.crt", "gateway.key"):
        (folder / old).unlink()
    write_pair(folder / "gateway.crt", folder / "gateway.key", pair)
    return live, found


def _found(folder: Path, statements: int) -> Made | None:
    try:
        found = Made(**json.loads((folder / _MADE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return found if (found.recipe, found.statements) == (_RECIPE, statements) else None


def _make(folder: Path, statements: int, say: Callable[[str], None]) -> Made:
    folder.mkdir(mode=0o700, parents=True)
    live = Live.make(folder)
    live.init()
    live.publish()
    live.serve()
    live.enrol(AGENCY, *operators(LANES))
    live.stop()
    before = _stored(live)
    uvloop.run(_publish(live, statements, before, say))
    made = _fold(live, before, before + statements, say)
    (folder / _MADE).write_text(json.dumps(asdict(made), indent=2) + "\n", "utf-8")
    return made


async def _publish(live: Live, statements: int, size: int, say: Callable[[str], None]) -> None:
    state, done, told = StateFolder(root=live.state), 0, time.monotonic()
    async with (
        locked(state) as lock,
        running(state, lock, Nats(), {Role.WORKER}) as nats,
        connected(nats.endpoint, Role.WORKER) as worker,
    ):
        appender = JetStreamAppender(worker)
        for block, count in sealing.blocks(statements, judged_at=size):
            await appender.append(block)
            done += count
            if time.monotonic() - told > _LOOK_SECONDS:
                told = time.monotonic()
                say(f"signed and published: {done:,} of {statements:,} statements")


def _fold(live: Live, before: int, wanted: int, say: Callable[[str], None]) -> Made:
    load, begun = os.getloadavg()[0], time.perf_counter()
    live.start("--workers", "1")
    assert live.process is not None
    assert live.process.stdout is not None
    while not select.select([live.process.stdout], [], [], _LOOK_SECONDS)[0]:
        if live.process.poll() is not None or time.perf_counter() - begun > _FOLD_SECONDS:
            break
        say(f"folded: {_stored(live):,} of {wanted:,} entries")
    if not live.process.stdout.readline():
        live.kill()
        raise RuntimeError((live.folder / "gateway.log").read_text()[-2000:])
    seconds = time.perf_counter() - begun
    usage = processes.parts(live.process.pid)
    live.stop()
    size = _stored(live)
    if size != wanted:
        raise RuntimeError(f"{wanted:,} entries were to be folded, {size:,} were")
    return Made(
        recipe=_RECIPE,
        statements=wanted - before,
        size=size,
        load=load,
        fold_rate=(wanted - before) / seconds,
        fold_memory=usage["integrator"].most / _MIB,
        nats_memory=usage["nats-server"].most / _MIB,
    )


def _stored(live: Live) -> int:
    store = RawStore.open(StateFolder(root=live.state).store)
    try:
        return store.last[1]
    finally:
        store.close()
