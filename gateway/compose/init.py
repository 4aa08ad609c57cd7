"""`forewarn-gateway init`: begins a ledger, once.

* Safe to repeat: what is there is checked and kept, what a killed run left half done is finished,
  and the result is the same. Another genesis in the same folder is refused.
* Keeper, stream, store, genesis entry, audit log, configuration, join file, marker: in this order,
  each on disk, by name as well, before the next. The marker comes last; before it, nobody has
  pinned anything, and what is left of a stream that was being made is made anew.
* With the marker there, a log key or a stream that is missing has been lost, and is never made
  anew; nor is a log key where a store or a stream stands without one, marker or not: the key comes
  first. The store follows from the stream: it is made anew.
* A folder that was begun before there were audit logs gets one.
* Over NATS servers that somebody else runs, streams that are there without a key here were made by
  another node: it is joined (`gateway.compose.joining`), not begun again. And there, once begun,
  `init` signs nothing: whose turn that is, the running nodes know.
* Every run is an event of the audit log.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from gateway.admission.genesis import Genesis, genesis_entry
from gateway.compose.company import Side, keeper_of
from gateway.compose.config import Config
from gateway.compose.join import join_file
from gateway.compose.ledger import House, connected, opened
from gateway.compose.log import LogPlan, audit_plan, ledger_plan
from gateway.compose.nats import Nats
from gateway.compose.settling import SettledAppender
from gateway.compose.state import Inception, SetupError, StateFolder, write_whole
from gateway.core.audit import Act, AdminAct, Event
from gateway.core.errors import Fault, Reason
from gateway.core.fold import Entry
from gateway.ledger import inception as beginning
from gateway.ledger.integrator import Integrator
from gateway.ledger.keeper import Keeper
from gateway.ledger.nats_connection import RoleConnection
from gateway.ledger.nats_roles import INIT_ROLES, SERVE_ROLES, Log, Role
from gateway.ledger.reader import StoreReader
from gateway.ledger.store import Store
from gateway.ledger.stream import JetStreamAppender
from gateway.ledger.stream_setup import (
    check_lease,
    check_stream,
    create_lease,
    create_stream,
    discard_unfinished,
    holds_files,
    stream_exists,
)
from gateway.ledger.synced import sync_name, sync_names
from gateway.wire import audit, blocks

_NODE: Final = "init"


async def initialise(
    state: StateFolder,
    *,
    genesis: Genesis,
    config: Config,
    now: datetime,
    salt: Callable[[], bytes],
) -> Inception:
    """Begin a ledger in a state folder, or find it begun.

    Args:
        state: The folder; made where it does not exist.
        genesis: The verified genesis statement.
        config: The configuration, written where there is none yet.
        now: The present, UTC.
        salt: Gives 32 fresh random bytes.

    Returns:
        What the folder was begun with.

    Raises:
        SetupError: The folder belongs to another ledger, or a file cannot be written.
        Fault: Stream, store or keeper is not whole; the text says what to do.
    """
    begun = Inception.read(state)
    _check_same(begun, genesis, state)
    # Nothing is begun for a gateway that could not serve.
    config.tls.files.credentials()
    async with opened(state, config.nats, INIT_ROLES | SERVE_ROLES) as house:
        ledger = ledger_plan(state, genesis.origin, config.limits)
        audit_log = audit_plan(state, genesis.origin, config.limits)
        nats = config.nats
        pinned = begun.log_key if begun else ""
        keeper = await _kept(ledger, house, nats, pinned=pinned, beside=())
        pinned = begun.audit_log_key if begun else ""
        # The ledger's stream is there by now, with its files.
        audit_keeper = await _kept(audit_log, house, nats, pinned=pinned, beside=(ledger.log,))
        await _lease(house, nats)
        inception = Inception(
            origin=genesis.origin,
            trust_domain=genesis.trust_domain,
            genesis_digest=genesis.digest.hex(),
            log_key=str(keeper.verifier),
            audit_log_key=str(audit_keeper.verifier),
        )
        alone = begun is None or nats.external is None
        folding = _signing(house) if alone else comparing(house)
        await _begin(state, ledger, house, folding(ledger, keeper), genesis, now=now, salt=salt())
        await record_init(audit_log, house, folding(audit_log, audit_keeper), now=now, salt=salt())
    if not state.config.exists():
        write_whole(state.config, config.render())
    write_whole(state.join, join_file(inception, config))
    sync_name(state.root)
    # The commit: from here on the folder belongs to this ledger.
    inception.write(state)
    return inception


async def _kept(
    plan: LogPlan, house: House, nats: Nats, *, pinned: str, beside: Collection[Log]
) -> Keeper:
    """Make a log's key, stream and store, or check those that members have pinned."""
    if not pinned:
        await _check_key_not_lost(plan, house, beside)
        keeper = Keeper.create(plan.keeper, plan.origin)
        folder = house.nats.store_dir
        async with _as_keeper(house) as connection:
            if folder is not None and not keeper.mark.size:
                await discard_unfinished(connection, plan.log, folder)
            await create_stream(
                connection, plan.log, replicas=nats.held_by, store_dir=folder, beside=beside
            )
        if folder is not None:
            sync_names(folder)
    else:
        keeper = keeper_of(plan, pinned, nats)
        await check_stream(house.integrator, plan.log, replicas=nats.held_by)
    Store.create(plan.store, plan.origin)
    return keeper


