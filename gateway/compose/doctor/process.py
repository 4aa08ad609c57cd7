"""The gateway's processes: whether they run, and with what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from gateway.compose.doctor.finding import Finding, ok, problem, warning
from gateway.compose.doctor.patient import Patient
from gateway.compose.nats import Nats
from gateway.compose.state import SetupError
from gateway.compose.status import Verdict, status_of
from gateway.core.errors import Fault
from gateway.ledger.nats_conf import LOOPBACK, SYNC_INTERVAL
from gateway.ledger.nats_roles import SERVE_ROLES, Role

# Stores, logs, sockets of the gateway itself.
_OWN_FILES: Final = 256


def process(patient: Patient) -> Iterator[Finding]:
    """Tell whether a gateway has the folder, and whether one left it behind."""
    listen = patient.state.listen
    if patient.running and listen.exists():
        yield ok(f"it runs, and listens on {listen.read_text().strip()}")
    elif patient.running:
        yield warning(
            f"the lock of {patient.state.root} is held, but nothing listens",
            "if no gateway is starting or stopping just now, one was killed and its nats-server "
            "still runs: stop that nats-server",
        )
    elif listen.exists():
        yield ok("it does not run; it was killed the last time, which is safe")
    else:
        yield ok("it does not run")


def serving(patient: Patient) -> Iterator[Finding]:
    """Tell how one that runs is, by what its processes say."""
    if not patient.running:
        return
    try:
        found = status_of(patient.state, patient.now)
    except SetupError:
        return  # the configuration's own check says it
    troubles = [
        f"{log.name} {log.state}" + (f" ({log.reason})" if log.reason else "")
        for log in found.logs
        if log.state not in {"", "folding"}
    ] + [f"{each.name} is silent" for each in found.processes if each.silent]
    said = "; ".join(troubles)
    if found.verdict is Verdict.DOWN:
        yield problem(
            f"the ledger has halted: {said}",
            "see When it halts in gateway/docs/operations.md; keep a copy of the folder first",
        )
    elif found.verdict is Verdict.SERVING:
        behind = max((log.lag or 0 for log in found.logs), default=0)
        yield ok(f"statements are taken in; {behind} blocks of the stream are not folded")
    else:
        yield warning(
            said or "no process says that it serves",
            "wait if it was just started; else look at its log lines",
        )


def open_files(patient: Patient) -> Iterator[Finding]:
    """Compare what may be open with what connections need."""
    config = patient.config
    if isinstance(config, str):
        return
    most = patient.machine.open_files(None)
    wanted = config.limits.connections + _OWN_FILES
    allowed = config.limits.open_files if most is None else min(most, config.limits.open_files)
    if allowed < wanted:
        yield warning(
            f"{allowed:,} files may be open, {config.limits.connections:,} connections need "
            f"{wanted:,}",
            "raise limits.open_files and the system's limit (LimitNOFILE), or lower "
            "limits.connections",
        )
    else:
        yield ok(f"{allowed:,} may be open, {wanted:,} are needed at most")


def _external(settings: Nats) -> Iterator[Finding]:
    """Look at what a node needs to reach NATS servers that somebody else runs."""
    external = settings.external
    assert external is not None  # noqa: S101 - asked before
    try:
        endpoint = external.endpoint(SERVE_ROLES)
    except Fault as fault:
        what, _, remedy = fault.detail.partition(": ")
        yield problem(what, remedy or "see nats in gateway.toml")
        return
    if Role.SYS in endpoint.seeds:
        yield ok(f"{len(external.urls)} servers are named; each is asked at the start if it syncs")
    elif settings.sync_vouched_for:
        yield warning(
            "nobody asks the NATS servers whether they sync: gateway.toml vouches for them",
            f"put the secret of the role sys into {external.credentials}",
        )
    else:
        yield problem(
            f"{external.credentials}/sys is missing, and nobody vouches that the servers sync",
            "put the secret of the role sys there, or set nats.sync_vouched_for",
        )


def nats(patient: Patient) -> Iterator[Finding]:
    """Look at what the nats-server child was told, or how servers of others are reached."""
    if not isinstance(patient.config, str) and patient.config.nats.external is not None:
        yield from _external(patient.config.nats)
        return
    if not patient.running:
        yield ok("it is told anew at every start, and has to confirm that it syncs")
        return
    try:
        told: dict[str, Any] = json.loads(
            (patient.state.root / "run" / "nats-server.conf").read_bytes()
        )
        syncs = told["jetstream"]["sync_interval"]
        host = told["listen"].rpartition(":")[0]
        exposed = [key for key in ("http", "http_port", "https", "https_port") if key in told]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        yield problem("what nats-server was told cannot be read", "start the gateway again")
        return
    if syncs != SYNC_INTERVAL or host != LOOPBACK or exposed:
        yield problem(
            f"it was told sync_interval {syncs}, to listen on {host}"
            + (f", and {', '.join(exposed)}" if exposed else ""),
            "start the gateway again, and find out what wrote run/nats-server.conf",
        )
    else:
        yield ok("it syncs every message, listens on loopback only, with no monitoring port")
