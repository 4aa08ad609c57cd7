"""How long generated tests look: seconds in `make test`, as long as one likes in `make fuzz`."""

from __future__ import annotations

import os
from typing import Final

_SCALE: Final = int(os.environ.get("FUZZ_SCALE", "1"))


def examples(number: int) -> int:
    """Give the number of examples to try, where so many are tried in `make test`."""
    return number * _SCALE
