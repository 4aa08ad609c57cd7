"""`forewarn-gateway init --join`: makes another node of an exchange that was begun elsewhere.

* What it pins comes from `exchange.toml`, as a member's does. It makes no log key and no stream: it
  folds what the streams hold, and finds that they begin with the pinned genesis statement.
* Safe to repeat, as `init` is. The marker comes last.
* To sign as well, a node needs the log keys, and whoever runs it copies them there by hand.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from gateway.compose.company import Side
from gateway.compose.config import Config
from gateway.compose.init import comparing, first_digest, record_init
from gateway.compose.join import join_file
from gateway.compose.ledger import opened
from gateway.compose.log import plans_of, verifier_of
from gateway.compose.state import Inception, SetupError, StateFolder, write_whole
from gateway.ledger.keeper import Keeper
from gateway.ledger.nats_roles import SERVE_ROLES
from gateway.ledger.store import Store
from gateway.ledger.stream_setup import check_lease, check_stream
from gateway.ledger.synced import sync_name

_PINS: Final = ("origin", "trust_domain", "genesis_digest", "log_key", "audit_log_key")


async def join(
    state: StateFolder,
    *,
    pins: Inception,
    config: Config,
    now: datetime,
    salt: Callable[[], bytes],
) -> Inception:
    """Make a node in a state folder, or find it made.

    Args:
        state: The folder; made where it does not exist.
        pins: What the exchange was begun with.
        config: The configuration, written where there is none yet.
        now: The present, UTC.
        salt: Gives 32 fresh random bytes.

    Returns:
        What the folder was begun with.

    Raises:
        SetupError: The folder belongs to another ledger, or the streams do.
        Fault: Stream, store or mark is not whole; the text says what to do.
    """
    begun = Inception.read(state)
    if begun is not None and begun != pins:
        raise SetupError(f"{state.root} was begun with other pins: name another folder")
    nats = config.nats
    if nats.external is None:
        raise SetupError(
            "nodes meet at NATS servers that both reach: name them with --nats-url, --nats-ca and "
            "--nats-credentials"
        )
    config.tls.files.credentials()
    plans = plans_of(state, pins.origin, config.limits)
    async with opened(state, nats, SERVE_ROLES) as house:
        for plan in plans:
            await check_stream(house.integrator, plan.log, replicas=nats.held_by)
        await check_lease(house.integrator)
        keepers = []
        for plan, pin in zip(plans, (pins.log_key, pins.audit_log_key), strict=True):
            keepers.append(Keeper.attend(plan.keeper, verifier_of(pin), make=begun is None))
            Store.create(plan.store, plan.origin)
        ledger, audit_log = plans
        side = Side.of(ledger, house.integrator, ledger.open_store(), keepers[0])
        try:
            await side.integrator.catch_up()
        finally:
            await side.integrator.close()
        if first_digest(ledger) != bytes.fromhex(pins.genesis_digest):
            raise SetupError(
                "the ledger at these NATS servers does not begin with the pinned genesis "
                "statement: name the exchange.toml of the exchange that is there"
            )
        integrator = comparing(house)(audit_log, keepers[1])
        await record_init(audit_log, house, integrator, now=now, salt=salt())
    if not state.config.exists():
        write_whole(state.config, config.render())
    write_whole(state.join, join_file(pins, config))
    sync_name(state.root)
    # The commit: from here on the folder belongs to this ledger.
    pins.write(state)
    return pins


def read_pins(path: Path) -> Inception:
    """Read what an exchange's join file pins.

    Args:
        path: `exchange.toml` of a node.

    Returns:
        What the exchange was begun with.

    Raises:
        SetupError: It cannot be read, or is no join file.
    """
    try:
        said: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        pins = Inception(**{name: said[name] for name in _PINS})
        bytes.fromhex(pins.genesis_digest)
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SetupError(f"{path} is not the exchange.toml of an exchange") from None
    for pin in (pins.log_key, pins.audit_log_key):
        verifier_of(pin)
    return pins
