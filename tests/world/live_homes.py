"""Members' own folders for a running exchange, and the `forewarn` command and library over them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from forewarn_client.cli.root import root
from forewarn_client.home import Home
from forewarn_client.join import JoinFile
from tests.world.ledger_builder import Party
from tests.world.live import REGISTRAR, REGISTRAR_KEYS, Live


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run of the command left."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What it printed with `--json`."""
        return [json.loads(line) for line in self.out.splitlines()]


def write_key(path: Path, key: Ed25519PrivateKey) -> None:
    """Write a signing key as a member's folder holds it."""
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)


def home_of(live: Live, who: Party, folder: Path, keys: Sequence[Ed25519PrivateKey] = ()) -> Home:
    """Make a member's folder for an exchange that is running.

    Args:
        live: The exchange.
        who: The member, and the system that calls from the folder.
        folder: Where the folder goes.
        keys: Its signing keys; the member's own where there are none.

    Returns:
        The home, its certificate in place.
    """
    path = folder / who.member
    path.mkdir(mode=0o700)
    if not keys:
        keys = REGISTRAR_KEYS if who == REGISTRAR else [who.key]
    for number, key in enumerate(keys, 1):
        write_key(path / ("signing.pem" if number == 1 else f"signing-{number}.pem"), key)
    join = JoinFile.load(live.state / "exchange.toml")
    join = replace(join, exchange=replace(join.exchange, address=live.address))
    system = who.system.rsplit("/", 1)[1]
    home = Home.create(path, member=who.member, kind=who.kind, system=system, join=join)
    home.install_certificate(live.authority.issue((path / "tls.csr").read_bytes()))
    return home


def forewarn(home: Home, *words: object) -> Ran:
    """Run the command in a member's folder, within this process."""
    typed = ["--home", str(home.path), *(str(word) for word in words)]
    result = CliRunner().invoke(root, typed)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(code=result.exit_code, out=result.stdout, err=result.stderr)


def did(home: Home, *words: object) -> list[dict[str, Any]]:
    """Run the command with `--json`, which has to succeed, and give what it printed."""
    ran = forewarn(home, *words, "--json")
    assert ran.code == 0, ran.err
    return ran.objects
