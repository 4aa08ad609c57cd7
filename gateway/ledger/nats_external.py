"""NATS servers that somebody else runs: how a gateway reaches them, and what they must let it do.

* Nothing in the clear: every address is TLS, the servers prove themselves to the authorities given
  here, and TLS starts before the first byte of NATS (`handshake_first`).
* One secret for each role, each in a file of its own that only its owner may read: an nkey seed or
  the text of a `.creds` file. `serve` never reads the keeper's.
* `permissions` prints what the roles need from the same table that the embedded server is given.

The module connects nowhere, and makes no key unless it is asked to.
"""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import nkeys

from gateway.core.errors import Fault, Reason
from gateway.ledger.nats_conf import SYSTEM_ACCOUNT, accounts, permissions_of, pinned
from gateway.ledger.nats_roles import NatsEndpoint, Role, fresh_seeds, public_key

ACCOUNT: Final = "FOREWARN"
OPTIONAL_ROLES: Final = frozenset({Role.SYS, Role.KEEPER})
_URL: Final = re.compile(r"tls://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")
_USER_SEED: Final = "SU"
_OTHERS: Final = 0o077
_MOST_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalNats:
    """Where NATS is, and how to be somebody there.

    Attributes:
        urls: The servers, each `tls://host:port`.
        ca: The authorities that sign their certificates, PEM.
        credentials: The folder with one file for each role, named like it.
    """

    urls: tuple[str, ...]
    ca: Path
    credentials: Path

    def endpoint(self, roles: Collection[Role]) -> NatsEndpoint:
        """Read what is needed to connect.

        Args:
            roles: Who may connect. The files of the roles sys and keeper may be missing.

        Raises:
            Fault: LEDGER_UNAVAILABLE, an address, a file or a secret is not fit for use.
        """
        for url in self.urls:
            if not _URL.fullmatch(url):
                raise _unfit(f"{url!r} is not tls://host:port: NATS is spoken over TLS only")
        if not self.urls:
            raise _unfit("no address of a NATS server is given")
        seeds = {
            role: secret
            for role in Role
            if role in roles and (secret := self._secret(role)) is not None
        }
        return NatsEndpoint(urls=self.urls, tls=self._tls(), seeds=seeds)

    def authorities(self) -> str:
        """Read the authorities, PEM.

        Raises:
            Fault: LEDGER_UNAVAILABLE, they cannot be read.
        """
        try:
            return self.ca.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise _unfit(f"{self.ca} holds no certificates that can be read") from error

    def _tls(self) -> ssl.SSLContext:
        try:
            return pinned(self.authorities())
        except ssl.SSLError as error:
            raise _unfit(f"{self.ca} holds no certificates that can be read") from error

    def _secret(self, role: Role) -> str | None:
        path = self.credentials / role.value
        try:
            if path.stat().st_mode & _OTHERS:
                raise _unfit(f"others may read {path}: chmod it to 600")
            with path.open(encoding="ascii") as file:
                secret = file.read(_MOST_BYTES)
        except FileNotFoundError:
            if role in OPTIONAL_ROLES:
                return None
            raise _unfit(
                f"{path} is missing: put the nkey seed or the .creds file of the role {role} there"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise _unfit(f"{path} cannot be read ({type(error).__name__})") from error
        if "BEGIN NATS USER JWT" in secret and "BEGIN USER NKEY SEED" in secret:
            return secret
        try:
            if not secret.startswith(_USER_SEED):
                raise ValueError(_USER_SEED)  # noqa: TRY301 - one sentence for all that is wrong
            public_key(secret.strip())
        except (nkeys.NkeysError, ValueError) as error:
            raise _unfit(f"{path} is neither an nkey seed of a user nor a .creds file") from error
        return secret.strip()


def make_keys(folder: Path) -> dict[Role, str]:
    """Make an nkey seed for each role, in files of mode 0600; what is there is kept.

    Args:
        folder: Where; made where it does not exist.

    Returns:
        The public key of each role.

    Raises:
        Fault: LEDGER_UNAVAILABLE, the folder cannot be written, or holds something else.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for role, seed in fresh_seeds(Role).items():
            try:
                fd = os.open(folder / role.value, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            with os.fdopen(fd, "w", encoding="ascii") as file:
                file.write(f"{seed}\n")
    except OSError as error:
        raise _unfit(f"{folder} cannot be written ({error.strerror})") from error
    return public_keys(folder)


def public_keys(folder: Path) -> dict[Role, str]:
    """Give the public keys of the seeds in a folder, for the servers.

    Raises:
        Fault: LEDGER_UNAVAILABLE, one is missing, or is no nkey seed.
    """
    source = ExternalNats(urls=(), ca=folder, credentials=folder)
    found = {}
    for role in Role:
        secret = source._secret(role)  # noqa: SLF001 - the same reading, of the same folder
        if secret is None or not secret.startswith(_USER_SEED):
            raise _unfit(f"{folder / role.value} is not an nkey seed: JWT users carry their own")
        found[role] = public_key(secret)
    return found


def permissions(keys: Mapping[Role, str], account: str = ACCOUNT) -> str:
    """Write what to include in the configuration of each NATS server.

    Args:
        keys: The public nkey of each role.
        account: Name of the account that is the exchange's alone.
    """
    block = json.dumps(accounts(keys, account), indent=2)
    return (
        "# Who may do what for one exchange. Include it in the configuration of each server, or\n"
        "# copy its users into the accounts that are there. The account is the exchange's alone.\n"
        f"accounts: {block}\nsystem_account: {SYSTEM_ACCOUNT}\n"
    )


def permissions_table(roles: Sequence[Role] = tuple(Role)) -> dict[str, dict[str, list[str]]]:
    """Give the same as a table, for whoever issues JWT users: subjects to allow, by role."""
    return {role.value: permissions_of(role) for role in roles}


def _unfit(detail: str) -> Fault:
    return Fault(Reason.LEDGER_UNAVAILABLE, detail)
