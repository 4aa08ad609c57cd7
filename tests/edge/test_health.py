"""Health is told to anyone with a certificate, so nobody who listens may hold anything up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from gateway.edge.health import BURST, MAX_WATCHERS, Health

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
WHOLE = health_pb2.HealthCheckRequest()
OTHER = health_pb2.HealthCheckRequest(service="forewarn.exchange.v1.ExchangeService")


class Aborted(Exception):  # noqa: N818 - what it stands for is no error either
    """What the fake context raises."""


class Context:
    def __init__(self, site: str = "192.0.2.7") -> None:
        self.site = site

    def peer(self) -> str:
        return f"ipv4:{self.site}:51312"

    async def abort(self, code: grpc.StatusCode, message: str) -> None:
        raise Aborted(code)


def watch(health: Health, request: Any = WHOLE) -> AsyncIterator[Any]:
    context: Any = Context()
    return health.Watch(request, context)


@pytest.mark.asyncio
async def test_it_begins_as_not_serving_and_follows() -> None:
    health, context = Health(), Context()
    stand_in: Any = context
    assert (await health.Check(WHOLE, stand_in)).status == NOT_SERVING

    health.set(SERVING)
    assert (await health.Check(WHOLE, stand_in)).status == SERVING
    assert (await health.List(health_pb2.HealthListRequest(), stand_in)).statuses[""].status == (
        SERVING
    )
    health.retire()
    health.set(SERVING)
    assert (await health.Check(WHOLE, stand_in)).status == NOT_SERVING
    with pytest.raises(Aborted, match="NOT_FOUND"):
        await health.Check(OTHER, stand_in)


@pytest.mark.asyncio
async def test_a_watcher_is_told_of_every_change_that_it_takes() -> None:
    health = Health()
    watcher, other = watch(health), watch(health, OTHER)
    assert (await anext(watcher)).status == NOT_SERVING
    assert (await anext(other)).status == UNKNOWN

    health.set(SERVING)
    assert (await anext(watcher)).status == SERVING


@pytest.mark.asyncio
async def test_a_watcher_that_takes_nothing_holds_up_nobody() -> None:
    health = Health()
    stuck, reading = watch(health), watch(health)
    # It has been given an answer and never asks for the next, as one that does not read.
    await anext(stuck)
    await anext(reading)

    health.set(SERVING)
    assert (await anext(reading)).status == SERVING
    health.retire()
    assert (await anext(reading)).status == NOT_SERVING


@pytest.mark.asyncio
async def test_watchers_are_few_and_leave_their_place() -> None:
    health = Health()
    watchers = [watch(health) for _ in range(MAX_WATCHERS)]
    for each in watchers:
        await anext(each)

    with pytest.raises(Aborted, match="RESOURCE_EXHAUSTED"):
        await anext(watch(health))
    closing: Any = watchers[0]
    await closing.aclose()
    assert (await anext(watch(health))).status == NOT_SERVING


@pytest.mark.asyncio
async def test_an_address_asks_so_often_and_takes_nothing_from_others() -> None:
    now = 0.0
    health = Health(clock=lambda: now)
    context: Any = Context()
    for _ in range(BURST):
        await health.Check(WHOLE, context)
    for ask in (health.Check(WHOLE, context), health.List(health_pb2.HealthListRequest(), context)):
        with pytest.raises(Aborted, match="RESOURCE_EXHAUSTED"):
            await ask
    with pytest.raises(Aborted, match="RESOURCE_EXHAUSTED"):
        await anext(watch(health))
    other: Any = Context("192.0.2.8")
    assert (await health.Check(WHOLE, other)).status == NOT_SERVING

    now = 1.0
    assert (await health.Check(WHOLE, context)).status == NOT_SERVING
