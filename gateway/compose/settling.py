"""What nats-server makes for `init` has its names on disk before anything else can rest on it.

* nats-server syncs its messages and metadata, and not the folders that it makes.
* Later it makes a new file for every few megabytes of messages. The name of that rests on the file
  system until the next start (see `docs/faults.md`).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.ledger.synced import sync_names
from gateway.ports.blocks import Appended, BlockAppender


class SettledAppender:
    """An appender that does not come back before the files of the stream have their names."""

    def __init__(self, appender: BlockAppender, store_dir: Path | None) -> None:
        """Wrap an appender.

        Args:
            appender: The stream.
            store_dir: What JetStream keeps; None where it is on other hosts.
        """
        self._appender = appender
        self._store_dir = store_dir

    async def append(self, message: bytes) -> Appended:
        """Append one block; see `gateway.ports.blocks.BlockAppender.append`."""
        appended = await self._appender.append(message)
        if self._store_dir is not None:
            await asyncio.to_thread(sync_names, self._store_dir)
        return appended
