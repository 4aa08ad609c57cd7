"""Where a log is read from: an HTTPS address, or a folder that holds a copy of it.

* Nothing that comes is larger than what was asked for can be; what is longer is refused.
* What passes (no connection, 429, a server in trouble) is tried again for a while. A tile that is
  not there is asked for a few times more: a cache, or a node that lags, may not have it yet.
* Redirections are not followed, and nothing is unpacked: a log has one address and one form.
* A partial tile that is there no more is cut from the full one, as C2SP tlog-tiles allows.

It verifies nothing but lengths. TLS keeps others from seeing what is read; what is believed follows
from the log's key alone.
"""

import asyncio
import importlib.util
import logging
import ssl
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import stamina

from forewarn_client import files, note
from forewarn_client.errors import Flaw, RequestError, UnavailableError, VerificationError
from forewarn_client.published.tiles import MOST_BYTES, WIDTH, Tile, hashes_of, leaves_of

_CHECKPOINT: Final = "checkpoint"
_OK: Final = 200
_NOT_FOUND: Final = 404
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_PAUSES: Final = (0.0, 1.0, 4.0)
_LONGEST_WAIT: Final = 10.0
_TIMEOUT: Final = httpx.Timeout(30.0)
_LONGEST_ANSWER: Final = 60.0
"""Seconds for one answer, whatever drips in: a log that is never done showing is not reached."""

# Attempts are made again in silence; what comes of them is told.
logging.getLogger("stamina").addHandler(logging.NullHandler())

# httpcore looks for this package at every request, and where it is not installed, which is usual,
# looks through all folders each time: a third of the time of reading a log.
if importlib.util.find_spec("sniffio") is None:
    sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type] # as the import system has it


Fetch = Callable[[str, int], Awaitable[bytes]]
"""Fetches so many bytes at most from a path below the prefix; raises MissingError for none."""


class MissingError(Exception):
    """There is nothing at a path."""


class _PassingError(Exception):
    """An answer that may be another one soon."""


class Source:
    """A log to be read."""

    def __init__(self, fetch: Fetch) -> None:
        """Read through something that fetches."""
        self._fetch = fetch

    async def checkpoint(self) -> bytes:
        """Fetch the newest checkpoint.

        Returns:
            A signed note, not verified.

        Raises:
            RequestError: There is none: this is no log.
            VerificationError: LOG_MALFORMED, it is too large.
            UnavailableError: It could not be fetched.
        """
        try:
            return await self._fetch(_CHECKPOINT, note.MAX_NOTE_BYTES)
        except MissingError:
            raise RequestError(
                "there is no log: no checkpoint is where it has to be; look at the address"
            ) from None

    async def hashes(self, tile: Tile) -> Sequence[bytes]:
        """Fetch the hashes of a tile.

        Args:
            tile: The tile; a signed checkpoint has to cover it.

        Returns:
            Its hashes.

        Raises:
            VerificationError: LOG_INCOMPLETE, it is not there; LOG_MALFORMED, it is none.
            UnavailableError: It could not be fetched.
        """
        wanted, content = await self._tile(tile)
        return hashes_of(wanted, content)[: tile.width]

    async def leaves(self, bundle: Tile) -> Sequence[bytes]:
        """Fetch the leaves of a bundle of entries; otherwise like `hashes`."""
        wanted, content = await self._tile(bundle)
        return leaves_of(wanted, content)[: bundle.width]

    async def _tile(self, tile: Tile) -> tuple[Tile, bytes]:
        """Fetch a tile, or the full one that it has grown into."""
        full = replace(tile, width=WIDTH)
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            for wanted in (tile, full) if tile != full else (tile,):
                with suppress(MissingError):
                    return wanted, await self._fetch(wanted.path, MOST_BYTES)
        raise VerificationError(
            Flaw.LOG_INCOMPLETE, f"the log does not show {tile.path}, which its checkpoint covers"
        )


