"""`gateway.toml`: what whoever runs the gateway decides.

* A table of the file is a dataclass here, a key is a field of it, with comment, unit and bounds;
  `settings` reads and writes them. To add a limit, add a field; to add a table, add a dataclass
  and a field of `Config`.
* Defaults are those of the parts themselves.
* Paths are taken from the folder of the file.
* `version` says how the file is to be read; a file without one is of version 1.
* What the ledger itself fixes (origin, trust domain, keys) is not in it.
"""

from __future__ import annotations

import platform
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from gateway.compose.address import Address
from gateway.compose.limits import Limits
from gateway.compose.log_http import LogHttp
from gateway.compose.logs import Log
from gateway.compose.nats import Nats
from gateway.compose.settings import read_tables, render_tables, setting
from gateway.compose.state import SetupError
from gateway.compose.witnessing import Witnessing
from gateway.edge.tls import TlsFiles

VERSION: Final = 1
"""How the file is read. A key that changes its meaning makes a new one; a new key does not."""

MOST_WORKERS: Final = 64
_NAME_LENGTH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """See `[listen]`."""

    address: Address = field(metadata=setting("Where it listens; port 0 takes a free one."))
    public: Address = field(
        metadata=setting("Under which members reach it: what exchange.toml tells them.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """See `[tls]`."""

    certificate: Path = field(
        metadata=setting("The gateway's chain, leaf first, PEM; P-256, P-384 or RSA.")
    )
    key: Path = field(metadata=setting("Its key, PEM, mode 0600."))
    client_ca: Path = field(
        metadata=setting("The authorities whose certificates callers present, PEM.")
    )
    server_ca: Path = field(
        metadata=setting(
            "The authorities that sign the gateway's own certificate, PEM, for members to pin."
        )
    )

    @property
    def files(self) -> TlsFiles:
        """What the edge serves with."""
        return TlsFiles(certificate=self.certificate, key=self.key, client_ca=self.client_ca)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """See `[node]`."""

    name: str = field(
        default="",
        metadata=setting(
            "What this node is called, in blocks and in the lease; left empty, as its host is.\n"
            "Each node of an exchange has a name of its own."
        ),
    )

    workers: int = field(
        default=0,
        metadata=setting(
            "Worker processes that share the port, beside one integrator; 0 for one process that\n"
            "does everything. Limits count in each worker by itself.",
            unit="processes",
            least=0,
            most=MOST_WORKERS,
        ),
    )

    def __post_init__(self) -> None:
        """Refuse a name that is not for people."""
        if len(self.name) > _NAME_LENGTH or not self.name.isprintable():
            raise ValueError(f"name is at most {_NAME_LENGTH} printable characters")

    @property
    def called(self) -> str:
        """Its name."""
        return self.name or platform.node()[:_NAME_LENGTH] or "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """See `[metrics]`."""

    address: Address | None = field(
        default=None,
        metadata=setting(
            'Where the first process serves them, on loopback: as in "127.0.0.1:9464". Workers\n'
            "have the ports after it, the integrator the one after theirs; port 0 takes free ones."
        ),
    )

    def __post_init__(self) -> None:
        """Refuse to show them to others than this machine."""
        if self.address is not None and not self.address.is_loopback:
            raise ValueError(
                f"address {self.address} can be reached by others, and metrics have no "
                "authentication: give one on loopback, as in 127.0.0.1:9464, and have a collector "
                "on this machine read it"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrubbing:
    """See `[scrub]`."""

    mib_per_second: int = field(
        default=1,
        metadata=setting(
            "How much of each log is read again in a second, at most; 0 turns it off.",
            unit="MiB/s",
            least=0,
            most=4096,
        ),
    )
    pause_seconds: int = field(
        default=3600,
        metadata=setting("How long it rests after a pass.", unit="seconds", least=1, most=604800),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor:
    """See `[doctor]`."""

    certificate_days: int = field(
        default=14,
        metadata=setting(
            "Warns when the gateway's certificate ends within so long.",
            unit="days",
            least=1,
            most=365,
        ),
    )
    authority_days: int = field(
        default=60,
        metadata=setting(
            "The same of an authority, which takes longer to follow up.",
            unit="days",
            least=1,
            most=3650,
        ),
    )
    disk_days: int = field(
        default=30,
        metadata=setting(
            "Warns when the disk is full within so long, at the rate of the newest entries.",
            unit="days",
            least=1,
            most=3650,
        ),
    )
    disk_bytes: int = field(
        default=1 << 30,
        metadata=setting(
            "Calls it a problem when less than this is free.",
            unit="bytes",
            least=0,
            most=1 << 50,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A gateway's configuration: one attribute for each table.

    Attributes:
        listen: Where it listens, and under which address members reach it.
        tls: Its certificate and key, and the authorities.
        node: What it is called, and how it is spread over processes.
        nats: Where NATS is.
        limits: What it takes on.
        log_http: Where strangers read the logs.
        log: What is logged.
        metrics: Where metrics are served.
        witnesses: Who cosigns the checkpoints.
        scrub: How what is kept is hashed again.
        doctor: What `forewarn-gateway doctor` warns of.
    """

    listen: Listen = field(metadata=setting("Where the gateway is."))
    tls: Tls = field(
        metadata=setting("Certificates: read anew whenever they change. What is not fit is logged.")
    )
    node: Node = field(
        default_factory=Node,
        metadata=setting("What this node is called, and how it is spread over processes."),
    )
    nats: Nats = field(
        default_factory=Nats,
        metadata=setting(
            "Where NATS is: a child of this gateway unless servers are named, which nodes share."
        ),
    )
    limits: Limits = field(
        default_factory=Limits,
        metadata=setting("How much the gateway takes on. What is left out has its default."),
    )
    log_http: LogHttp = field(
        default_factory=LogHttp,
        metadata=setting("Checkpoints, tiles and commitments of both logs, without a certificate."),
    )
    log: Log = field(
        default_factory=Log,
        metadata=setting("Log lines, on standard error: ids and reasons, no content."),
    )
    metrics: Metrics = field(
        default_factory=Metrics,
        metadata=setting("What Prometheus reads, at /metrics; off unless an address is given."),
    )
    scrub: Scrubbing = field(
        default_factory=Scrubbing,
        metadata=setting("What is kept, hashed again while it serves."),
    )
    doctor: Doctor = field(
        default_factory=Doctor, metadata=setting("When `forewarn-gateway doctor` warns.")
    )

    witnesses: Witnessing = field(
        default_factory=Witnessing,
        metadata=setting(
            "Who cosigns the checkpoints, so that no member is shown another history."
        ),
    )

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
        return cls.of(document(path), path)

    @classmethod
    def of(cls, said: Mapping[str, Any], path: Path) -> Self:
        """Take what a file says.

        Args:
            said: What TOML gives.
            path: The file; relative paths lead from its folder.

        Returns:
            The configuration.

        Raises:
            SetupError: It says something that is not understood.
        """
        try:
            _check_version(said)
            tables = {name: table for name, table in said.items() if name != "version"}
            return read_tables(cls, tables, path.parent)
        except SetupError as error:
            raise SetupError(f"{path}: {error}") from None

    def render(self) -> str:
        """Write the file's text: every key, with its comment.

        Returns:
            What `read` reads.
        """
        return (
            "# How this gateway serves. Read at every start; `forewarn-gateway config show` says\n"
            "# what is in force, `config check` whether it is understood.\n\n"
            "# How this file is to be read; leave it as it is.\n"
            f"version = {VERSION}\n\n{render_tables(self)}"
        )


def document(path: Path) -> dict[str, Any]:
    """Read what a file says, without asking what it means.

    Args:
        path: The file.

    Returns:
        What TOML gives.

    Raises:
        SetupError: It cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise SetupError(f"{path} is not TOML: {error}") from None


def _check_version(said: Mapping[str, Any]) -> None:
    version = said.get("version", VERSION)
    if type(version) is not int or version < 1:
        raise SetupError(f"version is not known: this gateway writes version = {VERSION}")
    if version > VERSION:
        raise SetupError(
            f"it was written for a newer gateway (version {version}; this one reads up to "
            f"{VERSION}): install that one"
        )
