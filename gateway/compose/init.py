"""`forewarn-gateway init`: begins a ledger, once.

* Safe to repeat: what is there is checked and kept, what a killed run left half done is finished,
  and the result is the same. Another genesis in the same folder is refused.
* Keeper, stream, store, genesis entry, configuration, join file, marker: in this order. The marker
  comes last; before it, nobody has pinned anything.
* With the marker there, a log key or a stream that is missing has been lost, and is never made
  anew; nor is a log key where a store or a stream stands without one, marker or not: the key comes
  first. The store follows from the stream: it is made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from gateway.admission.genesis import Genesis, genesis_entry
from gateway.compose.config import Config
from gateway.compose.join import join_file
from gateway.compose.ledger import House, connected, opened
from gateway.compose.state import Inception, SetupError, StateFolder, write_whole
from gateway.core.errors import Fault, Reason
from gateway.ledger import inception as beginning
from gateway.ledger.announcements import NatsAnnouncer
from gateway.ledger.integrator import Integrator
from gateway.ledger.keeper import Keeper
from gateway.ledger.nats_roles import INIT_ROLES, SERVE_ROLES, Role
from gateway.ledger.reader import StoreReader
from gateway.ledger.store import Store
from gateway.ledger.stream import JetStreamAppender, JetStreamReader
from gateway.ledger.stream_setup import check_stream, create_stream, holds_files
from gateway.wire.entries import summarize

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
    config.tls.credentials()
    async with opened(state, INIT_ROLES | SERVE_ROLES) as house:
        if begun is None:
            _check_key_not_lost(state, house)
            keeper = Keeper.create(state.keeper, genesis.origin)
            async with connected(house.nats, Role.KEEPER) as connection:
                await create_stream(connection, store_dir=house.nats.store_dir)
        else:
            keeper = Keeper.load(state.keeper, genesis.origin)
            await check_stream(house.integrator)
        inception = Inception(
            origin=genesis.origin,
            trust_domain=genesis.trust_domain,
            genesis_digest=genesis.digest.hex(),
            log_key=str(keeper.verifier),
        )
        if begun is not None and begun != inception:
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"the log key in {state.keeper} is not the one that members have pinned: restore "
                "the keeper's folder from a copy",
            )
        Store.create(state.store, genesis.origin)
        await _begin(state, house, keeper, genesis, now=now, salt=salt())
    if not state.config.exists():
        write_whole(state.config, config.render())
    write_whole(state.join, join_file(inception, config))
    # The commit: from here on the folder belongs to this ledger.
    inception.write(state)
    return inception


async def _begin(
    state: StateFolder,
    house: House,
    keeper: Keeper,
    genesis: Genesis,
    *,
    now: datetime,
    salt: bytes,
) -> None:
    """Record the genesis entry where there is none, and check that it is this one."""
    integrator = Integrator(
        stream=JetStreamReader(house.integrator),
        store=Store.open(state.store, genesis.origin, summarize=summarize),
        keeper=keeper,
        announcer=NatsAnnouncer(house.integrator),
    )
    try:
        await beginning.begin(
            integrator=integrator,
            appender=JetStreamAppender(house.worker),
            genesis=genesis_entry(genesis, received_time=now, salt=salt),
            node=_NODE,
            now=now,
        )
    finally:
        await integrator.close()
    reader = StoreReader(state.store, genesis.origin)
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


def _check_key_not_lost(state: StateFolder, house: House) -> None:
    """Refuse to make a log key for a ledger that another key has signed."""
    if state.keeper.exists():
        return
    if state.store.exists() or holds_files(house.nats.store_dir):
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"{state.root} holds a ledger without its log key: restore {state.keeper} from a copy; "
            "only if no receipt was ever given, name another folder",
        )


def _other_genesis(state: StateFolder) -> SetupError:
    return SetupError(
        f"{state.root} was begun with another genesis statement: name that one, or another folder"
    )
