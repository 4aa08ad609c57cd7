"""A running exchange for the client's tests that need the real gateway, and folders of members."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.world.live import AURORA, CIVIL, HARBOR, NATSEC, QUAY, Live


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """An exchange with a lab, two agencies and two banks; tests only add to it."""
    made = Live.make(tmp_path_factory.mktemp("live"))
    made.init()
    made.serve()
    made.enrol(AURORA, CIVIL, NATSEC, HARBOR, QUAY)
    yield made
    assert made.stop() == 0
