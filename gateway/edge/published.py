"""The logs over HTTPS, exactly as C2SP tlog-tiles says: for everybody, commitments only.

* Below a log's prefix: `checkpoint`, `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]`. Any other
  path, also another spelling of one of these, is 404, any method but GET and HEAD 405.
* What the newest signed checkpoint does not cover is not there, whatever the store holds already.
* Tiles and bundles never change: they may be kept for ever. A checkpoint is good for seconds.
* Reading happens in few threads of its own, so that strangers take little from members.

Whoever asks is unknown, and nothing of who asked what is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.core.tiled import TileName, bundle
from gateway.edge.https import sorry
from gateway.ports.published import PublishedLog
from gateway.ports.reading import LedgerHead

THREADS: Final = 2
_CHECKPOINT: Final = "checkpoint"
_SECONDS: Final = "public, max-age=2"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_METHODS: Final = ("GET", "HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A log that is published.

    Attributes:
        prefix: Path before its resources, as in `/ledger`.
        log: Its tree.
        head: Its newest signed checkpoint.
    """

    prefix: str
    log: PublishedLog
    head: LedgerHead


class PublishedLogs:
    """Answers requests for logs; see `gateway.edge.https.Answer`."""

    def __init__(self, *publications: Publication) -> None:
        """Publish some logs.

        Args:
            *publications: The logs, each under a prefix of its own.
        """
        self._below: Mapping[str, Publication] = {
            f"{publication.prefix}/": publication for publication in publications
        }
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="published")

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer a request.

        Args:
            request: The request.

        Returns:
            The answer.

        Raises:
            Fault: No checkpoint is signed yet, or the store failed.
        """
        if request.method not in _METHODS:
            response = sorry(405, "only GET and HEAD")
            response.headers["Allow"] = ", ".join(_METHODS)
            return response
        # The path as it was written: what is escaped or has a query is none of these.
        for below, publication in self._below.items():
            if request.raw_path.startswith(below):
                return await self._resource(publication, request.raw_path.removeprefix(below))
        return sorry(404, "there is no such log")

    def close(self) -> None:
        """Wait for what is being read; nothing is read after."""
        self._threads.shutdown(cancel_futures=True)

    async def _resource(self, publication: Publication, path: str) -> web.Response:
        if path == _CHECKPOINT:
            return web.Response(
                body=publication.head.current.note,
                headers={
                    "Content-Type": "text/plain; charset=utf-8",
                    "Cache-Control": _SECONDS,
                },
            )
        name = TileName.parse(path)
        if name is None or not name.is_covered(publication.head.size):
            return sorry(404, "there is no such tile")
        loop = asyncio.get_running_loop()
        body = await loop.run_in_executor(self._threads, _read, publication.log, name)
        return web.Response(
            body=body,
            headers={"Content-Type": "application/octet-stream", "Cache-Control": _FOR_EVER},
        )


def _read(log: PublishedLog, name: TileName) -> bytes:
    if name.level is None:
        return bundle(log.leaves(name.n, name.width))
    return log.tile(name.level, name.n, name.width)
