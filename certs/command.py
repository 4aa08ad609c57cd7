"""The command `python -m certs`: mint, issue, leaf.

* `mint` makes an authority and the gateway's server certificate; run again, it says that they are
  there.
* `issue` answers a member's request, `leaf` makes key and certificate at once.
* No key is ever overwritten. Every refusal is one sentence and exit status 1.
"""

from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import click

from certs.authority import (
    BUNDLE,
    ISSUING_KEY,
    SERVER_AUTH,
    Authority,
    IssuanceError,
)
from certs.files import write_pair, write_public

SERVER_CERT = "gateway.pem"
SERVER_KEY = "gateway.key"

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_authority = click.option(
    "--ca", "folder", type=_FOLDER, required=True, help="The folder that `mint` made."
)
_days = click.option(
    "--days", type=click.IntRange(1, 90), default=30, show_default=True, help="Lifetime."
)


@click.group()
def main() -> None:
    """Mint certificates for development and tests. Production has its own authority."""


@main.command()
@click.argument("folder", type=_FOLDER)
@click.option("--trust-domain", default="exchange.example", show_default=True)
def mint(folder: Path, trust_domain: str) -> None:
    """Make an authority in FOLDER, and the gateway's server certificate for localhost."""
    if (folder / ISSUING_KEY).exists():
        authority = _load(folder)
        if authority.trust_domain != trust_domain:
            _refuse(f"{folder} is the authority of {authority.trust_domain}: name another folder")
    else:
        try:
            authority = Authority.create(folder, trust_domain=trust_domain)
        except (FileExistsError, ValueError) as error:
            _refuse(str(error))
    certificate, key = folder / SERVER_CERT, folder / SERVER_KEY
    if certificate.exists() and key.exists():
        click.echo(f"{folder} is an authority already; nothing was changed.")
        return
    # A run that died here left a key which no certificate names: it is of no use to anyone.
    for half in (certificate, key):
        half.unlink(missing_ok=True)
    start, end = authority.issuing.not_valid_before_utc, authority.issuing.not_valid_after_utc
    pair = authority.leaf(
        [],
        dns=["localhost"],
        ips=["127.0.0.1", "::1"],
        usages=[SERVER_AUTH],
        not_before=start,
        lifetime=end - start,
    )
    write_pair(certificate, key, pair)
    click.echo(f"Trust anchor {folder / BUNDLE}; gateway {certificate} and {key}.")


@main.command()
@_authority
@click.option("--csr", type=_FILE, required=True, help="PKCS #10 request, PEM.")
@click.option("--out", type=_FILE, required=True, help="Where the chain goes; replaced.")
@_days
def issue(folder: Path, csr: Path, out: Path, days: int) -> None:
    """Sign a request for one system's client certificate."""
    authority = _load(folder)
    try:
        chain = authority.issue(csr.read_bytes(), lifetime=timedelta(days=days))
        write_public(out, chain)
    except IssuanceError as error:
        _refuse(f"{csr} is not signed: {error}")
    except OSError as error:
        _refuse(f"{error.filename}: {error.strerror}")
    click.echo(f"Certificate {out}, for {days} days.")


@main.command()
@_authority
@click.option("--uri", required=True, help="As in spiffe://exchange.example/lab/aurora/desk.")
@click.option("--out-cert", type=_FILE, required=True)
@click.option("--out-key", type=_FILE, required=True)
@_days
def leaf(folder: Path, uri: str, out_cert: Path, out_key: Path, days: int) -> None:
    """Make a key and a client certificate for one system."""
    authority = _load(folder)
    try:
        authority.require_own(uri)
        pair = authority.leaf([uri], lifetime=timedelta(days=days))
        write_pair(out_cert, out_key, pair)
    except ValueError as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{error.filename}: {error.strerror}")
    click.echo(f"Certificate {out_cert} and key {out_key}, for {days} days.")


def _load(folder: Path) -> Authority:
    try:
        return Authority.load(folder)
    except FileNotFoundError:
        _refuse(f"{folder} is no authority: run `python -m certs mint {folder}` first")
    except (OSError, ValueError) as error:
        _refuse(f"{folder} cannot be read as an authority: {error}")


def _refuse(sentence: str) -> NoReturn:
    raise click.ClickException(f"{sentence}.")
