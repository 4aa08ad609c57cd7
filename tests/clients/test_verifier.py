"""A record is verified whole or refused with its reason; no byte of it can be changed unnoticed."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forewarn.exchange.v1 import envelope_pb2, ledger_pb2
from forewarn.statement.v1 import alert_pb2, answers_pb2, directory_pb2, grant_pb2
from forewarn_client.directory import DirectoryView, listed
from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.join import Exchange
from forewarn_client.records import Evidence, VerifiedRecord
from forewarn_client.verifier import Verifier
from tests.world.ledger_builder import (
    ORIGIN,
    START,
    TRUST_DOMAIN,
    Ledger,
    digest,
    envelope,
    keyid,
    party,
    seed,
    signing_key,
)

AGENCY = party("civil-ai", "agency")
BANK = party("harbor-bank", "operator")
LAB = party("aurora", "lab")
SECOND_KEY = seed("aurora second")


def pins(ledger: Ledger, **changed: Any) -> Exchange:
    stated = {
        "origin": ledger.origin,
        "trust_domain": TRUST_DOMAIN,
        "genesis_digest": ledger.genesis_digest,
        "log_key": ledger.log_vkey,
        "address": "localhost:1",
    }
    return Exchange(**{**stated, **changed})


def world() -> Ledger:
    ledger = Ledger()
    ledger.enrol(LAB, SECOND_KEY)
    ledger.enrol(AGENCY)
    ledger.enrol(BANK, sectors=["financial-services"])
    return ledger


def alert(ledger: Ledger, **changed: Any) -> int:
    how: dict[str, Any] = {
        "facts": alert_pb2.AlertFacts(severity="SEVERITY_HIGH"),
        "body": alert_pb2.AlertBody(title="A title", summary="A summary"),
        "recipients": [{"member": "harbor-bank"}],
        "tlp": "TLP_LEVEL_GREEN",
        "audience": ["harbor-bank"],
        "case_state": "ISSUED",
    }
    return ledger.say(AGENCY, "ALERT", **{**how, **changed})


def evidence(ledger: Ledger, index: int) -> Evidence:
    return Evidence.of_record(ledger.record(index), ledger.checkpoint())


def view_of(ledger: Ledger, **changed: Any) -> DirectoryView:
    page = ledger.directory_page()
    return DirectoryView.of_chain(Verifier(pins(ledger, **changed)), listed(page), ledger.size)


def check(ledger: Ledger, index: int, **changed: Any) -> VerifiedRecord:
    verifier = Verifier(pins(ledger))
    return verifier.verify(replace(evidence(ledger, index), **changed), view_of(ledger))


def refused(reason: Flaw) -> Any:
    return pytest.raises(VerificationError, match=f"^{reason}: ")


def test_a_sound_record_comes_out_typed() -> None:
    ledger = world()
    record = check(ledger, alert(ledger))
    assert (record.kind, record.sender, record.case_state) == ("Alert", "civil-ai", "ISSUED")
    assert isinstance(record.body, alert_pb2.AlertBody)
    assert record.body.title == "A title"
    assert record.digest == digest(record.statement.SerializeToString(deterministic=True))
    assert record.case_digest == record.digest
    assert record.signed_by == {keyid(AGENCY.key)}
    assert record.submitting_system == AGENCY.system
    assert record.received_time == START
    assert record.audience == ("harbor-bank",)
    assert isinstance(record.facts, alert_pb2.AlertFacts)


def flips(data: bytes) -> list[bytes]:
    """Every byte changed in turn."""
    return [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in range(len(data))]


def test_no_byte_can_be_changed() -> None:
    ledger = world()
    index = alert(ledger)
    ledger.enrol(party("quay-bank", "operator"))
    good = evidence(ledger, index)
    verifier, view = Verifier(pins(ledger)), view_of(ledger)
    assert verifier.verify(good, view).index == index
    changed = [replace(good, entry_body=data) for data in flips(good.entry_body)]
    changed += [replace(good, salt=data) for data in flips(good.salt)]
    changed += [replace(good, checkpoint=data) for data in flips(good.checkpoint)]
    for at, item in enumerate(good.inclusion_proof):
        for data in flips(item):
            proof = (*good.inclusion_proof[:at], data, *good.inclusion_proof[at + 1 :])
            changed.append(replace(good, inclusion_proof=proof))
    changed += [
        replace(good, inclusion_proof=good.inclusion_proof[:-1]),
        replace(good, inclusion_proof=(*good.inclusion_proof, bytes(32))),
        replace(good, index=index + 1),
        replace(good, index=index - 1),
        replace(good, salt=good.salt[:-1]),
        replace(good, entry_body=good.entry_body + b"\x00"),
    ]
    for each in changed:
        with pytest.raises(VerificationError):
            verifier.verify(each, view)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("sig", Flaw.SIGNATURE_INVALID),
        ("keyid", Flaw.KEY_UNKNOWN),
        ("payload", Flaw.SIGNATURE_INVALID),
    ],
)
def test_a_change_that_the_log_recorded_is_still_refused(part: str, reason: Flaw) -> None:
    """The gateway itself cannot put words into a member's mouth."""
    ledger = world()
    body = ledger_pb2.EntryBody.FromString(ledger.entries[alert(ledger)].body)
    signed = envelope_pb2.Envelope.FromString(body.envelope)
    if part == "payload":
        signed.payload = signed.payload.replace(b"A title", b"B title")
    elif part == "sig":
        signed.signatures[0].sig = flips(signed.signatures[0].sig)[0]
    else:
        signed.signatures[0].keyid = "0" * 64
    index = ledger.append(signed.SerializeToString(), system=AGENCY.system)
    with refused(reason):
        check(ledger, index)


