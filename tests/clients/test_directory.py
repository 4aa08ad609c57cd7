"""The directory is verified from the pinned genesis on; nobody but its quorum can change it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from forewarn.statement.v1 import directory_pb2
from forewarn_client.directory import DirectoryView, listed
from forewarn_client.directory_cache import FILE, DirectoryCache
from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.join import Exchange
from forewarn_client.verifier import Verifier
from tests.world.ledger_builder import (
    TRUST_DOMAIN,
    Ledger,
    envelope,
    keyid,
    party,
    seed,
    signing_key,
)

LAB = party("aurora", "lab")
BANK = party("harbor-bank", "operator")


def verifier(ledger: Ledger, **changed: Any) -> Verifier:
    stated: dict[str, Any] = {
        "origin": ledger.origin,
        "trust_domain": TRUST_DOMAIN,
        "genesis_digest": ledger.genesis_digest,
        "log_key": ledger.log_vkey,
        "address": "localhost:1",
    }
    return Verifier(Exchange(**{**stated, **changed}))


def view(ledger: Ledger, **changed: Any) -> DirectoryView:
    chain = listed(ledger.directory_page())
    return DirectoryView.of_chain(verifier(ledger, **changed), chain, ledger.size)


def world() -> Ledger:
    ledger = Ledger()
    ledger.enrol(LAB)
    ledger.enrol(BANK, sectors=["financial-services"])
    return ledger


def refused(reason: Flaw) -> Any:
    return pytest.raises(VerificationError, match=f"^{reason}: ")


def check_passed_over(ledger: Ledger, reason: Flaw, *misfits: int) -> None:
    """The last entry, or those at some indexes, change nothing and are told."""
    indexes = misfits or (ledger.size - 1,)
    known = view(ledger)
    assert [(each.evidence.index, each.reason) for each in known.misfits] == [
        (index, reason) for index in indexes
    ]
    assert known.next_index == ledger.size
    without = [each for each in listed(ledger.directory_page()) if each.index not in indexes]
    again = DirectoryView.of_chain(verifier(ledger), without, ledger.size)
    assert (known.members, known.eras, known.links) == (again.members, again.eras, again.links)
    assert again.misfits == ()


def test_members_are_found_with_all_that_is_said_of_them() -> None:
    ledger = world()
    known = view(ledger)
    assert [member.member for member in known.active_members()] == [
        "aurora",
        "exchange-registrar",
        "harbor-bank",
    ]
    assert [member.member for member in known.sector("financial-services")] == ["harbor-bank"]
    assert known.sector("energy") == ()
    assert known.members["aurora"].kind == "lab"
    assert known.members["aurora"].profile.display_name == "Aurora"
    assert known.authority("aurora", 2).keys.keys() == {keyid(LAB.key)}
    assert known.authority("exchange-registrar", 2).quorum == 2


@pytest.mark.parametrize(
    "changed",
    [{"genesis_digest": bytes(32)}, {"trust_domain": "elsewhere.example"}],
)
def test_another_genesis_is_refused(changed: dict[str, Any]) -> None:
    with refused(Flaw.GENESIS_FOREIGN):
        view(world(), **changed)


def test_a_listing_without_the_genesis_is_refused() -> None:
    ledger = world()
    with refused(Flaw.GENESIS_FOREIGN):
        DirectoryView.of_chain(verifier(ledger), listed(ledger.directory_page(1)), 1)
    with refused(Flaw.GENESIS_FOREIGN):
        DirectoryView.of_chain(verifier(ledger), (), 1)


ENROLMENT = directory_pb2.MemberEnrolmentFacts(
    member="borealis",
    kind="MEMBER_KIND_LAB",
    profile={"display_name": "Borealis"},
    keys=[signing_key(seed("borealis"))],
    systems=[party("borealis", "lab").system],
)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        (["registrar 1"], Flaw.SIGNATURES_INSUFFICIENT),
        (["registrar 1", "mallory"], Flaw.KEY_UNKNOWN),
        (["mallory"], Flaw.KEY_UNKNOWN),
        (["aurora"], Flaw.KEY_UNKNOWN),
    ],
)
def test_a_forged_enrolment_changes_nothing(keys: list[str], reason: Flaw) -> None:
    ledger = world()
    payload = ledger.statement(
        "MEMBER_ENROLMENT",
        "exchange-registrar",
        facts=ENROLMENT,
        body=directory_pb2.MemberEnrolmentBody(),
    )
    signed = envelope(payload, *(seed(label) for label in keys))
    ledger.append(signed, system=ledger.registrar.system, directory=True)
    check_passed_over(ledger, reason)


def test_a_member_cannot_do_the_registrars_work() -> None:
    ledger = world()
    payload = ledger.statement(
        "MEMBER_ENROLMENT", "aurora", facts=ENROLMENT, body=directory_pb2.MemberEnrolmentBody()
    )
    ledger.append(envelope(payload, LAB.key), system=LAB.system, directory=True)
    check_passed_over(ledger, Flaw.DIRECTORY_CONTRADICTORY)


def test_a_member_cannot_speak_for_another() -> None:
    ledger = world()
    facts = directory_pb2.KeyRevocationFacts(
        member="harbor-bank", key_id=keyid(BANK.key), reason="ENDING_REASON_OTHER"
    )
    ledger.direct_own(LAB, "KEY_REVOCATION", facts)
    check_passed_over(ledger, Flaw.DIRECTORY_CONTRADICTORY)


def test_what_is_no_directory_statement_does_not_belong_there() -> None:
    ledger = world()
    ledger.say(LAB, "GRANT_ACTIVATION")
    ledger.entries[-1].directory = True
    check_passed_over(ledger, Flaw.DIRECTORY_CONTRADICTORY)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        (
            "MEMBER_UPDATE",
            directory_pb2.MemberUpdateFacts(member="nobody", profile=ENROLMENT.profile),
        ),
        (
            "KEY_REVOCATION",
            directory_pb2.KeyRevocationFacts(
                member="aurora", key_id="0" * 64, reason="ENDING_REASON_OTHER"
            ),
        ),
        (
            "KEY_REGISTRATION",
            directory_pb2.KeyRegistrationFacts(
                member="exchange-registrar", key=signing_key(seed("new"))
            ),
        ),
        (
            "SYSTEM_REGISTRATION",
            directory_pb2.SystemRegistrationFacts(member="aurora", system=BANK.system),
        ),
        (
            "SYSTEM_SUSPENSION",
            directory_pb2.SystemSuspensionFacts(
                member="aurora", system=BANK.system, reason="ENDING_REASON_OTHER"
            ),
        ),
        (
            "MEMBER_SUCCESSION",
            directory_pb2.MemberSuccessionFacts(predecessor="aurora", successor="nobody"),
        ),
        (
            "REGISTRAR_SUCCESSION",
            directory_pb2.RegistrarSuccessionFacts(keys=[signing_key(seed("new"))], quorum=2),
        ),
        (
            "PARTICIPATION",
            directory_pb2.ParticipationFacts(framework="x", choice="PARTICIPATION_CHOICE_IN"),
        ),
    ],
)
def test_what_does_not_follow_changes_nothing(kind: str, facts: Message) -> None:
    ledger = world()
    ledger.direct(kind, facts)
    check_passed_over(ledger, Flaw.DIRECTORY_CONTRADICTORY)


def test_nobody_is_enrolled_twice() -> None:
    ledger = world()
    ledger.enrol(party("aurora", "lab"))
    check_passed_over(ledger, Flaw.DIRECTORY_CONTRADICTORY)


def test_a_statement_that_is_recorded_twice_does_not_count_twice() -> None:
    ledger = world()
    lifted = directory_pb2.MemberReinstatementFacts(member="aurora")
    suspended = directory_pb2.MemberSuspensionFacts(
        member="aurora", reason="ENDING_REASON_MISCONDUCT"
    )
    ledger.direct("MEMBER_SUSPENSION", suspended)
    reinstated = ledger.direct("MEMBER_REINSTATEMENT", lifted)
    ledger.direct("MEMBER_SUSPENSION", suspended)
    assert not view(ledger).members["aurora"].active_at(ledger.size)
    # Whoever can write to the ledger, but has no key of the registrar, records an old word again.
    ledger.append_body(ledger.entries[reinstated].body, directory=True)
    check_passed_over(ledger, Flaw.DIRECTORY_CONTRADICTORY)


def test_a_key_is_registered_once() -> None:
    ledger = world()
    facts = directory_pb2.KeyRegistrationFacts(member="harbor-bank", key=signing_key(LAB.key))
    ledger.direct("KEY_REGISTRATION", facts)
    check_passed_over(ledger, Flaw.DIRECTORY_CONTRADICTORY)


def test_a_directory_out_of_order_is_refused() -> None:
    ledger = world()
    chain = listed(ledger.directory_page())
    with refused(Flaw.DIRECTORY_CONTRADICTORY):
        DirectoryView.of_chain(verifier(ledger), (chain[0], chain[2], chain[1]), 3)
    with refused(Flaw.DIRECTORY_CONTRADICTORY):
        DirectoryView.of_chain(verifier(ledger), (chain[0], chain[1], chain[1]), 3)


def test_the_registrars_keys_can_be_replaced_by_themselves_alone() -> None:
    ledger = world()
    new = [seed("registrar 4"), seed("registrar 5")]
    facts = directory_pb2.RegistrarSuccessionFacts(keys=[signing_key(key) for key in new], quorum=1)
    ledger.direct("REGISTRAR_SUCCESSION", facts)
    departure = directory_pb2.MemberDepartureFacts(member="aurora")
    ledger.direct("MEMBER_DEPARTURE", departure, new[1])
    assert not view(ledger).members["aurora"].active_at(ledger.size)
    ledger.direct("MEMBER_DEPARTURE", departure)
    check_passed_over(ledger, Flaw.KEY_UNKNOWN)


def test_every_kind_leaves_its_mark() -> None:
    ledger = world()
    desk = party("aurora", "lab", "second-desk").system
    ledger.direct(
        "SYSTEM_REGISTRATION", directory_pb2.SystemRegistrationFacts(member="aurora", system=desk)
    )
    ledger.direct(
        "SYSTEM_SUSPENSION",
        directory_pb2.SystemSuspensionFacts(
            member="aurora", system=LAB.system, reason="ENDING_REASON_COMPROMISED"
        ),
    )
    ledger.direct(
        "MEMBER_UPDATE",
        directory_pb2.MemberUpdateFacts(member="harbor-bank", profile={"display_name": "Harbor"}),
    )
    index = ledger.direct_own(
        BANK,
        "PARTICIPATION",
        directory_pb2.ParticipationFacts(framework="x", choice="PARTICIPATION_CHOICE_OUT"),
    )
    ledger.enrol(party("borealis", "lab"))
    ledger.direct(
        "MEMBER_SUCCESSION",
        directory_pb2.MemberSuccessionFacts(predecessor="aurora", successor="borealis"),
    )
    known = view(ledger)
    lab, bank = known.members["aurora"], known.members["harbor-bank"]
    assert lab.systems_at(4) == {LAB.system, desk}
    assert lab.systems_at(5) == {desk}
    assert (lab.active_at(ledger.size), lab.successor) == (False, "borealis")
    assert bank.profile.display_name == "Harbor"
    assert known.sector("financial-services") == ()
    assert [(choice.taking_part, choice.index) for choice in bank.choices] == [(False, index)]
    # The chain of the successor holds its predecessor's, or it would not verify.
    chain = known.chain_of("borealis", ledger.size)
    again = DirectoryView.of_chain(verifier(ledger), chain, ledger.size)
    assert again.authority("borealis", ledger.size) == known.authority("borealis", ledger.size)
    assert len(known.chain_of("harbor-bank", ledger.size)) == 4


def test_a_view_grows_by_what_is_new() -> None:
    ledger = world()
    first = view(ledger)
    ledger.enrol(party("borealis", "lab"))
    ledger.say(LAB, "GRANT_ACTIVATION")
    page = ledger.directory_page(first.next_index)
    grown = first.extended(verifier(ledger), listed(page), ledger.size)
    assert grown.members == view(ledger).members
    assert grown.size == ledger.size
    assert "borealis" not in first.members


def test_the_cache_is_verified_when_it_is_loaded(tmp_path: Path) -> None:
    ledger = world()
    cache = DirectoryCache(tmp_path, verifier(ledger))
    assert cache.load() is None
    known = view(ledger)
    cache.save(known, ledger.checkpoint())
    assert cache.load() == known
    whole = (tmp_path / FILE).read_bytes()
    for damaged in (whole[:-1], whole[:40], b"", whole[: len(whole) // 2] + b"\x00" * 99):
        (tmp_path / FILE).write_bytes(damaged)
        assert cache.load() is None
    for at in range(0, len(whole), 97):
        (tmp_path / FILE).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert cache.load() in (None, known)
    (tmp_path / FILE).write_bytes(whole)
    assert DirectoryCache(tmp_path, verifier(ledger, genesis_digest=bytes(32))).load() is None


def test_a_link_cannot_be_swapped() -> None:
    ledger = world()
    chain = listed(ledger.directory_page())
    swapped = replace(chain[1], entry_body=chain[2].entry_body)
    with refused(Flaw.PROOF_INVALID):
        DirectoryView.of_chain(verifier(ledger), (chain[0], swapped), 3)
