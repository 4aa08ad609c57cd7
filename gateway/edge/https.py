"""An HTTPS server, bounded in everything: what the HTTPS edges have in common.

* Connections are counted before their handshake, in all and by address. Where too many are open,
  one on which nothing is being answered loses its place to the next: of the address that has the
  most, the one that has waited longest. So whoever is slow, or keeps places, loses them first.
* Handshake, the head of a request, idleness and a connection's age are bounded in seconds; requests
  on one connection and their heads in number and size. Requests have no bodies.
* How often an address asks is bounded. Who asks too often reads 429 and when to come back.
* What goes wrong inside is 503 or 500, without a word of what it was; the log has the reason.

aiohttp parses and writes HTTP. Which paths there are is the affair of whoever is given the request.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from gateway.core.allowance import Allowance
from gateway.core.errors import Fault
from gateway.edge.addresses import site_of
from gateway.edge.https_tls import HttpsContext
from gateway.edge.port import PortError

_log: Final = logging.getLogger(__name__)
# What aiohttp says of malformed requests is said by strangers, at any rate that they like.
_unheard: Final = logging.getLogger(f"{__name__}.aiohttp")
_unheard.setLevel(logging.CRITICAL + 1)

_BACKLOG: Final = 256
_HANDSHAKE_SECONDS: Final = 10.0
_FAREWELL_SECONDS: Final = 5.0
_IDLE_SECONDS: Final = 20.0
_MOST_LINE: Final = 2048
_MOST_HEADERS: Final = 64
_RETRY_SECONDS: Final = 1
_FAULT_SECONDS: Final = 5

Answer: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsLimits:
    """What an HTTPS server takes on.

    Attributes:
        connections: Most connections at once.
        connections_per_address: Most connections at once from one address.
        requests_per_second: Requests that one address may go on asking; twice as many at once.
        requests_per_connection: After so many requests a connection has to be made anew.
        connection_seconds: After so long, too.
    """

    connections: int = 256
    connections_per_address: int = 32
    requests_per_second: int = 500
    requests_per_connection: int = 2000
    connection_seconds: int = 600


@dataclass(slots=True, kw_only=True, eq=False)
class _Connection:
    """An open connection: who it is from, and how much was asked on it."""

    site: str
    until: float
    waiting_since: float
    closed: asyncio.Future[None]
    requests: int = 0
    answering: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class _Http(web.Server):
    """aiohttp's server, telling when a connection has ended."""

    def __init__(self, answer: Callable[[web.BaseRequest], Awaitable[web.Response]]) -> None:
        super().__init__(
            answer,
            access_log=None,
            logger=_unheard,
            keepalive_timeout=_IDLE_SECONDS,
            max_line_size=_MOST_LINE,
            max_field_size=_MOST_LINE,
            max_headers=_MOST_HEADERS,
            lingering_time=0,
            auto_decompress=False,
        )
        self.open: dict[RequestHandler, _Connection] = {}

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        connection = self.open.get(handler)
        if connection is not None and not connection.closed.done():
            connection.closed.set_result(None)


