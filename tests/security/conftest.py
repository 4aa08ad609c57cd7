"""A folder for an exchange of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world.live import Live


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Live]:
    """An exchange of the test's own, not begun yet."""
    live = Live.make(tmp_path)
    yield live
    if live.process is not None:
        live.kill()
