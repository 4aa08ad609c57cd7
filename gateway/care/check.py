"""One log proven whole, part by part; what is not is a finding, and nothing ends the check early.

* In this order: the mark, which is read first and so is never ahead of a store that still grows;
  the store, by a replay of its blocks; the stream, if there is a way to it; the history that both
  give, against the mark; what members said.
* What could not be looked at is said: `unchecked` is not `whole`.
"""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.care import keepers, replay, statements, streams
from gateway.care.findings import Damage, Finding, Findings
from gateway.care.inspection import Inspection
from gateway.care.site import LogSite, Progress
from gateway.core.errors import Fault
from gateway.ledger import schema
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.places import Places
from gateway.ledger.raw import NOTES, RawStore, Unreadable

_META: Final = frozenset({"schema", "origin", *NOTES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check of one log came to.

    Attributes:
        log: Its name.
        size: Entries that could be read and folded.
        root: Root of their tree.
        signed: Size of the last signed checkpoint; None where it cannot be read.
        blocks: Blocks that could be read and folded.
        findings: What is not as it should be.
        unchecked: What could not be looked at, and why.
    """

    log: str
    size: int
    root: bytes
    signed: int | None
    blocks: int
    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...] = field(default=())

    @property
    def names(self) -> frozenset[Damage]:
        """The names of what was found."""
        return frozenset(finding.damage for finding in self.findings)


async def check(
    site: LogSite,
    *,
    scratch: Path,
    integrator: RoleConnection | None,
    without_stream: str,
    progress: Progress,
) -> Checked:
    """Check a log.

    Args:
        site: The log.
        scratch: An empty folder, for the scratch store.
        integrator: A connection as the integrator; None where there is no way to the stream.
        without_stream: Why there is none; empty where nobody asked for it.
        progress: Told how far it is.

    Returns:
        What was found.

    Raises:
        Fault: LEDGER_UNAVAILABLE, the scratch folder cannot be written.
    """
    inspection = Inspection(site=site, findings=Findings(site.name), progress=progress)
    unchecked: list[str] = []
    places = keepers.examine(inspection)
    store = _opened(inspection)
    anew = replay.Replay(inspection, scratch / site.store.name)
    try:
        whole = True
        if store is not None:
            whole = await asyncio.to_thread(replay.examine, inspection, store, anew)
        if integrator is not None:
            folded = anew.head.size
            try:
                await streams.examine(inspection, integrator, store, anew)
            except Fault as fault:
                unchecked.append(f"the stream: {fault.detail}")
            if store is not None and whole and _behind(folded, places, anew.head.size):
                detail = "it holds fewer entries than were signed; the stream holds the others"
                inspection.add(Damage.STORE_BEHIND, site.store.name, detail)
        elif without_stream:
            unchecked.append(f"the stream: {without_stream}")
        if integrator is None and (store is None or not whole):
            unchecked.append("the history: what the store lacks may be in the stream")
        else:
            replay.examine_history(inspection, anew, places, _notes(store))
        head, blocks = anew.head, anew.blocks
    finally:
        anew.close()
        if store is not None:
            store.close()
    with closing(RawStore.open(anew.path)) as proven:
        await asyncio.to_thread(statements.examine, inspection, proven, head.size)
    return Checked(
        log=site.name,
        size=head.size,
        root=head.root,
        signed=None if places is None else places.mark.checkpoint.size,
        blocks=blocks,
        findings=tuple(inspection.findings),
        unchecked=tuple(unchecked),
    )


def _opened(inspection: Inspection) -> RawStore | None:
    """Open the store, and have SQLite look through it."""
    site = inspection.site
    file = site.store.name
    try:
        store = RawStore.open(site.store)
    except FileNotFoundError:
        inspection.add(Damage.STORE_MISSING, file, "there is no such file")
        return None
    except Unreadable as unreadable:
        inspection.add(Damage.STORE_CORRUPT, file, f"it is no database ({unreadable})")
        return None
    try:
        # One call of SQLite, minutes for a large file: it cannot say how far it is.
        inspection.tell("having SQLite look through the store", 0, 0)
        for flaw in store.flaws():
            inspection.add(Damage.STORE_CORRUPT, file, flaw)
        said, keys = (store.meta("schema"), store.meta("origin")), store.meta_keys()
    except Unreadable as unreadable:
        inspection.add(Damage.STORE_CORRUPT, file, f"it cannot be read ({unreadable})")
        store.close()
        return None
    stranger = _stranger(*said, site.origin)
    if stranger is not None:
        inspection.add(stranger[0], file, stranger[1])
        store.close()
        return None
    if not keys <= _META:
        inspection.add(Damage.STORE_CORRUPT, file, "it says of itself what no store does")
    return store


def _stranger(version: bytes | None, origin: bytes | None, ours: str) -> tuple[Damage, str] | None:
    """Say why a store is none that can be compared here; None where it can be."""
    if origin != ours.encode():
        return Damage.STORE_FOREIGN, "it holds another log"
    if version == schema.SCHEMA_VERSION.encode():
        return None
    try:
        older = int(version or b"") < int(schema.SCHEMA_VERSION)
    except ValueError:
        older = False
    if older:
        return Damage.STORE_OUTDATED, "its tables are of an earlier version"
    return Damage.STORE_FOREIGN, "its tables are of a version that this gateway does not know"


def _notes(store: RawStore | None) -> dict[str, bytes]:
    """Read what the store has shown to readers; what cannot be read is left out."""
    notes = {}
    for key, what in NOTES.items():
        with suppress(Unreadable):
            note = store.meta(key) if store is not None else None
            if note is not None:
                notes[what] = note
    return notes


def _behind(folded: int, places: Places | None, reached: int) -> bool:
    """Tell whether a store lacks what was signed, while the stream goes that far."""
    return places is not None and folded < places.mark.checkpoint.size <= reached
