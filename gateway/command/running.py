"""`init` and `serve`: begin a ledger, run its gateway."""

# ruff: noqa: D301 - \b is for click

from __future__ import annotations

import asyncio
import json
import secrets
import signal
from collections.abc import Coroutine
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
import uvloop

from gateway.admission.genesis import Genesis, open_genesis
from gateway.command.frame import configure_logs, json_option, sentences, state_option
from gateway.compose.address import Address
from gateway.compose.config import MOST_WORKERS, Config, Listen, Tls
from gateway.compose.init import initialise
from gateway.compose.joining import join, read_pins
from gateway.compose.limits import Limits
from gateway.compose.nats import Nats
from gateway.compose.process import collect_seldom, raise_file_limit
from gateway.compose.serve import serve as serve_until
from gateway.compose.state import Inception, SetupError, StateFolder
from gateway.core.errors import Refusal

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@state_option
@click.option(
    "--genesis",
    type=_FILE,
    help="The registrar's signed genesis statement: a serialized DSSE envelope.",
)
@click.option(
    "--join",
    "join_",
    type=_FILE,
    help="Instead: exchange.toml of an exchange that was begun elsewhere, to make another node.",
)
@click.option("--listen", help="Where to listen, as in 127.0.0.1:8443; port 0 takes a free one.")
@click.option("--public", help="Under which address members reach it; as --listen unless given.")
@click.option("--tls-cert", type=_FILE, help="The gateway's certificate chain, PEM.")
@click.option("--tls-key", type=_FILE, help="Its key, PEM, mode 0600.")
@click.option("--client-ca", type=_FILE, help="Authorities of the callers' certificates, PEM.")
@click.option(
    "--server-ca", type=_FILE, help="Authorities of its own; as --client-ca unless given."
)
@click.option(
    "--nats-url", multiple=True, help="NATS servers that somebody else runs: tls://host:port, each."
)
@click.option("--nats-ca", type=_FILE, help="Authorities of their certificates, PEM.")
@click.option(
    "--nats-credentials", type=_FOLDER, help="The folder with a secret for each role at NATS."
)
@click.option("--nats-replicas", type=int, help="How many servers hold each block; 3 by default.")
@json_option
def init(  # noqa: PLR0913 - one parameter for each option
    *,
    state: Path,
    genesis: Path | None,
    join_: Path | None,
    listen: str | None,
    public: str | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    client_ca: Path | None,
    server_ca: Path | None,
    nats_url: tuple[str, ...],
    nats_ca: Path | None,
    nats_credentials: Path | None,
    nats_replicas: int | None,
    as_json: bool,
) -> None:
    """Begin a ledger with a genesis statement, or join one. Safe to run again.

    Writes gateway.toml (how to serve; yours to edit) and exchange.toml (what members pin to join).
    Run again, it checks what is there, finishes what was interrupted, and writes exchange.toml anew
    from gateway.toml; the options are then not needed.

    Without --nats-url the gateway runs its own nats-server. With it, several nodes can serve one
    exchange: the first begins it, every other one joins it with the first one's exchange.toml.

    \b
    Examples:
      forewarn-gateway init --state run/gateway --genesis genesis.dsse \\
          --listen 127.0.0.1:8443 --tls-cert gateway.crt --tls-key gateway.key --client-ca ca.pem
      forewarn-gateway init --state run/node-b --join exchange.toml --listen 10.0.0.2:8443 \\
          --tls-cert b.crt --tls-key b.key --client-ca ca.pem --nats-url tls://n1:4222 \\
          --nats-url tls://n2:4222 --nats-ca nats-ca.pem --nats-credentials run/nats
    """
    folder = StateFolder(root=state.absolute())
    with sentences():
        configure_logs(as_json=as_json)
        if (genesis is None) is (join_ is None):
            raise click.UsageError("name --genesis to begin a ledger, or --join to join one")
        options = {
            "--listen": listen,
            "--public": public,
            "--tls-cert": tls_cert,
            "--tls-key": tls_key,
            "--client-ca": client_ca,
            "--server-ca": server_ca,
            "--nats-url": nats_url or None,
            "--nats-ca": nats_ca,
            "--nats-credentials": nats_credentials,
            "--nats-replicas": nats_replicas,
        }
        begun = uvloop.run(_begin(folder, genesis, join_, options))
    _report(folder, begun, as_json=as_json)


def _begin(
    folder: StateFolder, genesis: Path | None, pins: Path | None, options: dict[str, Any]
) -> Coroutine[Any, Any, Inception]:
    """Read what is named before anything is made; give what makes it."""
    now, salt = datetime.now(UTC), partial(secrets.token_bytes, 32)
    if pins is not None:
        read = read_pins(pins)
        config = _configure(folder, options)
        return join(folder, pins=read, config=config, now=now, salt=salt)
    assert genesis is not None  # noqa: S101 - one of the two
    opened = _open_genesis(genesis)
    config = _configure(folder, options)
    return initialise(folder, genesis=opened, config=config, now=now, salt=salt)


