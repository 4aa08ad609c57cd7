"""Cases through the admission: who is reached, who learns what, grants and their signatures."""

from __future__ import annotations

from datetime import timedelta

import pytest

from forewarn.statement.v1 import grant_pb2, header_pb2
from gateway.admission.lead_times import lead_times
from gateway.core.errors import Reason, Refusal
from gateway.core.statements import Kind
from tests.world import samples
from tests.world.actors import community, desk_of, everyone, seal, sector
from tests.world.world import Recorded, World


def test_two_notices_are_two_cases_that_know_nothing_of_each_other(world: World) -> None:
    one = world.submit(world.aurora.notice(world.civil))
    two = world.submit(world.aurora.notice(world.natsec))
    assert world.inbox(world.civil) == [one.index]
    assert world.inbox(world.natsec) == [two.index]
    with world.ledger.snapshot() as snapshot:
        assert not snapshot.readable(one.index, "natsec-ai")
        assert not snapshot.readable(two.index, "civil-ai")
        assert snapshot.member_cases("natsec-ai", "", -1, 9) == [snapshot.case(two.digest)]


def test_groups_reach_their_active_members(world: World) -> None:
    world.submit(world.registrar.suspend(world.quay))
    alerts = {
        "sector": world.civil.alert(sector("financial-services")),
        "kind": world.civil.alert(everyone(world.harbor.kind)),
        "community": world.civil.alert(community("fin-sharing")),
        "desk": world.harbor.report(desk_of(world.civil, "incident")),
    }
    reached = {name: list(world.submit(draft).body.audience) for name, draft in alerts.items()}
    assert reached == {
        "sector": ["harbor-bank"],
        "kind": ["harbor-bank", "mercy-hospital"],
        "community": ["fin-isac", "harbor-bank"],
        "desk": ["civil-ai"],
    }


def test_neither_sector_sees_the_others_alert(world: World) -> None:
    finance = world.submit(world.civil.alert(sector("financial-services")))
    health = world.submit(world.civil.alert(sector("healthcare")))
    assert world.inbox(world.harbor) == world.inbox(world.quay) == [finance.index]
    assert world.inbox(world.mercy) == [health.index]


def test_delivered_implies_entitled(world: World) -> None:
    world.submit(world.aurora.notice(world.civil, world.natsec))
    report = world.submit(world.harbor.report(world.civil))
    world.submit(world.reply(report, world.civil, Kind.QUESTION))
    world.submit(world.civil.alert(sector("financial-services")))
    world.submit(world.civil.alert(world.mercy, tlp="CLEAR"))
    with world.ledger.snapshot() as snapshot:
        for member in world.members:
            for index in world.inbox(member):
                assert snapshot.readable(index, member.id)
        for index in range(world.size):
            entry = world.read(index)
            to = {entry.summary.sender, *entry.summary.audience}
            for_all = entry.summary.directory or entry.header.tlp == header_pb2.TLP_LEVEL_CLEAR
            for member in world.members:
                assert snapshot.readable(index, member.id) == (for_all or member.id in to)


def test_an_answer_reaches_whom_it_is_for(world: World) -> None:
    case = world.submit(world.harbor.report(world.civil, world.natsec))
    question = world.submit(world.reply(case, world.civil, Kind.QUESTION, world.harbor))
    answer = world.submit(world.reply(case, world.harbor, Kind.ANSWER, world.civil))
    assert list(question.body.audience) == ["harbor-bank"]
    assert not {question.index, answer.index} & set(world.inbox(world.natsec))
    # What it cannot read it cannot refer to, though it is of its own case.
    with world.refused(Reason.REFERENCE_INVALID):
        world.submit(world.reply(case, world.natsec, Kind.FEEDBACK, refers_to=(question.digest,)))


def test_only_the_originator_relaxes(world: World) -> None:
    case = world.submit(world.harbor.report(world.civil, tlp="AMBER"))
    for tlp in ("CLEAR", "GREEN"):
        with world.refused(Reason.TLP_RELAXED, "header.tlp"):
            world.submit(world.reply(case, world.civil, Kind.FEEDBACK, tlp=tlp))
    world.submit(world.reply(case, world.civil, Kind.FEEDBACK, tlp="AMBER_STRICT"))
    relaxed = world.submit(world.reply(case, world.harbor, Kind.FEEDBACK, tlp="GREEN"))
    assert relaxed.header.tlp == header_pb2.TLP_LEVEL_GREEN


