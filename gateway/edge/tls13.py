"""TLS 1.3 only: said through the environment, before grpc is imported.

* gRPC accepts TLS 1.2 by default and has no setting against it. A list of 1.2 suites that holds
  only one which no certificate can use leaves nothing to agree on below 1.3; the suites of 1.3 are
  not affected by it. Naming one of those instead would break the port.
* grpc reads the variable when it is imported: `enforce` comes first in the process, `check` before
  anything listens.

The module imports nothing but the standard library, so that it can come first.
"""

from __future__ import annotations

import os
import sys
from typing import Final

VARIABLE: Final = "GRPC_SSL_CIPHER_SUITES"
SUITES: Final = "ECDHE-PSK-CHACHA20-POLY1305"


def enforce() -> None:
    """Set the variable for this process; too late, it sets nothing, and `check` will tell."""
    if "grpc" not in sys.modules:
        os.environ[VARIABLE] = SUITES


def check() -> None:
    """Refuse to go on where TLS 1.2 is not ruled out.

    Raises:
        RuntimeError: It is not.
    """
    if os.environ.get(VARIABLE) != SUITES:
        raise RuntimeError(f"{VARIABLE} must be {SUITES} before grpc is imported")
