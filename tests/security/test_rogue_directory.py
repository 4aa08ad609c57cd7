"""Somebody records directory statements that do not fit: nobody is stopped, everybody sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from forewarn.statement.v1 import directory_pb2
from tests.care import rogue
from tests.world.ledger_builder import Party
from tests.world.live import (
    AURORA,
    CIVIL,
    HARBOR,
    QUAY,
    REGISTRAR,
    REGISTRAR_KEYS,
    Live,
    Statement,
    alert,
    enrolment,
    refused,
    run,
    statement,
    suspension,
)
from tests.world.live_homes import did, forewarn, home_of


def reinstatement(who: Party) -> Statement:
    facts = directory_pb2.MemberReinstatementFacts(member=who.member)
    return statement("MEMBER_REINSTATEMENT", REGISTRAR, keys=REGISTRAR_KEYS, facts=facts)


def too_few_keys() -> Statement:
    facts = directory_pb2.MemberSuspensionFacts(
        member=AURORA.member, reason=directory_pb2.ENDING_REASON_OTHER
    )
    return statement("MEMBER_SUSPENSION", REGISTRAR, keys=REGISTRAR_KEYS[:1], facts=facts)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    live = Live.make(tmp_path)
    live.init()
    live.serve()
    live.enrol(AURORA, CIVIL, HARBOR)
    yield live
    if live.process is not None:
        live.kill()


def test_what_does_not_fit_is_told_by_all_and_stops_nobody(live: Live, tmp_path: Path) -> None:
    lifted = reinstatement(HARBOR)
    with live.desk(REGISTRAR) as registrar:
        for said in (suspension(HARBOR), lifted, suspension(HARBOR)):
            registrar.submit(said)
    (tmp_path / "before").mkdir()
    lab = home_of(live, AURORA, tmp_path / "before")
    assert did(lab, "directory", "check") == [{"size": 7, "statements": 7, "misfits": []}]
    assert live.stop() == 0

    # A real word of the registrar, by a system of somebody else: the word itself comes after.
    real = suspension(CIVIL)
    written = [
        rogue.body_of(lifted, REGISTRAR.system),
        rogue.body_of(too_few_keys(), REGISTRAR.system),
        rogue.body_of(enrolment(AURORA), REGISTRAR.system),
        rogue.body_of(real, HARBOR.system),
        rogue.body_of(real, REGISTRAR.system),
    ]
    blocks = [rogue.block(rogue.entry(body)) for body in written]
    asyncio.run(rogue.write(live.state, blocks))
    first = 1 + 3 + 3
    misfits = [
        (first, "DIRECTORY_CONTRADICTORY"),
        (first + 1, "SIGNATURES_INSUFFICIENT"),
        (first + 2, "DIRECTORY_CONTRADICTORY"),
        (first + 3, "SYSTEM_FOREIGN"),
    ]

    checked = json.loads(run("ledger", "check", "--state", str(live.state), "--json").stdout)
    named = [(each["where"], each["damage"]) for each in checked["findings"]]
    assert len(named) == 5
    assert set(named) == {
        (f"ledger.db, index {first}", "STATEMENT_REPEATED"),
        (f"ledger.db, index {first + 1}", "STATEMENT_UNPROVEN"),
        (f"ledger.db, index {first + 2}", "STATEMENT_UNPROVEN"),
        (f"ledger.db, index {first + 3}", "STATEMENT_UNPROVEN"),
        (f"ledger.db, index {first + 4}", "STATEMENT_REPEATED"),
    }

    live.serve()
    live.enrol(QUAY)
    for member in (HARBOR, CIVIL):
        with live.desk(member) as desk, pytest.raises(grpc.RpcError) as caught:
            desk.submit(alert(CIVIL, AURORA))
        assert refused(caught.value).reason == "MEMBER_INACTIVE"
    lab = home_of(live, AURORA, tmp_path)
    listed = forewarn(lab, "directory", "list")
    assert listed.code == 0
    assert "Attention" in listed.err
    assert f"at index {first}," in listed.err
    assert "3 more" in listed.err

    again = forewarn(lab, "directory", "check", "--json")
    assert again.code == 5
    found = again.objects[0]["misfits"]
    assert [(each["index"], each["reason"]) for each in found] == misfits
    # Said once: nothing of it beside the answers from now on.
    listed = forewarn(lab, "directory", "list", "--json")
    assert (listed.code, listed.err) == (0, "")
    active = {each["member"] for each in listed.objects if each["active"]}
    assert active == {"aurora", "quay-bank", "exchange-registrar"}
    assert "do not fit" in forewarn(lab, "directory", "check").out
