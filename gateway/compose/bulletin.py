"""Bulletins: each process of a gateway says every second how it is, in a file of the state folder.

* One file a process, `run/status/<name>.json`, replaced as a whole and taken away at the end. One
  that was left behind by a process that was killed is told by its process id.
* It is for `forewarn-gateway status`, and for whoever looks after a process that hangs: the file
  then says how it was, and since when it has said nothing.
* Ids, sizes and reasons only. Nothing rests on it, so it is not synced.

It judges nothing: `status` does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gateway.compose.state import StateFolder

_log: Final = logging.getLogger(__name__)

VERSION: Final = 1
EVERY_SECONDS: Final = 1.0

Gather = Callable[[], Awaitable[Mapping[str, Any]]]
"""Gives what a process says of itself, as JSON holds it."""


def folder_of(state: StateFolder) -> Path:
    """Name the folder of bulletins."""
    return state.root / "run" / "status"


@asynccontextmanager
async def bulletins(
    state: StateFolder, name: str, gather: Gather
) -> AsyncGenerator[asyncio.Task[None], None]:
    """Say how this process is, until left.

    Args:
        state: The state folder.
        name: The process's name, as in `worker-1`.
        gather: Gives what it says.

    Yields:
        What has to run for ever.
    """
    path = folder_of(state) / f"{name}.json"
    begun = _time()
    running = asyncio.create_task(_run(path, name, begun, gather))
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.wait([running])
        with suppress(OSError):
            path.unlink(missing_ok=True)


async def _run(path: Path, name: str, begun: str, gather: Gather) -> None:
    failing = False
    while True:
        said = {
            "version": VERSION,
            "name": name,
            "pid": os.getpid(),
            "started_time": begun,
            **await gather(),
            "written_time": _time(),
        }
        try:
            _write(path, json.dumps(said))
        except OSError as error:
            if not failing:
                _log.warning(
                    "the bulletin cannot be written: %s",
                    error.strerror,
                    extra={"event": "bulletin_unwritten"},
                )
            failing = True
        else:
            failing = False
        await asyncio.sleep(EVERY_SECONDS)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(text, "utf-8")
    new.replace(path)


def _time() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
