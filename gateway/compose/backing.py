"""`forewarn-gateway ledger backup` and `restore`: copies that are proven, of a gateway that runs.

* A backup holds each log as it was at one signed size: its blocks, folded anew into a store of the
  backup's own, and the checkpoint that was signed there. So what is damaged in the gateway's store
  is noticed and never copied, and the next backup into the same folder adds what is new.
* Whatever ends a backup, one that was finished in that folder before can still be restored from:
  nothing counts beyond the checkpoint that was copied last.
* The keys of the logs are in it only if that is asked for. The streams are not: they follow from
  the blocks. Certificates stand outside of the state folder, and are not in it either.
* Both backup and restore end with the check that looks at a gateway's own folder.
* A restored folder is not served before it was compared with what members have seen: a backup is
  always older than something.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from gateway.care import keepers
from gateway.care.findings import Damage, Findings
from gateway.care.inspection import Inspection
from gateway.care.rebuild import opened
from gateway.care.site import LogSite, Progress
from gateway.compose import gate
from gateway.compose.checking import Report, check_folder, sites
from gateway.compose.repairing import Wish, repair
from gateway.compose.state import Inception, SetupError, StateFolder, write_whole
from gateway.core.errors import Fault, Reason
from gateway.ledger import schema, synced
from gateway.ledger.places import Mark, padded
from gateway.ledger.raw import BlockRow, RawStore, Unreadable
from gateway.ledger.store import Store
from gateway.ledger.synced import sync_folder, sync_name, sync_tree
from gateway.ports.blocks import StreamMessage

_VERSION: Final = 1
_MANIFEST: Final = "backup.json"
# Of blocks, each of which may be of several megabytes.
_PAGE: Final = 16
_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a backup holds.

    Attributes:
        origin: The ledger's origin.
        sizes: Signed size of each log.
        time: When it was finished, seconds since 1970; 0 while it was not.
    """

    origin: str
    sizes: dict[str, int]
    time: int

    @classmethod
    def read(cls, folder: Path) -> Backup | None:
        """Read what a backup says of itself; None where there is none.

        Raises:
            SetupError: It cannot be read.
        """
        try:
            said: dict[str, Any] = json.loads((folder / _MANIFEST).read_bytes())
            sizes = {str(name): int(size) for name, size in said["sizes"].items()}
            return cls(origin=str(said["origin"]), sizes=sizes, time=int(said["time"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise SetupError(f"{folder / _MANIFEST} cannot be read: take another backup") from None

    def write(self, folder: Path) -> None:
        """Write it. Once this returns, it is on disk."""
        said = {"version": _VERSION, "origin": self.origin, "sizes": self.sizes, "time": self.time}
        write_whole(folder / _MANIFEST, json.dumps(said, indent=2) + "\n")


async def backup(state: StateFolder, to: Path, *, keys: bool, progress: Progress) -> Backup:
    """Back up a state folder, of a running gateway or a stopped one.

    Args:
        state: The folder.
        to: An empty folder, one that does not exist, or one with an earlier backup of it.
        keys: Whether the keys of the logs are copied as well.
        progress: Told how far it is.

    Returns:
        What the backup holds.

    Raises:
        SetupError: The folder was never begun, or the other one cannot be taken.
        Fault: LEDGER_NOT_PROVEN, what is there is damaged, or the earlier backup is of another
            history; LEDGER_UNAVAILABLE, it cannot be written.
    """
    inception = Inception.read(state)
    if inception is None:
        raise SetupError(f"no ledger was begun in {state.root}")
    _take(to, inception)
    sizes = {}
    for site in sites(state, inception):
        sizes[site.name] = await asyncio.to_thread(_back_up, site, to, progress)
        key = _key(site, None) if keys else None
        _copy_keeper(site, to / site.keeper.name, key)
    _copy_files(state, StateFolder(root=to))
    report = await _checked(to, progress, keyless=not keys)
    found = {log.log: log.size for log in report.logs}
    if found != sizes:
        raise Fault(Reason.LEDGER_NOT_PROVEN, f"{to} does not hold what was written to it")
    sync_tree(to)
    sync_name(to)
    done = Backup(origin=inception.origin, sizes=sizes, time=int(time.time()))
    done.write(to)
    return done


async def restore(
    source: Path, state: StateFolder, *, keys: Path | None, progress: Progress
) -> Backup:
    """Make a state folder from a backup. It is not served before it was compared.

    Args:
        source: The backup.
        state: The new folder; it does not exist, or is empty.
        keys: A folder with `keeper/log.pem` and `audit-keeper/log.pem`, where the backup has none.
        progress: Told how far it is.

    Returns:
        What the backup held.

    Raises:
        SetupError: The backup was not finished, has no keys, or the folder is in use.
        Fault: The backup is damaged, or the folder cannot be written.
    """
    held, backed = Backup.read(source), StateFolder(root=source)
    inception = Inception.read(backed)
    if held is None or not held.time or inception is None:
        raise SetupError(f"{source} holds no backup that was finished")
    if state.root.exists() and any(state.root.iterdir()):
        raise SetupError(f"{state.root} is in use: name a new folder")
    if not _outdated(source, inception):
        # One of an earlier version is folded anew first; what comes of it is checked below.
        await _checked(source, progress, keyless=True)
    making = state.root.with_name(f"{state.root.name}.restoring")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700, parents=True)
    new = StateFolder(root=making)
    sizes = {}
    for site in sites(backed, inception):
        key = _key(site, keys)
        # Nothing but what a backup is made of is taken, up to what was signed.
        sizes[site.name] = await asyncio.to_thread(_back_up, site, making, progress)
        _copy_keeper(site, making / site.keeper.name, key)
    _copy_files(backed, new)
    day = time.strftime("%Y-%m-%d", time.gmtime(held.time))
    why = f"restored from a backup of {day}"
    gate.close(new, {name: gate.Uncompared(size=size, why=why) for name, size in sizes.items()})
    # The streams are made anew from the blocks, as after any loss of them.
    wish = Wish(agreed=lambda _: True, progress=progress)
    await repair(new, wish)
    report = await check_folder(new, scratch=None, stream="read", progress=progress)
    if report.names - {Damage.HISTORY_UNCOMPARED} - _REMARKED:
        raise Fault(Reason.LEDGER_NOT_PROVEN, f"{making} is not whole: {sorted(report.names)}")
    sync_tree(making)
    if state.root.exists():
        state.root.rmdir()
    making.rename(state.root)
    sync_folder(state.root.parent)
    return replace(held, sizes=sizes)


_REMARKED: Final = frozenset(
    {
        Damage.ENTRY_VOID,
        Damage.ENTRY_OPAQUE,
        Damage.STATEMENT_UNPROVEN,
        Damage.STATEMENT_REPEATED,
        # What members are given is written anew by `init`, for wherever it is served then.
        Damage.JOIN_FILE_DIFFERS,
    }
)


def _take(to: Path, inception: Inception) -> None:
    """Begin a backup, or go on with an earlier one."""
    earlier = Backup.read(to) if to.exists() else None
    if earlier is None and to.exists() and any(to.iterdir()):
        raise SetupError(f"{to} holds something else than a backup: name an empty folder")
    origin = inception.origin
    if earlier is not None and earlier.origin != origin:
        raise SetupError(f"{to} holds a backup of {earlier.origin}: name another folder")
    if earlier is not None and _outdated(to, inception):
        raise SetupError(
            f"{to} holds a backup by an earlier version of this gateway: keep it, it can be "
            "restored from, and name another folder"
        )
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    if earlier is None:
        # Not finished until it says so.
        Backup(origin=origin, sizes={}, time=0).write(to)


def _outdated(folder: Path, inception: Inception) -> bool:
    """Tell whether a backup's stores have tables of an earlier version."""
    stores = ((site.store, site.origin) for site in sites(StateFolder(root=folder), inception))
    return any(
        schema.version(path, origin) != schema.SCHEMA_VERSION
        for path, origin in stores
        if path.exists()
    )


def _back_up(site: LogSite, to: Path, progress: Progress) -> int:
    """Fold what is new into a store of its own, up to the last signed checkpoint."""
    # Read first: whatever it names is in the store already.
    mark = _mark(site)
    size = mark.checkpoint.size
    path = to / site.store.name
    schema.create(path, site.origin)
    with closing(opened(site, path)) as store:
        # What an earlier backup was finished with has to outlive a loss of power.
        store.sync_seldom()
        last = store.last_block()
        if last is not None and _recorded(site, last.sequence) != last.sha256:
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"{path} holds another history than {site.store}: keep it, and find out which is "
                "the right one; take this backup into another folder",
            )
        after = last.sequence if last is not None else 0
        for row in _blocks(site, after):
            if store.head().size >= size:
                break
            _fold(site, store, row)
            progress(f"{site.name}: backing up", row.size_after, size)
        head = store.head()
        if head.size != size or head.root != mark.checkpoint.root:
            raise _damaged(site, "it does not hold the tree that was signed")
        if mark.note is not None:
            store.publish(mark.note)
        store.settle()
    return size


def _fold(site: LogSite, store: Store, row: BlockRow) -> None:
    if sha256(row.message).digest() != row.sha256:
        raise _damaged(site, f"block {row.sequence} was changed")
    head = store.fold(StreamMessage(sequence=row.sequence, message=row.message))
    if (head.size, head.root) != (row.size_after, row.root):
        raise _damaged(site, f"block {row.sequence} was folded to something else")


def _mark(site: LogSite) -> Mark:
    """Read the mark; while the gateway writes a place of it, that place is not whole."""
    for left in reversed(range(_TRIES)):
        findings = Findings(site.name)
        quiet = Inspection(site=site, findings=findings, progress=lambda *_: None)
        places = keepers.examine(quiet)
        if places is not None and (places.doubt is None or places.doubt.harmless):
            return places.mark
        if left:
            time.sleep(_PAUSE_SECONDS)
    raise _damaged(site, "its last signed checkpoint cannot be read")


def _blocks(site: LogSite, after: int) -> Iterator[BlockRow]:
    """Give the blocks after a sequence.

    Each page is a read of its own: nothing holds up a gateway that writes meanwhile, and what was
    written once is never changed.
    """
    while True:
        page = _read(site, after)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].sequence


