"""What all commands share: options, log lines, and sentences for what can be mended."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from gateway.compose import logs
from gateway.compose.state import SetupError
from gateway.core.errors import Fault
from gateway.edge.port import PortError
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


def configure_logs(*, as_json: bool, log: logs.Log | None = None) -> None:
    """Send log lines to standard error, as lines or as JSON, as a configuration says."""
    log = log or logs.Log()
    logs.configure(logs.formatter(log, as_json=as_json), log)


@contextmanager
def sentences(status: int = 1) -> Iterator[None]:
    """Turn what can be mended into one sentence.

    Args:
        status: The exit status.
    """
    try:
        yield
    except (SetupError, TlsError, PortError) as error:
        raise _Sentence(f"{error}.", status) from None
    except Fault as fault:
        raise _Sentence(f"{fault.detail}.", status) from None
    except OSError as error:
        raise _Sentence(f"{error.filename}: {error.strerror}.", status) from None


class _Sentence(click.ClickException):
    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self._status = status

    def show(self, file: IO[str] | None = None) -> None:
        super().show(file)
        # The class has one status for all of its kind; this one has its own.
        sys.exit(self._status)
