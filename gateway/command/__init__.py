"""The `forewarn-gateway` command: for whoever runs an exchange.

* `init` begins a ledger, once; `serve` runs the gateway until it is told to stop.
* `status`, `doctor` and `config` look at one, running or stopped, and change nothing; `upgrade` and
  `ledger` look after what it keeps.
* What goes wrong and can be mended is one sentence on standard error, exit status 1.
* Standard output holds results only; log lines go to standard error.

TLS 1.2 is ruled out before grpc is imported: that is why the imports come in two halves.
"""

from __future__ import annotations

import os
import sys

from gateway.edge import tls13

tls13.enforce()
# What grpc itself prints holds no ids and no reasons; everything of use is said here.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
# The gateway starts programs and never goes on in a forked copy of itself. What grpc does around a
# fork breaks its TLS connections: see `gateway.ledger.spawned`.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

try:
    from gateway.command.root import main
except ModuleNotFoundError as missing:
    _package = (missing.name or "").partition(".")[0]
    if _package in {"", "forewarn", "gateway"}:
        raise
    # The command comes with the package; what only a gateway needs is an extra of it.
    sys.exit(f"{_package} is not installed: pip install 'forewarn[gateway]'")

__all__ = ["main"]
