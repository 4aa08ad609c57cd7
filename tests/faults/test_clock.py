"""A clock an hour wrong, from the start or set while the gateway runs, ahead or back.

* The order of the ledger is that of its entries; `received_time` never runs backwards along it,
  whatever the clock did. Receipts, cursors and answers to what was said before do not depend on it.
* What does depend on it is refused with a reason that says so, and records nothing: what was made
  later than the gateway's present, what has expired, whom a certificate names no longer. The same
  bytes are taken once the clock is right.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, cast

import grpc
import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.exchange.v1 import ledger_pb2
from gateway.core.errors import Reason
from tests.faults.drill import ROOT, Drill, Mortal
from tests.faults.verified import verified
from tests.world.audited import stored
from tests.world.live import (
    AURORA,
    CALL_SECONDS,
    CIVIL,
    HARBOR,
    Desk,
    Live,
    Statement,
    notice,
    refused,
)

HOUR: Final = 3600
FORMS: Final = ("at the start", "while it runs")
EVERY: Final = bool(os.environ.get("EVERY_FAULT"))


@dataclass(slots=True, kw_only=True)
class Wrong(Live):
    """An exchange whose gateway has a clock of its own."""

    @property
    def clock(self) -> Path:
        return self.folder / "clock"

    def start(self, *arguments: str) -> None:
        with (self.folder / "gateway.log").open("a") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.faults.shifted", "serve"),
                    *("--state", str(self.state), "--json", *arguments),
                ],
                cwd=ROOT,
                env={**os.environ, "FOREWARN_CLOCK": str(self.clock)},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def set(self, seconds: float) -> None:
        """Have the clock be wrong by so many seconds."""
        new = self.clock.with_suffix(".new")
        new.write_text(str(seconds))
        new.rename(self.clock)

    def restart(self, seconds: float) -> None:
        """Start anew with such a clock."""
        assert self.stop() == 0
        self.set(seconds)
        self.serve()


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Live:
    """An exchange with three members, stopped; each test goes on from a copy."""
    live = Live.make(tmp_path_factory.mktemp("begun"))
    live.init()
    live.serve()
    live.enrol(AURORA, CIVIL, HARBOR)
    assert live.stop() == 0
    return live


@pytest.fixture
def wrong(begun: Live, tmp_path: Path) -> Iterator[Wrong]:
    shutil.copytree(begun.state, tmp_path / "state")
    live = Wrong(folder=tmp_path, authority=begun.authority)
    live.set(0)
    live.serve()
    yield live
    if live.process is not None:
        live.kill()


def why(lab: Desk, statement: Statement) -> str:
    """Hand in what is refused, and give the reason."""
    with pytest.raises(grpc.RpcError) as caught:
        lab.submit(statement)
    return refused(caught.value).reason


def received(live: Live, drill: Drill) -> list[datetime]:
    """Give the times at which entries were received, in the ledger's order."""
    answers = sorted(drill.answers.values(), key=lambda answer: answer.receipt.index)
    bodies = (ledger_pb2.EntryBody.FromString(answer.entry_body) for answer in answers)
    return [body.received_time.ToDatetime(UTC) for body in bodies]


def runs_on(times: list[datetime]) -> bool:
    return times == sorted(times)


@pytest.mark.parametrize("form", FORMS if EVERY else FORMS[:1])
def test_an_hour_ahead_and_right_again(wrong: Wrong, form: str) -> None:
    drill = Drill(live=cast("Mortal", wrong))

    def turn(seconds: int) -> None:
        wrong.restart(seconds) if form == "at the start" else wrong.set(seconds)

    with wrong.desk(AURORA) as lab:
        assert drill.burst(lab, 2) == []
    turn(HOUR)
    real = datetime.now(UTC)
    soon = notice(CIVIL, expire_time=real + timedelta(seconds=HOUR / 2))
    with wrong.desk(AURORA) as lab, wrong.desk(CIVIL) as agency:
        drill.follower.start(agency)
        # Made in time, for everybody but this gateway; and nothing of it stays.
        assert why(lab, soon) == Reason.STATEMENT_EXPIRED
        assert drill.burst(lab, 2) == []
        drill.follower.end()
    assert received(wrong, drill)[-1] > real + timedelta(seconds=HOUR - 60)
    turn(0)
    with wrong.desk(AURORA) as lab:
        drill.said.append(soon)
        assert drill.submit(lab, [soon]) == []
        assert drill.burst(lab, 2) == []
    times = received(wrong, drill)
    assert len(times) == 7
    assert runs_on(times)
    # Not before what is in the ledger already: the hour is not taken back.
    assert times[-1] >= times[3]
    verified(drill)
    events = stored(wrong)
    assert runs_on([event.event_time.ToDatetime(UTC) for event in events]), [
        (e.event_time.ToJsonString(), e.WhichOneof("event"), e.rpc) for e in events
    ]