@click.command()
@state_option
@click.option("--listen", help="Listen here instead of where gateway.toml says; port 0: any.")
@click.option(
    "--workers",
    type=click.IntRange(0, MOST_WORKERS),
    help="So many worker processes beside one integrator, instead of what gateway.toml says; "
    "0: one process that does everything.",
)
@json_option
def serve(*, state: Path, listen: str | None, workers: int | None, as_json: bool) -> None:
    """Run the gateway until SIGTERM or Ctrl-C.

    Prints one line once it serves, and keeps the address in <state>/run/listen while it runs.

    \b
    Examples:
      forewarn-gateway serve --state run/gateway
      forewarn-gateway serve --state run/gateway --listen 127.0.0.1:0 --json
      forewarn-gateway serve --state run/gateway --workers 4
    """

    def ready(bound: str) -> None:
        click.echo(json.dumps({"serving": bound}) if as_json else f"serving on {bound}")

    async def until_signal() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await serve_until(
            folder, listen=address, workers=workers, json_logs=as_json, stop=stop, ready=ready
        )

    folder = StateFolder(root=state.absolute())
    with sentences():
        # Without a configuration, `serve` says what is missing.
        said = Config.read(folder.config) if folder.config.exists() else None
        configure_logs(as_json=as_json, log=said.log if said else None)
        raise_file_limit((said.limits if said else Limits()).open_files)
        address = Address.parse(listen) if listen else None
        collect_seldom()
        uvloop.run(until_signal())


def _open_genesis(path: Path) -> Genesis:
    try:
        return open_genesis(path.read_bytes())
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}") from None
    except Refusal as refusal:
        raise SetupError(
            f"{path} is not a genesis statement to begin with: {refusal.detail} ({refusal.reason})"
        ) from None


def _configure(folder: StateFolder, options: dict[str, Any]) -> Config:
    """Take the configuration from the options, or the one that is there and agrees with them."""
    given = {name: value for name, value in options.items() if value is not None}
    if folder.config.exists():
        config = Config.read(folder.config)
        for name, value in given.items():
            if _normal(value) != str(_stated(config)[name]):
                raise SetupError(f"{folder.config} says otherwise than {name}: edit it there")
        return config
    for name in ("--listen", "--tls-cert", "--tls-key", "--client-ca"):
        if name not in given:
            raise SetupError(f"{name} is missing")
    listen = Address.parse(given["--listen"])
    client_ca = given["--client-ca"].absolute()
    return Config(
        listen=Listen(address=listen, public=Address.parse(given.get("--public", str(listen)))),
        tls=Tls(
            certificate=given["--tls-cert"].absolute(),
            key=given["--tls-key"].absolute(),
            client_ca=client_ca,
            server_ca=given.get("--server-ca", client_ca).absolute(),
        ),
        nats=_nats(given),
    )


def _nats(given: dict[str, Any]) -> Nats:
    paths = {
        key: given[option].absolute()
        for key, option in (("ca", "--nats-ca"), ("credentials", "--nats-credentials"))
        if option in given
    }
    if "--nats-replicas" in given:
        paths["replicas"] = given["--nats-replicas"]
    try:
        return Nats(urls=given.get("--nats-url", ()), **paths)
    except ValueError as error:
        raise SetupError(f"the options for NATS do not fit: {error}") from None


def _stated(config: Config) -> dict[str, object]:
    return {
        "--listen": config.listen.address,
        "--public": config.listen.public,
        "--tls-cert": config.tls.certificate,
        "--tls-key": config.tls.key,
        "--client-ca": config.tls.client_ca,
        "--server-ca": config.tls.server_ca,
        "--nats-url": config.nats.urls,
        "--nats-ca": config.nats.ca,
        "--nats-credentials": config.nats.credentials,
        "--nats-replicas": config.nats.replicas,
    }


def _normal(value: object) -> str:
    return str(value.absolute() if isinstance(value, Path) else value)


def _report(folder: StateFolder, begun: Inception, *, as_json: bool) -> None:
    if as_json:
        click.echo(
            json.dumps(
                {
                    "origin": begun.origin,
                    "trust_domain": begun.trust_domain,
                    "genesis_digest": begun.genesis_digest,
                    "log_key": begun.log_key,
                    "audit_log_key": begun.audit_log_key,
                    "config": str(folder.config),
                    "join_file": str(folder.join),
                }
            )
        )
        return
    click.echo(f"The ledger {begun.origin} has begun.")
    click.echo(f"  genesis digest  {begun.genesis_digest}")
    click.echo(f"  log key         {begun.log_key}")
    click.echo(f"  audit log key   {begun.audit_log_key}")
    click.echo(f"  for members     {folder.join}")
    click.echo(f"  configuration   {folder.config}")
    click.echo(f"Start it: forewarn-gateway serve --state {folder.root}")
