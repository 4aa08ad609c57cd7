"""Who may do what over NATS: roles, their keys, and the place they connect to.

* A role is what one part of the gateway does over NATS, and `PERMISSIONS` is all that it may do;
  anything not in the table is refused by the server.
* Every role receives answers under an inbox prefix of its own that no other role may subscribe to.
* Only `init` gives anybody the keeper's key. No role may delete or purge a stream.
* Seeds live in memory; what is written to disk is public keys.

What a permission cannot stop: the server sends an acknowledgement to whatever reply subject a
worker names. It reaches other inboxes only by guessing their 22 random characters, the JetStream
interface refuses its content, and a checkpoint note is verified by who hears it.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

import nkeys

VARZ_SUBJECT: Final = "$SYS.REQ.SERVER.PING.VARZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log's places in NATS.

    Attributes:
        stream: The stream of its blocks.
        blocks: The subject on which a block is published.
        checkpoints: The subject on which a new checkpoint is announced.
    """

    stream: str
    blocks: str
    checkpoints: str


LEDGER: Final = Log(stream="LEDGER", blocks="fw.ledger.block", checkpoints="fw.ledger.checkpoint")
AUDIT: Final = Log(stream="AUDIT", blocks="fw.audit.block", checkpoints="fw.audit.checkpoint")
LOGS: Final = (LEDGER, AUDIT)


@unique
class Role(StrEnum):
    """A part of the gateway, as NATS sees it."""

    KEEPER = "keeper"
    WORKER = "worker"
    INTEGRATOR = "integrator"
    SYS = "sys"

    @property
    def inbox_prefix(self) -> str:
        """The prefix of every subject on which this role receives answers."""
        return f"_INBOX_{self.value}"


SERVE_ROLES: Final = frozenset({Role.WORKER, Role.INTEGRATOR, Role.SYS})
INIT_ROLES: Final = frozenset({Role.KEEPER, Role.SYS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """The subjects that a role may publish to and, besides its inbox, subscribe to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...] = ()


PERMISSIONS: Final[Mapping[Role, Permissions]] = MappingProxyType(
    {
        Role.KEEPER: Permissions(
            publish=tuple(
                subject
                for log in LOGS
                for subject in (
                    f"$JS.API.STREAM.CREATE.{log.stream}",
                    f"$JS.API.STREAM.INFO.{log.stream}",
                )
            ),
        ),
        Role.WORKER: Permissions(
            publish=tuple(log.blocks for log in LOGS),
            subscribe=tuple(log.checkpoints for log in LOGS),
        ),
        Role.INTEGRATOR: Permissions(
            publish=tuple(
                subject
                for log in LOGS
                for subject in (
                    f"$JS.API.STREAM.INFO.{log.stream}",
                    f"$JS.API.STREAM.MSG.GET.{log.stream}",
                    f"$JS.API.CONSUMER.CREATE.{log.stream}.*",
                    f"$JS.API.CONSUMER.MSG.NEXT.{log.stream}.*",
                    f"$JS.API.CONSUMER.DELETE.{log.stream}.*",
                    log.checkpoints,
                )
            ),
        ),
        Role.SYS: Permissions(publish=(VARZ_SUBJECT,)),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsEndpoint:
    """A NATS server and the means to be somebody there.

    Attributes:
        url: Where it listens, as in `tls://127.0.0.1:4222`.
        tls: What the server has to prove; TLS starts before the first byte of NATS.
        seeds: The nkey seed of each role that may connect.
    """

    url: str
    tls: ssl.SSLContext = field(repr=False)
    seeds: Mapping[Role, str] = field(repr=False)


def fresh_seeds(roles: Iterable[Role]) -> Mapping[Role, str]:
    """Draw a new nkey seed for each role."""
    return MappingProxyType(
        {role: nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER).decode() for role in roles}
    )


def public_key(seed: str) -> str:
    """Return the public nkey (`U...`) of a seed."""
    pair = nkeys.from_seed(bytearray(seed.encode()))
    return str(pair.public_key.decode())
