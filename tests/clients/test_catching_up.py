"""Back after days away: all that came is caught up with, verified, in order, without a gap."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.statement.v1 import directory_pb2
from forewarn_client.cli.progress import CatchingUp
from forewarn_client.home import Home
from tests.world.ledger_builder import Party, keyid, party, seed, signing_key
from tests.world.live import (
    CIVIL,
    HARBOR,
    NATSEC,
    QUAY,
    REGISTRAR,
    REGISTRAR_KEYS,
    Live,
    Statement,
    alert,
    statement,
    suspension,
)
from tests.world.live_homes import did, forewarn, home_of

RUN = "from forewarn_client.cli import main; main()"
SOON = 120.0
EACH = 500
RENAMED = party("frontier-ai", "agency", "notice")


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """An exchange whose directory changes, and that is away for a while itself."""
    live = Live.make(tmp_path_factory.mktemp("away"))
    live.init()
    live.serve()
    live.enrol(CIVIL, NATSEC, HARBOR, QUAY)
    yield live
    if live.process is not None:
        live.kill()


def hand_in(live: Live, who: Party, *statements: Statement) -> list[int]:
    """Hand statements in over a stream; give the indexes, in the ledger's order."""
    requests = [
        pb.SubmitStreamRequest(tag=tag, envelope=each.envelope)
        for tag, each in enumerate(statements)
    ]
    with live.desk(who) as desk:
        answers = list(desk.exchange.SubmitStream(iter(requests)))
    assert all(each.HasField("recorded") for each in answers)
    return sorted(each.recorded.receipt.index for each in answers)


def registered(kind: str, facts: Any, **parts: Any) -> Statement:
    return statement(kind, REGISTRAR, keys=REGISTRAR_KEYS, facts=facts, **parts)


def a_lot_happens(live: Live) -> list[int]:
    """Over a thousand alerts, while their senders change; give their indexes."""
    new = seed("civil-ai, second")
    rotated = replace(CIVIL, key=new)
    came = hand_in(live, CIVIL, *(alert(CIVIL, HARBOR) for _ in range(EACH)))
    facts = directory_pb2.KeyRegistrationFacts(member="civil-ai", key=signing_key(new))
    hand_in(live, REGISTRAR, registered("KEY_REGISTRATION", facts))
    revoked = directory_pb2.KeyRevocationFacts(
        member="civil-ai", key_id=keyid(CIVIL.key), reason=directory_pb2.ENDING_REASON_SUPERSEDED
    )
    hand_in(live, CIVIL, statement("KEY_REVOCATION", rotated, facts=revoked))
    hand_in(live, REGISTRAR, suspension(QUAY))
    came += hand_in(live, NATSEC, alert(NATSEC, HARBOR))
    live.enrol(RENAMED)
    succession = directory_pb2.MemberSuccessionFacts(
        predecessor="natsec-ai", successor=RENAMED.member
    )
    hand_in(live, REGISTRAR, registered("MEMBER_SUCCESSION", succession))
    came += hand_in(live, RENAMED, alert(RENAMED, HARBOR))
    came += hand_in(live, CIVIL, *(alert(rotated, HARBOR) for _ in range(EACH)))
    return came


def lasting(live: Live, home: Home, lifetime: timedelta) -> bytes:
    """Have a certificate issued that lasts for so long from now."""
    return live.authority.issue((home.path / "tls.csr").read_bytes(), lifetime=lifetime)


def until(found: Path, text: str) -> None:
    end = time.monotonic() + SOON
    while text not in found.read_text():
        assert time.monotonic() < end, found.read_text()
        time.sleep(0.05)


def test_a_bank_that_was_away_catches_up_with_all_of_it(away: Live, tmp_path: Path) -> None:
    bank = home_of(away, HARBOR, tmp_path)
    (first,) = hand_in(away, CIVIL, alert(CIVIL, HARBOR))
    assert did(bank, "inbox", "follow", "--limit", 1)[-1]["index"] == first
    before = (bank.state / "checkpoint").read_text().splitlines()[1]

    came = a_lot_happens(away)

    # Its certificate has run out meanwhile; a new one is all that it needs.
    (bank.path / "tls.crt").write_bytes(lasting(away, bank, timedelta(seconds=1)))
    time.sleep(1.5)
    late = forewarn(bank, "inbox", "list")
    assert (late.code, "expired on" in late.err) == (1, True)
    bank.install_certificate(lasting(away, bank, timedelta(days=1)))

    # And the exchange is not there at first.
    away.kill()
    said = tmp_path / "said"
    typed = ["inbox", "follow", "--jsonl", "--limit", str(len(came) + 1)]
    with (
        said.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-c", RUN, "--home", bank.path, *typed],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        until(said, "No answer from")
        away.serve("--listen", away.address)
        assert process.stdout is not None
        records = [json.loads(process.stdout.readline()) for _ in came]
        # Nor is it later on, for a moment.
        away.kill()
        away.serve("--listen", away.address)
        came += hand_in(away, RENAMED, alert(RENAMED, HARBOR))
        records += [json.loads(line) for line in process.stdout]
    assert process.returncode == 0, said.read_text()
    assert [each["index"] for each in records] == came
    assert {each["sender"] for each in records} == {"civil-ai", "natsec-ai", "frontier-ai"}
    keys = [each["signed_by"] for each in records if each["sender"] == "civil-ai"]
    assert keys == [[keyid(CIVIL.key)]] * EACH + [[keyid(seed("civil-ai, second"))]] * EACH
    # One clear line, and one when it was over, for the absence that was long enough to tell.
    told = said.read_text()
    assert told.count(f"No answer from {away.address} yet; trying until") == 1 + (
        told.count(f"{away.address} answers.") - 1
    )
    after = (bank.state / "checkpoint").read_text().splitlines()[1]
    assert int(before) <= came[0] < came[-1] < int(after)
    members = {each["member"]: each for each in did(bank, "directory", "list")}
    assert members["natsec-ai"]["successor"] == "frontier-ai"
    assert not members["quay-bank"]["active"]
    # Nothing is left to catch up with, by either way.
    assert forewarn(bank, "inbox", "follow", "--jsonl", "--idle-timeout", 0.3).out == ""
    listed = did(bank, "inbox", "list", "--limit", 5000)
    assert [each["index"] for each in listed] == [first, *came]


def test_a_person_is_told_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, said = 100.0, list[str]()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("forewarn_client.cli.progress.output.remark", said.append)
    progress = CatchingUp()
    for index in range(0, 11_000, 2):
        now += 0.001
        progress.reached(index, 12_000)
    progress.reached(11_999, 12_000)
    assert said == [
        "Catching up: at entry 3,998 of 12,000, 2,000 of them for you.",
        "Catching up: at entry 7,998 of 12,000, 4,000 of them for you.",
        "Caught up, at entry 11,999.",
    ]
    said.clear()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    CatchingUp().reached(1, 12_000)
    assert said == []
