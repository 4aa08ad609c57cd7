"""Who may do what over NATS: roles, their keys, and the place they connect to.

* A role is what one part of the gateway does over NATS, and `PERMISSIONS` is all that it may do;
  anything not in the table is refused by the server.
* Every role receives answers under an inbox prefix of its own that no other role may subscribe to.
* Only `init` gives anybody the keeper's key. No role may delete or purge a stream.
* Seeds live in memory; what the gateway writes to disk is public keys.
* Several nodes are the same roles at one cluster. What an integrator tells its own node's workers
  goes out under that node's name: a worker's head never runs ahead of the store beside it.

What a permission cannot stop: the server sends an acknowledgement to whatever reply subject a
worker names. It reaches other inboxes only by guessing their 22 random characters, the JetStream
interface refuses its content, and a checkpoint note is verified by who hears it.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

import nkeys

VARZ_SUBJECT: Final = "$SYS.REQ.SERVER.PING.VARZ"
HEALTHZ_SUBJECT: Final = "$SYS.REQ.SERVER.PING.HEALTHZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log's places in NATS.

    Attributes:
        stream: The stream of its blocks.
        blocks: The subject on which a block is published.
        checkpoints: Below this subject, each node announces a new checkpoint to its workers.
        conditions: Below this subject, each node's integrator says how it is.
        asks: Below this subject, a worker asks its node's integrator for that.
        notes: The subject on which a signed note is said to the integrators of all nodes.
        asking: The subject on which an integrator asks for the newest note.
    """

    stream: str
    blocks: str
    checkpoints: str
    conditions: str
    asks: str
    notes: str
    asking: str

    def announced(self, node: str) -> str:
        """Give the subject on which a node announces.

        Args:
            node: The node's name in subjects: letters, digits and `-`.
        """
        return _below(self.checkpoints, node)

    def said(self, node: str) -> str:
        """Give the subject on which a node's integrator says how it is.

        Args:
            node: The node's name in subjects.
        """
        return _below(self.conditions, node)

    def asked(self, node: str) -> str:
        """Give the subject on which it is asked for that.

        Args:
            node: The node's name in subjects.
        """
        return _below(self.asks, node)


def _below(subject: str, node: str) -> str:
    if not _TOKEN.fullmatch(node):
        raise ValueError("a node's name in subjects is letters, digits and hyphens")
    return f"{subject}.{node}"


def _log(name: str) -> Log:
    return Log(
        stream=name.upper(),
        blocks=f"fw.{name}.block",
        checkpoints=f"fw.{name}.checkpoint",
        conditions=f"fw.{name}.condition",
        asks=f"fw.{name}.ask",
        notes=f"fw.{name}.note",
        asking=f"fw.{name}.asking",
    )


_TOKEN: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
ALONE: Final = "alone"
"""The name of a node that has its nats-server to itself."""

LEDGER: Final = _log("ledger")
AUDIT: Final = _log("audit")
LOGS: Final = (LEDGER, AUDIT)


def generation(log: Log, number: int) -> Log:
    """Give a log's places once its stream was made anew.

    Another stream on another subject: nothing that was meant for the old one, and no old message
    id, can ever count in the new one, and the old one can be kept beside it.

    Args:
        log: One of LOGS.
        number: Which stream of the log, from 1.
    """
    if number == 1:
        return log
    return replace(log, stream=f"{log.stream}-{number}", blocks=f"{log.blocks}.{number}")


LEASE_STREAM: Final = "KV_FOREWARN"
"""The stream behind the JetStream KV bucket `FOREWARN`, where nodes keep the lease."""
LEASE_SUBJECT: Final = "$KV.FOREWARN.signer"


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
                for stream in (*(log.stream for log in LOGS), LEASE_STREAM)
                for subject in (
                    f"$JS.API.STREAM.CREATE.{stream}",
                    f"$JS.API.STREAM.INFO.{stream}",
                )
            ),
        ),
        Role.WORKER: Permissions(
            publish=tuple(subject for log in LOGS for subject in (log.blocks, f"{log.asks}.*")),
            subscribe=tuple(
                f"{subject}.*" for log in LOGS for subject in (log.checkpoints, log.conditions)
            ),
        ),
        Role.INTEGRATOR: Permissions(
            publish=(
                *(
                    subject
                    for log in LOGS
                    for subject in (
                        f"$JS.API.STREAM.INFO.{log.stream}",
                        f"$JS.API.STREAM.MSG.GET.{log.stream}",
                        f"$JS.API.CONSUMER.CREATE.{log.stream}.*",
                        f"$JS.API.CONSUMER.MSG.NEXT.{log.stream}.*",
                        f"$JS.API.CONSUMER.DELETE.{log.stream}.*",
                        f"{log.checkpoints}.*",
                        f"{log.conditions}.*",
                        log.notes,
                        log.asking,
                    )
                ),
                f"$JS.API.STREAM.INFO.{LEASE_STREAM}",
                f"$JS.API.STREAM.MSG.GET.{LEASE_STREAM}",
                LEASE_SUBJECT,
            ),
            subscribe=tuple(
                subject for log in LOGS for subject in (log.notes, log.asking, f"{log.asks}.*")
            ),
        ),
        Role.SYS: Permissions(publish=(VARZ_SUBJECT, HEALTHZ_SUBJECT)),
    }
)


def in_generations(permissions: Permissions, logs: Sequence[Log]) -> Permissions:
    """Give the same permissions where the logs' streams are of some generations.

    Args:
        permissions: A row of PERMISSIONS.
        logs: The logs, in the order of LOGS.
    """
    return Permissions(
        publish=tuple(_in_generations(subject, logs) for subject in permissions.publish),
        subscribe=tuple(_in_generations(subject, logs) for subject in permissions.subscribe),
    )


def _in_generations(subject: str, logs: Sequence[Log]) -> str:
    for first, log in zip(LOGS, logs, strict=True):
        if subject == first.blocks:
            return log.blocks
        tokens = [log.stream if each == first.stream else each for each in subject.split(".")]
        subject = ".".join(tokens)
    return subject


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsEndpoint:
    """NATS servers and the means to be somebody there.

    Attributes:
        urls: Where they listen, as in `tls://127.0.0.1:4222`; one of them is enough.
        tls: What a server has to prove; TLS starts before the first byte of NATS.
        seeds: The nkey seed of each role that may connect, or the text of its `.creds` file.
    """

    urls: tuple[str, ...]
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
