"""Inboxes and deliveries over the real gateway: what one side confirms, the other can verify."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forewarn_client import note
from forewarn_client.blocking import Agency, Operator
from forewarn_client.home import Home
from forewarn_client.inboxes.keeper import InboxKeeper
from tests.world.ledger_builder import party
from tests.world.live import Live
from tests.world.live_homes import did, forewarn, home_of

CIVIL = party("gov-alerts", "agency")
BANK = party("north-bank", "operator")
QUAY = party("south-bank", "operator")
MERCY = party("east-hospital", "operator")
ALERT: dict[str, Any] = {
    "tlp": "AMBER",
    "recipients": [BANK.member, QUAY.member, MERCY.member],
    "facts": {"severity": "high"},
    "body": {"title": "A title", "summary": "A summary"},
}


@pytest.fixture(scope="module")
def homes(live: Live, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Home]:
    folder = tmp_path_factory.mktemp("inboxes")
    parties = (CIVIL, BANK, QUAY, MERCY)
    live.enrol(*parties)
    return {who.member: home_of(live, who, folder) for who in parties}


def alerted(home: Home, count: int, **changes: Any) -> Sequence[int]:
    with Agency.connect(home) as agency:
        return [agency.alert({**ALERT, **changes}).index for _ in range(count)]


def test_what_recipients_confirm_their_sender_sees_with_proof(homes: dict[str, Home]) -> None:
    agency, bank, quay, _ = homes.values()
    first, index = alerted(agency, 2)
    assert forewarn(bank, "inbox", "list").code == 0
    with Operator.connect(quay, signers=()) as unsigned:
        assert unsigned.confirm_inbox().entries == 2
        (_, opener) = unsigned.list_entries().records
    case = opener.digest.hex()
    assert forewarn(bank, "alert", "acknowledge", case).code == 0
    facts = {each["recipient"]: each for each in did(agency, "deliveries", index)}
    north, south, east = (facts[name] for name in (BANK.member, QUAY.member, MERCY.member))
    assert north["signed"]["keys"]
    assert north["acknowledged"]["kind"] == "Acknowledgement"
    assert (south["signed"], south["acknowledged"], south["answered"]) == (None, None, [])
    assert None not in (north["received"], south["received"], north["released"], south["released"])
    assert (east["released"], east["received"], east["left_out"]) == (None, None, None)
    ran = forewarn(agency, "deliveries", case[:12])
    assert (ran.code, ran.err) == (0, "")
    assert f"Not known to have it: {MERCY.member}." in ran.out
    # What is on record about either side, it can list.
    for home in (agency, bank):
        events = did(home, "audit", "list")
        assert "inbox_confirmed" in {each["event"] for each in events}
        assert forewarn(home, "audit", "list").code == 0
    # What is not one's own answers as what does not exist.
    assert forewarn(bank, "deliveries", first).code == 1
    # Whoever has neither released nor received anything is told of as soon as it does.
    assert did(homes[MERCY.member], "inbox", "follow", "--limit", 2)
    east = did(agency, "deliveries", index)[0]
    assert (east["recipient"], bool(east["signed"])) == (MERCY.member, True)


def test_an_inbox_is_confirmed_up_to_the_end_of_the_ledger_and_stays_so(
    homes: dict[str, Home],
) -> None:
    agency, bank, *_ = homes.values()
    (made,) = did(bank, "inbox", "confirm")
    alerted(agency, 1)
    ran = forewarn(bank, "inbox", "confirm")
    assert ran.code == 0
    assert "1 entry compared now" in ran.out
    assert f"Signed to: {CIVIL.member}." in ran.err
    spans = list(InboxKeeper(bank).proof.spans())
    key = note.VerifierKey.parse(bank.exchange.audit_log_key)
    assert spans[0].from_size == 0
    assert made["confirmed"] in {span.to_size for span in spans}
    for span in spans:
        span.verify(key, BANK.member)
    (verified,) = did(bank, "inbox", "verify")
    assert (verified["confirmed"], verified["spans"]) == (spans[-1].to_size, len(spans))
    # A stranger does it with the file, its owner's name, and the key.
    nowhere = replace(bank, path=bank.path / "nowhere")
    pins = ("--member", BANK.member, "--audit-log-key", bank.exchange.audit_log_key)
    file = InboxKeeper(bank).proof.path
    assert forewarn(nowhere, "inbox", "verify", file, *pins).out.startswith("OK  of the first")
    changed = bank.path / "changed.jsonl"
    changed.write_bytes(file.read_bytes().replace(b'"salt":"', b'"salt":"00', 1))
    assert forewarn(nowhere, "inbox", "verify", changed, *pins).code == 5
    # All of the ledger, with what stands there for others, and nothing that is not the bank's.
    with Operator.connect(bank) as reading:
        shown = {record.index for page in reading.pull(keep="all") for record in page.records}
    assert {each.index for span in spans for each in span.entries} == shown


def test_an_entry_that_the_bank_was_not_shown_is_found_out(
    homes: dict[str, Home], tmp_path: Path
) -> None:
    agency, bank, *_ = homes.values()
    (index,) = alerted(agency, 1)
    bundle = tmp_path / "alert.evidence"
    assert forewarn(agency, "evidence", "export", index, "-o", bundle).code == 0
    ran = forewarn(bank, "inbox", "dispute", bundle)
    assert (ran.code, ran.out[:17]) == (0, "NOT CONFIRMED YET")
    # The bank believes that it has seen all, without this one: the exchange does not confirm that.
    with InboxKeeper(bank).held() as keeper:
        keeper.reach(index + 1)
    ran = forewarn(bank, "inbox", "confirm", "--json")
    assert ran.code == 5
    assert '"reason": "INBOX_DIFFERS"' in ran.err
    assert list(bank.evidence.glob("inbox-differs-*.json"))
    assert forewarn(bank, "inbox", "confirm", "--anew").code == 0
    ran = forewarn(bank, "inbox", "dispute", bundle)
    assert (ran.code, ran.out[:5]) == (0, "SHOWN")


def test_the_same_without_asyncio(homes: dict[str, Home]) -> None:
    agency, bank, *_ = homes.values()
    (index,) = alerted(agency, 1)
    with Operator.connect(bank) as connected, connected.inbox(keep="blocking") as inbox:
        for delivery in inbox:
            if delivery.record.index == index:
                break
    with Operator.connect(bank) as connected:
        connected.confirm_inbox()
        assert connected.confirm_inbox_anew().spans == ()
    with Agency.connect(agency) as sender:
        found = sender.deliveries(index)
    assert BANK.member not in found.not_received
    assert found.not_received == (MERCY.member, QUAY.member)
