"""The life of the directory over a running gateway: keys, systems, members and the registrar."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from certs.authority import Authority
from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.statement.v1 import directory_pb2
from forewarn_client import Agency, Lab, Patience
from forewarn_client.home import Home
from gateway.core.errors import Reason
from tests.world.ledger_builder import Party, keyid, party, seed, signing_key
from tests.world.live import (
    AURORA,
    CALL_SECONDS,
    CIVIL,
    NATSEC,
    REGISTRAR,
    REGISTRAR_KEYS,
    Desk,
    Live,
    acknowledgement,
    alert,
    notice,
    refused,
    statement,
    suspension,
)
from tests.world.live_homes import did, forewarn, home_of

RECEIVED = pb.EntryFilter(box="BOX_RECEIVED")
# From the answer to the registrar, whose checkpoint covers the suspension, to the stream's end.
CUT_SECONDS = 1.0
BODY = ("evaluation_summary", "elicitation", "planned_safeguards", "lineage")


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """An exchange whose directory these tests may change as they like."""
    live = Live.make(tmp_path_factory.mktemp("life"))
    live.init()
    live.serve()
    live.enrol(AURORA, CIVIL, NATSEC)
    yield live
    live.stop()


@pytest.fixture(scope="module")
def registrar(life: Live, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return home_of(life, REGISTRAR, tmp_path_factory.mktemp("registrar"))


def enrolled(life: Live, name: str, kind: str = "operator") -> Party:
    who = party(name, kind, "security")
    life.enrol(who)
    return who


def follow(desk: Desk) -> Any:
    stream = desk.exchange.Follow(pb.FollowRequest(filter=RECEIVED), timeout=CALL_SECONDS)
    next(stream)
    return stream


def reason_of(call: Any) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return refused(caught.value).reason


def seconds_until_cut(stream: Any, reason: Reason) -> float:
    began = time.monotonic()
    assert reason_of(lambda: next(stream)) == reason
    return time.monotonic() - began


def registration(who: Party, system: str) -> Any:
    facts = directory_pb2.SystemRegistrationFacts(member=who.member, system=system)
    return statement("SYSTEM_REGISTRATION", REGISTRAR, keys=REGISTRAR_KEYS, facts=facts)


def system_suspension(who: Party, sender: Party, keys: list[Any]) -> Any:
    facts = directory_pb2.SystemSuspensionFacts(
        member=who.member, system=who.system, reason="ENDING_REASON_COMPROMISED"
    )
    return statement("SYSTEM_SUSPENSION", sender, keys=keys, facts=facts)


def test_a_suspended_members_streams_are_cut_within_a_second(life: Live, registrar: Home) -> None:
    bank = enrolled(life, "cut-bank")
    with life.desk(REGISTRAR) as keeper, life.desk(bank) as desk, life.desk(bank) as other:
        streams = [follow(desk) for _ in range(3)] + [follow(other)]
        keeper.submit(suspension(bank))
        seconds = [seconds_until_cut(stream, Reason.MEMBER_INACTIVE) for stream in streams]
        assert sum(seconds) < CUT_SECONDS
        assert reason_of(lambda: follow(desk)) == Reason.MEMBER_INACTIVE
        did(registrar, "registrar", "reinstate", bank.member)
        assert follow(desk).cancel()


def test_a_suspended_systems_streams_are_cut_and_no_others(life: Live, registrar: Home) -> None:
    bank = enrolled(life, "desk-bank")
    second = replace(bank, system=bank.system.replace("/security", "/second"))
    with life.desk(REGISTRAR) as keeper:
        keeper.submit(registration(bank, second.system))
    with life.desk(bank) as desk, life.desk(second) as other, life.desk(CIVIL) as agency:
        stream, kept = follow(desk), follow(other)
        # A member suspends a system of its own at once, even from that very system.
        desk.submit(system_suspension(bank, bank, [bank.key]))
        assert seconds_until_cut(stream, Reason.SYSTEM_SUSPENDED) < CUT_SECONDS
        agency.submit(alert(CIVIL, bank))
        assert len(next(kept).records) == 1
        kept.cancel()
        assert reason_of(lambda: follow(desk)) == Reason.SYSTEM_SUSPENDED
        did(registrar, "registrar", "register-system", bank.member, "--system", bank.system)
        assert follow(desk).cancel()


def test_a_key_is_rotated_and_old_statements_verify_under_the_keys_of_their_day(
    life: Live, registrar: Home, tmp_path: Path
) -> None:
    bank = enrolled(life, "rotating-bank")
    home, agency = home_of(life, bank, tmp_path), home_of(life, CIVIL, tmp_path)
    with life.desk(CIVIL) as desk:
        sent = alert(CIVIL, bank)
        desk.submit(sent)
    case = sent.digest.hex()
    old = did(home, "alert", "acknowledge", case)[0]
    made = did(home, "directory", "new-key")[0]
    assert made["older_key_ids"] == [keyid(bank.key)]
    # Until it is registered, the old one signs.
    did(home, "alert", "acknowledge", case)
    did(registrar, "registrar", "register-key", bank.member, "--key", made["public_key"])
    old_key = keyid(bank.key)
    ending = ("--key-id", old_key, "--reason", "superseded")
    did(home, "directory", "revoke-key", *ending)
    new = did(home, "alert", "acknowledge", case)[0]
    listed = did(agency, "directory", "show", bank.member)[0]
    assert listed["key_ids"] == [made["key_id"]]

    entries = {entry["index"]: entry for entry in did(agency, "case", "show", case)[0]["entries"]}
    assert entries[old["index"]]["signed_by"] == [old_key]
    assert entries[new["index"]]["signed_by"] == [made["key_id"]]
    with life.desk(bank) as desk:
        late = acknowledgement(bank, sent.digest, CIVIL, tlp="TLP_LEVEL_GREEN")
        assert reason_of(lambda: desk.submit(late)) == Reason.KEY_REVOKED
    # Offline: each receipt holds the chain that made its key valid at its index.
    verified = did(home, "receipt", "verify")
    assert {item["index"] for item in verified} >= {old["index"], new["index"]}
    assert forewarn(home, "receipt", "verify").code == 0
    revoked = forewarn(home, "directory", "revoke-key", *ending)
    assert (revoked.code, "DIRECTORY_CONFLICT" in revoked.err) == (3, True)


def test_a_member_departs_and_its_record_stays(life: Live, registrar: Home, tmp_path: Path) -> None:
    bank = enrolled(life, "leaving-bank")
    home, agency = home_of(life, bank, tmp_path), home_of(life, CIVIL, tmp_path)
    with life.desk(CIVIL) as desk:
        sent = alert(CIVIL, bank)
        desk.submit(sent)
    said = did(home, "alert", "acknowledge", sent.digest.hex())[0]
    choice = ("--framework", "us-eo-14409", "--choice", "in")
    did(home, "directory", "participate", *choice)
    did(registrar, "registrar", "depart", bank.member)
    gone = forewarn(home, "inbox", "list")
    assert (gone.code, "MEMBER_INACTIVE" in gone.err) == (3, True)
    shown = did(agency, "directory", "show", bank.member)[0]
    assert (shown["active"], shown["choices"][0]["choice"]) == (False, "in")
    entries = did(agency, "case", "show", sent.digest.hex())[0]["entries"]
    assert said["index"] in [entry["index"] for entry in entries]
    with life.desk(CIVIL) as desk:
        assert reason_of(lambda: desk.submit(alert(CIVIL, bank))) == Reason.RECIPIENT_UNKNOWN
    with life.desk(REGISTRAR) as keeper:
        facts = directory_pb2.MemberReinstatementFacts(member=bank.member)
        back = statement("MEMBER_REINSTATEMENT", REGISTRAR, keys=REGISTRAR_KEYS, facts=facts)
        assert reason_of(lambda: keeper.submit(back)) == Reason.DIRECTORY_CONFLICT
    assert forewarn(home, "receipt", "verify").code == 0


def test_a_successor_gets_what_is_said_from_then_on_and_a_renamed_agency_keeps_all(
    life: Live, registrar: Home, tmp_path: Path
) -> None:
    before, after = enrolled(life, "old-agency", "agency"), enrolled(life, "new-agency", "agency")
    lab, old = home_of(life, AURORA, tmp_path), home_of(life, before, tmp_path)
    new = home_of(life, after, tmp_path)
    sent = notice(before)
    with life.desk(AURORA) as desk:
        desk.submit(sent)
    case = sent.digest.hex()
    did(old, "notice", "acknowledge", case)
    # A renamed agency that stays the same member only changes its record, and reads on.
    profile = tmp_path / "profile.toml"
    profile.write_text(
        '[facts.profile]\ndisplay_name = "Agency, renamed"\nagency_type = "civil"\n', "utf-8"
    )
    did(registrar, "registrar", "update", before.member, profile)
    assert did(old, "directory", "show", before.member)[0]["profile"]["display_name"] == (
        "Agency, renamed"
    )
    assert did(old, "case", "show", case)[0]["state"] == "ACKNOWLEDGED"

    succession = tmp_path / "succession.toml"
    succession.write_text(
        '[facts]\npredecessor = "old-agency"\nsuccessor = "new-agency"\n', "utf-8"
    )
    did(registrar, "registrar", "send", "MemberSuccession", succession)
    gone = forewarn(old, "case", "show", case)
    assert (gone.code, "MEMBER_INACTIVE" in gone.err) == (3, True)
    # The registrar's word opens nothing that was not addressed to the successor.
    refused_to_new = forewarn(new, "case", "show", case)
    made_up = forewarn(new, "case", "show", "0" * 64)
    assert refused_to_new.code == made_up.code == 3
    # Each refusal has a place of its own in the audit log.
    place = re.compile(r"audit show [0-9]+")
    assert place.sub("", refused_to_new.err) == place.sub("", made_up.err)
    # What the predecessor said stays valid, and the other party reads it as before.
    whole = did(lab, "case", "show", case)[0]
    assert [entry["sender"] for entry in whole["entries"]] == ["aurora", "old-agency"]
    assert did(lab, "directory", "show", "old-agency")[0]["successor"] == "new-agency"
    with life.desk(AURORA) as desk:
        desk.submit(notice(after, refers_to=[sent.digest]))
        assert reason_of(lambda: desk.submit(notice(before))) == Reason.RECIPIENT_UNKNOWN
    assert len(did(new, "case", "list")) == 1
    assert forewarn(old, "receipt", "verify").code == 0


def test_the_registrar_changes_its_keys_by_its_own_quorum(own: Live, tmp_path: Path) -> None:
    own.init()
    own.serve()
    own.enrol(AURORA, CIVIL, NATSEC)
    (tmp_path / "first").mkdir()
    registrar = home_of(own, REGISTRAR, tmp_path / "first")
    new = [seed(f"registrar of tomorrow {number}") for number in (1, 2, 3)]
    both = home_of(own, REGISTRAR, tmp_path, [*REGISTRAR_KEYS, *new])
    facts = directory_pb2.RegistrarSuccessionFacts(
        keys=[signing_key(key) for key in (REGISTRAR_KEYS[0], *new)], quorum=3
    )
    with own.desk(REGISTRAR) as keeper:
        alone = statement("REGISTRAR_SUCCESSION", REGISTRAR, keys=REGISTRAR_KEYS[:1], facts=facts)
        assert reason_of(lambda: keeper.submit(alone)) == Reason.SIGNATURES_INSUFFICIENT
        by_new = statement("REGISTRAR_SUCCESSION", REGISTRAR, keys=new, facts=facts)
        assert reason_of(lambda: keeper.submit(by_new)) == Reason.KEY_UNKNOWN
        keeper.submit(
            statement("REGISTRAR_SUCCESSION", REGISTRAR, keys=REGISTRAR_KEYS, facts=facts)
        )
        old = suspension(NATSEC)
        assert reason_of(lambda: keeper.submit(old)) == Reason.KEY_REVOKED
    # The library signs with three of the keys that are the registrar's now.
    too_few = forewarn(registrar, "registrar", "suspend", "natsec-ai", "--reason", "other")
    assert (too_few.code, "3 keys of the registrar" in too_few.err) == (1, True)
    did(both, "registrar", "suspend", "natsec-ai", "--reason", "other")
    did(both, "registrar", "reinstate", "natsec-ai")
    # Enrolments by the keys of the first day still verify.
    home = home_of(own, AURORA, tmp_path)
    assert did(home, "directory", "show", "civil-ai")[0]["active"]


def test_a_renewed_certificate_of_another_authority_is_picked_up_by_both_sides(
    own: Live, tmp_path: Path
) -> None:
    own.init()
    own.serve()
    own.enrol(AURORA, CIVIL)
    home, agency = home_of(own, AURORA, tmp_path), home_of(own, CIVIL, tmp_path)
    renewed = Authority.create(tmp_path / "second-ca", trust_domain="exchange.example")

    async def renew() -> None:
        patience = Patience(budget=10, attempt=2, reconnect=20)
        async with (
            Agency.connect(agency, patience=patience) as reader,
            Lab.connect(home, patience=patience) as lab,
        ):
            opened = asyncio.Event()
            came: asyncio.Queue[bytes] = asyncio.Queue()

            async def read() -> None:
                async for delivery in reader.follow(opened=opened.set):
                    came.put_nowait(delivery.record.digest)

            reading = asyncio.create_task(read())
            await asyncio.wait_for(opened.wait(), 10)
            for each in (home, agency):
                request = (each.path / "tls.csr").read_bytes()
                each.install_certificate(renewed.issue(request))
            # From the next handshake on, the gateway knows the second authority alone.
            (own.folder / "ca" / "ca.pem").write_bytes(renewed.bundle)
            await asyncio.to_thread(own.kill)
            await asyncio.to_thread(own.serve, "--listen", own.address)
            submitted = await lab.say("PreReleaseNotice", document())
            assert await asyncio.wait_for(came.get(), 20) == submitted.digest
            reading.cancel()

    asyncio.run(renew())
    with own.channel(own.authority.leaf([AURORA.system])) as channel:
        with pytest.raises(grpc.RpcError) as turned_away:
            Desk(channel).status()
        assert refused(turned_away.value).code is grpc.StatusCode.UNAVAILABLE


def document() -> dict[str, Any]:
    return {
        "recipients": ["civil-ai"],
        "tlp": "AMBER",
        "facts": {
            "notice_type": "new_model",
            "release_mode": "api",
            "handle": "new",
            "planned": {"public_release": "2027-03-01"},
        },
        "body": dict.fromkeys(
            ("evaluation_summary", "elicitation", "planned_safeguards", "lineage"), "UNKNOWN"
        ),
    }