def test_another_members_key_is_refused() -> None:
    ledger = world()
    payload = ledger.statement("GRANT_ACTIVATION", "aurora")
    index = ledger.append(envelope(payload, BANK.key), system=LAB.system)
    with refused(Flaw.KEY_UNKNOWN):
        check(ledger, index)


def test_an_extra_signature_by_a_stranger_is_refused() -> None:
    ledger = world()
    payload = ledger.statement("GRANT_ACTIVATION", "aurora")
    index = ledger.append(envelope(payload, LAB.key, BANK.key), system=LAB.system)
    with refused(Flaw.KEY_UNKNOWN):
        check(ledger, index)


def test_a_statement_for_another_exchange_is_refused() -> None:
    ledger = world()
    index = alert(ledger, exchange="elsewhere.example/ledger")
    with refused(Flaw.EXCHANGE_FOREIGN):
        check(ledger, index)


def test_another_members_system_is_refused() -> None:
    ledger = world()
    payload = ledger.statement("GRANT_ACTIVATION", "aurora")
    index = ledger.append(envelope(payload, LAB.key), system=BANK.system)
    with refused(Flaw.SYSTEM_FOREIGN):
        check(ledger, index)


@pytest.mark.parametrize("audience", [["b", "a"], ["a", "a"], ["aurora"]])
def test_an_audience_out_of_order_is_refused(audience: list[str]) -> None:
    ledger = world()
    index = ledger.say(LAB, "GRANT_ACTIVATION", audience=audience)
    with refused(Flaw.ENTRY_MALFORMED):
        check(ledger, index)


def test_an_entry_that_is_none_is_refused() -> None:
    ledger = world()
    good = ledger.entries[alert(ledger)].body
    for body in (b"", b"\xff", good + b"\x00", good + b"\x7a\x01a", good[2:]):
        index = ledger.append_body(body)
        with refused(Flaw.ENTRY_MALFORMED):
            check(ledger, index)


def test_a_statement_that_breaks_the_rules_is_refused() -> None:
    ledger = world()
    payload = ledger.statement("GRANT_ACTIVATION", "aurora")
    for wrong in (
        payload + b"\x1a\x00",
        ledger.statement("GRANT_ACTIVATION", "aurora", tlp="TLP_LEVEL_UNSPECIFIED"),
        ledger.statement("ALERT", "aurora", body=alert_pb2.AlertBody(title="t", summary="s")),
        ledger.statement("GRANT_ACTIVATION", "aurora", body=answers_pb2.QuestionBody(text="?")),
    ):
        index = ledger.append(envelope(wrong, LAB.key), system=LAB.system)
        with refused(Flaw.STATEMENT_MALFORMED):
            check(ledger, index)


def test_an_unknown_sender_is_refused() -> None:
    ledger = world()
    stranger = party("borealis", "lab")
    index = ledger.say(stranger, "GRANT_ACTIVATION")
    with refused(Flaw.SENDER_UNKNOWN):
        check(ledger, index)
    ledger.enrol(stranger)
    with refused(Flaw.SENDER_UNKNOWN):
        check(ledger, index)
    assert check(ledger, ledger.say(stranger, "GRANT_ACTIVATION")).sender == "borealis"


def test_a_key_counts_before_its_revocation_and_not_after() -> None:
    ledger = world()
    before = ledger.say(LAB, "GRANT_ACTIVATION")
    facts = directory_pb2.KeyRevocationFacts(
        member="aurora", key_id=keyid(LAB.key), reason="ENDING_REASON_COMPROMISED"
    )
    ledger.direct_own(LAB, "KEY_REVOCATION", facts)
    after = ledger.say(LAB, "GRANT_ACTIVATION")
    with_second = ledger.say(LAB, "GRANT_ACTIVATION", SECOND_KEY)
    assert check(ledger, before).index == before
    assert check(ledger, with_second).index == with_second
    with refused(Flaw.KEY_UNKNOWN):
        check(ledger, after)


def test_a_key_counts_after_its_registration_only() -> None:
    ledger = world()
    new = seed("aurora third")
    before = ledger.say(LAB, "GRANT_ACTIVATION", new)
    facts = directory_pb2.KeyRegistrationFacts(member="aurora", key=signing_key(new))
    ledger.direct("KEY_REGISTRATION", facts)
    after = ledger.say(LAB, "GRANT_ACTIVATION", new)
    with refused(Flaw.KEY_UNKNOWN):
        check(ledger, before)
    assert check(ledger, after).index == after


