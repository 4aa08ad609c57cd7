"""The channel to the exchange, made anew where the member's certificate was.

* The member's files are looked at before each attempt that follows a failed one, and before a
  stream is opened: a renewed certificate is in use from the next connection on, without a restart.
* Files that do not fit together, as in the middle of a renewal, change nothing.
* Calls that are under way stay on the channel that they began on; it is closed with the others.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import grpc
import grpc.aio

from forewarn_client.errors import HomeError
from forewarn_client.home import TlsIdentity

_Stub = TypeVar("_Stub")


class Channels:
    """The channel of the moment, and those before it."""

    def __init__(
        self,
        address: str,
        load: Callable[[], TlsIdentity],
        options: Sequence[tuple[str, object]],
    ) -> None:
        """Make the first channel; it connects with the first call. Needs a running event loop.

        Args:
            address: Host and port of the exchange.
            load: Gives what a connection needs, as the files say now.
            options: Options of every channel.

        Raises:
            HomeError: What a connection needs is not there, or is not fit for use.
        """
        self._address = address
        self._load = load
        self._options = options
        self._tls = load()
        self._open = [self._made()]

    def newest(self, stub: Callable[[grpc.aio.Channel], _Stub]) -> _Stub:
        """Make a stub whose methods go over the newest channel at the time of each call.

        Args:
            stub: The generated class.

        Returns:
            What is used as the stub.
        """
        made: Any = _Newest(lambda: stub(self._open[-1]))
        found: _Stub = made
        return found

    def renew(self) -> None:
        """Make a new channel, if the files say something else than they did."""
        try:
            tls = self._load()
        except HomeError:
            return
        if tls != self._tls:
            self._tls = tls
            self._open.append(self._made())

    async def close(self) -> None:
        """Close all of them; calls that are under way end."""
        for channel in self._open:
            await channel.close()

    def _made(self) -> grpc.aio.Channel:
        credentials = grpc.ssl_channel_credentials(
            root_certificates=self._tls.ca,
            private_key=self._tls.key,
            certificate_chain=self._tls.chain,
        )
        return grpc.aio.secure_channel(self._address, credentials, options=self._options)


class _Newest:
    """A stub that is found anew at each call."""

    def __init__(self, stub: Callable[[], Any]) -> None:
        """Keep what gives the newest stub."""
        self._stub = stub

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give a method that finds its channel when it is called."""

        def call(*values: Any, **named: Any) -> Any:  # noqa: ANN401 - as the stub has it
            return getattr(self._stub(), name)(*values, **named)

        return call
