"""The HTTP side of a witness: what C2SP tlog-witness has, and nothing else.

* `POST <prefix>/add-checkpoint`, and `GET <prefix>/<hash of the origin>/checkpoint` for what was
  cosigned last.
* What a caller may send is bounded in size and time, and so is the number of callers at once: of
  requests, of connections, and, where TLS is done here, of connections from one address. Nothing
  that comes is unpacked.
* Judging happens in a thread: a slow disk holds up nobody's connection.
* TLS, unless it listens on loopback, where something in front of it may do that.

It decides nothing: `judging` does.
"""

import asyncio
import ipaddress
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web

from forewarn_client.errors import HomeError
from forewarn_witness.judging import TEXT, Witness
from forewarn_witness.record import RecordError
from forewarn_witness.request import MOST_BYTES

PATH: Final = "/add-checkpoint"
NEWEST: Final = "/{origin:[0-9a-f]{64}}/checkpoint"
_SHORTLY: Final = "public, max-age=2"
_MOST_AT_ONCE: Final = 64
_MOST_CONNECTIONS: Final = 512
_MOST_FROM_ADDRESS: Final = 32
_HANDSHAKE_SECONDS: Final = 10.0
_READ_SECONDS: Final = 10.0
_KEEP_ALIVE_SECONDS: Final = 75.0
_GRACE_SECONDS: Final = 5.0
_IPV6: Final = 6
_SITE_BITS: Final = 64
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Where the witness's certificate is.

    Attributes:
        certificate: Its chain, leaf first, PEM.
        key: Its key, PEM.
    """

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Load them.

        Raises:
            HomeError: They are not fit for use.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise HomeError(f"{self.certificate} and {self.key} do not serve: {error}") from None
        return context


def application(witness: Witness, now: Callable[[], int]) -> web.Application:
    """Make the application.

    Args:
        witness: Who judges.
        now: The clock, in seconds since 1970, UTC.

    Returns:
        The application.
    """
    room = asyncio.Semaphore(_MOST_AT_ONCE)

    async def add_checkpoint(request: web.Request) -> web.Response:
        if room.locked():
            return _plain(HTTPStatus.SERVICE_UNAVAILABLE, "too many at once: try again shortly")
        async with room:
            try:
                async with asyncio.timeout(_READ_SECONDS):
                    body = await request.read()
            except TimeoutError:
                return _plain(HTTPStatus.REQUEST_TIMEOUT, "the request did not come in time")
            try:
                answer = await asyncio.to_thread(witness.add_checkpoint, body, now())
            except RecordError as error:
                _log.error("nothing is cosigned: %s", error)
                return _plain(HTTPStatus.SERVICE_UNAVAILABLE, "the witness cannot store anything")
        if answer.status is HTTPStatus.UNPROCESSABLE_ENTITY:
            _log.warning("a checkpoint does not go on from the one cosigned; kept as evidence")
        return web.Response(
            status=answer.status,
            body=answer.body,
            headers={"Content-Type": answer.media_type, "Cache-Control": "no-store"},
        )

    async def newest(request: web.Request) -> web.Response:
        if room.locked():
            return _plain(HTTPStatus.SERVICE_UNAVAILABLE, "too many at once: try again shortly")
        async with room:
            try:
                found = await asyncio.to_thread(witness.newest, request.match_info["origin"])
            except RecordError as error:
                _log.error("nothing can be shown: %s", error)
                return _plain(HTTPStatus.SERVICE_UNAVAILABLE, "the witness cannot read anything")
        if found is None:
            return _plain(HTTPStatus.NOT_FOUND, "nothing was cosigned of such a log")
        return web.Response(body=found, headers={"Content-Type": TEXT, "Cache-Control": _SHORTLY})

    app = web.Application(client_max_size=MOST_BYTES, middlewares=[_bounded])
    app.router.add_post(PATH, add_checkpoint)
    app.router.add_get(NEWEST, newest)
    return app


async def serve(
    app: web.Application,
    *,
    host: str,
    port: int,
    tls: Tls | None,
    stop: asyncio.Event,
    ready: Callable[[str], None],
) -> None:
    """Serve until told to stop.

    Args:
        app: The application.
        host: Where to listen.
        port: On which port; 0 for any that is free.
        tls: Certificate and key; None for plain HTTP, on loopback only.
        stop: Ends it.
        ready: Told the URL once it listens.

    Raises:
        HomeError: The address cannot be listened on, or is not loopback and has no TLS.
    """
    if tls is None and not _is_loopback(host):
        raise HomeError(
            f"{host} is not loopback: give --tls-cert and --tls-key, or listen on 127.0.0.1 behind "
            "something that does TLS"
        )
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        shutdown_timeout=_GRACE_SECONDS,
        auto_decompress=False,
    )
    await runner.setup()
    assert runner.server is not None  # noqa: S101 - it is set up
    # Whatever does TLS in front of it has one address, and bounds its callers itself.
    most = _MOST_FROM_ADDRESS if tls else _MOST_CONNECTIONS
    entrance = _Entrance(runner.server, most)
    try:
        try:
            listening = await asyncio.get_running_loop().create_server(
                entrance.door,
                host.strip("[]"),
                port,
                ssl=tls.context() if tls else None,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS if tls else None,
            )
        except OSError as error:
            raise HomeError(f"{host}:{port} cannot be listened on: {error.strerror}") from None
        bound = listening.sockets[0].getsockname()[1]
        ready(f"{'https' if tls else 'http'}://{host}:{bound}")
        await stop.wait()
        listening.close()
    finally:
        await runner.cleanup()


class _Entrance:
    """Lets connections in to the server, so many in all and from one address."""

    def __init__(self, server: web.Server, most_from_address: int) -> None:
        self._server = server
        self._most_from_address = most_from_address

    def door(self) -> asyncio.Protocol:
        return _Door(self)

    def take(self, transport: asyncio.Transport) -> None:
        """Hand a connection to the server, or end it."""
        address = _address(transport)
        inside = [each.transport for each in self._server.connections]
        same = sum(each is not None and _address(each) == address for each in inside)
        if len(inside) >= _MOST_CONNECTIONS or same >= self._most_from_address:
            transport.abort()
            return
        handler = self._server()
        transport.set_protocol(handler)
        handler.connection_made(transport)


class _Door(asyncio.Protocol):
    """A connection that nobody has taken yet."""

    def __init__(self, entrance: _Entrance) -> None:
        self._entrance = entrance

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a stream
        self._entrance.take(transport)


def _address(transport: asyncio.BaseTransport) -> str:
    """Give the address that a caller is counted by; of IPv6 the network that one is given."""
    peer = transport.get_extra_info("peername") or ("",)
    try:
        found = ipaddress.ip_address(peer[0].partition("%")[0])
    except ValueError:
        return ""
    if found.version == _IPV6:
        return str(ipaddress.ip_network((found, _SITE_BITS), strict=False))
    return str(found)


def seconds() -> int:
    """Give the present, in seconds since 1970, UTC."""
    return int(time.time())


@web.middleware
async def _bounded(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return _plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"over {MOST_BYTES} bytes")


def _plain(status: HTTPStatus, why: str) -> web.Response:
    return web.Response(status=status, body=f"{why}\n".encode(), headers={"Content-Type": TEXT})


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