@pytest.mark.parametrize("form", FORMS if EVERY else FORMS[1:])
def test_an_hour_back_and_right_again(wrong: Wrong, form: str) -> None:
    drill = Drill(live=cast("Mortal", wrong))

    def turn(seconds: int) -> None:
        wrong.restart(seconds) if form == "at the start" else wrong.set(seconds)

    with wrong.desk(AURORA) as lab:
        assert drill.burst(lab, 2) == []
    turn(-HOUR)
    with wrong.desk(AURORA) as lab, wrong.desk(CIVIL) as agency:
        late = notice(CIVIL)
        assert why(lab, late) == Reason.CREATED_IN_FUTURE
        # What was said before is answered as before, and read and delivered as before.
        assert drill.submit(lab, drill.said) == []
        drill.follower.start(agency)
        # And what a member made an hour ago is taken in, not before what is there.
        early = notice(CIVIL, created_time=datetime.now(UTC) - timedelta(seconds=HOUR))
        drill.said.append(early)
        assert drill.submit(lab, [early]) == []
        drill.follower.end()
    times = received(wrong, drill)
    assert times[-1] == times[-2]
    turn(0)
    with wrong.desk(AURORA) as lab:
        drill.said.append(late)
        assert drill.submit(lab, [late]) == []
    assert runs_on(received(wrong, drill))
    verified(drill)
    events = stored(wrong)
    assert runs_on([event.event_time.ToDatetime(UTC) for event in events]), [
        (e.event_time.ToJsonString(), e.WhichOneof("event"), e.rpc) for e in events
    ]


def test_certificates_end_by_the_gateways_clock(wrong: Wrong) -> None:
    """One that ends within the hour names nobody, on a call and on an open stream."""
    pair = wrong.authority.leaf([CIVIL.system], lifetime=timedelta(seconds=HOUR / 2))
    request = pb.FollowRequest(filter=pb.EntryFilter(box="BOX_RECEIVED"))
    drill = Drill(live=cast("Mortal", wrong))
    with wrong.channel(pair) as channel, wrong.desk(AURORA) as lab, wrong.desk(CIVIL) as agency:
        brief = Desk(channel)
        stream = brief.exchange.Follow(request, timeout=CALL_SECONDS)
        next(stream)
        wrong.set(HOUR)
        assert drill.burst(lab, 1) == []
        with pytest.raises(grpc.RpcError) as ended:
            for _ in stream:
                pass
        assert refused(ended.value).reason == Reason.CERTIFICATE_EXPIRED
        listing = pb.ListEntriesRequest(filter=request.filter)
        with pytest.raises(grpc.RpcError) as caught:
            brief.exchange.ListEntries(listing, timeout=CALL_SECONDS)
        assert refused(caught.value).reason == Reason.CERTIFICATE_EXPIRED
        # A cursor holds no time, and is good under any clock.
        cursor = agency.exchange.ListEntries(listing, timeout=CALL_SECONDS).cursor
        wrong.set(0)
        assert brief.exchange.ListEntries(listing, timeout=CALL_SECONDS).records
        assert drill.burst(lab, 1) == []
        after = pb.ListEntriesRequest(filter=request.filter, cursor=cursor)
        assert len(brief.exchange.ListEntries(after, timeout=CALL_SECONDS).records) == 1
    verified(drill)
