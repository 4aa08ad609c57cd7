"""What passes between a supervisor and the processes that it starts: lines over inherited pipes.

* The first line is all that a process needs to be what it is to be. It holds a seed: it is never
  an argument, in the environment or on disk, and holds that of the process's own role only.
* Then the supervisor says what to record and when to stop; the process says how far it is.
* Where the pipe ends, the other side has ended.

Nothing of a statement passes here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum, unique
from pathlib import Path
from typing import Any, Self

from gateway.core.audit import Act, AdminAct
from gateway.core.errors import Reason
from gateway.ledger import nats_conf
from gateway.ledger.nats_roles import NatsEndpoint, Role

MOST_BYTES = 1 << 20
"""No line is longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a process is to be.

    Attributes:
        role: Its role at the nats-server: integrator or worker.
        place: Its place among the gateway's processes, the supervisor's being 0.
        state: The state folder.
        config: The configuration as the supervisor has read it, TOML.
        listen: Where a worker listens, `host:port`.
        json_logs: Whether log lines are JSON.
        urls: Where the nats-server listens.
        authorities: The certificates that it has to prove itself with, PEM.
        node: The name under which the processes of this node speak to one another over NATS.
        seed: The nkey seed of the role, or the text of its `.creds` file.
    """

    role: Role
    place: int
    state: Path
    config: str
    listen: str
    json_logs: bool
    urls: tuple[str, ...]
    authorities: str
    node: str
    seed: str = field(repr=False)

    @property
    def endpoint(self) -> NatsEndpoint:
        """The nats-server, for this role alone."""
        return NatsEndpoint(
            urls=self.urls, tls=nats_conf.pinned(self.authorities), seeds={self.role: self.seed}
        )

    def line(self) -> bytes:
        """Write the line."""
        return _line({**asdict(self), "state": str(self.state)})

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Read what `line` wrote.

        Args:
            line: The line.
        """
        said = _read(line)
        parsed = {"role": Role(said["role"]), "state": Path(said["state"])}
        return cls(**{**said, **parsed, "urls": tuple(said["urls"])})


@unique
class Verb(StrEnum):
    """What a supervisor asks for."""

    RECORD = "record"
    """To record acts in the audit log."""
    STOP = "stop"
    """To stop, and to record acts as the last thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a supervisor says to a process that runs.

    Attributes:
        verb: What is to be done.
        acts: What to record, for a worker.
    """

    verb: Verb
    acts: tuple[AdminAct, ...] = ()

    def line(self) -> bytes:
        """Write the line."""
        return _line({"verb": self.verb, "acts": [[act.act, act.reason] for act in self.acts]})

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Read what `line` wrote.

        Args:
            line: The line.
        """
        said = _read(line)
        acts = tuple(
            AdminAct(act=Act(act), reason=None if reason is None else Reason(reason))
            for act, reason in said["acts"]
        )
        return cls(verb=Verb(said["verb"]), acts=acts)


@unique
class Word(StrEnum):
    """How far a process is."""

    READY = "ready"
    """The integrator has opened both logs; a worker listens."""
    SERVING = "serving"
    """A worker takes statements in, for the first time."""
    HALTED = "halted"
    """The ledger has halted; the text is the reason."""
    FAILED = "failed"
    """It cannot start or go on; the text is the sentence that says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a process says of itself.

    Attributes:
        word: How far it is.
        text: See the word.
    """

    word: Word
    text: str = ""

    def line(self) -> bytes:
        """Write the line."""
        return _line(asdict(self))

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Read what `line` wrote.

        Args:
            line: The line.

        Raises:
            ValueError: It is no report.
            KeyError: Likewise.
            TypeError: Likewise.
        """
        said = _read(line)
        word, text = Word(said["word"]), str(said["text"])
        return cls(word=word, text=Reason(text) if word is Word.HALTED else text)


def _line(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"


def _read(line: bytes) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(line)
    return said
