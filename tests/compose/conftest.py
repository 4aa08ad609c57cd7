"""One running exchange for the tests that only use it, and folders for those that break theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world.left import Clinic, Left
from tests.world.live import AURORA, CIVIL, HARBOR, NATSEC, QUAY, Live


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """An exchange with a lab, two agencies and two banks."""
    live = Live.make(tmp_path_factory.mktemp("exchange"))
    live.init()
    live.serve()
    live.enrol(AURORA, CIVIL, NATSEC, HARBOR, QUAY)
    yield live
    assert live.stop() == 0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Live]:
    """An exchange of the test's own, not begun yet."""
    live = Live.make(tmp_path)
    yield live
    if live.process is not None:
        live.kill()


@pytest.fixture(scope="session")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """What a gateway left behind; never changed, only copied."""
    return Left.make(tmp_path_factory.mktemp("left"))


@pytest.fixture
def clinic(left: Left, tmp_path: Path) -> Clinic:
    return left.copied(tmp_path / "exchange")
