"""The shape of every command: `-h`, `--home`, `--json` and `--patience` work after it, too."""

from collections.abc import Callable
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final

import click

from forewarn_client.cli import settings

FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
"""The type of a file that has to be there."""

_SETTINGS = {"help_option_names": ["-h", "--help"]}


class Command(click.Command):
    """A command that also takes the options that stand for every command."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:  # noqa: ANN401 - click's own
        """Add the options after the command's own."""
        attributes["params"] = [*(attributes.get("params") or []), *settings.options(at_root=False)]
        attributes["context_settings"] = {**_SETTINGS, **(attributes.get("context_settings") or {})}
        super().__init__(*arguments, **attributes)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command

    def __init__(self, *arguments: Any, **attributes: Any) -> None:  # noqa: ANN401 - click's own
        """Add the options after the group's own, and say where examples are."""
        attributes.setdefault("epilog", "Each command's --help has examples.")
        attributes["params"] = [*(attributes.get("params") or []), *settings.options(at_root=False)]
        attributes["context_settings"] = {**_SETTINGS, **(attributes.get("context_settings") or {})}
        super().__init__(*arguments, **attributes)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """List the commands in the order in which they were added."""
        return list(self.commands)


def example(*lines: str) -> str:
    """Write the examples at the end of a command's help; click keeps their line breaks."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def command(*, name: str | None = None, examples: tuple[str, ...] = ()) -> Callable[..., Command]:
    """Make a command of a function, with examples after its docstring.

    Args:
        name: Name of the command; the function's where None.
        examples: Lines as they are typed.

    Returns:
        A decorator.
    """

    def decorate(function: Callable[..., Any]) -> Command:
        made = click.command(name=name, cls=Command)(function)
        with_examples(made, examples)
        return made

    return decorate


def with_examples(made: click.Command, examples: tuple[str, ...]) -> None:
    """Put examples after a command's help."""
    if examples:
        made.help = f"{cleandoc(made.help or '')}\n\n{example(*examples)}"
