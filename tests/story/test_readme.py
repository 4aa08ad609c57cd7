"""The README's commands, typed one after the other into an exchange such as `make up` leaves."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.story import documents
from tests.story.processes import BIN

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60.0
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
CASE = re.compile(r"^([0-9a-f]{12})  ", re.MULTILINE)
OLD_KEY = re.compile(r"older +([0-9a-f]{64})")
ENDLESS = ("inbox follow", " &")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A command of the README, and what stands under it."""

    command: str
    shown: str

    def is_met_by(self, output: str) -> bool:
        """Tell whether an output holds all that is shown, in that order."""
        output, position = " ".join(output.split()), 0
        for part in self.shown.split("..."):
            found = output.find(" ".join(part.split()), position)
            if found < 0:
                return False
            position = found + len(" ".join(part.split()))
        return True


def commands(text: str) -> list[Typed]:
    """Read the commands of a page, in order."""
    typed = []
    for block in BLOCK.findall(text):
        assert block.startswith("$ ")
        for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = piece.replace("\\\n", " ").partition("\n")
            typed.append(Typed(command=command, shown=shown))
    return typed


@contextmanager
def running(command: list[str], folder: Path, out: Path, env: dict[str, str]) -> Iterator[Path]:
    """Run a command that does not end by itself, and stop it and its children afterwards."""
    with out.open("wb") as target:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=target,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield out
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until(typed: Typed, out: Path) -> None:
    """Wait until an output holds what is shown."""
    end = time.monotonic() + SECONDS
    while not typed.is_met_by(out.read_text("utf-8")):
        assert time.monotonic() < end, f"$ {typed.command}\n{out.read_text('utf-8')}"
        time.sleep(0.05)


def test_the_commands_of_the_readme_do_what_it_shows(tmp_path: Path) -> None:
    time.sleep(documents.before_midnight(datetime.now(UTC), timedelta(minutes=2)))
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    env |= {"LC_ALL": "C.UTF-8", "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
    up = [sys.executable, "-m", "tests.story", "up", "--folder", str(tmp_path / "run")]
    serving = Typed(command="make up", shown="The gateway serves on ... Ctrl-C stops it.")
    with ExitStack() as open_terminals:
        log = open_terminals.enter_context(running(up, tmp_path, tmp_path / "up.log", env))
        until(serving, log)
        endless: list[tuple[Typed, Path]] = []
        for number, typed in enumerate(commands((ROOT / "README.md").read_text("utf-8"))):
            if setting := re.fullmatch(r"export (\w+)=(\S+)", typed.command):
                env[setting[1]] = setting[2]
                continue
            if any(sign in typed.command for sign in ENDLESS):
                line = ["sh", "-c", f"exec {typed.command.removesuffix('&')}"]
                out = tmp_path / f"{number}.out"
                open_terminals.enter_context(running(line, tmp_path, out, env))
                endless.append((typed, out))
                continue
            done = subprocess.run(
                ["sh", "-c", typed.command],
                cwd=tmp_path,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            assert done.returncode == 0, f"$ {typed.command}\n{done.stdout}"
            assert typed.is_met_by(done.stdout), f"$ {typed.command}\n{done.stdout}"
            if " case list" in typed.command:
                env["CASE"] = CASE.findall(done.stdout)[-1]
            if " directory new-key" in typed.command:
                env["OLD_KEY"] = OLD_KEY.findall(done.stdout)[-1]
        for typed, out in endless:
            until(typed, out)


def test_what_is_shown_has_to_come_in_that_order() -> None:
    typed = Typed(command="x", shown="one ... two\n...\n  three")

    assert typed.is_met_by("one and two,\n\n three")
    assert not typed.is_met_by("two, one, three")
    assert not typed.is_met_by("one two")


def test_every_user_of_the_exchange_has_commands() -> None:
    typed = [item.command for item in commands((ROOT / "README.md").read_text("utf-8"))]

    assert len(typed) >= 25
    for user in ("aurora", "civil-ai", "harbor-bank", "registrar", "forewarn-gateway serve"):
        assert any(user in command for command in typed), user