def _read(site: LogSite, after: int) -> list[BlockRow]:
    try:
        with closing(RawStore.open(site.store)) as store:
            return store.after(after, _PAGE)
    except (FileNotFoundError, Unreadable) as error:
        raise _damaged(site, f"it cannot be read ({type(error).__name__})") from error


def _recorded(site: LogSite, sequence: int) -> bytes | None:
    found = _read(site, sequence - 1)
    return found[0].sha256 if found and found[0].sequence == sequence else None


def _damaged(site: LogSite, what: str) -> Fault:
    return Fault(
        Reason.LEDGER_NOT_PROVEN,
        f"{site.store} is damaged: {what}. Stop the gateway, and run `forewarn-gateway ledger "
        "check`; earlier backups are as they were",
    )


def _copy_keeper(site: LogSite, to: Path, key: bytes | None) -> None:
    """Copy the mark that the store was made for, and the key if there is to be one."""
    to.mkdir(mode=0o700, exist_ok=True)
    with closing(RawStore.open(to.parent / site.store.name)) as store:
        note = store.meta("note") or b""
    synced.replace(to / keepers.MARK, padded(note) * 2)
    if key is not None:
        synced.replace(to / keepers.KEY, key)


def _copy_files(source: StateFolder, to: StateFolder) -> None:
    """Copy what is not of one log."""
    for path in (source.inception, source.config, source.join, source.streams):
        if path.exists():
            synced.replace(to.root / path.name, path.read_bytes())


def _key(site: LogSite, keys: Path | None) -> bytes:
    """Read a log's key from the folder that was named, or from the backup."""
    path = (site.keeper.parent if keys is None else keys) / site.keeper.name / keepers.KEY
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(
            f"there is no key of {site.keeper.name}: {path} cannot be read ({error.strerror}). "
            f"Name the folder that has {site.keeper.name}/{keepers.KEY} (--keys)"
        ) from None


async def _checked(folder: Path, progress: Progress, *, keyless: bool) -> Report:
    """Check a backup as a gateway's own folder is checked; it has no streams."""
    report = await check_folder(
        StateFolder(root=folder), scratch=None, stream="leave", progress=progress
    )
    allowed = _REMARKED | ({Damage.KEY_MISSING} if keyless else frozenset())
    wrong = [each for each in report.findings if each.damage not in allowed]
    if wrong or report.not_looked_at:
        why = [f"{each.damage} in {each.log}: {each.where}" for each in wrong]
        said = "; ".join([*why, *report.not_looked_at])
        raise Fault(Reason.LEDGER_NOT_PROVEN, f"the backup in {folder} is not whole: {said}")
    return report
