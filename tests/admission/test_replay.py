"""The same statement again, many at once, and what comes between a judgement and its recording."""

from __future__ import annotations

from datetime import timedelta

import pytest

from forewarn.exchange.v1 import envelope_pb2
from gateway.admission.admit import MAX_ROUNDS, Admission
from gateway.admission.submission import Submission
from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.fold import Entry, Outcome, Verdict
from gateway.core.statements import Kind
from tests.world import samples
from tests.world.actors import ORIGIN, sector
from tests.world.world import Recorded, World


def recorded(outcomes: list[Recorded | Refusal | Fault]) -> list[Recorded]:
    return [outcome for outcome in outcomes if isinstance(outcome, Recorded)]


def refused(outcomes: list[Recorded | Refusal | Fault]) -> list[Reason]:
    return [outcome.reason for outcome in outcomes if isinstance(outcome, Refusal)]


def test_the_same_statement_has_one_index_for_ever(world: World) -> None:
    expires = samples.timestamp(world.pen.now + timedelta(minutes=1))
    draft = world.aurora.notice(world.civil, expire_time=expires)
    first = world.submit(draft)
    size = world.size
    assert world.submit(draft).index == first.index
    # Its case has moved on, it has expired, its recipient has left.
    world.submit(world.reply(first, world.aurora, Kind.NOTICE_WITHDRAWAL))
    world.submit(world.registrar.let_go(world.civil))
    world.pass_time(timedelta(days=400))
    again = world.submit(draft)
    assert (again.index, again.body) == (first.index, first.body)
    assert world.size == size + 2


def test_a_digest_does_not_depend_on_signatures(world: World) -> None:
    draft = world.aurora.notice(world.civil)
    first = world.submit(draft)
    world.aurora.signs_with = 2
    assert world.submit(draft).index == first.index


def test_a_replay_by_another_member_is_no_replay(world: World) -> None:
    draft = world.aurora.notice(world.civil)
    world.submit(draft)
    # Not even by the recipient, who may read it.
    for thief in (world.borealis, world.civil):
        with world.refused(Reason.KEY_NOT_OF_SENDER):
            world.submit(draft, by=thief)


def test_a_replay_needs_a_system_that_may_call(world: World) -> None:
    draft = world.aurora.notice(world.civil)
    world.submit(draft)
    world.submit(world.registrar.suspend(world.aurora))
    with world.refused(Reason.MEMBER_INACTIVE):
        world.submit(draft)


def test_another_statement_under_the_same_id_is_refused(world: World) -> None:
    first = world.aurora.notice(world.civil)
    world.submit(first)
    second = world.aurora.notice(world.natsec)
    second.header.statement_id = first.header.statement_id
    with world.refused(Reason.EQUIVOCATION, "header.statement_id"):
        world.submit(second)
    # Who cannot sign cannot find out whether the id is taken; and ids are each sender's own.
    forged = envelope_pb2.Envelope.FromString(second.envelope)
    forged.signatures[0].sig = bytes(64)
    with world.refused(Reason.SIGNATURE_INVALID):
        world.hand_in(forged.SerializeToString(deterministic=True), by=world.aurora)
    third = world.borealis.notice(world.natsec)
    third.header.statement_id = first.header.statement_id
    world.submit(third)


def test_the_same_statement_many_times_at_once(world: World) -> None:
    draft = world.aurora.notice(world.civil)
    outcomes = recorded(world.race(*[draft] * 8))
    assert len(outcomes) == 8
    assert len({outcome.index for outcome in outcomes}) == 1
    assert world.size == outcomes[0].index + 1


def test_two_statements_under_one_id_at_once(world: World) -> None:
    drafts = [world.aurora.notice(world.civil, days=days) for days in range(60, 66)]
    for draft in drafts:
        draft.header.statement_id = drafts[0].header.statement_id
    outcomes = world.race(*drafts)
    assert len(recorded(outcomes)) == 1
    assert refused(outcomes) == [Reason.EQUIVOCATION] * 5


def test_one_transition_happens_once(world: World) -> None:
    case = world.submit(world.aurora.notice(world.civil, world.natsec))
    acks = [
        world.reply(case, agency, Kind.ACKNOWLEDGEMENT, world.aurora)
        for agency in (world.civil, world.natsec) * 3
    ]
    outcomes = world.race(*acks)
    assert len(recorded(outcomes)) == 1
    assert refused(outcomes) == [Reason.CASE_WRONG_STATE] * 5
    assert world.state(case) == "ACKNOWLEDGED"


def test_a_case_ends_in_one_way(world: World) -> None:
    case = world.submit(world.aurora.notice(world.civil))
    outcomes = world.race(
        world.reply(case, world.aurora, Kind.NOTICE_WITHDRAWAL),
        world.reply(case, world.aurora, Kind.RELEASE_CONFIRMATION),
        world.reply(case, world.civil, Kind.ACKNOWLEDGEMENT),
    )
    ended = [each for each in recorded(outcomes) if each.summary.kind != Kind.ACKNOWLEDGEMENT]
    assert len(ended) == 1
    assert world.state(case) == ended[0].body.case_state


def test_versions_of_an_offer_do_not_overtake_one_another(world: World) -> None:
    case = world.submit(world.aurora.offer(world.harbor))
    facts = samples.terms(str(world.harbor.system), version=2)
    offers = [
        world.reply(case, world.aurora, Kind.MODEL_ACCESS_GRANT, facts=facts) for _ in range(4)
    ]
    accepted = world.reply(case, world.harbor, Kind.GRANT_ACCEPTANCE)
    outcomes = world.race(*offers, accepted)
    assert (
        len([each for each in recorded(outcomes) if each.summary.kind == Kind.MODEL_ACCESS_GRANT])
        <= 1
    )
    # Whoever accepted, accepted what held.
    if any(each.summary.kind == Kind.GRANT_ACCEPTANCE for each in recorded(outcomes)):
        assert world.state(case) == "ACCEPTED"
        assert len(recorded(outcomes)) == 1


