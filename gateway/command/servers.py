"""`nats`: what whoever runs the NATS servers needs, for an exchange that does not bring its own."""

# ruff: noqa: D301 - \b is for click

from __future__ import annotations

import json
from pathlib import Path

import click

from gateway.command.frame import json_option, sentences
from gateway.ledger.nats_external import (
    ACCOUNT,
    make_keys,
    permissions,
    permissions_table,
    public_keys,
)

_folder = click.option(
    "--credentials",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder with an nkey seed for each role.",
)


@click.group()
def nats() -> None:
    """Prepare NATS servers that somebody else runs: keys and permissions of the roles.

    \b
    Examples:
      forewarn-gateway nats keys --credentials run/nats
      forewarn-gateway nats permissions --credentials run/nats > forewarn-accounts.conf
      forewarn-gateway nats permissions --json
    """


@nats.command()
@_folder
@json_option
def keys(*, credentials: Path, as_json: bool) -> None:
    """Make an nkey seed for each role, in files of mode 0600. What is there is kept.

    Prints the public keys. Give each host only the files that it needs: worker, integrator and sys
    where a gateway serves; keeper only where `init` is run.

    \b
    Example:
      forewarn-gateway nats keys --credentials run/nats
    """
    with sentences():
        made = make_keys(credentials)
    if as_json:
        click.echo(json.dumps({role.value: key for role, key in made.items()}))
        return
    for role, key in made.items():
        click.echo(f"{role.value:10}  {key}")


@nats.command(name="permissions")
@click.option(
    "--credentials",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder with an nkey seed for each role.",
)
@click.option("--account", default=ACCOUNT, show_default=True, help="Account of the exchange.")
@json_option
def permissions_(*, credentials: Path | None, account: str, as_json: bool) -> None:
    """Print what the roles may do at the servers, and nothing else may.

    With nkeys: a block to include in the configuration of every server. With JWT accounts: --json
    prints the subjects to allow for each role; issue one user for each with exactly these
    (`nsc add user --allow-pub ... --allow-sub ...`), sys in the system account and the others in an
    account of their own with JetStream, and put the .creds files into the credentials folder.

    \b
    Examples:
      forewarn-gateway nats permissions --credentials run/nats > forewarn-accounts.conf
      forewarn-gateway nats permissions --json
    """
    with sentences():
        if as_json:
            click.echo(json.dumps(permissions_table()))
        elif credentials is None:
            raise click.UsageError("name --credentials, or --json for the table without keys")
        else:
            click.echo(permissions(public_keys(credentials), account), nl=False)
