"""What the options that stand for every command say: the folder, the form of answers, patience."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

HOME_VARIABLE: Final = "FOREWARN_HOME"
DEFAULT_HOME: Final = "~/.forewarn"


@dataclass(slots=True, kw_only=True)
class Settings:
    """Options that stand for every command; each may also be given after the command's name.

    Attributes:
        home: The member's folder.
        json: Whether to answer in JSON, one object a line.
        patience: Seconds for which to try to reach the exchange; None for the usual.
    """

    home: Path
    json: bool
    patience: float | None


def current(context: click.Context | None = None) -> Settings:
    """Find the settings of the running command; made with defaults where there is none yet."""
    root = (context or click.get_current_context()).find_root()
    if not isinstance(root.obj, Settings):
        root.obj = Settings(home=Path(DEFAULT_HOME).expanduser(), json=False, patience=None)
    return root.obj


def _set_home(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value:
        current(context).home = Path(value).expanduser().absolute()


def _set_json(context: click.Context, _parameter: click.Parameter, value: object) -> None:
    if value:
        current(context).json = True


def _set_patience(context: click.Context, _parameter: click.Parameter, value: float | None) -> None:
    if value is not None:
        current(context).patience = value


def options(*, at_root: bool) -> list[click.Parameter]:
    """Make the options that stand for every command.

    Args:
        at_root: Whether they are the root's, which alone reads the environment.

    Returns:
        New options; they are kept in the settings and pass nothing on.
    """
    return [
        click.Option(
            ["--home"],
            metavar="DIR",
            envvar=HOME_VARIABLE if at_root else None,
            expose_value=False,
            is_eager=True,
            callback=_set_home,
            help=f"The member's folder; else {HOME_VARIABLE}, else {DEFAULT_HOME}.",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_set_json,
            help="Answer in JSON, one object a line.",
        ),
        click.Option(
            ["--patience"],
            metavar="SECONDS",
            type=click.FloatRange(0, min_open=True),
            expose_value=False,
            is_eager=True,
            callback=_set_patience,
            help="How long to try to reach the exchange; else 60, or 3600 for a stream.",
        ),
    ]
