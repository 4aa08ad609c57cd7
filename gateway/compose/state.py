"""A gateway's state folder: what stands where, and the marker that it was begun.

* Everything that one gateway keeps is in one folder: store, JetStream, keeper, configuration.
* `inception.json` is written last by `init`, and only by it. With it, the folder belongs to one
  ledger for ever, and nothing that is missing is made anew unless it follows from the rest. Without
  it, `serve` does not begin.

The module opens no part: it names files.
"""

from __future__ import annotations

import json
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Final, Self

from gateway.ledger import synced

_VERSION: Final = 2
# Before there was an audit log; `init`, run again, adds it.
_WITHOUT_AUDIT: Final = 1


class SetupError(Exception):
    """The gateway cannot be set up or started as asked; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFolder:
    """Where things are.

    Attributes:
        root: The folder.
    """

    root: Path

    @property
    def store(self) -> Path:
        """The store of the ledger."""
        return self.root / "ledger.db"

    @property
    def keeper(self) -> Path:
        """The folder of the log key."""
        return self.root / "keeper"

    @property
    def audit_store(self) -> Path:
        """The store of the audit log."""
        return self.root / "audit.db"

    @property
    def audit_keeper(self) -> Path:
        """The folder of the audit log's key."""
        return self.root / "audit-keeper"

    @property
    def jetstream(self) -> Path:
        """What nats-server keeps: the streams of both logs."""
        return self.root / "jetstream"

    @property
    def streams(self) -> Path:
        """Which generation each log's stream is of; not there before the first repair."""
        return self.root / "streams.json"

    @property
    def uncompared(self) -> Path:
        """Names the logs that have to be compared before anything is served from them."""
        return self.root / "uncompared.json"

    @property
    def repair(self) -> Path:
        """Where a repair makes what it puts in place."""
        return self.root / "repair"

    @property
    def repair_plan(self) -> Path:
        """What a repair is about to put in place; there only while it does."""
        return self.repair / "plan.json"

    @property
    def set_aside(self) -> Path:
        """Keeps what repairs have replaced."""
        return self.root / "set-aside"

    @property
    def config(self) -> Path:
        """The configuration, whoever runs the gateway may edit it."""
        return self.root / "gateway.toml"

    @property
    def join(self) -> Path:
        """What members are given to join."""
        return self.root / "exchange.toml"

    @property
    def listen(self) -> Path:
        """Where the running gateway listens; there only while it runs."""
        return self.root / "run" / "listen"

    @property
    def log_listen(self) -> Path:
        """Where the running gateway serves its logs to strangers; there only while it does."""
        return self.root / "run" / "log-listen"

    @property
    def evidence(self) -> Path:
        """Where a node among others keeps what contradicts a signed checkpoint."""
        return self.root / "evidence"

    @property
    def inception(self) -> Path:
        """The marker that the ledger was begun."""
        return self.root / "inception.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inception:
    """What a state folder was begun with.

    Attributes:
        origin: The ledger's origin.
        trust_domain: SPIFFE trust domain of every system.
        genesis_digest: Digest of the genesis statement, hex.
        log_key: The log's verifier key.
        audit_log_key: The audit log's verifier key; empty where there is no audit log yet.
    """

    origin: str
    trust_domain: str
    genesis_digest: str
    log_key: str
    audit_log_key: str

    def __post_init__(self) -> None:
        """Refuse what a damaged marker may say."""
        if not all(isinstance(value, str) for value in astuple(self)):
            raise TypeError("the marker holds texts only")

    @classmethod
    def read(cls, state: StateFolder) -> Self | None:
        """Read the marker.

        Args:
            state: The state folder.

        Returns:
            What it says; None where there is none.

        Raises:
            SetupError: It cannot be read.
        """
        try:
            table = json.loads(state.inception.read_bytes())
            version = table.pop("version")
            if version == _WITHOUT_AUDIT:
                table["audit_log_key"] = ""
            elif version != _VERSION:
                raise SetupError(f"{state.inception} was written by another version of the gateway")
            return cls(**table)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SetupError(f"{error.filename} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise SetupError(
                f"{state.inception} is damaged: restore it from a copy of the state folder"
            ) from None

    def write(self, state: StateFolder) -> None:
        """Write the marker. Once this returns, it is on disk."""
        table = {"version": _VERSION, **asdict(self)}
        write_whole(state.inception, json.dumps(table, indent=2) + "\n")


def begun(state: StateFolder) -> Inception:
    """Read what a state folder was begun with, to serve it.

    Args:
        state: The state folder.

    Returns:
        The marker, with both logs.

    Raises:
        SetupError: It was never begun, or not with all that a gateway of today needs.
    """
    inception = Inception.read(state)
    if inception is None:
        raise SetupError(f"no ledger was begun in {state.root}: run `forewarn-gateway init` first")
    if not inception.audit_log_key:
        raise SetupError(
            f"the exchange in {state.root} has no audit log yet: run `forewarn-gateway init` "
            "again, which adds it, and give members the new exchange.toml"
        )
    return inception


def write_whole(path: Path, text: str) -> None:
    """Replace a file as a whole; once this returns, it is on disk.

    Args:
        path: The file.
        text: Its content.

    Raises:
        SetupError: It cannot be written.
    """
    try:
        synced.replace(path, text.encode(), mode=0o666)
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror}") from None
