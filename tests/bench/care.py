"""How long it takes to look after the large ledger: `make bench-care`, an hour for a million.

* Each is the command that whoever runs a gateway types: what it takes in seconds, in processor time
  and in memory, on a gateway that does not run.
* The kept ledger is only read. What is restored, and then damaged and repaired, is a copy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.bench.figures import Round
from tests.world.live import GATEWAY, Live

COMMANDS: Final = {
    "scrub": "`ledger scrub --rate 4096`",
    "check": "`ledger check`",
    "backup": "`ledger backup` into an empty folder",
    "backup_more": "`ledger backup` again, with nothing new",
    "restore": "`ledger restore`",
    "repair": "`ledger repair`, the store lost",
}
"""What is measured, in this order."""

_RATE: Final = 4096
_MIB: Final = 1 << 20
_KIB: Final = 1 << 10


def measure(live: Live, folder: Path, say: Callable[[str], None]) -> Round:
    """Scrub, check, back up, restore and repair.

    Args:
        live: The exchange with the large ledger; it does not run.
        folder: An empty folder with room for four times as much.
        say: Told how far it is.
    """
    kept, copied, restored = str(live.state), str(folder / "copied"), folder / "restored"
    scratch = ("--scratch", str(folder))
    found: Round = {"care_bytes": float(_bytes(live.state))}

    def timed(name: str, *words: str) -> None:
        found.update(_timed(name, *words))
        say(f"{name}: {found[f'care_{name}']:,.1f} s")

    timed("scrub", "scrub", "--state", kept, "--rate", str(_RATE))
    timed("check", "check", "--state", kept, *scratch)
    timed("backup", "backup", "--state", kept, "--to", copied)
    timed("backup_more", "backup", "--state", kept, "--to", copied)
    timed("restore", "restore", "--from", copied, "--state", str(restored), "--keys", kept)
    shutil.rmtree(copied)
    for each in restored.glob("ledger.db*"):
        each.unlink()
    timed("repair", "repair", "--state", str(restored), "--yes", *scratch)
    return found


def _timed(name: str, *words: str) -> Round:
    begun = time.perf_counter()
    process = subprocess.Popen([GATEWAY, "ledger", *words], stdout=subprocess.DEVNULL)
    # Children are counted once they were waited for: the nats-server of a check, for one.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    # A restored folder has to be compared before it is served, and every check of it says so.
    if process.returncode and name != "repair":
        raise RuntimeError(f"ledger {words[0]} ended with {process.returncode}")
    return {
        f"care_{name}": time.perf_counter() - begun,
        f"care_{name}_processor": usage.ru_utime + usage.ru_stime,
        f"care_{name}_memory": usage.ru_maxrss * _KIB / _MIB,
    }


def _bytes(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
