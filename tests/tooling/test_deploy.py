"""The unit and the container recipe promise what the code does: commands, paths, limits, times."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import click
import pytest

from gateway.command import main
from gateway.compose.limits import Limits
from gateway.ledger import nats_server

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "gateway" / "deploy"
UNIT = DEPLOY / "forewarn-gateway.service"
CONTAINERFILE = DEPLOY / "Containerfile"
STATE = "FOREWARN_GATEWAY_STATE"

GIB = 1 << 30


def unit() -> dict[str, dict[str, list[str]]]:
    """Read the unit: section, key, values in their order."""
    sections: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    section = ""
    for line in UNIT.read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            sections[section][key].append(value)
    return sections


def service(key: str) -> str:
    """Give a setting that the service has once."""
    (value,) = unit()["Service"][key]
    return value


def instructions() -> list[tuple[str, str]]:
    """Read the container recipe: instruction and arguments, lines that go on joined."""
    text = "\n".join(
        line for line in CONTAINERFILE.read_text("utf-8").splitlines() if not line.startswith("#")
    )
    joined = text.replace("\\\n", " ")
    return [
        (word, " ".join(rest.split()))
        for line in joined.splitlines()
        if line.strip()
        for word, _, rest in [line.partition(" ")]
    ]


def given(instruction: str) -> list[str]:
    return [arguments for name, arguments in instructions() if name == instruction]


def listed(arguments: str) -> list[str]:
    """Read an argument list in brackets."""
    return re.findall(r'"([^"]*)"', arguments)


def understood(words: list[str]) -> None:
    """Have the command understand a command line; nothing is run."""
    assert words[0].rpartition("/")[2] == "forewarn-gateway"
    command: click.Command = main
    context = click.Context(main)
    rest = words[1:]
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None, name
        command = found
    command.make_context(words[1], rest, auto_envvar_prefix=None)


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def size(text: str) -> float:
    return float(text[:-1]) * {"M": 1 << 20, "G": GIB, "m": 1 << 20, "g": GIB}[text[-1]]


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STATE, "/var/lib/forewarn")


def test_the_unit_starts_what_the_command_knows() -> None:
    for key in ("ExecStartPre", "ExecStart"):
        understood(shlex.split(service(key)))
    assert service("ExecStart").endswith("serve --json")


def test_the_unit_has_one_folder_to_write_to_and_it_is_the_state_folder() -> None:
    assert service("Environment") == f"{STATE}=/var/lib/{service('StateDirectory')}"
    assert service("StateDirectoryMode") == "0700"
    assert service("UMask") == "0077"
    assert service("ProtectSystem") == "strict"
    assert "ReadWritePaths" not in unit()["Service"]


def test_the_unit_is_nobody_and_stays_so() -> None:
    assert service("User") not in {"root", "0", ""}
    assert service("CapabilityBoundingSet") == ""
    assert service("AmbientCapabilities") == ""
    for key in (
        *("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "PrivateMounts", "PrivateUsers"),
        *("ProtectHome", "ProtectClock", "ProtectControlGroups", "ProtectHostname"),
        *("ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables"),
        *("LockPersonality", "MemoryDenyWriteExecute", "RestrictNamespaces", "RestrictRealtime"),
        "RestrictSUIDSGID",
    ):
        assert service(key) == "yes", key
    assert set(service("RestrictAddressFamilies").split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}


def test_the_unit_waits_longer_than_the_gateway_takes_to_stop() -> None:
    # Calls, their last words, the block in hand, then nats-server.
    longest = Limits().stop_seconds + 15 + nats_server._STOP_SECONDS

    assert seconds(service("TimeoutStopSec")) > longest
    assert (service("KillSignal"), service("KillMode")) == ("SIGTERM", "mixed")
    assert service("Restart") == "on-failure"
    assert unit()["Unit"]["StartLimitBurst"] == ["5"]


def test_the_unit_allows_what_the_limits_need() -> None:
    assert int(service("LimitNOFILE")) >= Limits().open_files
    assert size(service("MemoryHigh")) < size(service("MemoryMax"))
    # What waits to be recorded is held in memory, beside some hundred MiB of everything else.
    assert size(service("MemoryHigh")) > 2 * Limits().waiting_bytes + GIB / 2


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text("utf-8")
    # What is installed elsewhere is not here: the program, and the user.
    here = text.replace("/opt/forewarn/bin", str(Path(sys.executable).parent))
    checked = tmp_path / UNIT.name
    checked.write_text(here)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(checked)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # Other units of this machine are not ours to judge.
    about = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert about == []


def test_the_recipe_takes_its_base_by_digest_only() -> None:
    arguments = given("ARG")
    assert set(arguments) == {"PYTHON_IMAGE"}, "a default could be moved to another image"
    assert [each.split()[0] for each in given("FROM")] == ["${PYTHON_IMAGE}"] * 2
    assert any("*@sha256:*)" in each and "exit 1" in each for each in given("RUN"))


def test_the_recipe_installs_nothing_without_its_hash() -> None:
    installing = [
        part
        for run in given("RUN")
        for part in re.split(r"&&|;", run)
        if re.search(r"\bpip\b.*\b(install|wheel)\b", part)
    ]
    assert len(installing) == 5
    for part in installing:
        assert ("--require-hashes" in part) is not ("--no-index" in part), part
        if "--require-hashes" in part:
            assert "--only-binary=:all:" in part
    locks = {name for part in installing for name in re.findall(r"-r (\S+)", part)}
    assert locks == {"requirements.lock", "requirements-dev.lock", "/tools/builder.txt"}


def test_the_recipe_copies_what_there_is() -> None:
    for arguments in given("COPY"):
        if not arguments.startswith("--from"):
            for source in arguments.split()[:-1]:
                assert (ROOT / source).exists(), source


def test_the_recipe_is_nobody_and_writes_to_one_volume() -> None:
    (user,) = given("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    assert [path for each in given("VOLUME") for path in listed(each)] == ["/var/lib/forewarn"]
    assert f"{STATE}=/var/lib/forewarn" in given("ENV")[0]
    assert any(f"chown {user} /var/lib/forewarn" in each for each in given("RUN"))
    # Nothing is changed after the user is.
    names = [name for name, _ in instructions()]
    assert "RUN" not in names[names.index("USER") :]
    assert "--read-only" in CONTAINERFILE.read_text("utf-8")


def test_the_recipe_starts_and_asks_what_the_command_knows() -> None:
    understood([word for name in ("ENTRYPOINT", "CMD") for word in listed(given(name)[0])])
    (health,) = given("HEALTHCHECK")
    asked = listed(health.partition("CMD")[2])[-1]
    # A container is healthy or not: any other status than 0 has to become 1.
    assert asked.endswith("|| exit 1")
    understood(shlex.split(asked.partition(">")[0]))


def test_the_recipe_stops_as_the_unit_does() -> None:
    assert given("STOPSIGNAL") == [service("KillSignal")]
    text = CONTAINERFILE.read_text("utf-8")
    (timeout,) = re.findall(r"--stop-timeout (\d+)", text)
    assert seconds(timeout) == seconds(service("TimeoutStopSec"))
    (files,) = re.findall(r"nofile=(\d+):\d+", text)
    assert files == service("LimitNOFILE")
