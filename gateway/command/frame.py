"""What all commands share: options, log lines, and sentences for what can be mended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gateway.compose import logs
from gateway.compose.state import SetupError
from gateway.core.errors import Fault
from gateway.edge.server import PortError
from gateway.edge.tls import TlsError

state_option = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    envvar="FOREWARN_GATEWAY_STATE",
    show_envvar=True,
    help="The folder that holds everything this gateway keeps.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, and log JSON lines."
)


def configure_logs(*, as_json: bool) -> None:
    """Send log lines to standard error, as lines or as JSON."""
    logs.configure(logs.JsonLines() if as_json else logs.Lines())


@contextmanager
def sentences() -> Iterator[None]:
    """Turn what can be mended into one sentence, exit status 1."""
    try:
        yield
    except (SetupError, TlsError, PortError) as error:
        raise click.ClickException(f"{error}.") from None
    except Fault as fault:
        raise click.ClickException(f"{fault.detail}.") from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}.") from None
