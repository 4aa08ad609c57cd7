"""An exchange whose disk is watched: power can go, or room, or what it asks can fail."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Final, cast

from tests.faults.calls import Calls
from tests.faults.drill import ROOT, Drill, Mortal
from tests.faults.shadow import WATCHING, Lost, Shadow
from tests.world.live import GATEWAY, Live

STATE: Final = PurePath("state")


def everything(_: PurePath) -> bool:
    """One disk holds all."""
    return True


def jetstream(path: PurePath) -> bool:
    """JetStream has a disk of its own."""
    return path.is_relative_to(STATE / "jetstream")


def store(path: PurePath) -> bool:
    """Both stores have a disk of their own."""
    return path.parent == STATE and path.name.startswith(("ledger.db", "audit.db"))


PARTS: Final[dict[str, Lost]] = {"jetstream": jetstream, "store": store, "both": everything}


@dataclass(slots=True, kw_only=True)
class Watched(Live):
    """An exchange whose gateway and nats-server are watched in what they ask of the kernel.

    Attributes:
        program: What is run as `forewarn-gateway`.
        calls: Answers what it asks.
    """

    program: tuple[str | Path, ...] = (GATEWAY,)
    calls: Calls = field(init=False)

    @property
    def disk(self) -> Path:
        """The folder that is watched; the state is in it, and nothing else."""
        return self.folder / "disk"

    @property
    def state(self) -> Path:
        return self.disk / STATE

    def begin(self) -> None:
        """Run `init`."""
        done = self.calls.start(
            [*self.program, *self.init_command, "--json"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        _, words = done.communicate(timeout=60)
        assert done.returncode == 0, words

    def start(self, *arguments: str) -> None:
        with (self.folder / "gateway.log").open("a") as log:
            self.process = self.calls.start(
                [*self.program, "serve", "--state", self.state, "--json", *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def off(self) -> None:
        """Kill the gateway, if it runs, and wait for its nats-server."""
        if self.process is not None:
            self.kill()
        self.calls.close()


@dataclass(slots=True, kw_only=True)
class Recorded(Watched):
    """An exchange of which every sync is taken down.

    What its nats-server still writes when it is off is in no moment that was taken before.
    """

    shadow: Shadow = field(init=False)

    def record(self) -> None:
        """Take down every sync from now on; nothing may run yet."""
        self.disk.mkdir(exist_ok=True)
        self.shadow = Shadow(self.disk)
        self.calls = Calls(WATCHING, self.shadow.answer)

    def off(self) -> None:
        # A dataclass with slots is made twice: `super()` would name the first.
        Watched.off(self)
        self.shadow.close()


def drill_of(live: Live, **kept: Any) -> Drill:
    """Make a drill of an exchange that nobody will strike."""
    return Drill(live=cast("Mortal", live), **kept)
