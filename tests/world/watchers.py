"""Witnesses of an exchange's logs: the real command, in a folder of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.world.live import Live

COMMAND = [str(Path(sys.executable).with_name("forewarn")), "witness"]


class Watcher:
    """A witness of both logs: the real command."""

    def __init__(self, folder: Path, number: int, keys: tuple[str, str]) -> None:
        self.name = f"w{number}"
        self.state = folder / self.name
        logs = [word for key in keys for word in ("--log", key)]
        done = subprocess.run(
            [
                *(*COMMAND, "init", "--state", str(self.state), "--name", f"{self.name}.example"),
                *("--keys", "ed25519", "--json", *logs),
            ],
            capture_output=True,
            check=True,
        )
        (self.key,) = json.loads(done.stdout)["verifier_keys"]
        self.url = ""

    @contextmanager
    def serving(self) -> Iterator[None]:
        self._process = process = subprocess.Popen(
            [*COMMAND, "serve", "--state", str(self.state), "--json", "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        with process.stdout:
            self.url = json.loads(process.stdout.readline())["serving"]
            try:
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(30) == 0

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Have it take requests and answer none."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def shown(self) -> dict[str, Any]:
        """What it says that it has cosigned, and what it keeps as evidence against a log."""
        command = [*COMMAND, "show", "--state", str(self.state), "--json"]
        done = subprocess.run(command, capture_output=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def configure(live: Live, watchers: Sequence[Watcher], policy: Path, *, wait: bool) -> None:
    """Have all of these cosign from the next start on, and receipts wait for all of them or none.

    Args:
        live: The exchange.
        watchers: The witnesses, serving.
        policy: The file to write the policy to.
        wait: Whether receipts wait.
    """
    names = " ".join(each.name for each in watchers)
    lines = [f"witness {each.name} {each.key} {each.url}" for each in watchers]
    policy.write_text("\n".join([*lines, f"group g all {names}", "quorum g\n"]))
    config = live.state / "gateway.toml"
    before, table, after = config.read_text().partition("[witnesses]")
    after = after.replace('policy = ""', f'policy = "{policy}"', 1)
    for said in ("true", "false"):
        now = f"receipts_wait = {str(wait).lower()}"
        after = after.replace(f"receipts_wait = {said}", now, 1)
    after = after.replace("answer_seconds = 5.0", "answer_seconds = 1")
    config.write_text(before + table + after)
