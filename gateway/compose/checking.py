"""`forewarn-gateway ledger check`: both logs of a state folder, proven whole or not.

* Nothing of the folder is changed. nats-server mends what it finds when it starts, and so hides it:
  it is run on a copy of its folder, in the scratch folder.
* Where nodes share NATS servers, the streams are read there.
* Under a running gateway with a nats-server of its own the stream belongs to the gateway:
  everything else is checked, and that the stream was not is said.
* The folder's lock is held while the copy is made and read, so that no gateway starts meanwhile.
"""

from __future__ import annotations

import shutil
import tempfile
import tomllib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum, unique
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.care.check import Checked, check
from gateway.care.findings import Damage, Finding, Findings, Gravity
from gateway.care.site import LogSite, Progress
from gateway.compose import gate, generations
from gateway.compose.config import Config
from gateway.compose.ledger import connected
from gateway.compose.limits import Limits
from gateway.compose.log import LogPlan, audit_plan, ledger_plan
from gateway.compose.nats import Nats
from gateway.compose.state import Inception, SetupError, StateFolder
from gateway.core.errors import Fault
from gateway.ledger.lock import StateLock
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_external import ExternalNats
from gateway.ledger.nats_roles import Role
from gateway.ledger.nats_server import EmbeddedNats
from gateway.ledger.scrub import Scrub

_FOLDER: Final = "folder"
# A gateway that was just killed leaves its nats-server some moments to end.
_LOCK_SECONDS: Final = 1.0
_PINNED: Final = ("origin", "trust_domain", "genesis_digest", "log_key", "audit_log_key")


@unique
class Standing(IntEnum):
    """What a check came to: the exit status of the command."""

    WHOLE = 0
    DAMAGED = 1
    UNCHECKED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check of a state folder came to.

    Attributes:
        logs: What was found in each log.
        folder: What is wrong with the folder itself.
        unchecked: What could not be looked at, and why.
    """

    logs: tuple[Checked, ...]
    folder: tuple[Finding, ...]
    unchecked: tuple[str, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found."""
        return (*self.folder, *(each for log in self.logs for each in log.findings))

    @property
    def names(self) -> frozenset[Damage]:
        """The names of what was found."""
        return frozenset(finding.damage for finding in self.findings)

    @property
    def not_looked_at(self) -> tuple[str, ...]:
        """Everything that could not be looked at, each with its log."""
        of_logs = (f"{log.log}: {what}" for log in self.logs for what in log.unchecked)
        return (*self.unchecked, *of_logs)

    @property
    def standing(self) -> Standing:
        """Whether all is whole."""
        if any(each.gravity is Gravity.DAMAGE for each in self.findings):
            return Standing.DAMAGED
        return Standing.UNCHECKED if self.not_looked_at else Standing.WHOLE


async def check_folder(
    state: StateFolder,
    *,
    scratch: Path | None,
    stream: str,
    progress: Progress,
    lock: StateLock | None = None,
) -> Report:
    """Check a state folder.

    Args:
        state: The folder.
        scratch: Where copies are made, below it; None for the system's place for such.
        stream: `read` to look at the stream, `leave` to leave it out.
        progress: Told how far it is.
        lock: The folder's lock, where the caller has it.

    Returns:
        What was found.

    Raises:
        SetupError: There is no such folder.
        Fault: LEDGER_UNAVAILABLE, the scratch folder cannot be written.
    """
    if not state.root.is_dir():
        raise SetupError(f"there is no {state.root}: name a state folder")
    findings = Findings(_FOLDER)
    inception = _inception(state, findings)
    _check_files(state, inception, findings)
    _check_gate(state, findings)
    if inception is None:
        unchecked = "both logs: without inception.json, nothing says which they are"
        return Report(logs=(), folder=tuple(findings), unchecked=(unchecked,))
    with tempfile.TemporaryDirectory(prefix="forewarn-check-", dir=scratch) as place:
        below = Path(place)
        async with _stream(state, below, stream, lock) as way:
            logs = [
                await check(
                    site,
                    scratch=below,
                    integrator=way.integrator,
                    without_stream=way.why,
                    progress=progress,
                )
                for site in sites(state, inception)
            ]
    return Report(logs=tuple(logs), folder=tuple(findings), unchecked=())


async def scrub_folder(
    state: StateFolder, *, bytes_per_second: float, progress: Progress
) -> dict[str, int]:
    """Hash again what the stores of a folder keep.

    Args:
        state: The folder, of a running gateway or a stopped one.
        bytes_per_second: How much is read in a second, at most.
        progress: Told how far it is.

    Returns:
        How many entries of each log were hashed.

    Raises:
        SetupError: The folder was never begun.
        Fault: LEDGER_NOT_PROVEN, something is damaged, and where.
    """
    inception = Inception.read(state)
    if inception is None:
        raise SetupError(f"no ledger was begun in {state.root}")
    return {
        site.name: await Scrub(
            path=site.store,
            stream=None,
            bytes_per_second=bytes_per_second,
            progress=partial(progress, f"{site.name}: hashing again"),
        ).once()
        for site in sites(state, inception)
    }


