"""The state folder: configuration, who may read it, what it lies on, and how long that lasts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from gateway.compose.doctor.finding import Finding, ok, problem, warning
from gateway.compose.doctor.patient import Patient
from gateway.compose.settings import tables_of
from gateway.core.errors import Fault
from gateway.ledger.observer import Observer, Tail

_OTHERS: Final = 0o077
_OTHERS_WRITE: Final = 0o022

_NETWORK: Final = frozenset(
    {
        *("9p", "afs", "ceph", "cifs", "coda", "fuse.ceph", "fuse.glusterfs", "fuse.s3fs"),
        *("fuse.sshfs", "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2"),
        *("smb3", "smbfs"),
    }
)
_MEMORY: Final = frozenset({"ramfs", "tmpfs"})
_LAYERED: Final = frozenset({"aufs", "overlay"})

_TAIL_ENTRIES: Final = 1000
_ENOUGH_ENTRIES: Final = 20


def configuration(patient: Patient) -> Iterator[Finding]:
    """Tell whether the folder was begun, and its configuration is understood."""
    if isinstance(patient.inception, str):
        yield problem(patient.inception, "run `forewarn-gateway init`, or name the folder")
    elif not patient.inception.audit_log_key:
        yield problem("there is no audit log yet", "run `forewarn-gateway init` again")
    if isinstance(patient.config, str):
        yield problem(patient.config, "mend gateway.toml, `config check` says whether it is")
        return
    changed = [
        each.name
        for table in tables_of(type(patient.config))
        for each in table.settings
        if table.name == "limits"
        and getattr(getattr(patient.config, table.name), each.key) != each.default
    ]
    said = f"; other than by default: {', '.join(changed)}" if changed else ""
    yield ok(f"{patient.state.config} is understood{said}")


def folder(patient: Patient) -> Iterator[Finding]:
    """Look who else may read or write the folder."""
    root = patient.state.root
    if not root.is_dir():
        yield problem(f"{root} does not exist", "name the state folder with --state")
        return
    found = list(_modes(patient))
    yield from found
    if not found:
        yield ok(f"{root} is its owner's alone")


def _modes(patient: Patient) -> Iterator[Finding]:
    state = patient.state
    mode, owner = state.root.stat().st_mode, state.root.stat().st_uid
    if mode & _OTHERS_WRITE:
        yield problem(f"others may write to {state.root}", f"chmod 700 {state.root}")
    elif mode & _OTHERS:
        yield warning(
            f"others may look into {state.root}, which holds what members said",
            f"chmod 700 {state.root}",
        )
    private = [
        *(folder for folder in (state.keeper, state.audit_keeper, state.root / "jetstream")),
        *(keeper / "log.pem" for keeper in (state.keeper, state.audit_keeper)),
        *(state.store, state.audit_store),
    ]
    for path in private:
        if not path.exists():
            continue
        stat = path.stat()
        if stat.st_mode & _OTHERS:
            bits = "700" if path.is_dir() else "600"
            yield problem(f"others may use {path}", f"chmod {bits} {path}")
        if stat.st_uid != owner:
            yield problem(
                f"{path} belongs to another user than {state.root}",
                f"chown -R it to the user that runs the gateway: {state.root} and all below",
            )


def file_system(patient: Patient) -> Iterator[Finding]:
    """Refuse what does not keep what it was told to sync."""
    root = patient.state.root
    kind = patient.machine.file_system(root)
    if kind is None:
        yield ok(f"the type of {root} cannot be told here; it has to be a local disk")
    elif kind in _NETWORK:
        yield problem(
            f"{root} lies on a network file system ({kind})",
            "move it to a local disk, with the gateway stopped: SQLite's locks and syncs do not "
            "hold over a network",
        )
    elif kind in _MEMORY:
        yield problem(
            f"{root} lies in memory ({kind}): a restart of the machine ends the ledger",
            "move it to a disk, with the gateway stopped",
        )
    elif kind in _LAYERED:
        yield warning(
            f"{root} lies in a container's own layer ({kind}), which goes with the container",
            "mount a volume there",
        )
    else:
        yield ok(f"{root} lies on {kind}")


def disk(patient: Patient) -> Iterator[Finding]:
    """Tell how much room there is, and how long it lasts as things go."""
    config = patient.config
    if isinstance(config, str) or not patient.state.root.is_dir():
        return
    free = patient.machine.disk(patient.state.root).free
    room = f"{_size(free)} free for {patient.state.root}"
    more = "make room, or move the folder to a larger disk with the gateway stopped"
    days = _days(patient, free)
    lasts = "" if days is None else f", {days:,.0f} days at the rate of the newest entries"
    if free < config.doctor.disk_bytes:
        yield problem(f"only {room}{lasts}", more)
    elif days is not None and days < config.doctor.disk_days:
        yield warning(f"{room}{lasts}", more)
    else:
        yield ok(f"{room}{lasts or ', too few entries to say for how long'}")


def _days(patient: Patient, free: int) -> float | None:
    """Tell how long some room lasts; None where there is too little to tell it from."""
    per_day = 0.0
    for plan in patient.plans:
        try:
            with Observer.opened(plan.store, plan.origin) as store:
                size, tail = store.head.size, store.tail(_TAIL_ENTRIES)
        except Fault:
            return None  # the check of that log says it
        if tail is None or size < _ENOUGH_ENTRIES:
            continue
        used = _used(plan.store) + _used(patient.state.root / "jetstream") / len(patient.plans)
        per_day += used / size * _daily(tail, patient)
    return free / per_day if per_day else None


def _daily(tail: Tail, patient: Patient) -> float:
    # Until now and not until the last: when nothing comes, nothing is used up.
    span = max(patient.now, tail.until) - tail.since
    return tail.entries / max(span / timedelta(days=1), 1e-9)


def _used(path: Path) -> int:
    """Give the bytes that a file, or all files below a folder, take up on the disk."""
    if path.is_file():
        return _blocks(path)
    return sum(_blocks(Path(base) / name) for base, _, names in os.walk(path) for name in names)


def _blocks(path: Path) -> int:
    try:
        return path.stat().st_blocks * 512
    except OSError:
        return 0  # JetStream has just put another in its place


def _size(count: int) -> str:
    return f"{count / (1 << 30):,.1f} GiB"
