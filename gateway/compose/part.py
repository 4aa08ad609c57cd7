"""One process of a gateway of several: its integrator, or one of its workers.

    python -m gateway.compose.part NAME

* Started by `gateway.compose.child`, and by nobody else: what it is to be comes over its standard
  input. The name is for the list of processes.
* It ends when it is told to, by SIGTERM, or at once when its standard input ends: then its
  supervisor has. Whatever was answered is on disk by then.
* An integrator opens the keys of the logs, and listens on nothing. A worker listens, and opens no
  key of a log.

TLS 1.2 is ruled out before grpc is imported: that is why the imports come in two halves.
"""

# ruff: noqa: E402 - the environment is set before grpc is imported

from __future__ import annotations

import os

from gateway.edge import tls13

tls13.enforce()
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import asyncio
import logging
import signal
import sys
import tomllib
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import uvloop

from gateway.compose import integrating, logs, working
from gateway.compose.address import Address
from gateway.compose.config import Config
from gateway.compose.ledger import connected
from gateway.compose.log import plans_of
from gateway.compose.orders import MOST_BYTES, Order, Orders, Report, Verb, Word
from gateway.compose.process import collect_seldom
from gateway.compose.published import published
from gateway.compose.showing import Showing
from gateway.compose.state import SetupError, StateFolder, begun
from gateway.compose.stopping import until_stopped
from gateway.compose.witnessing import cosigning
from gateway.core.audit import AdminAct
from gateway.core.errors import Fault
from gateway.edge.port import PortError, Sharing
from gateway.edge.tls import TlsError
from gateway.ledger.nats_roles import Role

_log: Final = logging.getLogger(__name__)


class Post:
    """The pipes between this process and its supervisor."""

    def __init__(self, orders: asyncio.StreamReader, reports: int) -> None:
        """Begin; `run` hears what comes.

        Args:
            orders: Where the supervisor is heard.
            reports: The descriptor over which it is told.
        """
        self._orders = orders
        self._reports = reports
        self._record: Callable[[AdminAct], None] | None = None
        self.stop = asyncio.Event()
        self.farewell: list[AdminAct] = []

    def say(self, word: Word, text: str = "") -> None:
        """Tell the supervisor how far this process is."""
        with suppress(BrokenPipeError):
            os.write(self._reports, Report(word=word, text=text).line())

    def record_by(self, record: Callable[[AdminAct], None]) -> None:
        """Have acts recorded from now on; the supervisor gives none before it was told READY."""
        self._record = record

    async def run(self) -> None:
        """Hear orders for as long as there is a supervisor; then end this process."""
        while line := await self._orders.readline():
            order = Order.read(line)
            if order.verb is Verb.STOP:
                self.farewell.extend(order.acts)
                self.stop.set()
            elif self._record is not None:
                for act in order.acts:
                    self._record(act)
        _log.error(
            "the supervisor has ended, and with it this process",
            extra={"event": "supervisor_ended"},
        )
        os._exit(1)


async def run(reports: int) -> int:
    """Be what standard input says, until told to stop.

    Args:
        reports: The descriptor over which the supervisor is told.

    Returns:
        The exit status.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MOST_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    line = await reader.readline()
    if not line:
        return 1
    orders = Orders.read(line)
    config = Config.of(tomllib.loads(orders.config), StateFolder(root=orders.state).config)
    logs.configure(logs.formatter(config.log, as_json=orders.json_logs), config.log)
    post = Post(reader, reports)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, post.stop.set)
    hearing = asyncio.create_task(post.run())
    try:
        await (_integrate if orders.role is Role.INTEGRATOR else _work)(orders, config, post)
    except SetupError as error:
        post.say(Word.FAILED, str(error))
        return 1
    except Fault as fault:
        post.say(Word.FAILED, fault.detail)
        return 1
    except OSError as error:
        post.say(Word.FAILED, f"{error.filename}: {error.strerror}")
        return 1
    except Exception:  # noqa: BLE001 - whatever it was, the supervisor starts another
        _log.exception("this process failed", extra={"event": "child_failed"})
        return 1
    finally:
        hearing.cancel()
    return 0


async def _integrate(orders: Orders, config: Config, post: Post) -> None:
    state = StateFolder(root=orders.state)
    inception = begun(state)
    plans = plans_of(state, inception.origin, config.limits, node=orders.node)
    keys = integrating.keepers(plans, inception, config.nats)
    showing = Showing(state, config, name="integrator", place=orders.place)

    def halted(fault: Fault) -> None:
        post.say(Word.HALTED, fault.reason)

    async with (
        connected(orders.endpoint, Role.INTEGRATOR) as connection,
        integrating.integrators(plans, keys, connection, config) as both,
        integrating.folding(both, connection, halted) as lasting,
        integrating.scrubbing(plans, both.both, connection, config.scrub),
        showing.shown() as shown,
        cosigning(config.witnesses, plans, both.both) as asking,
    ):
        showing.integrators(both.both)
        collect_seldom()
        post.say(Word.READY)
        await until_stopped(post.stop, [*lasting, *asking, *shown])


async def _work(orders: Orders, config: Config, post: Post) -> None:
    state = StateFolder(root=orders.state)
    inception = begun(state)
    plans = plans_of(state, inception.origin, config.limits, node=orders.node)
    showing = Showing(state, config, name=f"worker-{orders.place}", place=orders.place)
    try:
        async with (
            connected(orders.endpoint, Role.WORKER) as connection,
            working.wired(plans, inception, config, connection, showing.meter) as parts,
            working.working(
                parts,
                config=config,
                address=Address.parse(orders.listen),
                sharing=Sharing.WORKERS,
                farewell=post.farewell,
            ) as worker,
            published(state, config, parts.logs),
            showing.shown() as shown,
        ):
            showing.worker(parts)
            post.record_by(parts.journal.acted)
            collect_seldom()
            post.say(Word.READY)
            await worker.until(post.stop, serving=lambda: post.say(Word.SERVING), besides=shown)
    except (PortError, TlsError) as error:
        raise SetupError(str(error)) from None


def main() -> int:
    """Run, and give the exit status."""
    reports = os.dup(1)
    # What a library prints is no report.
    os.dup2(2, 1)
    return uvloop.run(run(reports))


if __name__ == "__main__":
    sys.exit(main())
