"""A gateway whose clock somebody else sets: `python -m tests.faults.shifted serve --state FOLDER`.

* It is `forewarn-gateway` whose present is read from a file: by how many seconds it is wrong. The
  environment names the file in `FOREWARN_CLOCK`, and it may change at any time.
* It shifts what the gateway judges and records by. What gRPC and nats-server measure is theirs.
"""

from __future__ import annotations

# The command comes first: it rules out TLS 1.2 before grpc is imported.
from gateway.command import main  # isort: skip

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.compose import working

FILE = Path(os.environ["FOREWARN_CLOCK"])


def now() -> datetime:
    """Give the present as this gateway sees it."""
    return datetime.now(UTC) + timedelta(seconds=float(FILE.read_text()))


if __name__ == "__main__":
    vars(working)["_now"] = now
    main()
