"""Calls, counted: a handler around the guarded ones that counts how they end.

* By method and outcome. The outcome of a call that was answered with an error is the reason in its
  status; that of one that its caller gave up is CANCELLED.
* It changes nothing: whatever the handler inside gives or raises goes on as it is.

It knows no caller, no request and no answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from gateway.core.errors import Reason
from gateway.edge.status import DETAILS_KEY
from gateway.ports.metering import Meter

OK: Final = "OK"
CANCELLED: Final = "CANCELLED"

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class MeteredHandler(grpc.GenericRpcHandler):
    """The handler of one service, counted."""

    def __init__(self, inside: grpc.GenericRpcHandler, meter: Meter) -> None:
        """Wrap a handler.

        Args:
            inside: The guarded service.
            meter: Counts.
        """
        self._inside = inside
        self._meter = meter
        self._made: dict[str, _Handler] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> _Handler | None:
        """Give the handler of a method; None where there is none."""
        method = str(handler_call_details.method)
        if method not in self._made:
            inside = self._inside.service(handler_call_details)
            if inside is None:
                return None
            self._made[method] = self._counted(method.rpartition("/")[2], inside)
        return self._made[method]

    def _counted(self, rpc: str, inside: Any) -> _Handler:  # noqa: ANN401 - gRPC's own named tuple
        ways = {"response_serializer": inside.response_serializer}
        if inside.stream_stream is not None:
            return grpc.stream_stream_rpc_method_handler(
                self._streaming(rpc, inside.stream_stream), **ways
            )
        if inside.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(
                self._streaming(rpc, inside.unary_stream), **ways
            )
        return grpc.unary_unary_rpc_method_handler(self._unary(rpc, inside.unary_unary), **ways)

    def _unary(
        self, rpc: str, call: Callable[[Any, _Context], Awaitable[Any]]
    ) -> Callable[[Any, _Context], Awaitable[Any]]:
        async def counted(request: Any, context: _Context) -> Any:  # noqa: ANN401 - passed on
            begun, outcome = time.perf_counter(), OK
            try:
                return await call(request, context)
            except BaseException as error:
                outcome = outcome_of(error, context)
                raise
            finally:
                seconds = time.perf_counter() - begun
                self._meter.called(rpc=rpc, outcome=outcome, seconds=seconds)

        return counted

    def _streaming(
        self, rpc: str, call: Callable[[Any, _Context], Awaitable[None]]
    ) -> Callable[[Any, _Context], Awaitable[None]]:
        # The guard writes a stream's messages itself: there is nothing to pass on.
        async def counted(request: Any, context: _Context) -> None:  # noqa: ANN401 - passed on
            begun, outcome = time.perf_counter(), OK
            self._meter.opened(rpc)
            try:
                await call(request, context)
            except BaseException as error:
                outcome = outcome_of(error, context)
                raise
            finally:
                self._meter.closed(rpc)
                seconds = time.perf_counter() - begun
                self._meter.called(rpc=rpc, outcome=outcome, seconds=seconds)

        return counted


def metered(inside: grpc.GenericRpcHandler, meter: Meter | None) -> grpc.GenericRpcHandler:
    """Have a handler counted.

    Args:
        inside: The guarded service.
        meter: Counts; None where nothing is counted.

    Returns:
        The handler.
    """
    return inside if meter is None else MeteredHandler(inside, meter)


def outcome_of(error: BaseException, context: _Context) -> str:
    """Name how a call failed.

    Args:
        error: What it raised.
        context: Its context, which holds the status that it was answered with.

    Returns:
        The status's reason, or CANCELLED.
    """
    if isinstance(error, asyncio.CancelledError):
        return CANCELLED
    for key, value in context.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            return _reason(value)
    return Reason.INTERNAL


def _reason(details: bytes) -> str:
    status, info = status_pb2.Status(), error_details_pb2.ErrorInfo()
    try:
        status.ParseFromString(details)
    except DecodeError:
        return Reason.INTERNAL
    for detail in status.details:
        if detail.Unpack(info) and info.reason in set(Reason):
            return str(info.reason)
    return Reason.INTERNAL
