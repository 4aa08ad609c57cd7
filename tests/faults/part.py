"""A process of a gateway of several, that dies at a step which a file names.

    python -m tests.faults.part NAME

* It is `gateway.compose.part` with a hook around each step. The file is the one that the
  environment names in `FOREWARN_STRIKE`; it holds a strike as in `{"step": "commit", "moment":
  "before"}`.
* Whoever first reaches the step takes the file away, leaves its process id in its place, and is
  killed by SIGKILL: one strike, one death, whichever process it is.
"""

from __future__ import annotations

# The process comes first: it rules out TLS 1.2 before grpc is imported.
from gateway.compose.part import main  # isort: skip

import json
import os
import signal
import sys
from pathlib import Path

from tests.faults.gateway import Point, install

FILE = Path(os.environ["FOREWARN_STRIKE"])


def reach(point: Point | None) -> None:
    """Tell that a point is reached; die if it is the one, and nobody else has."""
    try:
        armed = json.loads(FILE.read_text())
        if point is None or (armed["step"], armed["moment"]) != point:
            return
        FILE.rename(FILE.with_name(f"struck-{os.getpid()}"))
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    install(reach)
    sys.exit(main())