def sites(state: StateFolder, inception: Inception) -> list[LogSite]:
    """Say where the logs of a folder stand; those that were begun."""
    limits = Limits()
    among_others = nats_of(state).external is not None
    pairs = [(ledger_plan(state, inception.origin, limits), inception.log_key)]
    if inception.audit_log_key:
        pairs.append((audit_plan(state, inception.origin, limits), inception.audit_log_key))
    genesis = inception.genesis_digest
    return [
        _site(plan, key, name, digest, among_others)
        for (plan, key), name, digest in zip(
            pairs, ("ledger", "audit"), (genesis, ""), strict=False
        )
    ]


def _site(
    plan: LogPlan,
    key: str,
    name: str,
    genesis: str,
    among_others: bool,  # noqa: FBT001 - of this module
) -> LogSite:
    return LogSite(
        name=name,
        origin=plan.origin,
        log=plan.log,
        store=plan.store,
        keeper=plan.keeper,
        pinned=key,
        key_elsewhere=among_others,
        genesis=genesis,
        summarize=plan.summarize,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """The way to the streams: a connection, or why there is none."""

    integrator: RoleConnection | None
    why: str


@asynccontextmanager
async def _stream(
    state: StateFolder, scratch: Path, wish: str, held: StateLock | None
) -> AsyncGenerator[_Way, None]:
    """Find a way to the streams: where they are, or to a copy of the folder's own."""
    external = nats_of(state).external
    if wish == "leave":
        yield _Way(integrator=None, why="")
    elif external is not None:
        async with _shared(external) as way:
            yield way
    else:
        async with _copied(state, scratch, held) as way:
            yield way


@asynccontextmanager
async def _shared(external: ExternalNats) -> AsyncGenerator[_Way, None]:
    """Read the streams where nodes share them, as any integrator does."""
    try:
        endpoint = external.endpoint({Role.INTEGRATOR})
        integrator = await RoleConnection.open(endpoint, Role.INTEGRATOR)
    except Fault as fault:
        yield _Way(integrator=None, why=fault.detail)
        return
    try:
        yield _Way(integrator=integrator, why="")
    finally:
        await integrator.close()


@asynccontextmanager
async def _copied(
    state: StateFolder, scratch: Path, held: StateLock | None
) -> AsyncGenerator[_Way, None]:
    """Run a nats-server on a copy of the folder's streams, if nobody else has the folder."""
    try:
        lock = held or await StateLock.acquire(state.root, within=_LOCK_SECONDS)
    except Fault:
        why = "a gateway runs on it, and scrubs it; stop that one, or leave the stream out"
        yield _Way(integrator=None, why=why)
        return
    try:
        if state.jetstream.is_dir():
            shutil.copytree(state.jetstream, scratch / state.jetstream.name)
        logs = generations.logs_of(state)
        nats = EmbeddedNats(state_dir=scratch, lock=lock, roles={Role.INTEGRATOR}, logs=logs)
        try:
            await nats.start()
        except Fault as fault:
            yield _Way(integrator=None, why=fault.detail)
            return
        try:
            async with connected(nats.endpoint, Role.INTEGRATOR) as integrator:
                yield _Way(integrator=integrator, why="")
        finally:
            await nats.stop()
    finally:
        if held is None:
            lock.release()


def nats_of(state: StateFolder) -> Nats:
    """Say where NATS is; a child where the configuration does not tell.

    Args:
        state: The folder.
    """
    try:
        return Config.read(state.config).nats
    except SetupError:
        # Said by the check of the configuration.
        return Nats()


def _inception(state: StateFolder, findings: Findings) -> Inception | None:
    try:
        inception = Inception.read(state)
    except SetupError as error:
        findings.add(Damage.INCEPTION_DAMAGED, state.inception.name, str(error))
        return None
    if inception is None:
        findings.add(Damage.INCEPTION_MISSING, state.inception.name, "there is no such file")
    return inception


def _check_gate(state: StateFolder, findings: Findings) -> None:
    if state.repair_plan.exists():
        detail = "it was killed while it put things in place"
        findings.add(Damage.REPAIR_UNFINISHED, state.repair.name, detail)
    for name, each in gate.uncompared(state).items():
        detail = f"{name}, size {each.size}: {each.why}"
        findings.add(Damage.HISTORY_UNCOMPARED, state.uncompared.name, detail)


def _check_files(state: StateFolder, inception: Inception | None, findings: Findings) -> None:
    """Check what is not of one log: the configuration, and what members are given to join."""
    try:
        Config.read(state.config)
    except SetupError as error:
        findings.add(Damage.CONFIGURATION_DAMAGED, state.config.name, str(error))
    if inception is None:
        return
    try:
        said: dict[str, Any] = tomllib.loads(state.join.read_text("utf-8"))
    except (OSError, ValueError):
        findings.add(Damage.JOIN_FILE_DIFFERS, state.join.name, "it cannot be read")
        return
    for key in _PINNED:
        if said.get(key, "") != getattr(inception, key):
            detail = f"its {key} is not what the folder was begun with"
            findings.add(Damage.JOIN_FILE_DIFFERS, state.join.name, detail)
