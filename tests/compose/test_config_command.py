"""`forewarn-gateway config`: what is in force, what is a default, and what is not understood."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.command import main
from gateway.compose.config import Config
from gateway.compose.limits import Limits
from gateway.compose.settings import tables_of
from tests.world.live import Live

STATED = """
[listen]
address = "127.0.0.1:0"
public = "gateway.exchange.example:8443"
[tls]
certificate = "../gateway.crt"
key = "../gateway.key"
client_ca = "../ca/ca.pem"
server_ca = "../ca/ca.pem"
[limits]
calls = 17
connections = 4096
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    live = Live.make(tmp_path_factory.mktemp("configured"))
    live.state.mkdir(mode=0o700)
    return live.state


@pytest.fixture
def config(state: Path) -> Path:
    path = state / "gateway.toml"
    path.write_text(STATED)
    return path


def asked(state: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["config", *words, "--state", str(state)])


def test_what_is_in_force_is_shown_with_its_defaults_marked(config: Path) -> None:
    ran = asked(config.parent, "show")

    assert ran.exit_code == 0, ran.output
    assert "calls = 17  # calls, default 4096\n" in ran.stdout
    assert "connections = 4096  # connections, default\n" in ran.stdout
    assert "connection_hours = 12  # hours, default, not in the file\n" in ran.stdout
    # What is shown can be read back as it is.
    assert Config.of(tomllib.loads(ran.stdout), config) == Config.read(config)


def test_programs_read_the_same(config: Path) -> None:
    shown: dict[str, Any] = json.loads(asked(config.parent, "show", "--json").stdout)

    assert shown["version"] == 1
    assert shown["limits"]["calls"] == {
        "value": 17,
        "written": True,
        "default": Limits().calls,
        "is_default": False,
        "unit": "calls",
        "least": 1,
        "most": 1_000_000,
    }
    assert shown["limits"]["connections"]["is_default"] is True
    assert shown["limits"]["watchers"]["written"] is False
    assert shown["tls"]["key"]["value"] == str(config.parent / "../gateway.key")
    assert {table.name: [each.key for each in table.settings] for table in tables_of(Config)} == {
        name: list(keys) for name, keys in shown.items() if name != "version"
    }


def test_a_file_that_is_understood_is_fine(config: Path) -> None:
    ran = asked(config.parent, "check")

    assert (ran.exit_code, ran.stdout) == (0, f"{config} is fine.\n")
    assert json.loads(asked(config.parent, "check", "--json").stdout) == {"ok": str(config)}


@pytest.mark.parametrize(
    ("said", "instead", "sentence"),
    [
        ("calls =", "cals =", "did you mean calls"),
        ("calls = 17", "calls = 0", "a whole number of calls from 1 to 1,000,000"),
        ("gateway.crt", "gateway.key", "holds no certificate in PEM form"),
        ("../gateway.key", "missing.key", "No such file"),
    ],
)
def test_a_file_that_is_not_is_a_sentence(
    config: Path, said: str, instead: str, sentence: str
) -> None:
    config.write_text(STATED.replace(said, instead))
    ran = asked(config.parent, "check")

    assert ran.exit_code == 1
    assert sentence in ran.stderr
    assert ran.stdout == ""


def test_a_folder_without_a_file_is_a_sentence(tmp_path: Path) -> None:
    assert "gateway.toml cannot be read" in asked(tmp_path, "show").stderr