async def _lease(house: House, nats: Nats) -> None:
    """Have the bucket of the lease, where there may be other nodes."""
    if nats.external is None:
        return
    if Role.KEEPER in house.nats.endpoint.seeds:
        async with _as_keeper(house) as connection:
            await create_lease(connection, replicas=nats.held_by)
    else:
        await check_lease(house.integrator)


@asynccontextmanager
async def _as_keeper(house: House) -> AsyncGenerator[RoleConnection, None]:
    if Role.KEEPER not in house.nats.endpoint.seeds:
        raise SetupError(
            "streams are made with the secret of the role keeper: put it into nats.credentials "
            "while `init` runs"
        )
    async with connected(house.nats.endpoint, Role.KEEPER) as connection:
        yield connection


Folding = Callable[[LogPlan, Keeper], Integrator]
"""Opens a log's store and makes what folds it."""


def _signing(house: House) -> Folding:
    """Have a log signed as it is folded."""
    return lambda plan, keeper: plan.integrator(house.integrator, plan.open_store(), keeper)


def comparing(house: House) -> Folding:
    """Have a log folded and compared with what is signed elsewhere."""
    return lambda plan, keeper: (
        Side.of(plan, house.integrator, plan.open_store(), keeper).integrator
    )


async def record_init(
    plan: LogPlan, house: House, integrator: Integrator, *, now: datetime, salt: bytes
) -> None:
    """Record in the audit log that `init` was run.

    Args:
        plan: How the audit log is made.
        house: The connections.
        integrator: Its integrator, closed afterwards.
        now: The present, UTC.
        salt: 32 fresh random bytes.

    Raises:
        Fault: The log cannot be proven whole, or stream or store failed.
    """
    body = audit.encode(Event(happening=AdminAct(act=Act.INIT)), now)
    entry = Entry(body=body, salt=salt, judged_at=0, reads=(), writes=())
    block = blocks.encode_block([blocks.encode_entry(entry)], node=_NODE, sealed_time=now)
    try:
        # What is there is proven before anything is added to it.
        await integrator.catch_up()
        await _appender(house, plan.log).append(block)
        await integrator.catch_up()
    finally:
        await integrator.close()


async def _begin(  # noqa: PLR0913 - what the genesis entry is recorded with
    state: StateFolder,
    plan: LogPlan,
    house: House,
    integrator: Integrator,
    genesis: Genesis,
    *,
    now: datetime,
    salt: bytes,
) -> None:
    """Record the genesis entry where there is none, and check that it is this one."""
    try:
        await beginning.begin(
            integrator=integrator,
            appender=_appender(house, plan.log),
            genesis=genesis_entry(genesis, received_time=now, salt=salt),
            node=_NODE,
            now=now,
        )
    finally:
        await integrator.close()
    if first_digest(plan) != genesis.digest:
        raise _other_genesis(state)


def _appender(house: House, log: Log) -> SettledAppender:
    return SettledAppender(JetStreamAppender(house.worker, log), house.nats.store_dir)


def first_digest(plan: LogPlan) -> bytes | None:
    """Give the digest of the statement that a log begins with; None where it is empty."""
    reader = StoreReader(plan.store, plan.origin)
    try:
        with reader.snapshot() as snapshot:
            first = snapshot.by_index(0)
    finally:
        reader.close()
    return None if first is None or first.summary is None else first.summary.digest


def _check_same(begun: Inception | None, genesis: Genesis, state: StateFolder) -> None:
    if begun is not None and begun.genesis_digest != genesis.digest.hex():
        raise _other_genesis(state)


async def _check_key_not_lost(plan: LogPlan, house: House, beside: Collection[Log]) -> None:
    """Refuse to make a log key for a log that another key has signed."""
    if plan.keeper.exists():
        return
    folder = house.nats.store_dir
    if folder is None and await stream_exists(house.integrator, plan.log):
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"NATS has the stream {plan.log.stream} already, and {plan.keeper} holds no key: where "
            "another node began this exchange, join it with `init --join exchange.toml`; where "
            f"this one did, restore {plan.keeper} from a copy",
        )
    if plan.store.exists() or (folder is not None and holds_files(folder, beside)):
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"{plan.store.parent} holds the log {plan.origin} without its key: restore "
            f"{plan.keeper} from a copy; only if no receipt was ever given, name another folder",
        )


def _other_genesis(state: StateFolder) -> SetupError:
    return SetupError(
        f"{state.root} was begun with another genesis statement: name that one, or another folder"
    )
