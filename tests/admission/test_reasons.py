"""Every reason is raised by a test: here through the admission, or where the list below says.

Each row is a small story that ends in a refusal. After each the ledger has the same size and the
same root.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from forewarn.exchange.v1 import envelope_pb2
from forewarn.statement.v1 import directory_pb2, grant_pb2
from gateway.admission.submission import Submission
from gateway.core.errors import Reason
from gateway.core.statements import Kind
from tests.world import samples
from tests.world.actors import make_key, seal, sector
from tests.world.world import Recorded, World

TESTS = Path(__file__).parent.parent

# Raised before or after the admission: tested there.
ELSEWHERE = {
    Reason.SPIFFE_ID_MISSING: "vectors/spiffe",
    Reason.SPIFFE_ID_AMBIGUOUS: "vectors/spiffe",
    Reason.SPIFFE_ID_MALFORMED: "vectors/spiffe",
    Reason.TRUST_DOMAIN_FOREIGN: "vectors/spiffe",
    Reason.CLIENT_AUTH_EKU_MISSING: "vectors/spiffe",
    Reason.CERTIFICATE_EXPIRED: "edge",
    Reason.TOO_MANY_CALLS: "edge",
    Reason.RATE_EXCEEDED: "edge",
    Reason.READER_TOO_SLOW: "edge",
    Reason.ENTRY_NOT_FOUND: "compose",
    Reason.PAGE_SIZE_INVALID: "edge",
    Reason.CURSOR_INVALID: "edge",
    Reason.TREE_SIZE_UNAVAILABLE: "compose",
    Reason.INBOX_DIFFERS: "admission",
    Reason.LEDGER_UNAVAILABLE: "ledger",
    Reason.LEDGER_NOT_PROVEN: "ledger",
    Reason.INTERNAL: "ledger",
    Reason.LEDGER_CONTENDED: "admission",
}


def member_unknown(world: World) -> None:
    stranger = world.stranger("new-lab")
    world.hand_in(world.aurora.notice(world.civil).envelope, by=stranger)


def member_inactive(world: World) -> None:
    world.submit(world.aurora.notice(world.civil))


def system_unknown(world: World) -> None:
    world.aurora.desk = "desk-b"
    world.submit(world.aurora.notice(world.civil))


def system_suspended(world: World) -> None:
    world.submit(world.aurora.notice(world.civil))


def statement_too_large(world: World) -> None:
    Submission(envelope=bytes(2**20 + 1), system=world.aurora.system, received_time=world.pen.now)


def envelope_malformed(world: World) -> None:
    world.hand_in(b"\xff", by=world.aurora)


def payload_type_unsupported(world: World) -> None:
    sealed = envelope_pb2.Envelope.FromString(world.aurora.notice(world.civil).envelope)
    sealed.payload_type = "text/plain"
    world.hand_in(sealed.SerializeToString(deterministic=True), by=world.aurora)


def signature_missing(world: World) -> None:
    world.hand_in(seal(world.aurora.notice(world.civil).payload, []), by=world.aurora)


def signature_invalid(world: World) -> None:
    sealed = envelope_pb2.Envelope.FromString(world.aurora.notice(world.civil).envelope)
    sealed.signatures[0].sig = bytes(64)
    world.hand_in(sealed.SerializeToString(deterministic=True), by=world.aurora)


def signatures_insufficient(world: World) -> None:
    world.registrar.signs_with = 1
    world.submit(world.registrar.suspend(world.quay))


def key_unknown(world: World) -> None:
    payload = world.aurora.notice(world.civil).payload
    world.hand_in(seal(payload, [make_key("nobody's")]), by=world.aurora)


def key_not_of_sender(world: World) -> None:
    payload = world.aurora.notice(world.civil).payload
    world.hand_in(seal(payload, world.borealis.keys[:1]), by=world.aurora)


def key_revoked(world: World) -> None:
    world.submit(world.aurora.notice(world.civil))


def key_algorithm_unsupported(world: World) -> None:
    facts = directory_pb2.KeyRegistrationFacts(
        member="aurora",
        key=directory_pb2.SigningKey(algorithm="KEY_ALGORITHM_ED25519", spki=b"none"),
    )
    world.submit(world.registrar.say(Kind.KEY_REGISTRATION, facts=facts))


def statement_malformed(world: World) -> None:
    world.hand_in(seal(b"\xff", world.aurora.keys[:1]), by=world.aurora)


def statement_not_canonical(world: World) -> None:
    payload = world.aurora.notice(world.civil).payload
    world.hand_in(seal(payload + b"\x1a\x00", world.aurora.keys[:1]), by=world.aurora)


def enum_unknown(world: World) -> None:
    draft = world.aurora.notice(world.civil)
    draft.header.pre_release_notice.release_mode = 9  # type: ignore[assignment]  # none of its numbers
    world.submit(draft)


def field_missing(world: World) -> None:
    draft = world.aurora.notice(world.civil)
    draft.header.pre_release_notice.ClearField("handle")
    world.submit(draft)


def field_invalid(world: World) -> None:
    draft = world.aurora.notice(world.civil)
    draft.header.pre_release_notice.handle = "its-name"
    world.submit(draft)


def field_too_long(world: World) -> None:
    world.submit(world.aurora.notice(world.civil, cui="x" * 257))


def exchange_foreign(world: World) -> None:
    draft = world.aurora.notice(world.civil)
    draft.header.exchange = "elsewhere.example/ledger"
    world.submit(draft)


def sender_mismatch(world: World) -> None:
    draft = world.aurora.notice(world.civil)
    draft.header.sender = "borealis"
    world.submit(draft)


def created_in_future(world: World) -> None:
    draft = world.aurora.notice(world.civil)
    world.pass_time(-timedelta(minutes=6))
    world.submit(draft)


def statement_expired(world: World) -> None:
    draft = world.aurora.notice(world.civil, expire_time=samples.timestamp(world.pen.now))
    world.submit(draft)


def equivocation(world: World) -> None:
    draft = world.aurora.notice(world.civil, days=63)
    draft.header.statement_id = world.read(world.size - 1).header.statement_id
    world.submit(draft)


def profile_unknown(world: World) -> None:
    world.submit(world.aurora.notice(world.civil, profile="us-eo-1"))


def recipients_empty(world: World) -> None:
    world.submit(world.aurora.notice())


def recipient_unknown(world: World) -> None:
    world.submit(world.aurora.notice(world.stranger("nobody")))


def recipient_not_party(world: World) -> None:
    case = world.read(world.size - 1)
    world.submit(world.reply(case, world.aurora, Kind.NOTICE_WITHDRAWAL, world.natsec))


def recipient_kind_not_permitted(world: World) -> None:
    world.submit(world.aurora.notice(world.harbor))


def tlp_missing(world: World) -> None:
    draft = world.aurora.notice(world.civil)
    draft.header.ClearField("tlp")
    world.submit(draft)


def tlp_needs_named_members(world: World) -> None:
    world.submit(world.civil.alert(sector("energy"), tlp="AMBER"))


def tlp_needs_sealed_layer(world: World) -> None:
    world.submit(world.civil.alert(world.harbor, tlp="RED"))


def tlp_relaxed(world: World) -> None:
    case = world.read(world.size - 1)
    world.submit(world.reply(case, world.civil, Kind.ACKNOWLEDGEMENT, tlp="GREEN"))


def sender_not_permitted(world: World) -> None:
    world.submit(world.harbor.notice(world.civil))


def case_not_found(world: World) -> None:
    case = world.read(world.size - 1)
    world.submit(world.reply(case, world.natsec, Kind.ACKNOWLEDGEMENT, refers_to=()))


def case_wrong_state(world: World) -> None:
    case = world.read(world.size - 1)
    world.submit(world.reply(case, world.aurora, Kind.ANSWER))


def case_unexpected(world: World) -> None:
    case = world.read(world.size - 1)
    world.submit(world.reply(case, world.aurora, Kind.GRANT_REVOCATION))


def reference_invalid(world: World) -> None:
    world.submit(world.aurora.notice(world.civil, refers_to=(bytes(32),)))


def grant_widened(world: World) -> None:
    case = world.read(world.size - 3)
    wider = samples.terms(str(world.harbor.system), version=2)
    wider.not_after_time.CopyFrom(samples.timestamp(samples.NOON + timedelta(days=99)))
    facts = grant_pb2.GrantNarrowingFacts(grant=wider)
    world.submit(world.reply(case, world.aurora, Kind.GRANT_NARROWING, facts=facts))


def cosignatures_missing(world: World) -> None:
    case = world.read(world.size - 2)
    world.submit(world.reply(case, world.aurora, Kind.GRANT_ACTIVATION))


def directory_conflict(world: World) -> None:
    world.submit(world.registrar.enrol(world.aurora))


def noticed(world: World) -> None:
    world.submit(world.aurora.notice(world.civil))


def active_grant(world: World) -> None:
    case: Recorded = world.submit(world.aurora.offer(world.harbor))
    world.submit(world.reply(case, world.harbor, Kind.GRANT_ACCEPTANCE))
    world.submit(world.reply(case, world.aurora, Kind.GRANT_ACTIVATION))


def accepted_grant(world: World) -> None:
    case = world.submit(world.aurora.offer(world.harbor, world.civil))
    world.submit(world.reply(case, world.harbor, Kind.GRANT_ACCEPTANCE))


# What has to have happened first.
BEFORE: dict[Reason, Callable[[World], object]] = {
    Reason.MEMBER_INACTIVE: lambda w: w.submit(w.registrar.suspend(w.aurora)),
    Reason.SYSTEM_SUSPENDED: lambda w: w.submit(
        w.registrar.suspend_system(w.aurora, w.aurora.system)
    ),
    Reason.KEY_REVOKED: lambda w: w.submit(w.aurora.revoke_key(w.aurora, w.aurora.keys[0])),
    Reason.EQUIVOCATION: noticed,
    Reason.RECIPIENT_NOT_PARTY: noticed,
    Reason.TLP_RELAXED: noticed,
    Reason.CASE_NOT_FOUND: noticed,
    Reason.CASE_WRONG_STATE: noticed,
    Reason.CASE_UNEXPECTED: noticed,
    Reason.GRANT_WIDENED: active_grant,
    Reason.COSIGNATURES_MISSING: accepted_grant,
}


@pytest.mark.parametrize("reason", [each for each in Reason if each not in ELSEWHERE])
def test_every_reason_is_raised_and_nothing_recorded(world: World, reason: Reason) -> None:
    story: Callable[[World], None] = globals()[reason.lower()]
    if reason in BEFORE:
        BEFORE[reason](world)
    with world.refused(reason):
        story(world)


@pytest.mark.parametrize("reason", ELSEWHERE)
def test_every_other_reason_is_raised_elsewhere(reason: Reason) -> None:
    folder = TESTS / ELSEWHERE[reason]
    files = [*folder.glob("*.py"), *folder.glob("*.json")]
    assert any(reason in file.read_text() for file in files if file != Path(__file__))


def test_no_refusal_repeats_what_was_said(world: World) -> None:
    """Error text never holds content: neither a name that should not be there, nor any text."""
    secret = "the-model-nobody-knows"
    draft = world.aurora.notice(world.civil)
    draft.header.pre_release_notice.handle = secret
    refusals = [draft]
    for field in ("statement_id", "sender", "on_behalf_of", "profile", "exchange"):
        spoiled = world.aurora.notice(world.civil)
        setattr(spoiled.header, field, secret)
        refusals.append(spoiled)
    for each in refusals:
        for outcome in world.race(each):
            assert not isinstance(outcome, Recorded)
            assert secret not in str(outcome)
