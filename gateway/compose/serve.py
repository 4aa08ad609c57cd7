"""`forewarn-gateway serve`: one process that does everything, unless workers are asked for.

* With workers, `gateway.compose.supervise` starts the same parts as processes.
* Lock, nats-server, integrator, worker; it stops in the reverse order.
* It creates nothing: what is missing is for `init` or for a restore.
* The audit log runs beside the ledger. Where it cannot be proven or written, nothing above
  TLP:GREEN is released, and everything else goes on.
* Nothing passes between worker and integrator in memory but the newest note, which is a hint: the
  worker verifies it, and reads all else in the store, here as there.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace

from gateway.compose import integrating, working
from gateway.compose.address import Address
from gateway.compose.config import Config
from gateway.compose.ledger import opened
from gateway.compose.log import plans_of
from gateway.compose.published import published
from gateway.compose.showing import Showing
from gateway.compose.state import Inception, StateFolder, begun, write_whole
from gateway.compose.supervise import supervise
from gateway.compose.witnessing import cosigning
from gateway.core.audit import Act, AdminAct
from gateway.core.errors import Fault
from gateway.edge.port import Sharing
from gateway.ledger.announced_here import AnnouncedHere
from gateway.ledger.nats_roles import SERVE_ROLES


async def serve(
    state: StateFolder,
    *,
    listen: Address | None,
    workers: int | None,
    json_logs: bool,
    stop: asyncio.Event,
    ready: Callable[[str], None],
) -> None:
    """Run a gateway.

    Args:
        state: Its state folder.
        listen: Where to listen instead of where the configuration says.
        workers: How many workers instead of as many as the configuration says; 0 for none.
        json_logs: Whether log lines are JSON, for the processes that it starts.
        stop: Ends it.
        ready: Told `host:port` once, as soon as it serves.

    Raises:
        SetupError: The folder was never begun, or its files do not belong together.
        PortError: The address cannot be listened on.
        TlsError: Certificate, key or authorities are not fit for use.
        Fault: Stream, store or keeper cannot be opened; the text says what to do.
    """
    inception = begun(state)
    config = Config.read(state.config)
    address = listen or config.listen.address
    # Before anything is started: what whoever starts it can mend.
    config.tls.files.credentials()
    number = config.node.workers if workers is None else workers
    if number:
        await supervise(
            state,
            config=config,
            listen=address,
            workers=number,
            json_logs=json_logs,
            stop=stop,
            ready=ready,
        )
    else:
        await _together(state, inception, config, address=address, stop=stop, ready=ready)


async def _together(
    state: StateFolder,
    inception: Inception,
    config: Config,
    *,
    address: Address,
    stop: asyncio.Event,
    ready: Callable[[str], None],
) -> None:
    """Run worker and integrator in this process."""
    # New at every start: whoever copied the folder does not hear this node, nor it them.
    name = secrets.token_hex(8)
    plans = [
        replace(plan, here=AnnouncedHere())
        for plan in plans_of(state, inception.origin, config.limits, node=name)
    ]
    keys = integrating.keepers(plans, inception, config.nats)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        showing = Showing(state, config, name="gateway", place=0)
        house = await enter(opened(state, config.nats, SERVE_ROLES))
        showing.nats(house.nats.child)
        both = await enter(integrating.integrators(plans, keys, house.integrator, config))
        parts = await enter(working.wired(plans, inception, config, house.worker, showing.meter))

        showing.integrators(both.both)
        showing.worker(parts)

        def halted(fault: Fault) -> None:
            parts.journal.acted(AdminAct(act=Act.HALT, reason=fault.reason))

        lasting = await enter(integrating.folding(both, house.integrator, halted))
        asking = await enter(cosigning(config.witnesses, plans, both.both))
        await enter(integrating.scrubbing(plans, both.both, house.integrator, config.scrub))
        worker = await enter(
            working.working(
                parts,
                config=config,
                address=address,
                sharing=Sharing.ALONE,
                farewell=[AdminAct(act=Act.STOP)],
            )
        )
        await enter(published(state, config, parts.logs))
        parts.journal.acted(AdminAct(act=Act.START))
        bound = str(worker.address)
        write_whole(state.listen, f"{bound}\n")
        stack.callback(state.listen.unlink, missing_ok=True)
        shown = await enter(showing.shown())
        besides = [*lasting, *asking, *shown]
        await worker.until(stop, serving=lambda: ready(bound), besides=besides)
