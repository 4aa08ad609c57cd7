"""`forewarn-gateway serve --workers N`: a gateway of several processes, and what holds them.

* This process has the state folder's lock, the port's number and the nats-server; it starts one
  integrator and N workers, and starts again whatever ends. It opens no store and no key of a log,
  and takes no call.
* Each process is given the seed of its own role only (`gateway.compose.orders`).
* The integrator comes first, and goes last but for the nats-server: what a worker still has in hand
  is folded and signed.
* Until every worker listens for the first time, what keeps a process from starting ends the whole,
  in one sentence. From then on it is logged, and tried again: what still runs goes on serving, or
  goes on being read.
* START, STOP and a halt of the ledger are recorded once, by whichever worker there is.

It judges no statement and sees none.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from gateway.compose.address import Address
from gateway.compose.child import Child
from gateway.compose.config import Config
from gateway.compose.ledger import locked, running
from gateway.compose.log_http import LogHttp
from gateway.compose.orders import Order, Orders, Report, Verb, Word
from gateway.compose.showing import Showing
from gateway.compose.state import SetupError, StateFolder, write_whole
from gateway.core.audit import Act, AdminAct
from gateway.core.errors import Reason
from gateway.edge.port import held
from gateway.ledger.lock import StateLock
from gateway.ledger.nats_roles import SERVE_ROLES, Role

_log: Final = logging.getLogger(__name__)

# What a worker may take for its last words, after its calls; the integrator for its block.
_WORKER_SECONDS: Final = 7.0
_INTEGRATOR_SECONDS: Final = 8.0


async def supervise(  # noqa: PLR0913 - one parameter for each thing that `serve` is told
    state: StateFolder,
    *,
    config: Config,
    listen: Address,
    workers: int,
    json_logs: bool,
    stop: asyncio.Event,
    ready: Callable[[str], None],
) -> None:
    """Run a gateway of several processes.

    Args:
        state: Its state folder, begun.
        config: The configuration.
        listen: Where to listen.
        workers: How many workers; at least 1.
        json_logs: Whether log lines are JSON.
        stop: Ends it.
        ready: Told `host:port` once, as soon as every worker has served.

    Raises:
        SetupError: A process cannot start, for a reason that whoever runs it has to mend.
        PortError: The address cannot be listened on.
        Fault: LEDGER_UNAVAILABLE, another gateway has the folder, or there is no nats-server.
    """
    async with locked(state) as lock:
        with held(listen.host, listen.port) as port:
            async with running(state, lock, config.nats, SERVE_ROLES) as nats:
                bound = replace(listen, port=port)
                # New at every start: whoever copied the folder does not hear this node.
                node = secrets.token_hex(8)

                def orders(role: Role, place: int, config: Config) -> Orders:
                    return Orders(
                        role=role,
                        place=place,
                        state=state.root,
                        config=config.render(),
                        listen=str(bound),
                        json_logs=json_logs,
                        urls=nats.endpoint.urls,
                        authorities=nats.authorities,
                        node=node,
                        seed=nats.endpoint.seeds[role],
                    )

                # Strangers are few: one worker serves them, at an address of its own.
                silent = replace(config, log_http=LogHttp())
                every = [config, *[silent] * (workers - 1)]
                gateway = _Gateway(
                    state,
                    lock,
                    integrator=orders(Role.INTEGRATOR, workers + 1, silent),
                    workers=[
                        orders(Role.WORKER, place, each) for place, each in enumerate(every, 1)
                    ],
                    grace=config.limits.stop_seconds,
                    ready=partial(ready, str(bound)),
                )
                showing = Showing(state, config, name="supervisor", place=0)
                showing.nats(nats.child)
                async with showing.shown() as shown:
                    await gateway.run(stop, shown)


class _Gateway:
    """The processes of a gateway, and how far they are."""

    def __init__(
        self,
        state: StateFolder,
        lock: StateLock,
        *,
        integrator: Orders,
        workers: Sequence[Orders],
        grace: float,
        ready: Callable[[], None],
    ) -> None:
        self._state = state
        self._grace = grace
        self._ready = ready
        self._bound = workers[0].listen
        at_once, self._opened = asyncio.Event(), asyncio.Event()
        at_once.set()
        self._integrator = Child("integrator", integrator, lock, due=at_once, heard=self._heard)
        # They load what they need while the integrator opens the logs.
        self._workers = [
            Child(f"worker-{number}", orders, lock, due=self._opened, heard=self._heard)
            for number, orders in enumerate(workers, 1)
        ]
        self._running: dict[Child, asyncio.Task[None]] = {}
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listening = False
        self._served: set[Child] = set()
        self._unrecorded: list[AdminAct] = [AdminAct(act=Act.START)]

    async def run(self, stop: asyncio.Event, besides: Iterable[asyncio.Task[None]] = ()) -> None:
        """Run all until told to stop, or until one cannot start.

        Args:
            stop: Ends it.
            besides: What else has to run for ever.
        """
        for task in besides:
            task.add_done_callback(self._ended)
        stopping = asyncio.create_task(stop.wait())
        try:
            for child in (self._integrator, *self._workers):
                self._start(child)
            awaited: set[asyncio.Future[Any]] = {stopping, self._failure}
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if self._failure.done():
                self._failure.result()
            _log.info("stopping", extra={"event": "stopping"})
        finally:
            stopping.cancel()
            self._failure.cancel()
            self._state.listen.unlink(missing_ok=True)
            await self._stop()

    def _start(self, child: Child) -> None:
        task = asyncio.create_task(child.run())
        task.add_done_callback(self._ended)
        self._running[child] = task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Have an error in here end the whole."""
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._failure.done():
            self._failure.set_exception(error)

    def _heard(self, child: Child, report: Report) -> None:
        """Take in what a process says."""
        if report.word is Word.FAILED:
            self._failed(child, report.text)
        elif report.word is Word.HALTED:
            self._unrecorded.append(AdminAct(act=Act.HALT, reason=Reason(report.text)))
        elif report.word is Word.SERVING and child not in self._served:
            self._served.add(child)
            if len(self._served) == len(self._workers):
                self._ready()
        if self._integrator.ready:
            self._opened.set()
        if not self._listening and all(worker.ready for worker in self._workers):
            write_whole(self._state.listen, f"{self._bound}\n")
            self._listening = True
        self._record()

    def _failed(self, child: Child, sentence: str) -> None:
        if self._listening:
            _log.error(
                "a process cannot go on: %s",
                sentence,
                extra={"event": "child_failed", "child": child.name},
            )
        elif not self._failure.done():
            self._failure.set_exception(SetupError(sentence))

    def _record(self) -> None:
        """Have a worker record what nobody has recorded yet."""
        worker = next((each for each in self._workers if each.ready), None)
        if self._listening and worker is not None and self._unrecorded:
            worker.tell(Order(verb=Verb.RECORD, acts=tuple(self._unrecorded)))
            self._unrecorded.clear()

    async def _stop(self) -> None:
        """End the workers, then the integrator."""
        last = next((each for each in self._workers if each.ready), None)
        acts = [*self._unrecorded, AdminAct(act=Act.STOP)] if self._listening else []
        await asyncio.gather(
            *(
                worker.stop(acts if worker is last else (), self._grace + _WORKER_SECONDS)
                for worker in self._workers
            )
        )
        await self._integrator.stop((), _INTEGRATOR_SECONDS)
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
