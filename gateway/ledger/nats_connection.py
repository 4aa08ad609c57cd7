"""One role's connection to NATS: a row of sessions, each used until it ends.

* A `Session` is one TCP connection. When it ends, everything that hung on it ends: requests in
  flight, subscriptions, followers. Nothing is buffered and sent later, nothing is resubscribed
  behind anybody's back.
* A `RoleConnection` opens the next session by itself, with backoff, for as long as it is open;
  where there are several servers, with each in turn, beginning anywhere. The reconnecting of
  nats-py is off: it hides what a follower must see, keeps publishes of unknown outcome in a buffer,
  and gives up for good on some server errors.
* TLS comes before the first byte of NATS, so the server is authenticated before it is spoken to.

The module knows no stream and no subject.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from itertools import cycle
from typing import Any, Final, Self, TypeVar

import nats.errors
from nats.aio.client import Client, RawCredentials

from gateway.core.errors import Fault, Reason
from gateway.ledger.nats_roles import NatsEndpoint, Role

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_CONNECT_SECONDS: Final = 5
_PING_SECONDS: Final = 2
_CLOSE_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 0.2
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 1.0


class SessionEnded(Exception):  # noqa: N818 - an event, translated by every adapter
    """The session ended while something waited on it; the outcome is unknown."""


class Session:
    """One connection to the server, from handshake to loss."""

    def __init__(self, role: Role) -> None:
        """Make a session that is not connected yet."""
        self.client = Client()
        self._role = role
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Set at the end as well, so that nobody waits for two things at once, which takes a task.
        self._awaited: list[asyncio.Event] = []

    async def connect(self, endpoint: NatsEndpoint, url: str) -> None:
        """Connect and authenticate, both ways.

        Args:
            endpoint: What the server has to prove, and who may connect.
            url: Which of its servers.

        Raises:
            OSError: Nobody listens, or the server is not the pinned one.
            nats.errors.Error: The server refused.
            TimeoutError: The server did not answer in time.
        """
        async with asyncio.timeout(_CONNECT_SECONDS):
            await self.client.connect(
                url,
                name=self._role.value,
                tls=endpoint.tls,
                tls_handshake_first=True,
                **_credential(endpoint.seeds[self._role]),
                inbox_prefix=self._role.inbox_prefix,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=_CONNECT_SECONDS,
                ping_interval=_PING_SECONDS,
                pending_size=0,
                error_cb=self._on_error,
                closed_cb=self._on_closed,
            )

    @property
    def ended(self) -> asyncio.Future[None]:
        """Done once the session has ended. Wait for it with `asyncio.wait`, never cancel it."""
        return self._ended

    @property
    def over(self) -> bool:
        """Whether the session has ended."""
        # Where writing its last bytes fails, nats-py closes without calling anybody back.
        if self.client.is_closed:
            self._end()
        return self._ended.done()

    async def race(self, call: Coroutine[None, None, _T]) -> _T:
        """Await one call on this session, but no longer than the session lasts.

        Raises:
            SessionEnded: The session ended first.
        """
        task = asyncio.ensure_future(call)
        try:
            awaited: set[asyncio.Future[Any]] = {task, self._ended}
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() or task.cancelled():
                raise SessionEnded
            return task.result()
        except TimeoutError:
            raise
        except (OSError, RuntimeError, AttributeError) as error:
            # nats-py lets through what the loop says of a socket that has just died; uvloop says
            # RuntimeError. The session is of no more use: the read loop would find that out later.
            self._end()
            raise SessionEnded from error
        finally:
            task.cancel()

    async def settle(self) -> None:
        """Wait until the server has taken in everything sent before.

        Raises:
            SessionEnded: The session ended first.
            nats.errors.Error: The server did not answer in time.
        """
        # nats-py writes the first PING ahead of what still waits in its buffer.
        for _ in range(2):
            await self.race(self.client.flush(_CONNECT_SECONDS))

    async def event(self, event: asyncio.Event, *, within: float | None = None) -> bool:
        """Wait for an event, which the session's end sets as well; False if none came in time."""
        if not self._ended.done():
            self._awaited.append(event)
            try:
                async with asyncio.timeout(within):
                    await event.wait()
            except TimeoutError:
                return self._ended.done()
            finally:
                self._awaited.remove(event)
        return True

    async def lost(self) -> None:
        """Wait until the session is over."""
        while not self.over:
            await asyncio.wait({self._ended}, timeout=_LOOK_SECONDS)
        self._let_go()

    async def close(self) -> None:
        """End the session."""
        # After a TLS handshake that failed, nats-py waits for ever for the plain stream to close:
        # asyncio has told only the TLS layer. The socket is closed by then.
        with contextlib.suppress(nats.errors.Error, OSError):  # TimeoutError is an OSError
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.client.close()
        self._end()
        self._let_go()

    def _let_go(self) -> None:
        """Close the socket where nats-py did not come as far as that; else nothing happens."""
        transport = self.client._transport  # noqa: SLF001 - it has no other way to it
        if transport is not None:
            transport.close()  # type: ignore[no-untyped-call] # published without types

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
            for event in self._awaited:
                event.set()

    async def _on_closed(self) -> None:
        self._end()

    async def _on_error(self, error: Exception) -> None:
        # An unauthorised publish is answered by nobody; this is the only place that says why.
        level = logging.ERROR if "permissions violation" in str(error) else logging.DEBUG
        _log.log(
            level,
            "NATS says: %s",
            str(error) or type(error).__name__,
            extra={"event": "nats_error", "role": self._role},
        )


