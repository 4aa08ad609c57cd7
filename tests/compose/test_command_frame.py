"""What `forewarn-gateway` says before anything is set up."""

import subprocess
import sys

import click
import pytest

from gateway.command.root import main

WITHOUT = """
import sys
sys.modules["{module}"] = None
from gateway.command import main
main()
"""


@pytest.mark.parametrize("module", ["nats", "uvloop", "aiohttp", "prometheus_client"])
def test_a_package_that_is_not_installed_is_named_with_its_extra(module: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(module=module), "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert said.returncode == 1
    assert said.stderr == f"{module} is not installed: pip install 'forewarn[gateway]'\n"


def without_example(command: click.Command, context: click.Context) -> list[str]:
    """Name every command from here on whose help shows no example."""
    names = [] if "Example" in context.get_help() else [context.command_path]
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            names += without_example(below, click.Context(below, info_name=name, parent=context))
    return names


def test_every_command_has_an_example() -> None:
    assert without_example(main, click.Context(main, info_name="forewarn-gateway")) == []
