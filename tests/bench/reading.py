"""The whole log hashed again by the client's command, over HTTPS and from a copy.

The copy is made by the first reader that a stranger could be, and the second reads it without a
network: what is left then is hashing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from forewarn_client.join import JoinFile
from forewarn_client.published.tiles import HEIGHT, Tile, tile_for
from tests.bench.figures import Round
from tests.world.live import Live
from tests.world.stranger import Stranger

_FOREWARN: Final = Path(sys.executable).with_name("forewarn")
_SECONDS: Final = 600.0


def read(live: Live, folder: Path) -> Round:
    """Read the ledger of a running gateway.

    Args:
        live: The exchange, its logs published.
        folder: An empty folder, for what is kept.

    Returns:
        Leaves per second: over HTTPS, and from a copy.
    """
    key = JoinFile.load(live.state / "exchange.toml").exchange.log_key
    url = f"https://{live.log_address}/ledger"
    ca = live.folder / "ca" / "ca.pem"
    over = _verify(folder / "over", url, "--log-key", key, "--ca", str(ca))
    copied = _copied(live, folder / "copy", key)
    local = _verify(folder / "local", str(copied), "--log-key", key)
    return {"log_verify": over, "log_verify_copy": local}


def _verify(home: Path, *words: str) -> float:
    done = subprocess.run(
        [_FOREWARN, "--home", home, "log", "verify", *words, "--json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=_SECONDS,
    )
    return float(json.loads(done.stdout)["leaves_per_second"])


def _copied(live: Live, folder: Path, key: str) -> Path:
    """Copy the log, resource by resource, under the names that it has."""
    stranger = Stranger(live.log_address, "/ledger", live.authority.bundle, key)

    def keep(path: str, content: bytes) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)

    note, size, _ = stranger.checkpoint()
    keep("checkpoint", note)
    level = 0
    while size >> HEIGHT * level:
        for number in range(-(-(size >> HEIGHT * level) // 256)):
            tile = tile_for(level, number, size)
            keep(tile.path, stranger.fetch(tile.path))
            if not level:
                bundle = Tile(level=None, number=number, width=tile.width)
                keep(bundle.path, stranger.fetch(bundle.path))
        level += 1
    stranger.close()
    return folder
