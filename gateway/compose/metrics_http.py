"""The metrics of a process over HTTP: `GET /metrics` on loopback, and nothing else.

* It has no authentication, so it listens on loopback only: whoever can reach it can log in here.
* Requests are read up to some KiB and within some seconds, few at once; each connection is answered
  once and closed.

It knows nothing of what it serves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from gateway.compose.address import Address
from gateway.compose.state import SetupError

_MOST_REQUEST_BYTES: Final = 8192
_MOST_AT_ONCE: Final = 8
_SECONDS: Final = 5.0


@asynccontextmanager
async def metrics_served(
    address: Address, exposition: Callable[[], bytes]
) -> AsyncGenerator[Address, None]:
    """Serve metrics for a while.

    Args:
        address: Where; on loopback.
        exposition: Gives what is served.

    Yields:
        Where, with the port that it has.

    Raises:
        SetupError: The address cannot be listened on.
    """
    site = _Site(exposition)
    try:
        server = await asyncio.start_server(
            site.answer,
            address.host.strip("[]"),
            address.port,
            limit=_MOST_REQUEST_BYTES,
        )
    except OSError as error:
        raise SetupError(
            f"metrics cannot be served on {address}: {error.strerror or error}; choose another "
            "address in [metrics], or none"
        ) from None
    try:
        yield Address(host=address.host, port=server.sockets[0].getsockname()[1])
    finally:
        server.close()
        site.close()
        await server.wait_closed()


class _Site:
    def __init__(self, exposition: Callable[[], bytes]) -> None:
        self._exposition = exposition
        self._open: set[asyncio.StreamWriter] = set()

    def close(self) -> None:
        for writer in self._open:
            writer.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        if len(self._open) >= _MOST_AT_ONCE:
            writer.close()
            return
        self._open.add(writer)
        try:
            with suppress(
                TimeoutError,
                ConnectionError,
                asyncio.IncompleteReadError,
                asyncio.LimitOverrunError,
            ):
                async with asyncio.timeout(_SECONDS):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._response(head))
                    await writer.drain()
        finally:
            self._open.discard(writer)
            writer.close()

    def _response(self, head: bytes) -> bytes:
        line = head.split(b"\r\n", 1)[0].split(b" ")
        if len(line) != 3 or not line[2].startswith(b"HTTP/1."):  # noqa: PLR2004 - method, path, version
            return _http("400 Bad Request", b"")
        method, path, _ = line
        if path.split(b"?")[0] != b"/metrics":
            return _http("404 Not Found", b"")
        if method != b"GET":
            return _http("405 Method Not Allowed", b"", "Allow: GET\r\n")
        kind = f"Content-Type: {CONTENT_TYPE_PLAIN_0_0_4}\r\n"
        return _http("200 OK", self._exposition(), kind)


def _http(status: str, body: bytes, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
