"""The lease by hand: who signs, asking it to let go, naming who comes next.

* Nothing here signs, and nothing takes a lease from a holder: a holder is asked, and a node that
  runs takes what was let go.
* Where a holder is dead nobody has to do anything: another node takes over by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from gateway.compose.config import Config
from gateway.compose.ledger import connected
from gateway.compose.state import SetupError
from gateway.core.errors import Fault, Reason
from gateway.ledger.claim import Claim, Hold
from gateway.ledger.lease import asked, nominated
from gateway.ledger.lease_kv import KvLeasePlace
from gateway.ledger.nats_roles import Role
from gateway.ledger.stream_setup import check_lease
from gateway.ports.nodes import LeasePlace, Standing

_LOOK_SECONDS: Final = 0.2
_GRACE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How the lease stands.

    Attributes:
        revision: Its revision; 0 where nobody has taken it yet.
        claim: What stands there; None where nothing does, or nothing that can be read.
    """

    revision: int
    claim: Claim | None

    @property
    def holder(self) -> str | None:
        """Name of the node that holds it, or held it when it was last heard; None for none."""
        held = self.claim is not None and self.claim.hold is not Hold.LET_GO
        return self.claim.node if self.claim is not None and held else None


@asynccontextmanager
async def place_of(config: Config) -> AsyncGenerator[LeasePlace, None]:
    """Reach the place of the lease.

    Args:
        config: The configuration of a node.

    Raises:
        SetupError: This gateway is alone, there is no lease.
        Fault: LEDGER_UNAVAILABLE, NATS cannot be reached.
    """
    external = config.nats.external
    if external is None:
        raise SetupError(
            "this gateway has its nats-server to itself: it alone signs, and there is no lease"
        )
    async with connected(external.endpoint({Role.INTEGRATOR}), Role.INTEGRATOR) as connection:
        await check_lease(connection)
        yield KvLeasePlace(connection)


async def show(place: LeasePlace) -> Shown:
    """Say how the lease stands.

    Args:
        place: Where it is kept.

    Raises:
        Fault: LEDGER_UNAVAILABLE, no answer in time.
    """
    return _shown(await place.read())


async def release(place: LeasePlace) -> Shown:
    """Ask whoever holds the lease to let go, and wait until it has.

    Args:
        place: Where it is kept.

    Returns:
        How it stands then.

    Raises:
        SetupError: Nobody holds it.
        Fault: LEDGER_UNAVAILABLE, the holder did not let go in time.
    """
    shown = await show(place)
    holder = shown.holder
    if shown.claim is None or holder is None:
        raise SetupError("nobody holds the lease")
    try:
        # A holder that runs looks every third of the lease.
        async with asyncio.timeout(shown.claim.seconds + _GRACE_SECONDS):
            while shown.holder == holder:
                await _ask(place, shown)
                await asyncio.sleep(_LOOK_SECONDS)
                shown = await show(place)
    except TimeoutError:
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            f"{holder} does not let go: if it has ended, another node takes over by itself",
        ) from None
    return shown


async def _ask(place: LeasePlace, shown: Shown) -> None:
    if shown.claim is not None and shown.claim.hold is Hold.HELD:
        await place.write(asked(shown.claim).encode(), revision=shown.revision)


async def take(place: LeasePlace, node: str) -> Shown:
    """Name the node that takes the lease next.

    Args:
        place: Where it is kept.
        node: The node's name.

    Returns:
        How it stands then.

    Raises:
        SetupError: It is held.
        Fault: LEDGER_UNAVAILABLE, no answer in time, or somebody else was faster.
    """
    shown = await show(place)
    if shown.claim is None:
        raise SetupError(
            "nothing can be read where the lease is kept: the first node that can sign takes it"
        )
    if shown.holder is not None:
        raise SetupError(
            f"{shown.holder} holds the lease: run `forewarn-gateway lease release` first; if "
            f"that node has ended, another takes it after {shown.claim.seconds:g} seconds by itself"
        )
    written = await place.write(nominated(shown.claim, node).encode(), revision=shown.revision)
    if written is None:
        raise Fault(Reason.LEDGER_UNAVAILABLE, "another node has just taken the lease: look again")
    return await show(place)


def _shown(standing: Standing | None) -> Shown:
    if standing is None:
        return Shown(revision=0, claim=None)
    return Shown(revision=standing.revision, claim=Claim.decode(standing.value))
