"""Health: whether statements can be taken in, told by the standard gRPC health service.

* It asks for mutual TLS and no enrolment, so it knows nobody and trusts nobody: watchers are few,
  and one that does not read what it is sent holds up neither the others nor the gateway. How often
  it is asked is bounded by address.
* It knows one service, the gateway as a whole, whose name is empty.

The servicer of grpcio-health-checking holds its lock while it writes to a watcher: one that stops
reading would keep the gateway from ever changing its status, and from stopping.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, TypeAlias

import grpc
from grpc_health.v1 import health_pb2

from gateway.core.allowance import Allowance
from gateway.edge.addresses import site_of_peer

MAX_WATCHERS: Final = 64
"""Watchers at once: load balancers and probes, not members."""

PER_SECOND: Final = 20.0
"""How often one address may ask, on average."""

BURST: Final = 200
"""The same at once: all that stands behind one address may start together."""

Status: TypeAlias = health_pb2.HealthCheckResponse.ServingStatus
Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class Health:
    """See `grpc.health.v1.Health`."""

    def __init__(
        self, most: int = MAX_WATCHERS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin as NOT_SERVING.

        Args:
            most: Most watchers at once.
            clock: Seconds that only go forward.
        """
        self._clock = clock
        self._sites = Allowance[str](rate=PER_SECOND, burst=BURST)
        self._most = most
        self._status = health_pb2.HealthCheckResponse.NOT_SERVING
        self._changed = asyncio.Event()
        self._watchers = 0
        self._retired = False

    def set(self, status: Status) -> None:
        """Change the status; nothing changes any more after `retire`."""
        if not self._retired:
            self._status = status
            self._changed.set()
            self._changed = asyncio.Event()

    def retire(self) -> None:
        """Be NOT_SERVING for good."""
        self.set(health_pb2.HealthCheckResponse.NOT_SERVING)
        self._retired = True

    async def Check(  # noqa: N802 - as the service names it
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        """Give the status."""
        await self._pass(context)
        if request.service:
            await context.abort(grpc.StatusCode.NOT_FOUND, "the gateway is one service, unnamed")
        return health_pb2.HealthCheckResponse(status=self._status)

    async def List(  # noqa: N802 - as the service names it
        self, _request: health_pb2.HealthListRequest, context: Context
    ) -> health_pb2.HealthListResponse:
        """Give the status of every service there is."""
        await self._pass(context)
        status = health_pb2.HealthCheckResponse(status=self._status)
        return health_pb2.HealthListResponse(statuses={"": status})

    async def Watch(  # noqa: N802 - as the service names it
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Give the status, and each that follows; those in between may be left out."""
        await self._pass(context)
        if self._watchers >= self._most:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watch already")
        self._watchers += 1
        try:
            told: Status | None = None
            while True:
                changed = self._changed
                unknown = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
                status = unknown if request.service else self._status
                if status != told:
                    told = status
                    yield health_pb2.HealthCheckResponse(status=status)
                    continue
                await changed.wait()
        finally:
            self._watchers -= 1

    async def _pass(self, context: Context) -> None:
        if not self._sites.admit(site_of_peer(context.peer()), self._clock()):
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"an address asks {PER_SECOND:g} times a second, and {BURST} times at once",
            )