def folder(path: Path) -> Source:
    """Read a copy of a log that lies in a folder, under the names that it has on the web.

    Args:
        path: The folder.

    Returns:
        The source.
    """

    async def fetch(name: str, most: int) -> bytes:
        # A partial tile lies in a folder that is named like the full one with `.p` after it.
        if not (path / name).is_file():
            raise MissingError
        content = await asyncio.to_thread(files.read, path / name)
        if len(content) > most:
            raise _too_large(name)
        return content

    return Source(fetch)


@asynccontextmanager
async def web(
    url: str, *, tls: ssl.SSLContext, at_once: int, patience: float
) -> AsyncGenerator[Source, None]:
    """Read a log over HTTPS.

    Args:
        url: Its prefix, as in `https://exchange.example/ledger`.
        tls: Whom to take for its server.
        at_once: Most requests at once.
        patience: Seconds for which to try again what passes.

    Yields:
        The source.

    Raises:
        RequestError: The URL is none of a log.
    """
    parsed = _parse(url)
    async with AsyncExitStack() as stack:
        # A client for each connection: one with many looks at all of them for each request.
        idle: asyncio.Queue[httpx.AsyncClient] = asyncio.Queue()
        for _ in range(at_once):
            client = httpx.AsyncClient(
                verify=tls,
                limits=httpx.Limits(max_connections=1),
                timeout=_TIMEOUT,
                headers={"Accept-Encoding": "identity", "User-Agent": "forewarn"},
            )
            idle.put_nowait(await stack.enter_async_context(client))

        async def once(name: str, most: int) -> bytes:
            client = await idle.get()
            try:
                async with (
                    asyncio.timeout(_LONGEST_ANSWER),
                    client.stream("GET", f"{parsed}/{name}") as response,
                ):
                    await _check(response, name)
                    content = bytearray()
                    async for chunk in response.aiter_raw():
                        content += chunk
                        if len(content) > most:
                            raise _too_large(name)
                    return bytes(content)
            except TimeoutError:
                raise _PassingError(f"{name} is not answered in time") from None
            finally:
                idle.put_nowait(client)

        async def fetch(name: str, most: int) -> bytes:
            try:
                async for attempt in stamina.retry_context(
                    on=(httpx.TransportError, _PassingError),
                    timeout=patience,
                    attempts=None,
                    wait_max=_LONGEST_WAIT,
                ):
                    with attempt:
                        return await once(name, most)
            except _PassingError as error:
                raise _unreachable(str(error)) from None
            except httpx.TransportError as error:
                raise _unreachable(f"{parsed} cannot be reached ({_why(error)})") from None
            raise AssertionError("an attempt returns or raises")

        yield Source(fetch)


async def _check(response: httpx.Response, name: str) -> None:
    if response.status_code == _NOT_FOUND:
        raise MissingError
    said = f"{name} is answered with {response.status_code}"
    if response.status_code in _PASSING:
        asked = response.headers.get("Retry-After", "")
        if asked.isascii() and asked.isdigit():
            await asyncio.sleep(min(int(asked[:3]), _LONGEST_WAIT))
        raise _PassingError(said)
    if response.status_code != _OK:
        raise _unreachable(f"{said}: is this the URL that whoever runs the exchange gave?")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise VerificationError(
            Flaw.LOG_MALFORMED, f"{name} is compressed, which was not asked for", "encoding"
        )


def _parse(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme != "https" or not parsed.host or parsed.query or parsed.fragment:
        raise RequestError(
            f"{url!r} is not the URL of a log: it begins with https://, as in "
            "https://exchange.example/ledger"
        )
    return str(parsed).rstrip("/")


def _why(error: Exception) -> str:
    """Say in a few words what is wrong with a connection: what TLS says, or what the error is."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted: {cause.verify_message}; name the authority"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def _too_large(name: str) -> VerificationError:
    return VerificationError(Flaw.LOG_MALFORMED, f"{name} is larger than it can be", "length")


def _unreachable(detail: str) -> UnavailableError:
    return UnavailableError("LOG_UNREACHABLE", detail)