def test_acknowledgements_of_an_alert_do_not_wait_for_one_another(world: World) -> None:
    alert = world.submit(world.civil.alert(sector("financial-services"), world.mercy))
    banks = (world.harbor, world.quay, world.mercy)
    blocks = world.blocks
    outcomes = world.race(
        *(world.reply(alert, bank, Kind.ACKNOWLEDGEMENT, world.civil) for bank in banks)
    )
    assert len(recorded(outcomes)) == 3
    assert world.blocks == blocks + 1


def test_what_changes_nothing_still_sees_what_changed(world: World) -> None:
    report = world.submit(world.harbor.report(world.civil))
    world.meanwhile(world.reply(report, world.civil, Kind.TRIAGE))
    question = world.submit(world.reply(report, world.civil, Kind.QUESTION))
    assert question.body.case_state == "TRIAGED"
    assert world.state(report) == "TRIAGED"


@pytest.mark.parametrize("by_itself", [False, True])
def test_a_suspension_beats_what_was_judged_before_it(world: World, by_itself: bool) -> None:
    speaker = world.aurora if by_itself else world.registrar
    world.meanwhile(speaker.suspend_system(world.aurora, world.aurora.system))
    size = world.size
    with pytest.raises(Refusal) as caught:
        world.submit(world.aurora.notice(world.civil))
    assert caught.value.reason is Reason.SYSTEM_SUSPENDED
    assert world.size == size + 1


def test_a_revocation_beats_what_was_judged_before_it(world: World) -> None:
    world.meanwhile(world.aurora.revoke_key(world.aurora, world.aurora.keys[0]))
    with pytest.raises(Refusal) as caught:
        world.submit(world.aurora.notice(world.civil))
    assert caught.value.reason is Reason.KEY_REVOKED


def test_a_suspended_principal_is_no_longer_spoken_for(world: World) -> None:
    world.meanwhile(world.registrar.suspend(world.harbor))
    with pytest.raises(Refusal) as caught:
        world.submit(world.isac.report(world.civil, on_behalf_of="harbor-bank"))
    assert caught.value.reason is Reason.SENDER_NOT_PERMITTED


def test_an_edge_that_is_gone_carries_nothing(world: World) -> None:
    world.meanwhile(world.update(world.isac, clients=[]))
    with pytest.raises(Refusal) as caught:
        world.submit(world.isac.report(world.civil, on_behalf_of="harbor-bank"))
    assert caught.value.reason is Reason.SENDER_NOT_PERMITTED


def test_two_registrars_do_not_contradict_one_another(world: World) -> None:
    twice = [world.registrar.enrol(world.stranger("new-lab")) for _ in range(2)]
    outcomes = world.race(*twice)
    assert len(recorded(outcomes)) == 1
    assert refused(outcomes) == [Reason.DIRECTORY_CONFLICT]


def test_a_new_quorum_beats_what_the_old_one_said(world: World) -> None:
    world.meanwhile(world.succession("registrar 2", "registrar 4", quorum=1))
    with pytest.raises(Refusal) as caught:
        world.submit(world.registrar.suspend(world.quay))
    assert caught.value.reason is Reason.KEY_REVOKED


class Stubborn:
    """A recorder for which every judgement comes too late."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.asked = 0

    async def record(self, entry: Entry) -> Outcome:
        self.asked += 1
        return Outcome(verdict=self.verdict, index=None)


@pytest.mark.parametrize(
    ("verdict", "reason", "rounds"),
    [
        (Verdict.STALE, Reason.LEDGER_CONTENDED, MAX_ROUNDS),
        (Verdict.VOID, Reason.INTERNAL, 1),
    ],
)
def test_it_is_judged_again_a_bounded_number_of_times(
    world: World, verdict: Verdict, reason: Reason, rounds: int
) -> None:
    recorder = Stubborn(verdict)
    admission = Admission(
        origin=ORIGIN,
        reader=world.ledger,
        directories=world.directories,
        policy=world.policy,
        recorder=recorder,
        salt=lambda: bytes(32),
    )
    submission = Submission(
        envelope=world.aurora.notice(world.civil).envelope,
        system=world.aurora.system,
        received_time=world.pen.now,
    )
    with pytest.raises(Fault) as caught:
        world.run(admission.submit(submission))
    assert (caught.value.reason, recorder.asked) == (reason, rounds)


def test_received_time_never_runs_backwards(world: World) -> None:
    times = []
    for step in (0, 5, -60, 1, -86_400, 0, 90_000):
        world.pass_time(timedelta(seconds=step))
        times.append(world.submit(world.aurora.notice(world.civil)).received_time)
    assert times == sorted(times)
    assert times[-1] == world.pen.now
    late = [world.aurora.notice(world.civil) for _ in range(5)]
    world.pass_time(timedelta(seconds=-30))
    world.race(*late)
    along = [world.read(index).received_time for index in range(world.size)]
    assert along == sorted(along)


def test_the_ledger_tells_a_new_worker_the_time(world: World) -> None:
    world.pass_time(timedelta(days=1))
    last = world.submit(world.aurora.notice(world.civil)).received_time
    world.pass_time(timedelta(days=-1))
    with World.beside(world) as other:
        assert other.submit(other.aurora.notice(other.civil)).received_time == last


def test_salts_are_used_once(world: World) -> None:
    with world.ledger.snapshot() as snapshot:
        salts = [entry.salt for i in range(world.size) if (entry := snapshot.by_index(i))]
    assert len(set(salts)) == world.size