def test_a_suspended_member_is_refused_until_it_is_reinstated() -> None:
    ledger = world()
    ledger.direct(
        "MEMBER_SUSPENSION",
        directory_pb2.MemberSuspensionFacts(member="aurora", reason="ENDING_REASON_OTHER"),
    )
    during = ledger.say(LAB, "GRANT_ACTIVATION")
    ledger.direct("MEMBER_REINSTATEMENT", directory_pb2.MemberReinstatementFacts(member="aurora"))
    after = ledger.say(LAB, "GRANT_ACTIVATION")
    with refused(Flaw.SENDER_INACTIVE):
        check(ledger, during)
    assert check(ledger, after).index == after


def test_a_grant_that_asks_for_two_keys_needs_two() -> None:
    ledger = world()
    facts = grant_pb2.ModelAccessGrantFacts(
        grant_id="018f0000-0000-7000-8000-000000000000",
        version=1,
        grantee_systems=[BANK.system],
        not_before_time=START,
        not_after_time=START,
        max_token_lifetime={"seconds": 300},
        max_staleness={"seconds": 60},
        staleness_action="STALENESS_ACTION_DENY",
        lab_signatures=2,
    )
    body = grant_pb2.ModelAccessGrantBody(
        models=[
            grant_pb2.GrantedModel(
                handle="h-abcdefghijklmnopqrstuvwxyz",
                endpoint="https://models.aurora.example",
                stage="MODEL_STAGE_DEVELOPMENT",
                variant="MODEL_VARIANT_DEPLOYED",
                affordances=["AFFORDANCE_SAMPLING"],
            )
        ],
        access_level="ACCESS_LEVEL_AL3",
        actions=["inference"],
        purpose_code="defensive-security",
        limits={"requests_per_minute": 1},
        obligations={"log_visibility": "LOG_VISIBILITY_LAB_FULL"},
    )
    one = ledger.say(LAB, "MODEL_ACCESS_GRANT", LAB.key, facts=facts, body=body)
    two = ledger.say(LAB, "MODEL_ACCESS_GRANT", LAB.key, SECOND_KEY, facts=facts, body=body)
    narrowed = {
        "facts": grant_pb2.GrantNarrowingFacts(grant=facts),
        "body": grant_pb2.GrantNarrowingBody(grant=body),
    }
    narrowing = ledger.say(LAB, "GRANT_NARROWING", LAB.key, **narrowed)
    for index in (one, narrowing):
        with refused(Flaw.SIGNATURES_INSUFFICIENT):
            check(ledger, index)
    assert len(check(ledger, two).signed_by) == 2


def test_another_log_key_is_refused() -> None:
    ledger = world()
    index = alert(ledger)
    with refused(Flaw.CHECKPOINT_SIGNATURE_INVALID):
        check(ledger, index, checkpoint=ledger.checkpoint(key=seed("a stranger")))
    other = Ledger(log_key=seed("other log"))
    with refused(Flaw.CHECKPOINT_UNSIGNED):
        Verifier(pins(other)).verify(evidence(ledger, index), view_of(ledger))


def test_another_ledger_is_refused() -> None:
    ledger = world()
    index = alert(ledger)
    other = Ledger(origin="elsewhere.example/ledger")
    with refused(Flaw.CHECKPOINT_UNSIGNED):
        Verifier(pins(other)).verify(evidence(ledger, index), view_of(ledger))
    assert ledger.origin == ORIGIN


def test_an_entry_beyond_the_directory_is_refused() -> None:
    ledger = world()
    view = view_of(ledger)
    first, second = alert(ledger), alert(ledger)
    verifier = Verifier(pins(ledger))
    assert verifier.verify(evidence(ledger, first), view).index == first
    with refused(Flaw.DIRECTORY_STALE):
        verifier.verify(evidence(ledger, second), view)


@given(st.binary(max_size=200), st.binary(max_size=64), st.integers(-1, 9), st.binary(max_size=99))
def test_junk_is_refused_and_never_breaks_anything(
    body: bytes, salt: bytes, index: int, note: bytes
) -> None:
    ledger = Ledger()
    junk = Evidence(
        entry_body=body, index=index, salt=salt, inclusion_proof=(body,), checkpoint=note
    )
    with pytest.raises(VerificationError):
        Verifier(pins(ledger)).verify(junk, view_of(ledger))


@given(st.binary(max_size=300))
def test_a_recorded_junk_entry_is_refused(body: bytes) -> None:
    ledger = Ledger()
    index = ledger.append_body(body)
    with pytest.raises(VerificationError):
        check(ledger, index)
    index = ledger.append(body, system="")
    with pytest.raises(VerificationError):
        check(ledger, index)
    payload_only = ledger.append(envelope(body, LAB.key), system="")
    with pytest.raises(VerificationError):
        check(ledger, payload_only)
