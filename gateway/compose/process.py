"""What every process of a gateway asks of Python and of the system."""

from __future__ import annotations

import gc
import resource
from contextlib import suppress


def raise_file_limit(wanted: int) -> None:
    """Have as many open files as connections may need; usual limits are for less.

    Args:
        wanted: How many; fewer where the system allows no more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def collect_seldom() -> None:
    """Look for cyclic garbage less often, and never in what was loaded at the start.

    A call leaves next to none behind, and with the usual settings the search takes about a fifth of
    the time of a busy gateway.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
