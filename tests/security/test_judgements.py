"""What a judgement hangs on: nothing that it has read may change unseen, and it is never dear.

Each story has somebody do, between a judgement and its recording, what would change it.
"""

from __future__ import annotations

import tracemalloc
from hashlib import sha256
from pathlib import Path

import pytest

from forewarn.statement.v1 import alert_pb2, directory_pb2, values_pb2
from gateway.core.errors import Reason
from gateway.core.identity import MemberKind
from gateway.core.statements import Kind
from tests.world import samples
from tests.world.actors import Actor, Draft, community, everyone, sector
from tests.world.store_ledger import StoreLedger
from tests.world.world import World

LARGE = 200_000


def leave(world: World, member: Actor) -> Draft:
    """Have the registrar take a member out of its sectors and communities."""
    profile = directory_pb2.MemberProfile(display_name=member.id)
    facts = directory_pb2.MemberUpdateFacts(member=member.id, profile=profile)
    return world.registrar.say(
        Kind.MEMBER_UPDATE, facts=facts, body=directory_pb2.MemberEnrolmentBody()
    )


def test_who_left_a_group_before_the_recording_is_not_in_its_audience() -> None:
    for group in (sector("financial-services"), community("fin-sharing")):
        with World() as world:
            world.meanwhile(leave(world, world.quay))
            alert = world.submit(world.civil.alert(group))

            assert "quay-bank" not in alert.body.audience
            assert alert.index not in world.inbox(world.quay)


def test_who_was_suspended_before_the_recording_is_not_addressed() -> None:
    with World() as world:
        world.meanwhile(world.registrar.suspend(world.quay))
        alert = world.submit(world.civil.alert(everyone(MemberKind.OPERATOR)))
        assert "quay-bank" not in alert.body.audience

    with World() as world:
        world.meanwhile(world.registrar.suspend(world.natsec))
        with pytest.raises(Exception, match=Reason.RECIPIENT_UNKNOWN):
            world.submit(world.aurora.notice(world.civil, world.natsec))
        assert not world.inbox(world.civil)


def test_a_group_in_a_case_is_judged_by_the_directory_at_its_recording() -> None:
    with World() as world:
        alert = world.submit(world.civil.alert(sector("financial-services")))
        world.meanwhile(leave(world, world.quay))
        cancelled = world.submit(
            world.reply(
                alert,
                world.civil,
                Kind.ALERT_CANCELLATION,
                sector("financial-services"),
                tlp="GREEN",
            )
        )

        assert list(cancelled.body.audience) == ["harbor-bank"]


def test_a_member_that_talks_without_end_cannot_hold_up_its_own_suspension() -> None:
    with World() as world:

        async def talk() -> None:
            draft = world.aurora.say(Kind.PARTICIPATION)
            await world.admission.submit(world._submission(draft.envelope, draft.actor))
            world.ledger.meanwhile.append(talk)

        world.ledger.meanwhile.append(talk)
        world.submit(world.registrar.suspend(world.aurora))

        with world.refused(Reason.MEMBER_INACTIVE):
            world.submit(world.aurora.say(Kind.PARTICIPATION))


def test_a_participation_is_still_refused_once_its_member_is_suspended() -> None:
    with World() as world:
        world.meanwhile(world.registrar.suspend(world.aurora))
        with pytest.raises(Exception, match=Reason.MEMBER_INACTIVE):
            world.submit(world.aurora.say(Kind.PARTICIPATION))


def update(world: World, size: int, **fields: object) -> alert_pb2.AlertUpdateBody:
    attachment = values_pb2.Attachment(
        file_name="advisory.json",
        media_type="application/json",
        size=size,
        sha256=sha256(bytes(size)).digest(),
        data=bytes(size),
    )
    alert = samples.alert_body()
    alert.attachments.append(attachment)
    return alert_pb2.AlertUpdateBody(change="More is known.", alert=alert)


def test_a_long_case_is_not_read_whole_to_judge_one_answer_in_it(tmp_path: Path) -> None:
    with World(StoreLedger(tmp_path)) as world:
        alert = newest = world.submit(world.civil.alert(world.harbor))
        for _ in range(20):
            newest = world.submit(
                world.civil.say(
                    Kind.ALERT_UPDATE,
                    world.harbor,
                    tlp="GREEN",
                    case=alert.digest,
                    refers_to=(newest.digest,),
                    body=update(world, LARGE),
                )
            )
        answer = world.reply(alert, world.harbor, Kind.ACKNOWLEDGEMENT, world.civil)
        tracemalloc.start()
        world.submit(answer)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 8 * LARGE
