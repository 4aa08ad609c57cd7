"""`forewarn-gateway ledger repair`: each engine restored from the other, proven, then put in place.

* First a check; what it finds says what has to be made anew. What nothing here can mend is refused
  before anything is made.
* Everything is made in a folder of its own and proven against what was signed. Nothing of what is
  there is touched until all of it is proven: nats-server never starts on damaged files.
* Where the stream is damaged a new generation of it is made, holding every block that was folded
  and then whatever can still be read that was not.
* Where the last signed checkpoint cannot be told for certain, the gateway serves only after the log
  was compared with a checkpoint from outside.
* It can be killed at any point and run again: before the plan is written it begins anew, after it
  it goes on (`placing`).

What is made anew of each log, and how it is proven, is in `mending`.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.care import keepers, rebuild
from gateway.care.assembly import Piece
from gateway.care.findings import Damage
from gateway.care.site import Progress
from gateway.compose import generations, mending, placing
from gateway.compose.checking import Report, check_folder, nats_of, sites
from gateway.compose.comparing import opened
from gateway.compose.ledger import connected
from gateway.compose.mending import Mending
from gateway.compose.placing import Plan, Replacement
from gateway.compose.state import Inception, SetupError, StateFolder
from gateway.core.errors import Fault, Reason
from gateway.ledger.lock import StateLock
from gateway.ledger.nats_roles import INIT_ROLES, SERVE_ROLES, Log, Role
from gateway.ledger.nats_server import EmbeddedNats
from gateway.ledger.places import padded
from gateway.ledger.regeneration import fill
from gateway.ledger.stream_setup import create_stream
from gateway.ledger.synced import sync_tree

_LOCK_SECONDS: Final = 5.0
_BEYOND_REPAIR: Final = frozenset(
    {
        Damage.INCEPTION_MISSING,
        Damage.INCEPTION_DAMAGED,
        Damage.KEY_MISSING,
        Damage.KEY_DAMAGED,
        Damage.KEY_NOT_PINNED,
        Damage.STORE_FOREIGN,
        Damage.GENESIS_DIFFERS,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a repair is to go about it.

    Attributes:
        agreed: Told what will be done, in words; it goes on if the answer is yes.
        seen: Notes that the logs have signed, from outside.
        scratch: Where copies are made for the check.
        progress: Told of each step.
    """

    agreed: Callable[[Sequence[str]], bool]
    seen: Sequence[bytes] = ()
    scratch: Path | None = None
    progress: Progress


async def repair(state: StateFolder, wish: Wish) -> bool:
    """Repair a state folder.

    Args:
        state: The folder.
        wish: How.

    Returns:
        Whether anything was put in place.

    Raises:
        SetupError: It is not a state folder, a note from outside is none of its logs', or a file
            cannot be written.
        Fault: LEDGER_NOT_PROVEN, it cannot be repaired, and why; LEDGER_UNAVAILABLE, a gateway runs
            on it, or there is no room. In either case nothing was changed.
    """
    if not state.root.is_dir():
        raise SetupError(f"there is no {state.root}: name a state folder")
    # A repair that was just killed leaves its nats-server some moments to end.
    lock = await StateLock.acquire(state.root, within=_LOCK_SECONDS)
    try:
        begun = Plan.read(state)
        if begun is None:
            begun = await _make(state, lock, wish)
        if begun is None:
            return False
        await asyncio.to_thread(placing.place, state, begun, lambda w: wish.progress(w, 0, 0))
        return True
    finally:
        lock.release()


async def _make(state: StateFolder, lock: StateLock, wish: Wish) -> Plan | None:
    """Make and prove all that has to be made anew, and write the plan."""
    report = await check_folder(
        state, scratch=wish.scratch, stream="read", progress=wish.progress, lock=lock
    )
    inception = Inception.read(state)
    _check_mendable(report)
    if inception is None:
        return None
    found = sites(state, inception)
    for note in wish.seen:
        opened(note, {site.origin: site for site in found})
    work = state.repair
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    mendings: list[Mending] = []
    try:
        for site, checked in zip(found, report.logs, strict=True):
            if checked.names & mending.MENDED:
                made = await asyncio.to_thread(
                    mending.prepare,
                    state,
                    site,
                    checked,
                    seen=wish.seen,
                    progress=wish.progress,
                )
                mendings.append(made)
        if not mendings:
            return None
        if not wish.agreed([line for each in mendings for line in each.words]):
            return None
        await _make_streams(state, lock, [each for each in mendings if each.stream], wish)
        plan = _plan(state, mendings)
        sync_tree(work)
        # From here on there is no way back, and none is needed: all that follows can be repeated.
        wish.progress("writing the plan", 0, 0)
        plan.write(state)
    finally:
        for each in mendings:
            each.pieces.close()
        if not state.repair_plan.exists():
            shutil.rmtree(work, ignore_errors=True)
    return plan


