"""`gateway.toml`: what whoever runs the gateway decides.

* A key that is not known is refused, with the ones that are: a misspelt limit is not a default.
* Paths are taken from the folder of the file.
* What the ledger itself fixes (origin, trust domain, keys) is not in it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Self

from gateway.compose.state import SetupError
from gateway.edge.server import EdgeLimits
from gateway.edge.tls import TlsFiles

_ADDRESS: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_MAX_PORT: Final = 65535
_TLS_KEYS: Final = ("certificate", "key", "client_ca", "server_ca")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where something listens.

    Attributes:
        host: Name or number; an IPv6 number in brackets.
        port: 0 for any that is free.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host:port`.

        Args:
            text: As in `127.0.0.1:8443` or `[::1]:0`.

        Returns:
            The address.

        Raises:
            SetupError: It is not one.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None or int(found[2]) > _MAX_PORT:
            raise SetupError(f"{text!r} is not host:port, as in 127.0.0.1:8443")
        return cls(host=found[1], port=int(found[2]))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A gateway's configuration.

    Attributes:
        listen: Where it listens.
        public: The address under which members reach it.
        tls: Its certificate and key, and its callers' authorities.
        server_ca: The authorities that sign its own certificate, for members to pin.
        limits: What it takes on.
    """

    listen: Address
    public: Address
    tls: TlsFiles
    server_ca: Path
    limits: EdgeLimits = field(default_factory=EdgeLimits)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Args:
            path: The file.

        Returns:
            The configuration.

        Raises:
            SetupError: It cannot be read, or says something that is not understood.
        """
        try:
            document = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise SetupError(f"{path} cannot be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SetupError(f"{path} is not TOML: {error}") from None
        try:
            return cls._of(document, path.parent)
        except SetupError as error:
            raise SetupError(f"{path}: {error}") from None

    @classmethod
    def _of(cls, document: Mapping[str, Any], folder: Path) -> Self:
        _known("the file", document, ("listen", "tls", "limits"))
        listen = _table(document, "listen", ("address", "public"))
        tls = _table(document, "tls", _TLS_KEYS)
        limits = _table(document, "limits", tuple(each.name for each in fields(EdgeLimits)))
        paths = {key: folder / _text(tls, "tls", key) for key in _TLS_KEYS}
        server_ca = paths.pop("server_ca")
        for key, value in limits.items():
            if type(value) is not int or value < 1:
                raise SetupError(f"limits.{key} is not a whole number above 0")
        return cls(
            listen=Address.parse(_text(listen, "listen", "address")),
            public=Address.parse(_text(listen, "listen", "public")),
            tls=TlsFiles(**paths),
            server_ca=server_ca,
            limits=EdgeLimits(**limits),
        )

    def render(self) -> str:
        """Write the file's text.

        Returns:
            What `read` reads.
        """
        return f"""\
# How this gateway serves. Read at every start; certificates are read anew whenever they change.

[listen]
# Where it listens; port 0 takes a free one.
address = {_quote(self.listen)}
# Under which members reach it: what exchange.toml tells them.
public = {_quote(self.public)}

[tls]
# The gateway's chain, leaf first, and its key (mode 0600). PEM; P-256, P-384 or RSA.
certificate = {_quote(self.tls.certificate)}
key = {_quote(self.tls.key)}
# The authorities whose certificates callers present.
client_ca = {_quote(self.tls.client_ca)}
# The authorities that sign the gateway's own certificate, for members to pin.
server_ca = {_quote(self.server_ca)}

[limits]
# Most calls at once, open streams included; in all, on one connection, and of one member.
calls = {self.limits.calls}
calls_per_connection = {self.limits.calls_per_connection}
calls_per_member = {self.limits.calls_per_member}
# Most connections at once.
connections = {self.limits.connections}
# After so many hours a connection has to be made anew, with a certificate valid then.
connection_hours = {self.limits.connection_hours}
"""


def _known(where: str, table: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    for key in table:
        if key not in keys:
            raise SetupError(f"{key} is not known in {where}; known are {', '.join(keys)}")


def _table(document: Mapping[str, Any], name: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise SetupError(f"{name} is not a table: write [{name}]")
    _known(f"[{name}]", table, keys)
    return table


def _text(table: Mapping[str, Any], name: str, key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise SetupError(f"{name}.{key} is missing")
    return value


def _quote(value: object) -> str:
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped too.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
