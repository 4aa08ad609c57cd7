"""`forewarn-gateway init`: begins a ledger, once.

* Safe to repeat: what is there is checked and kept, what a killed run left half done is finished,
  and the result is the same. Another genesis in the same folder is refused.
* Keeper, stream, store, genesis entry, audit log, configuration, join file, marker: in this order.
  The marker comes last; before it, nobody has pinned anything.
* With the marker there, a log key or a stream that is missing has been lost, and is never made
  anew; nor is a log key where a store or a stream stands without one, marker or not: the key comes
  first. The store follows from the stream: it is made anew.
* A folder that was begun before there were audit logs gets one.
* Every run is an event of the audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

from gateway.admission.genesis import Genesis, genesis_entry
from gateway.compose.config import Config
from gateway.compose.join import join_file
from gateway.compose.ledger import House, connected, opened
from gateway.compose.log import LogPlan, audit_plan, check_pinned, ledger_plan
from gateway.compose.state import Inception, SetupError, StateFolder, write_whole
from gateway.core.audit import Act, AdminAct, Event
from gateway.core.errors import Fault, Reason
from gateway.core.fold import Entry
from gateway.ledger import inception as beginning
from gateway.ledger.keeper import Keeper
from gateway.ledger.nats_roles import INIT_ROLES, SERVE_ROLES, Log, Role
from gateway.ledger.reader import StoreReader
from gateway.ledger.store import Store
from gateway.ledger.stream import JetStreamAppender
from gateway.ledger.stream_setup import check_stream, create_stream, holds_files
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
    async with opened(state, INIT_ROLES | SERVE_ROLES) as house:
        ledger = ledger_plan(state, genesis.origin, config.limits)
        audit_log = audit_plan(state, genesis.origin, config.limits)
        keeper = await _kept(ledger, house, pinned=begun.log_key if begun else "", beside=())
        # The ledger's stream is there by now, with its files.
        audit_keeper = await _kept(
            audit_log,
            house,
            pinned=begun.audit_log_key if begun else "",
            beside=(ledger.log,),
        )
        inception = Inception(
            origin=genesis.origin,
            trust_domain=genesis.trust_domain,
            genesis_digest=genesis.digest.hex(),
            log_key=str(keeper.verifier),
            audit_log_key=str(audit_keeper.verifier),
        )
        await _begin(state, ledger, house, keeper, genesis, now=now, salt=salt())
        await _note(audit_log, house, audit_keeper, now=now, salt=salt())
    if not state.config.exists():
        write_whole(state.config, config.render())
    write_whole(state.join, join_file(inception, config))
    # The commit: from here on the folder belongs to this ledger.
    inception.write(state)
    return inception


async def _kept(plan: LogPlan, house: House, *, pinned: str, beside: Collection[Log]) -> Keeper:
    """Make a log's key, stream and store, or check those that members have pinned."""
    if not pinned:
        _check_key_not_lost(plan, house, beside)
        keeper = Keeper.create(plan.keeper, plan.origin)
        async with connected(house.nats.endpoint, Role.KEEPER) as connection:
            await create_stream(
                connection,
                plan.log,
                store_dir=house.nats.store_dir,
                beside=beside,
            )
    else:
        keeper = Keeper.load(plan.keeper, plan.origin)
        check_pinned(keeper, pinned, plan)
        await check_stream(house.integrator, plan.log)
    Store.create(plan.store, plan.origin)
    return keeper


async def _note(plan: LogPlan, house: House, keeper: Keeper, *, now: datetime, salt: bytes) -> None:
    """Record in the audit log that `init` was run."""
    body = audit.encode(Event(happening=AdminAct(act=Act.INIT)), now)
    entry = Entry(body=body, salt=salt, judged_at=0, reads=(), writes=())
    block = blocks.encode_block([blocks.encode_entry(entry)], node=_NODE, sealed_time=now)
    integrator = plan.integrator(house.integrator, plan.open_store(), keeper)
    try:
        # What is there is proven before anything is added to it.
        await integrator.catch_up()
        await JetStreamAppender(house.worker, plan.log).append(block)
        await integrator.catch_up()
    finally:
        await integrator.close()


async def _begin(  # noqa: PLR0913 - what the genesis entry is recorded with
    state: StateFolder,
    plan: LogPlan,
    house: House,
    keeper: Keeper,
    genesis: Genesis,
    *,
    now: datetime,
    salt: bytes,
) -> None:
    """Record the genesis entry where there is none, and check that it is this one."""
    integrator = plan.integrator(house.integrator, plan.open_store(), keeper)
    try:
        await beginning.begin(
            integrator=integrator,
            appender=JetStreamAppender(house.worker, plan.log),
            genesis=genesis_entry(genesis, received_time=now, salt=salt),
            node=_NODE,
            now=now,
        )
    finally:
        await integrator.close()
    reader = StoreReader(plan.store, plan.origin)
    try:
        with reader.snapshot() as snapshot:
            first = snapshot.by_index(0)
    finally:
        reader.close()
    if first is None or first.summary is None or first.summary.digest != genesis.digest:
        raise _other_genesis(state)


def _check_same(begun: Inception | None, genesis: Genesis, state: StateFolder) -> None:
    if begun is not None and begun.genesis_digest != genesis.digest.hex():
        raise _other_genesis(state)


def _check_key_not_lost(plan: LogPlan, house: House, beside: Collection[Log]) -> None:
    """Refuse to make a log key for a log that another key has signed."""
    if plan.keeper.exists():
        return
    if plan.store.exists() or holds_files(house.nats.store_dir, beside):
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"{plan.store.parent} holds the log {plan.origin} without its key: restore "
            f"{plan.keeper} from a copy; only if no receipt was ever given, name another folder",
        )


def _other_genesis(state: StateFolder) -> SetupError:
    return SetupError(
        f"{state.root} was begun with another genesis statement: name that one, or another folder"
    )