def test_a_grant_is_between_two(world: World) -> None:
    offer = world.submit(world.aurora.offer(world.harbor))
    for digest in (offer.digest, bytes(32)):
        draft = world.quay.say(Kind.GRANT_ACCEPTANCE, world.aurora, case=digest)
        with world.refused(Reason.CASE_NOT_FOUND):
            world.submit(draft)
    revoked = world.submit(world.reply(offer, world.aurora, Kind.GRANT_REVOCATION))
    assert world.inbox(world.harbor) == [offer.index, revoked.index]
    assert world.inbox(world.quay) == []


@pytest.mark.parametrize("kind", [Kind.GRANT_REVOCATION, Kind.GRANT_WITHDRAWAL])
def test_nobody_is_bound_by_what_it_was_not_told(world: World, kind: Kind) -> None:
    offer = world.submit(world.aurora.offer(world.harbor, world.civil))
    with world.refused(Reason.FIELD_INVALID, "header.recipients"):
        world.submit(world.reply(offer, world.aurora, kind, world.civil))
    world.submit(world.reply(offer, world.aurora, kind, world.harbor))


def test_an_offer_names_its_recipients(world: World) -> None:
    draft = world.aurora.offer(world.harbor, world.civil)
    del draft.header.recipients[1]
    with world.refused(Reason.FIELD_INVALID, "header.recipients"):
        world.submit(draft)
    elsewhere = [f"spiffe://elsewhere.example/operator/{world.harbor}/desk-a"]
    with world.refused(Reason.FIELD_INVALID, "header.facts.grantee_systems"):
        world.submit(world.aurora.offer(world.harbor, grantee_systems=elsewhere))


def test_an_offer_expires(world: World) -> None:
    soon = world.pen.now + timedelta(hours=1)
    draft = world.aurora.offer(world.harbor, offer_expire_time=samples.timestamp(soon))
    offer = world.submit(draft)
    acceptance = world.reply(offer, world.harbor, Kind.GRANT_ACCEPTANCE)
    world.pass_time(timedelta(hours=1))
    with world.refused(Reason.CASE_WRONG_STATE):
        world.submit(acceptance)
    world.pass_time(timedelta(microseconds=-1))
    world.submit(acceptance)


def test_cosignatures_are_of_the_offer_that_holds(world: World) -> None:
    lab, bank = world.aurora, world.harbor
    offer = world.submit(lab.offer(bank, world.civil, world.natsec))
    for cosigner in (world.civil, world.natsec):
        world.submit(world.reply(offer, cosigner, Kind.GRANT_COSIGNATURE, lab))
    cosigners = {"cosigners": ["civil-ai", "natsec-ai"], "cosigners_required": 2}
    second = samples.terms(str(bank.system), version=2, **cosigners)
    world.submit(world.reply(offer, lab, Kind.MODEL_ACCESS_GRANT, facts=second))
    world.submit(world.reply(offer, bank, Kind.GRANT_ACCEPTANCE))
    # They had signed the first version.
    with world.refused(Reason.COSIGNATURES_MISSING):
        world.submit(world.reply(offer, lab, Kind.GRANT_ACTIVATION))
    world.submit(world.reply(offer, world.civil, Kind.GRANT_COSIGNATURE, lab))
    world.submit(world.reply(offer, world.civil, Kind.GRANT_COSIGNATURE, lab))
    # One who signs twice is one.
    with world.refused(Reason.COSIGNATURES_MISSING):
        world.submit(world.reply(offer, lab, Kind.GRANT_ACTIVATION))
    with world.refused(Reason.REFERENCE_INVALID):
        old = (offer.digest,)
        world.submit(world.reply(offer, world.natsec, Kind.GRANT_COSIGNATURE, lab, refers_to=old))
    world.submit(world.reply(offer, world.natsec, Kind.GRANT_COSIGNATURE, lab))
    world.submit(world.reply(offer, lab, Kind.GRANT_ACTIVATION))


