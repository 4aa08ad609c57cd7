"""One gateway at a time on one state folder.

* The lock is a `flock` on `<state>/lock`. The nats-server child inherits the locked descriptor, so
  the folder stays taken until both the gateway and its child have ended, whichever ends first.
* A folder that others may write to is not taken: they could put links, or another ledger, into it.
* The kernel releases it when the last holder ends, however it ends: there is no stale lock to
  remove, and the file itself means nothing.

It does not protect against programs that do not take the lock.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path
from typing import Self

from gateway.core.errors import Fault, Reason

_RETRY_SECONDS = 0.05
_OTHERS_WRITE = 0o022


class StateLock:
    """A held lock on a state folder."""

    def __init__(self, fd: int) -> None:
        """Keep a descriptor that is already locked; use `acquire`."""
        self._fd = fd

    @classmethod
    async def acquire(cls, state_dir: Path, *, within: float = 10.0) -> Self:
        """Lock a state folder, making it (mode 0700) where it does not exist.

        Args:
            state_dir: The folder that holds everything one gateway keeps.
            within: Seconds to wait for a gateway that is just ending.

        Raises:
            Fault: LEDGER_UNAVAILABLE, others may write to the folder, or somebody still holds it.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        fd = _open(state_dir)
        try:
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if loop.time() >= deadline:
                        raise Fault(
                            Reason.LEDGER_UNAVAILABLE,
                            f"another gateway, or its nats-server, still uses {state_dir}: "
                            "stop it and start again",
                        ) from None
                    await asyncio.sleep(_RETRY_SECONDS)
                else:
                    return cls(fd)
        except BaseException:
            os.close(fd)
            raise

    @property
    def fd(self) -> int:
        """The locked descriptor, for a child to inherit."""
        return self._fd

    def release(self) -> None:
        """Give the folder up; a child that inherited the lock keeps it until it ends."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def is_held(state_dir: Path) -> bool:
    """Tell whether a gateway, or its nats-server, uses a state folder.

    Args:
        state_dir: The folder.
    """
    try:
        fd = os.open(state_dir / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Held for a moment only: a gateway that is starting just then tries again.
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _open(state_dir: Path) -> int:
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if state_dir.stat().st_mode & _OTHERS_WRITE:
        raise Fault(Reason.LEDGER_UNAVAILABLE, f"others may write to {state_dir}: chmod it to 700")
    return os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
