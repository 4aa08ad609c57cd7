"""What a process shows of itself while it runs: its bulletin, and metrics where they are wanted.

* Every process of a gateway has a place: 0 the first, 1 to N the workers, N + 1 the integrator. Its
  metrics are at the configured port plus its place.
* It is told what there is to show, and asks when it shows it; whoever is shown knows nothing of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from gateway.compose.address import MAX_PORT, Address
from gateway.compose.bulletin import bulletins
from gateway.compose.config import Config
from gateway.compose.log import LogParts
from gateway.compose.metrics import LogGauges, ProcessMetrics
from gateway.compose.metrics_http import metrics_served
from gateway.compose.parts import Parts
from gateway.compose.state import SetupError, StateFolder
from gateway.core.errors import Fault
from gateway.ledger.integrator import Integrator
from gateway.ledger.nats_server import EmbeddedNats
from gateway.ports.metering import Meter

_LOGS: Final = ("ledger", "audit")


class Showing:
    """One process, as it is shown."""

    def __init__(self, state: StateFolder, config: Config, *, name: str, place: int) -> None:
        """Begin with nothing to show.

        Args:
            state: The state folder.
            config: The configuration.
            name: The process's name, as in `worker-1`.
            place: Its place among the gateway's processes.
        """
        self._state = state
        self._config = config
        self._name = name
        self._place = place
        self._metrics = None if config.metrics.address is None else ProcessMetrics()
        self._parts: Parts | None = None
        self._both: Sequence[Integrator] = ()
        self._metrics_at: Address | None = None

    @property
    def meter(self) -> Meter | None:
        """What counts in this process; None where metrics are not wanted."""
        return self._metrics

    def worker(self, parts: Parts) -> None:
        """Show a worker's parts."""
        self._parts = parts
        if self._metrics is not None:
            logs = dict(zip(_LOGS, (parts.ledger, parts.audit), strict=True))
            self._metrics.watch_logs({name: _gauges(log) for name, log in logs.items()})
            self._metrics.watch_certificates(self._config, _now)

    def integrators(self, both: Sequence[Integrator]) -> None:
        """Show both integrators."""
        self._both = both

    def nats(self, nats: EmbeddedNats | None) -> None:
        """Show the nats-server, where it is a child."""
        if self._metrics is not None and nats is not None:
            self._metrics.watch_number(
                "nats_restarts",
                "How often nats-server ended by itself.",
                lambda: nats.restarts,
            )

    @asynccontextmanager
    async def shown(self) -> AsyncGenerator[list[asyncio.Task[None]], None]:
        """Show it, until left.

        Yields:
            What has to run for ever.

        Raises:
            SetupError: Metrics cannot be served where the configuration says.
        """
        async with AsyncExitStack() as stack:
            wanted = self._config.metrics.address
            if self._metrics is not None and wanted is not None:
                exposition = self._metrics.exposition
                at = self._at(wanted)
                self._metrics_at = await stack.enter_async_context(metrics_served(at, exposition))
            writing = bulletins(self._state, self._name, self._said)
            yield [await stack.enter_async_context(writing)]

    def _at(self, first: Address) -> Address:
        port = first.port + self._place if first.port else 0
        if port > MAX_PORT:
            raise SetupError(f"there is no port {port}: choose a lower one in [metrics]")
        return replace(first, port=port)

    async def _said(self) -> Mapping[str, Any]:
        """Give what the bulletin says."""
        logs: dict[str, dict[str, Any]] = {}
        said: dict[str, Any] = {"logs": logs}
        if self._metrics_at is not None:
            said["metrics"] = str(self._metrics_at)
        parts = self._parts
        if parts is not None:
            said |= {"serving": parts.writable.serving, "streams": parts.wakeups.listening}
            for name, log in zip(_LOGS, (parts.ledger, parts.audit), strict=True):
                heard = log.conditions.current
                halted = log.recorder.halted
                logs[name] = {
                    "state": heard.state if halted is None else "halted",
                    "reason": heard.reason if halted is None else halted.detail,
                    "waiting": log.recorder.waiting_entries,
                }
        for name, integrator in zip(_LOGS, self._both, strict=False):
            logs.setdefault(name, {}).update(await _folding(integrator))
        return said


async def _folding(integrator: Integrator) -> Mapping[str, Any]:
    """Give what an integrator says of itself, which knows best."""
    try:
        lag = await integrator.lag()
    except Fault:
        lag = None
    return {"state": integrator.condition.state, "reason": integrator.trouble, "lag": lag}


def _gauges(log: LogParts) -> LogGauges:
    def newest() -> datetime | None:
        with log.reader.snapshot() as snapshot:
            return snapshot.last_received_time

    return LogGauges(
        size=lambda: log.head.size,
        condition=lambda: log.conditions.current,
        waiting_entries=lambda: log.recorder.waiting_entries,
        waiting_bytes=lambda: log.recorder.waiting_bytes,
        newest=newest,
    )


def _now() -> datetime:
    return datetime.now(UTC)
