"""The command's own page, and what stands on it."""

# ruff: noqa: D301 - \b is for click

from __future__ import annotations

import click

from gateway.command.configuring import config
from gateway.command.examining import doctor
from gateway.command.leasing import lease
from gateway.command.ledger import ledger
from gateway.command.running import init, serve
from gateway.command.servers import nats
from gateway.command.telling import status
from gateway.command.upgrading import upgrade


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="forewarn", prog_name="forewarn-gateway")
def main() -> None:
    """Run a Forewarn exchange: a gateway with its own ledger and nats-server.

    \b
    Examples:
      forewarn-gateway init --state run/gateway --genesis genesis.dsse \\
          --listen 127.0.0.1:8443 --tls-cert gateway.crt --tls-key gateway.key --client-ca ca.pem
      forewarn-gateway serve --state run/gateway
      forewarn-gateway status --state run/gateway
      forewarn-gateway doctor --state run/gateway
      forewarn-gateway ledger check --state run/gateway
    """


for _command in (init, serve, status, doctor, config, upgrade, ledger, nats, lease):
    main.add_command(_command)
