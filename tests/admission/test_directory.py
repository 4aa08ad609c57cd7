"""The directory's statements through the admission: who says them, and from when on they hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn.statement.v1 import directory_pb2
from gateway.admission.directories import Directories
from gateway.core.errors import Reason
from gateway.core.fold import Entry
from gateway.core.members import Span
from gateway.core.statements import Kind
from tests.world.actors import keyid_of, make_key, seal, signing_key
from tests.world.memory_ledger import MemorySnapshot
from tests.world.world import World


def test_two_of_three_keys_of_the_registrar(world: World) -> None:
    payload = world.registrar.suspend(world.quay).payload
    one, two, three = world.registrar.keys
    for keys in ([one], [three]):
        with world.refused(Reason.SIGNATURES_INSUFFICIENT):
            world.hand_in(seal(payload, keys), by=world.registrar)
    with world.refused(Reason.ENVELOPE_MALFORMED):
        world.hand_in(seal(payload, [one, one]), by=world.registrar)
    with world.refused(Reason.KEY_NOT_OF_SENDER):
        world.hand_in(seal(payload, [one, world.aurora.keys[0]]), by=world.registrar)
    assert world.hand_in(seal(payload, [three, one]), by=world.registrar).index == world.size - 1
    with world.refused(Reason.DIRECTORY_CONFLICT):
        again = world.registrar.suspend(world.quay)
        world.hand_in(seal(again.payload, [one, two, three]), by=world.registrar)


def test_only_the_registrar_enrols(world: World) -> None:
    draft = world.aurora.enrol(world.stranger("new-lab"))
    with world.refused(Reason.SENDER_NOT_PERMITTED):
        world.submit(draft)


def test_a_directory_statement_is_for_all(world: World) -> None:
    suspension = world.registrar.suspend(world.quay)
    for tlp in ("GREEN", "AMBER"):
        suspension.header.tlp = f"TLP_LEVEL_{tlp}"  # type: ignore[assignment]  # by its name
        with world.refused(Reason.FIELD_INVALID, "header.tlp"):
            world.submit(suspension)
    addressed = world.registrar.suspend(world.quay)
    addressed.header.recipients.add(member="aurora")
    with world.refused(Reason.FIELD_INVALID, "header.recipients"):
        world.submit(addressed)
    in_a_case = world.registrar.suspend(world.quay)
    in_a_case.header.case_digest = bytes(32)
    with world.refused(Reason.FIELD_INVALID, "header.case_digest"):
        world.submit(in_a_case)
    recorded = world.submit(world.registrar.suspend(world.quay))
    assert list(recorded.body.audience) == []
    with world.ledger.snapshot() as snapshot:
        assert snapshot.readable(recorded.index, "mercy-hospital")


def test_sectors_are_the_sixteen(world: World) -> None:
    with world.refused(Reason.FIELD_INVALID, "header.facts.profile.sectors"):
        world.submit(world.update(world.harbor, sectors=["moon-mining"]))
    newcomer = world.stranger("new-bank", world.harbor.kind)
    newcomer.profile = {"sectors": ["finance"]}
    with world.refused(Reason.FIELD_INVALID, "header.facts.profile.sectors"):
        world.submit(world.registrar.enrol(newcomer))


def test_a_key_can_sign_its_own_revocation_and_nothing_after(world: World) -> None:
    lab, key = world.aurora, world.aurora.keys[0]
    revoked = world.submit(lab.revoke_key(lab, key))
    record = world.directory.keys[keyid_of(key)]
    assert record.span == Span(registered=1, ended=revoked.index)
    with world.refused(Reason.KEY_REVOKED):
        world.submit(lab.notice(world.civil))
    lab.keys.reverse()
    world.submit(lab.notice(world.civil))


def test_a_key_signs_from_the_next_entry_on(world: World) -> None:
    new = make_key("aurora, later")
    payload = world.aurora.notice(world.civil).payload
    with world.refused(Reason.KEY_UNKNOWN):
        world.hand_in(seal(payload, [new]), by=world.aurora)
    facts = directory_pb2.KeyRegistrationFacts(member="aurora", key=signing_key(new))
    world.submit(world.registrar.say(Kind.KEY_REGISTRATION, facts=facts))
    world.hand_in(seal(payload, [new]), by=world.aurora)


def test_a_member_ends_what_is_its_own_and_nothing_else(world: World) -> None:
    with world.refused(Reason.SENDER_NOT_PERMITTED):
        world.submit(world.aurora.revoke_key(world.borealis, world.borealis.keys[0]))
    with world.refused(Reason.SENDER_NOT_PERMITTED):
        world.submit(world.aurora.suspend_system(world.borealis, world.borealis.system))
    with world.refused(Reason.DIRECTORY_CONFLICT):
        world.submit(world.aurora.revoke_key(world.aurora, world.borealis.keys[0]))
    with world.refused(Reason.DIRECTORY_CONFLICT):
        world.submit(world.aurora.suspend_system(world.aurora, world.borealis.system))
    world.submit(world.aurora.suspend_system(world.aurora, world.aurora.system))
    with world.refused(Reason.SYSTEM_SUSPENDED):
        world.submit(world.aurora.notice(world.civil))


def test_participation_is_ones_own(world: World) -> None:
    world.submit(world.aurora.say(Kind.PARTICIPATION))
    with world.refused(Reason.DIRECTORY_CONFLICT):
        world.submit(world.registrar.say(Kind.PARTICIPATION))


def test_suspension_and_reinstatement(world: World) -> None:
    case = world.submit(world.aurora.notice(world.civil))
    world.submit(world.registrar.suspend(world.civil))
    with world.refused(Reason.MEMBER_INACTIVE):
        world.submit(world.reply(case, world.civil, Kind.ACKNOWLEDGEMENT))
    # What is said in the case meanwhile waits for it.
    waiting = world.submit(world.reply(case, world.aurora, Kind.NOTICE_AMENDMENT))
    assert list(waiting.body.audience) == ["civil-ai"]
    world.submit(world.registrar.reinstate(world.civil))
    world.submit(world.reply(case, world.civil, Kind.ACKNOWLEDGEMENT))
    assert waiting.index in world.inbox(world.civil)


def test_a_member_that_left_is_gone(world: World) -> None:
    world.submit(world.registrar.let_go(world.aurora))
    with world.refused(Reason.MEMBER_INACTIVE):
        world.submit(world.aurora.notice(world.civil))
    with world.refused(Reason.DIRECTORY_CONFLICT):
        world.submit(world.registrar.reinstate(world.aurora))


def test_succession_of_an_agency(world: World) -> None:
    facts = directory_pb2.MemberSuccessionFacts(predecessor="civil-ai", successor="natsec-ai")
    world.submit(world.registrar.say(Kind.MEMBER_SUCCESSION, facts=facts))
    with world.refused(Reason.RECIPIENT_UNKNOWN):
        world.submit(world.aurora.notice(world.civil))
    world.submit(world.aurora.notice(world.natsec))


def test_the_registrar_changes_its_keys(world: World) -> None:
    world.submit(world.succession("registrar 3", "registrar 4", quorum=1))
    payload = world.registrar.suspend(world.quay).payload
    with world.refused(Reason.KEY_REVOKED):
        world.hand_in(seal(payload, world.registrar.keys[:2]), by=world.registrar)
    world.hand_in(seal(payload, [make_key("registrar 4")]), by=world.registrar)


def test_a_relay_speaks_for_its_clients_only(world: World) -> None:
    report = world.submit(world.isac.report(world.civil, on_behalf_of="harbor-bank"))
    assert report.header.on_behalf_of == "harbor-bank"
    for sender, principal in (
        (world.isac, "quay-bank"),
        (world.isac, "nobody"),
        (world.quay, "harbor-bank"),
    ):
        with world.refused(Reason.SENDER_NOT_PERMITTED, "header.on_behalf_of"):
            world.submit(sender.report(world.civil, on_behalf_of=principal))
    world.submit(world.registrar.suspend(world.harbor))
    with world.refused(Reason.SENDER_NOT_PERMITTED, "header.on_behalf_of"):
        world.submit(world.isac.report(world.civil, on_behalf_of="harbor-bank"))


def test_the_directory_is_read_once_and_extended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = MemorySnapshot.directory_entries

    def counted(self: MemorySnapshot, from_index: int, limit: int) -> object:
        asked.append(from_index)
        return real(self, from_index, limit)

    monkeypatch.setattr(MemorySnapshot, "directory_entries", counted)
    directories = Directories(world.ledger)
    directories.now()
    assert asked == [1]
    with world.ledger.snapshot() as older:
        for _ in range(3):
            world.submit(world.aurora.notice(world.civil))
        asked.clear()
        assert directories.now().size == world.size
        # A statement that changes nothing in the directory costs nothing, in whatever order.
        assert directories.at(older).size == older.size
        assert asked == []
        world.submit(world.registrar.suspend(world.quay))
        assert directories.now().active(world.quay.member) is None
        # What an older snapshot says is what it said then.
        assert directories.at(older).active(world.quay.member) is not None
        assert directories.now().active(world.quay.member) is None


@settings(max_examples=15)
@given(st.data())
def test_made_anew_it_is_the_same(data: st.DataObject) -> None:
    with World() as world:
        following = Directories(world.ledger)
        for _ in range(data.draw(st.integers(1, 6))):
            step = data.draw(st.sampled_from(["suspend", "update", "notice", "nonsense"]))
            if step == "suspend":
                world.race(world.registrar.suspend(world.quay))
            elif step == "update":
                world.submit(world.update(world.harbor, sectors=["energy"]))
            elif step == "notice":
                world.submit(world.aurora.notice(world.civil))
            else:
                write_nonsense(world, data.draw(st.binary(min_size=1, max_size=30)))
            if data.draw(st.booleans()):
                following.now()
        assert following.now() == Directories(world.ledger).now()


def write_nonsense(world: World, body: bytes) -> None:
    """Have a worker write something that no admission would have let pass."""
    entry = Entry(body=body, salt=bytes(32), judged_at=0, reads=(), writes=())
    world.ledger.fold([entry])


def test_nonsense_in_the_ledger_is_nobodys_and_stops_nothing(world: World) -> None:
    for body in (b"\xff", b"\x0a\x03abc"):
        write_nonsense(world, body)
    # A statement about the directory that nobody admitted changes nothing.
    forged = world.read(world.submit(world.aurora.say(Kind.PARTICIPATION)).index)
    draft = world.aurora.enrol(world.stranger("evil-lab"))
    forged.body.envelope = draft.envelope
    write_nonsense(world, forged.body.SerializeToString(deterministic=True))
    assert "evil-lab" not in world.directory.members
    world.submit(world.aurora.notice(world.civil))
