"""The logs for strangers: which is served where, and what serves them.

* A log's path is that of its origin: where the host is the origin's too, the URL is the origin with
  `https://` before it, as C2SP tlog-tiles would have it.
* Nothing is served unless an address is configured.
* Whatever becomes of the ledger, what was signed can be read: nothing here asks whether it can be
  written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from gateway.compose.config import Config
from gateway.compose.log import LogParts
from gateway.compose.state import Inception, StateFolder, write_whole
from gateway.core import audit
from gateway.edge.https import HttpsServer
from gateway.edge.https_tls import HttpsContext, HttpsFiles
from gateway.edge.published import Publication, PublishedLogs
from gateway.ledger.published import StoredLog

_log: Final = logging.getLogger(__name__)

_HTTPS_PORT: Final = 443
_GRACE_SECONDS: Final = 2.0


def prefix(origin: str) -> str:
    """Give the path under which a log is served.

    Args:
        origin: Its origin, as in `exchange.example/ledger`.

    Returns:
        As in `/ledger`; empty where the origin is a host alone.
    """
    _, slash, path = origin.partition("/")
    return f"{slash}{path}"


def urls(inception: Inception, config: Config) -> Mapping[str, str]:
    """Say where strangers read the logs.

    Args:
        inception: What the ledger was begun with.
        config: The configuration.

    Returns:
        The URLs of ledger and audit log, by their names in the join file; none where no address is
        configured.
    """
    public = config.log_http.public or config.log_http.address
    if config.log_http.address is None or public is None:
        return {}
    host = public.host if public.port == _HTTPS_PORT else str(public)
    ledger = inception.origin
    return {
        "log_url": f"https://{host}{prefix(ledger)}",
        "audit_log_url": f"https://{host}{prefix(audit.origin_of(ledger))}",
    }


@asynccontextmanager
async def published(
    state: StateFolder, config: Config, logs: Mapping[str, LogParts]
) -> AsyncGenerator[None, None]:
    """Serve logs to strangers, where that is configured.

    Args:
        state: The state folder, which is told the address.
        config: The configuration.
        logs: The logs by their origins.

    Raises:
        SetupError: The configuration names a certificate without its key.
        TlsError: The certificate is not fit for use.
        PortError: The address cannot be listened on.
    """
    address = config.log_http.address
    if address is None:
        yield
        return
    usual = HttpsFiles(certificate=config.tls.certificate, key=config.tls.key)
    tls = HttpsContext(config.log_http.files(usual))
    edge = PublishedLogs(
        *(
            Publication(
                prefix=prefix(origin),
                log=StoredLog(parts.reader),
                head=parts.cosigned or parts.head,
            )
            for origin, parts in logs.items()
        )
    )
    server = HttpsServer(edge.answer, config.log_http.limits)
    try:
        port = await server.start(address.host.strip("[]"), address.port, tls)
        bound = str(replace(address, port=port))
        _log.info("the logs are served", extra={"event": "published", "address": bound})
        write_whole(state.log_listen, f"{bound}\n")
        try:
            yield
        finally:
            state.log_listen.unlink(missing_ok=True)
            await server.stop(_GRACE_SECONDS)
    finally:
        await asyncio.to_thread(edge.close)
