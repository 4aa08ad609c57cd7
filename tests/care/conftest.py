"""A stopped exchange with some history, and an older copy of it; each test damages a copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from tests.world.live import AURORA, CIVIL, HARBOR, Live, Statement, notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What an exchange kept when it was stopped.

    Attributes:
        live: The exchange; its own folder stays as it is.
        older: A copy of the folder from an earlier stop.
        said: What was recorded, in order.
        answers: What the exchange answered to it.
    """

    live: Live
    older: Path
    said: tuple[Statement, ...]
    answers: tuple[pb.SubmitResponse, ...]

    def copy(self, folder: Path) -> Live:
        """Make a copy that a test may damage, and serve from."""
        shutil.copytree(self.live.state, folder / "state")
        return Live(folder=folder, authority=self.live.authority)


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """An exchange with a genesis, three members, and two times four notices."""
    live = Live.make(tmp_path_factory.mktemp("past"))
    live.init()
    said = [notice(CIVIL) for _ in range(8)]
    answers: list[pb.SubmitResponse] = []
    older = live.folder / "older"
    for part in (said[:4], said[4:]):
        live.serve()
        if not answers:
            live.enrol(AURORA, CIVIL, HARBOR)
        with live.desk(AURORA) as lab:
            answers += [lab.submit(each) for each in part]
        assert live.stop() == 0
        if not older.exists():
            shutil.copytree(live.state, older)
    yield Past(live=live, older=older, said=tuple(said), answers=tuple(answers))
    assert live.process is None


@pytest.fixture
def copy(past: Past, tmp_path: Path) -> Iterator[Live]:
    """A copy of the stopped exchange."""
    live = past.copy(tmp_path)
    yield live
    if live.process is not None:
        live.kill()