def test_an_activation_counts_what_came_before_it(world: World) -> None:
    offer = world.submit(world.aurora.offer(world.harbor, world.civil))
    world.submit(world.reply(offer, world.harbor, Kind.GRANT_ACCEPTANCE))
    cosigned = world.reply(offer, world.civil, Kind.GRANT_COSIGNATURE, world.aurora)
    activated = world.reply(offer, world.aurora, Kind.GRANT_ACTIVATION, world.harbor)
    first, second = world.race(cosigned, activated)
    assert isinstance(first, Recorded)
    assert isinstance(second, Refusal)
    assert second.reason is Reason.COSIGNATURES_MISSING
    # It saw no cosignature; once there is one, the same bytes are taken.
    world.submit(activated)
    assert world.state(offer) == "ACTIVE"


def active_grant(world: World) -> Recorded:
    offer = world.submit(world.aurora.offer(world.harbor))
    world.submit(world.reply(offer, world.harbor, Kind.GRANT_ACCEPTANCE))
    world.submit(world.reply(offer, world.aurora, Kind.GRANT_ACTIVATION))
    return offer


def test_narrowing_only_takes_away(world: World) -> None:
    offer = active_grant(world)
    for version, days in ((2, 10), (3, 10), (4, 2)):
        terms = samples.terms(str(world.harbor.system), version=version)
        ends = samples.timestamp(samples.NOON + timedelta(days=days))
        terms.not_after_time.CopyFrom(ends)
        facts = grant_pb2.GrantNarrowingFacts(grant=terms)
        world.submit(world.reply(offer, world.aurora, Kind.GRANT_NARROWING, facts=facts))
    back = samples.terms(str(world.harbor.system), version=5)
    facts = grant_pb2.GrantNarrowingFacts(grant=back)
    with world.refused(Reason.GRANT_WIDENED, "header.facts.grant.not_after_time"):
        world.submit(world.reply(offer, world.aurora, Kind.GRANT_NARROWING, facts=facts))
    back.version = 4
    facts = grant_pb2.GrantNarrowingFacts(grant=back)
    with world.refused(Reason.FIELD_INVALID, "header.facts.version"):
        world.submit(world.reply(offer, world.aurora, Kind.GRANT_NARROWING, facts=facts))


def test_white_box_access_is_signed_by_two_of_the_lab(world: World) -> None:
    body = samples.grant_body()
    body.access_level = grant_pb2.ACCESS_LEVEL_AL3
    one, two = world.aurora.keys
    with world.refused(Reason.SIGNATURES_INSUFFICIENT):
        world.submit(world.aurora.offer(world.harbor, body=body))
    deep = world.aurora.offer(world.harbor, body=body, lab_signatures=2)
    with world.refused(Reason.SIGNATURES_INSUFFICIENT):
        world.hand_in(seal(deep.payload, [one]), by=world.aurora)
    with world.refused(Reason.KEY_NOT_OF_SENDER):
        world.hand_in(seal(deep.payload, [one, world.borealis.keys[0]]), by=world.aurora)
    world.hand_in(seal(deep.payload, [two, one]), by=world.aurora)


def test_lead_times_are_told_and_block_nothing(world: World) -> None:
    notice = world.submit(world.aurora.notice(world.civil, days=62, profile="us-eo-14409"))
    assert notice.body.profile_version == "us-eo-14409@1"
    body = notice.body.SerializeToString(deterministic=True)
    told = {each.view.profile.id: each for each in lead_times(body, world.policy)}
    assert set(told) == {profile.id for profile in world.policy.lead_times}
    draft, order = told["us-draft-2026-05"], told["us-eo-14409"]
    assert (draft.view.lead_days, draft.view.short_by_days, draft.named) == (62, 28, False)
    assert (order.view.anchor_time, order.named) == (None, True)
    late = world.submit(world.aurora.notice(world.civil, days=-3))
    assert late.body.profile_version == ""
    first = world.aurora.notice(world.civil)
    first.header.pre_release_notice.planned.public_release.time.seconds = -62_135_596_800
    absurd = world.submit(first).body.SerializeToString(deterministic=True)
    assert len(lead_times(absurd, world.policy)) == 3
    alert = world.submit(world.civil.alert(world.harbor))
    assert lead_times(alert.body.SerializeToString(), world.policy) == ()
    assert lead_times(b"\xff", world.policy) == ()


def test_a_profile_of_ones_own(world: World) -> None:
    recorded = world.submit(world.aurora.notice(world.civil, profile="custom"))
    assert recorded.body.profile_version == "custom"