class RoleConnection:
    """A role's standing at the server, kept up through restarts of the server."""

    def __init__(self, endpoint: NatsEndpoint, role: Role) -> None:
        """Prepare; use `open`."""
        self._endpoint = endpoint
        self._role = role
        self._session: Session | None = None
        self._up = asyncio.Event()
        self._greeters: list[Callable[[Session], Awaitable[None]]] = []
        self._last_error: Exception | None = None
        # Not all nodes and roles at the same server.
        turn = random.randrange(len(endpoint.urls))  # noqa: S311 - nobody's secret
        self._urls = cycle((*endpoint.urls[turn:], *endpoint.urls[:turn]))
        self._keeper: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, endpoint: NatsEndpoint, role: Role, *, within: float = 10.0) -> Self:
        """Connect as a role and stay connected until `close`.

        Args:
            endpoint: The server, and the seeds.
            role: Who to be; the endpoint must hold its seed.
            within: Seconds to wait for the first session.

        Raises:
            Fault: LEDGER_UNAVAILABLE, no session in time.
        """
        logging.getLogger("asyncio").addFilter(_not_about_tls_eof)
        connection = cls(endpoint, role)
        connection._keeper = asyncio.create_task(connection._keep())
        try:
            await connection.session(within=within)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def session(self, *, within: float | None = None) -> Session:
        """Return the session that is up, waiting for one if none is.

        Args:
            within: Seconds to wait; None waits for ever.

        Raises:
            Fault: LEDGER_UNAVAILABLE, none came up in time.
        """
        try:
            async with asyncio.timeout(within):
                while self._session is None or self._session.over:
                    await self._up.wait()
                    await asyncio.sleep(0)
        except TimeoutError:
            raise Fault(
                Reason.LEDGER_UNAVAILABLE,
                f"no connection to nats-server as {self._role}: see the nats-server log "
                f"({type(self._last_error).__name__ if self._last_error else 'no answer'})",
            ) from self._last_error
        return self._session

    def on_session(self, greet: Callable[[Session], Awaitable[None]]) -> None:
        """Have a callback run at the start of every later session; it must not wait long."""
        self._greeters.append(greet)

    async def close(self) -> None:
        """End the session and open no other."""
        if self._keeper is not None:
            # nats-py swallows a cancellation that meets it while it connects or closes.
            while not self._keeper.done():
                self._keeper.cancel()
                await asyncio.wait({self._keeper}, timeout=_CLOSE_SECONDS)
        self._up.clear()
        if self._session is not None:
            await self._session.close()

    async def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            session = Session(self._role)
            try:
                await session.connect(self._endpoint, next(self._urls))
                for greet in self._greeters:
                    await greet(session)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next attempt is ours
                self._last_error = error
                await session.close()
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            except BaseException:
                await session.close()
                raise
            pause = _FIRST_PAUSE
            self._session = session
            self._up.set()
            await session.lost()
            self._up.clear()
            _log.warning(
                "connection to NATS lost, connecting again",
                extra={"event": "nats_lost", "role": self._role},
            )


def _credential(secret: str) -> dict[str, Any]:
    """Tell nats-py who connects: by an nkey, or by a user's JWT and its nkey."""
    if "BEGIN NATS USER JWT" in secret:
        return {"user_credentials": RawCredentials(secret)}
    return {"nkeys_seed_str": secret}


def _not_about_tls_eof(record: logging.LogRecord) -> bool:
    """Drop what asyncio says whenever nats-py closes a TLS connection; nothing can be done."""
    return "eof_received() has no effect when using ssl" not in record.getMessage()
