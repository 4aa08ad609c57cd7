"""The processes of a running gateway, as Linux shows them."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.world.live import READY_SECONDS, Live

_ESTABLISHED, _LISTEN = "01", "0A"


def children(pid: int) -> dict[str, int]:
    """Give the children of a process by name: `integrator`, `worker-1`, `nats-server`."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            line = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"gateway.compose.part" in line or b"tests.faults.part" in line:
            found[line[-2].decode()] = int(child)
        elif line[0].endswith(b"nats-server"):
            found["nats-server"] = int(child)
    return found


def of(live: Live) -> dict[str, int]:
    """Give the processes of a gateway besides its supervisor."""
    assert live.process is not None
    return children(live.process.pid)


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and was not taken note of does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(") ")[2][0] not in "ZX"


def kill(live: Live, name: str) -> int:
    """Kill one process of a gateway; give the id it had."""
    pid = of(live)[name]
    os.kill(pid, signal.SIGKILL)
    return pid


def back(live: Live, name: str, was: int) -> None:
    """Wait until another process has taken the place of one."""
    eventually(lambda: of(live).get(name, was) != was)


def connections(pid: int, port: int) -> int:
    """Count the connections that a process has at a port of its own."""
    return _sockets(pid, port, _ESTABLISHED)


def listens(pid: int, port: int) -> bool:
    """Tell whether a process listens on a port; one that is gone does not."""
    try:
        return _sockets(pid, port, _LISTEN) > 0
    except OSError:
        return False


def _sockets(pid: int, port: int, state: str) -> int:
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found = re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink()))
        except OSError:
            continue
        if found:
            inodes.add(found[1])
    count = 0
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            local = int(columns[1].rpartition(":")[2], 16)
            count += local == port and columns[3] == state and columns[9] in inodes
    return count


def memory(pid: int) -> bytes:
    """Give all that a process has written into its memory."""
    parts = []
    with Path(f"/proc/{pid}/mem").open("rb", 0) as whole:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            begin, end = (int(each, 16) for each in place.split("-"))
            whole.seek(begin)
            try:
                parts.append(whole.read(end - begin))
            except OSError:
                continue
    return b"\0".join(parts)


def eventually(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + READY_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