def _check_mendable(report: Report) -> None:
    """Refuse what no repair can mend."""
    for finding in report.findings:
        if finding.damage in _BEYOND_REPAIR:
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"{finding.damage} in {finding.log}: {finding.where}: {finding.detail}. No repair "
                f"can mend that: {finding.remedy}",
            )


async def _make_streams(
    state: StateFolder, lock: StateLock, mendings: Sequence[Mending], wish: Wish
) -> None:
    """Make the new generations with a nats-server of their own, away from what is damaged."""
    if not mendings:
        return
    if nats_of(state).external is not None:
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            "the streams are at NATS servers that nodes share, and no node makes them anew: "
            "restore them there, from a copy that is not older than the nodes' stores",
        )
    new = {each.site.name: each.stream for each in mendings}
    current = generations.logs_of(state)
    logs = [new.get(name) or log for name, log in zip(generations.NAMES, current, strict=True)]
    roles = INIT_ROLES | SERVE_ROLES
    nats = EmbeddedNats(state_dir=state.repair, lock=lock, roles=roles, logs=logs)
    try:
        await nats.start()
        async with (
            connected(nats.endpoint, Role.KEEPER) as keeper,
            connected(nats.endpoint, Role.WORKER) as worker,
            connected(nats.endpoint, Role.INTEGRATOR) as integrator,
        ):
            for each in mendings:
                assert each.stream is not None  # noqa: S101 - these are the ones that have one
                assembled = each.rebuilt.assembled
                pieces: list[Piece] = [*assembled.blocks, *assembled.later]
                await create_stream(keeper, each.stream, store_dir=None)
                await fill(
                    worker,
                    integrator,
                    each.stream,
                    map(each.pieces.read, pieces),
                    _counting(each, len(pieces), wish.progress),
                )
    finally:
        await nats.stop()


def _counting(of: Mending, total: int, progress: Progress) -> Callable[[int], None]:
    what = f"{of.site.name}: filling the new stream"
    return lambda done: progress(what, done, total)


def _plan(state: StateFolder, mendings: Sequence[Mending]) -> Plan:
    """Say what goes where, and where what it replaces is kept."""
    aside = _free(state.set_aside)
    replacements: list[Replacement] = []

    def replace(made: Path, target: Path, *away: Path) -> None:
        kept = [(each, aside / each.relative_to(state.root)) for each in away]
        replacements.append(
            Replacement(
                made=_within(state, made),
                target=_within(state, target),
                away=tuple((_within(state, one), _within(state, other)) for one, other in kept),
            )
        )

    streams = generations.numbers(state)
    for each in mendings:
        site = each.site
        if each.store:
            replace(each.rebuilt.path, site.store, *rebuild.beside(site.store))
        else:
            rebuild.remove(each.rebuilt.path)
        if each.stream is not None:
            (made,) = (state.repair / "jetstream").glob(f"**/streams/{each.stream.stream}")
            target = state.jetstream / made.relative_to(state.repair / "jetstream")
            replace(made, target, *state.jetstream.glob(f"**/streams/{site.log.stream}"))
            streams[site.name] = _number(each.stream)
        if each.mark is not None:
            new = state.repair / f"{site.keeper.name}-{keepers.MARK}"
            new.touch(mode=0o600)
            new.write_bytes(padded(each.mark.note) * 2)
            mark = site.keeper / keepers.MARK
            replace(new, mark, mark)
    return Plan(
        replacements=tuple(replacements),
        streams=streams,
        uncompared={each.site.name: each.uncompared for each in mendings if each.uncompared},
    )


def _number(log: Log) -> int:
    """Give the number of a generation beyond the first."""
    return int(log.stream.rpartition("-")[2])


def _within(state: StateFolder, path: Path) -> str:
    return str(path.relative_to(state.root))


def _free(folder: Path) -> Path:
    """Name a folder that is not there yet."""
    number = 1
    while (folder / f"{number:04}").exists():
        number += 1
    return folder / f"{number:04}"
