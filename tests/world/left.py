"""What a gateway has left behind: a folder to examine, to damage, to upgrade."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from certs.authority import SERVER_AUTH, Authority
from certs.files import write_pair
from gateway.compose.doctor.examination import examine
from gateway.compose.doctor.finding import Finding
from gateway.compose.doctor.patient import Disk, Machine, Patient
from gateway.compose.state import StateFolder
from tests.world.live import AURORA, CIVIL, Live, notice

NAMES = {"dns": ["localhost"], "ips": ["127.0.0.1"]}
SENT = 30


class Well(Machine):
    """A machine on which all is well, whatever this one is like."""

    def disk(self, path: Path) -> Disk:
        return Disk(free=1 << 40, total=1 << 41)

    def file_system(self, path: Path) -> str | None:
        return "ext4"

    def clock_synchronised(self) -> bool | None:
        return True

    def open_files(self, pid: int | None) -> int | None:
        return 1 << 20


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a gateway left behind, twice: after `init`, and after it had served."""

    live: Live
    young: Path

    @classmethod
    def make(cls, folder: Path) -> Left:
        live = Live.make(folder)
        live.init()
        young = live.folder / "young"
        shutil.copytree(live.state, young)
        live.serve()
        live.enrol(AURORA, CIVIL)
        with live.desk(AURORA) as lab:
            for _ in range(SENT):
                lab.submit(notice(CIVIL))
        assert live.stop() == 0
        return cls(live=live, young=young)

    def copied(self, folder: Path) -> Clinic:
        """Copy it, so that it can be changed."""
        shutil.copytree(self.live.folder, folder)
        made = Clinic(folder=folder, authority=self.live.authority)
        made.say(str(self.live.folder), str(folder))
        return made


@dataclass(frozen=True, kw_only=True)
class Clinic:
    """A copy of it, to be damaged."""

    folder: Path
    authority: Authority

    @property
    def state(self) -> StateFolder:
        return StateFolder(root=self.folder / "state")

    def certify(self, **parts: object) -> None:
        """Put another certificate in place."""
        stated = {"uris": [], **NAMES, "usages": [SERVER_AUTH], **parts}
        pair = self.authority.leaf(**stated)  # type: ignore[arg-type] # each of its own type
        for name in ("gateway.crt", "gateway.key"):
            (self.folder / name).unlink()
        write_pair(self.folder / "gateway.crt", self.folder / "gateway.key", pair)

    def say(self, said: str, instead: str) -> None:
        """Change the configuration."""
        text = self.state.config.read_text()
        assert said in text
        self.state.config.write_text(text.replace(said, instead))

    def examine(
        self, machine: Machine | None = None, now: datetime | None = None
    ) -> Sequence[Finding]:
        return examine(Patient.of(self.state, now or datetime.now(UTC), machine or Well()))

    def complaints(
        self, machine: Machine | None = None, now: datetime | None = None
    ) -> dict[str, str]:
        """Give what is not well: level and words, by check."""
        return {
            each.check: f"{each.level.name} {each.what} -> {each.remedy}"
            for each in self.examine(machine, now)
            if each.level
        }