class HttpsServer:
    """A server, from port to graceful end."""

    def __init__(self, answer: Answer, limits: HttpsLimits) -> None:
        """Prepare; nothing listens yet.

        Args:
            answer: Answers a request that was admitted.
            limits: What the server takes on.
        """
        self._answer = answer
        self._limits = limits
        self._connections: set[_Connection] = set()
        self._ended = asyncio.Event()
        self._sites: Counter[str] = Counter()
        self._addresses = Allowance[str](
            rate=limits.requests_per_second, burst=2 * limits.requests_per_second
        )

    async def start(self, host: str, port: int, tls: HttpsContext) -> int:
        """Listen and serve.

        Args:
            host: Name or number of an address of this machine; IPv6 without brackets.
            port: 0 takes a free one.
            tls: The certificate.

        Returns:
            The port.

        Raises:
            PortError: The address is taken, or is none of this machine's.
        """
        self._tls = tls
        self._http = _Http(self._admitted)
        try:
            self._socket = await _listen(host, port)
        except OSError:
            raise PortError(
                f"{host}:{port} cannot be listened on for HTTPS: another program has the port, or "
                "the host is not this machine's; choose another in gateway.toml"
            ) from None
        self._accepting = asyncio.create_task(self._accept())
        found: int = self._socket.getsockname()[1]
        return found

    async def stop(self, grace: float) -> None:
        """Take no more connections, and end those that are open.

        Args:
            grace: Seconds that requests in flight have to be answered.
        """
        self._accepting.cancel()
        await asyncio.wait([self._accepting])
        self._socket.close()
        await self._http.shutdown(grace)
        tasks = [each.task for each in self._connections if each.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, peer = await loop.sock_accept(self._socket)
            except OSError as error:
                # No file is left, or the caller has gone already: others may come.
                _log.warning(
                    "a connection could not be accepted: %s",
                    error.strerror,
                    extra={"event": "connection_unaccepted"},
                )
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            site = site_of(peer[0])
            if self._sites[site] >= self._limits.connections_per_address:
                accepted.close()
                continue
            try:
                await self._make_room()
            except BaseException:
                accepted.close()
                raise
            self._begin(accepted, site)

    async def _make_room(self) -> None:
        """Wait until there is a place for another connection; one that only waits is ended."""
        while len(self._connections) >= self._limits.connections:
            self._ended.clear()
            waiting = [each for each in self._connections if not each.answering]
            if waiting:
                last = max(waiting, key=lambda each: (self._sites[each.site], -each.waiting_since))
                if last.task is not None:
                    last.task.cancel()
            await self._ended.wait()

    def _begin(self, accepted: socket.socket, site: str) -> None:
        loop = asyncio.get_running_loop()
        connection = _Connection(
            site=site,
            until=loop.time() + self._limits.connection_seconds,
            waiting_since=loop.time(),
            closed=loop.create_future(),
        )
        self._connections.add(connection)
        self._sites[site] += 1
        connection.task = asyncio.create_task(self._connected(accepted, connection))
        connection.task.add_done_callback(lambda task: self._end(connection, task, accepted))

    def _end(
        self, connection: _Connection, task: asyncio.Task[None], accepted: socket.socket
    ) -> None:
        # Here, since a task that is ended before it began closes nothing.
        accepted.close()
        self._connections.discard(connection)
        self._sites[connection.site] -= 1
        if not self._sites[connection.site]:
            del self._sites[connection.site]
        self._ended.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error(
                "a connection failed",
                exc_info=task.exception(),
                extra={"event": "connection_failed"},
            )

    async def _connected(self, accepted: socket.socket, connection: _Connection) -> None:
        """See one connection through, from handshake to end."""
        loop = asyncio.get_running_loop()
        protocol = self._http()
        self._http.open[protocol] = connection
        transport: asyncio.BaseTransport | None = None
        try:
            # A handshake that fails is no event: the port is open to everybody.
            with suppress(OSError, ssl.SSLError, TimeoutError):
                transport, _ = await loop.connect_accepted_socket(
                    lambda: protocol,
                    accepted,
                    ssl=self._tls.current(),
                    ssl_handshake_timeout=_HANDSHAKE_SECONDS,
                    ssl_shutdown_timeout=_FAREWELL_SECONDS,
                )
            if transport is not None:
                # Its last answer is told to be the last; who does not listen is cut off.
                late = connection.until + _IDLE_SECONDS + _FAREWELL_SECONDS
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(late):
                        await connection.closed
        finally:
            if isinstance(transport, asyncio.Transport):
                transport.abort()
            del self._http.open[protocol]

    async def _admitted(self, request: web.BaseRequest) -> web.Response:
        """Answer a request, unless there were too many."""
        now = asyncio.get_running_loop().time()
        connection = self._http.open.get(request.protocol)
        if connection is None:
            raise ConnectionResetError
        connection.requests += 1
        connection.answering = True
        try:
            return await self._admitted_on(connection, request, now)
        finally:
            connection.answering = False
            connection.waiting_since = asyncio.get_running_loop().time()

    async def _admitted_on(
        self, connection: _Connection, request: web.BaseRequest, now: float
    ) -> web.Response:
        if not self._addresses.admit(connection.site, now):
            response = sorry(429, "too many requests: come back shortly", _RETRY_SECONDS)
        elif request.body_exists:
            response = sorry(400, "a request has no body here")
            response.force_close()
        else:
            response = await self._answered(request)
        response.headers["Server"] = "forewarn"
        response.headers["X-Content-Type-Options"] = "nosniff"
        if connection.requests >= self._limits.requests_per_connection or now >= connection.until:
            response.force_close()
        return response

    async def _answered(self, request: web.BaseRequest) -> web.Response:
        try:
            return await self._answer(request)
        except Fault as fault:
            _log.warning(
                "a request could not be answered: %s",
                fault,
                extra={"event": "fault", "reason": fault.reason},
            )
            return sorry(503, "not at present: come back shortly", _FAULT_SECONDS)
        except Exception:  # noqa: BLE001 - whoever asks hears nothing of it, the log does
            _log.exception("a request failed", extra={"event": "failed"})
            return sorry(500, "the request failed")


def sorry(status: int, text: str, retry_seconds: int = 0) -> web.Response:
    """Make an answer that is none, not to be kept by anybody on the way.

    Args:
        status: The HTTP status.
        text: A few words for a person.
        retry_seconds: When to come back; 0 to say nothing.

    Returns:
        The answer.
    """
    response = web.Response(status=status, text=f"{text}\n", headers={"Cache-Control": "no-store"})
    if retry_seconds:
        response.headers["Retry-After"] = str(retry_seconds)
    return response


async def _listen(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    made = socket.create_server(
        address[:2],
        family=family,
        backlog=_BACKLOG,
        dualstack_ipv6=family is socket.AF_INET6
        and address[0] == "::"
        and socket.has_dualstack_ipv6(),
    )
    made.setblocking(False)  # noqa: FBT003 - the name is not taken by keyword
    return made
