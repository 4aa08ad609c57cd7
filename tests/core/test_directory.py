"""The directory: every kind of statement, what it changes from when on, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import enrolment
from gateway.core.directory import Directory
from gateway.core.enrolment import ParticipationChoice, Quorum
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId, MemberKind, SystemId
from gateway.core.members import Span, Standing
from gateway.core.statements import Header, Kind, Tlp
from tests.world import directories, headers
from tests.world.directories import REGISTRAR, by_registrar

AURORA, BOREALIS, CIVIL = MemberId("aurora"), MemberId("borealis"), MemberId("civil-ai")
DIRECTORY = directories.directory(
    aurora=MemberKind.LAB, borealis=MemberKind.LAB, civil_ai=MemberKind.AGENCY
)
DESK = headers.system_of(AURORA, MemberKind.LAB)
OTHER_DESK = headers.system_of(AURORA, MemberKind.LAB, "desk-b")
REGISTRAR_DESK = headers.system_of(REGISTRAR, MemberKind.REGISTRAR)


def key(name: str) -> str:
    return headers.public_key(name).keyid


def by(sender: str, kind: Kind, facts: object) -> Header:
    return headers.header(kind, sender, tlp=Tlp.CLEAR, facts=facts)


def after(*said: Header, base: Directory = DIRECTORY) -> Directory:
    """Give the directory after some statements, none of which may be refused."""
    for header in said:
        base.check(header)
        base = base.extended([(base.size, header)], base.size + 1)
    return base


def refusal(header: Header, base: Directory = DIRECTORY) -> Reason:
    with pytest.raises(Refusal) as caught:
        base.check(header)
    # Readers pass over what the exchange never records.
    passed = base.extended([(base.size, header)], base.size + 1)
    assert passed == replace(base, size=base.size + 1)
    return caught.value.reason


def register_key(member: MemberId, name: str) -> Header:
    facts = enrolment.KeyRegistrationFacts(member=member, key=headers.public_key(name))
    return by_registrar(Kind.KEY_REGISTRATION, facts)


def revoke_key(member: MemberId, name: str, sender: str = REGISTRAR) -> Header:
    facts = enrolment.KeyRevocationFacts(member=member, keyid=key(name))
    return by(sender, Kind.KEY_REVOCATION, facts)


def system(kind: Kind, system: SystemId, sender: str = REGISTRAR, member: str = "") -> Header:
    named = MemberId(member or system.member)
    return by(sender, kind, enrolment.SystemFacts(member=named, system=system))


def member(kind: Kind, name: MemberId) -> Header:
    return by_registrar(kind, enrolment.MemberFacts(member=name))


def succession(predecessor: MemberId, successor: MemberId) -> Header:
    facts = enrolment.MemberSuccessionFacts(predecessor=predecessor, successor=successor)
    return by_registrar(Kind.MEMBER_SUCCESSION, facts)


def new_quorum(*names: str, threshold: int = 1) -> Header:
    keys = tuple(headers.public_key(name) for name in names)
    facts = enrolment.RegistrarSuccessionFacts(quorum=Quorum(keys=keys, threshold=threshold))
    return by_registrar(Kind.REGISTRAR_SUCCESSION, facts)


def participation(sender: str) -> Header:
    facts = enrolment.ParticipationFacts(
        framework="us-draft-2026-05", handle="", choice=ParticipationChoice.OUT
    )
    return by(sender, Kind.PARTICIPATION, facts)


def update(name: MemberId, kind: MemberKind, **changes: Any) -> Header:
    facts = enrolment.MemberUpdateFacts(member=name, profile=directories.profile(kind, **changes))
    return by_registrar(Kind.MEMBER_UPDATE, facts)


SUSPENDED = member(Kind.MEMBER_SUSPENSION, AURORA)
DEPARTED = member(Kind.MEMBER_DEPARTURE, AURORA)
# Each kind once, as it may follow on DIRECTORY.
FITTING = {
    Kind.MEMBER_ENROLMENT: directories.enrolment("new-lab", MemberKind.LAB),
    Kind.MEMBER_UPDATE: update(AURORA, MemberKind.LAB, desks=frozenset({"release"})),
    Kind.KEY_REGISTRATION: register_key(AURORA, "aurora 2"),
    Kind.KEY_REVOCATION: revoke_key(AURORA, "aurora 1"),
    Kind.SYSTEM_REGISTRATION: system(Kind.SYSTEM_REGISTRATION, OTHER_DESK),
    Kind.SYSTEM_SUSPENSION: system(Kind.SYSTEM_SUSPENSION, DESK),
    Kind.MEMBER_SUSPENSION: SUSPENDED,
    Kind.MEMBER_SUCCESSION: succession(AURORA, BOREALIS),
    Kind.MEMBER_DEPARTURE: DEPARTED,
    Kind.REGISTRAR_SUCCESSION: new_quorum("registrar 1", "registrar 4"),
    Kind.PARTICIPATION: participation(AURORA),
}


def test_the_genesis_begins_it() -> None:
    first = Directory.from_genesis(directories.genesis())
    assert (first.size, first.registrar, first.quorum.threshold) == (1, REGISTRAR, 2)
    assert first.authenticate(REGISTRAR_DESK).kind is MemberKind.REGISTRAR
    names = [key("registrar 1"), key("registrar 3")]
    assert list(first.signing_keys(REGISTRAR, names)) == names
    with pytest.raises(Refusal) as caught:
        Directory.from_genesis(SUSPENDED)
    assert caught.value.reason is Reason.DIRECTORY_CONFLICT


def test_every_kind_but_two_has_a_fitting_statement_here() -> None:
    directory_kinds = {kind for kind in Kind if kind.is_directory}
    assert set(FITTING) == directory_kinds - {Kind.GENESIS, Kind.MEMBER_REINSTATEMENT}
    for header in FITTING.values():
        DIRECTORY.check(header)


@pytest.mark.parametrize("kind", Kind)
def test_what_does_not_change_the_directory_is_refused(kind: Kind) -> None:
    if kind in FITTING or kind is Kind.MEMBER_REINSTATEMENT:
        return
    facts = directories.genesis().facts if kind is Kind.GENESIS else None
    assert refusal(by_registrar(kind, facts)) is Reason.DIRECTORY_CONFLICT


@pytest.mark.parametrize("kind", FITTING)
def test_the_facts_are_those_of_the_kind(kind: Kind) -> None:
    facts = directories.genesis().facts
    sender = AURORA if kind is Kind.PARTICIPATION else REGISTRAR
    assert refusal(by(sender, kind, facts)) is Reason.DIRECTORY_CONFLICT


def test_who_may_say_what() -> None:
    own = {Kind.KEY_REVOCATION, Kind.SYSTEM_SUSPENSION, Kind.PARTICIPATION}
    for kind, header in FITTING.items():
        itself = replace(header, sender=AURORA)
        other = replace(header, sender=BOREALIS)
        if kind in own:
            DIRECTORY.check(itself)
        else:
            assert refusal(itself) is Reason.SENDER_NOT_PERMITTED
        if kind is not Kind.PARTICIPATION:
            assert refusal(other) is Reason.SENDER_NOT_PERMITTED
    # Taking part changes no permission.
    assert after(participation(AURORA)) == replace(DIRECTORY, size=DIRECTORY.size + 1)
    assert refusal(participation(REGISTRAR)) is Reason.DIRECTORY_CONFLICT
    assert refusal(participation("nobody")) is Reason.DIRECTORY_CONFLICT


def test_a_new_member_may_call_and_sign() -> None:
    grown, name = after(FITTING[Kind.MEMBER_ENROLMENT]), MemberId("new-lab")
    assert grown.authenticate(headers.system_of(name, MemberKind.LAB)) == grown.active(name)
    assert grown.signing_keys(name, [key("new-lab 1")])


@pytest.mark.parametrize(
    "header",
    [
        directories.enrolment("aurora", MemberKind.LAB, keys=(headers.public_key("new 1"),)),
        directories.enrolment(
            REGISTRAR, MemberKind.LAB, systems=(headers.system_of(REGISTRAR, MemberKind.LAB),)
        ),
        directories.enrolment("new-lab", MemberKind.LAB, keys=(headers.public_key("aurora 1"),)),
        directories.enrolment("new-lab", MemberKind.LAB, keys=(headers.public_key("registrar 1"),)),
        directories.enrolment(
            "new-lab",
            MemberKind.LAB,
            systems=(
                headers.system_of("new-lab", MemberKind.LAB, trust_domain="elsewhere.example"),
            ),
        ),
    ],
    ids=["twice", "the registrar", "another's key", "the registrar's key", "another domain"],
)
def test_an_enrolment_that_does_not_fit(header: Header) -> None:
    assert refusal(header) is Reason.DIRECTORY_CONFLICT


def test_an_update_replaces_the_profile() -> None:
    changed = after(FITTING[Kind.MEMBER_UPDATE])
    assert changed.members[AURORA].profile.desks == {"release"}
    sectors = update(AURORA, MemberKind.LAB, sectors=frozenset({"energy"}))
    assert refusal(sectors) is Reason.FIELD_INVALID
    assert refusal(update(MemberId("nobody"), MemberKind.LAB)) is Reason.DIRECTORY_CONFLICT
    assert refusal(update(REGISTRAR, MemberKind.REGISTRAR)) is Reason.DIRECTORY_CONFLICT


def signs(directory: Directory, name: str, who: MemberId = AURORA) -> Reason | None:
    try:
        directory.signing_keys(who, [key(name)])
    except Refusal as refused:
        return refused.reason
    return None


def test_a_key_signs_between_registration_and_revocation() -> None:
    assert signs(DIRECTORY, "aurora 1") is None
    assert signs(DIRECTORY, "aurora 2") is Reason.KEY_UNKNOWN
    assert signs(DIRECTORY, "borealis 1") is Reason.KEY_NOT_OF_SENDER
    assert signs(DIRECTORY, "registrar 1") is Reason.KEY_NOT_OF_SENDER
    assert signs(DIRECTORY, "aurora 1", REGISTRAR) is Reason.KEY_NOT_OF_SENDER
    grown = after(register_key(AURORA, "aurora 2"))
    assert signs(grown, "aurora 2") is None
    revoked = after(revoke_key(AURORA, "aurora 2"), base=grown)
    assert signs(revoked, "aurora 2") is Reason.KEY_REVOKED
    assert signs(revoked, "aurora 1") is None


def test_what_is_registered_at_i_holds_from_the_next_to_the_end_included() -> None:
    span = Span(registered=5, ended=9)
    assert [index for index in range(12) if span.holds_at(index)] == [6, 7, 8, 9]
    assert not Span(registered=5).holds_at(5)
    both = after(register_key(AURORA, "aurora 2"), revoke_key(AURORA, "aurora 2", AURORA))
    assert both.keys[key("aurora 2")].span == Span(
        registered=DIRECTORY.size, ended=DIRECTORY.size + 1
    )


def test_a_key_is_registered_once_for_ever() -> None:
    revoked = after(revoke_key(AURORA, "aurora 1"))
    for owner in (AURORA, BOREALIS):
        again = register_key(owner, "aurora 1")
        assert refusal(again) is Reason.DIRECTORY_CONFLICT
        assert refusal(again, revoked) is Reason.DIRECTORY_CONFLICT
    assert refusal(revoke_key(AURORA, "aurora 1"), revoked) is Reason.DIRECTORY_CONFLICT
    assert refusal(revoke_key(AURORA, "borealis 1")) is Reason.DIRECTORY_CONFLICT
    assert refusal(register_key(AURORA, "registrar 2")) is Reason.DIRECTORY_CONFLICT
    assert refusal(register_key(REGISTRAR, "new")) is Reason.DIRECTORY_CONFLICT
    assert refusal(revoke_key(REGISTRAR, "registrar 1")) is Reason.DIRECTORY_CONFLICT


def calls(directory: Directory, desk: SystemId) -> Reason | None:
    try:
        directory.authenticate(desk)
    except Refusal as refused:
        return refused.reason
    return None


def test_a_system_calls_between_registration_and_suspension() -> None:
    assert calls(DIRECTORY, DESK) is None
    assert calls(DIRECTORY, OTHER_DESK) is Reason.SYSTEM_UNKNOWN
    foreign = headers.system_of(AURORA, MemberKind.LAB, trust_domain="elsewhere.example")
    assert calls(DIRECTORY, foreign) is Reason.SYSTEM_UNKNOWN
    assert calls(DIRECTORY, headers.system_of("nobody")) is Reason.MEMBER_UNKNOWN
    assert calls(DIRECTORY, headers.system_of(AURORA)) is Reason.MEMBER_UNKNOWN
    suspended = after(system(Kind.SYSTEM_SUSPENSION, DESK, AURORA))
    assert calls(suspended, DESK) is Reason.SYSTEM_SUSPENDED
    back = after(system(Kind.SYSTEM_REGISTRATION, DESK), base=suspended)
    assert calls(back, DESK) is None


def test_systems_that_do_not_fit() -> None:
    register, suspend = Kind.SYSTEM_REGISTRATION, Kind.SYSTEM_SUSPENSION
    foreign = headers.system_of(AURORA, MemberKind.LAB, "x", "elsewhere.example")
    assert refusal(system(register, foreign)) is Reason.DIRECTORY_CONFLICT
    assert refusal(system(register, DESK)) is Reason.DIRECTORY_CONFLICT
    assert refusal(system(register, OTHER_DESK, member=BOREALIS)) is Reason.FIELD_INVALID
    assert refusal(system(register, headers.system_of("nobody"))) is Reason.DIRECTORY_CONFLICT
    assert refusal(system(suspend, OTHER_DESK)) is Reason.DIRECTORY_CONFLICT
    assert refusal(system(suspend, DESK, member=BOREALIS)) is Reason.DIRECTORY_CONFLICT
    suspended = after(system(suspend, DESK))
    assert refusal(system(suspend, DESK), suspended) is Reason.DIRECTORY_CONFLICT


def test_the_registrar_moves_house_and_is_never_without_a_system() -> None:
    moved = headers.system_of(REGISTRAR, MemberKind.REGISTRAR, "desk-b")
    leave = system(Kind.SYSTEM_SUSPENSION, REGISTRAR_DESK)
    assert refusal(leave) is Reason.DIRECTORY_CONFLICT
    assert refusal(replace(leave, sender=AURORA)) is Reason.SENDER_NOT_PERMITTED
    there = after(system(Kind.SYSTEM_REGISTRATION, moved), leave)
    assert calls(there, REGISTRAR_DESK) is Reason.SYSTEM_SUSPENDED
    assert calls(there, moved) is None
    assert refusal(system(Kind.SYSTEM_SUSPENSION, moved), there) is Reason.DIRECTORY_CONFLICT


def test_standing() -> None:
    reinstated = member(Kind.MEMBER_REINSTATEMENT, AURORA)
    assert refusal(reinstated) is Reason.DIRECTORY_CONFLICT
    suspended = after(SUSPENDED)
    assert calls(suspended, DESK) is Reason.MEMBER_INACTIVE
    assert suspended.active(AURORA) is None
    assert refusal(SUSPENDED, suspended) is Reason.DIRECTORY_CONFLICT
    assert calls(after(reinstated, base=suspended), DESK) is None
    gone = after(DEPARTED, base=suspended)
    for header in (SUSPENDED, reinstated, DEPARTED, succession(AURORA, BOREALIS)):
        assert refusal(header, gone) is Reason.DIRECTORY_CONFLICT
    for kind in (Kind.MEMBER_SUSPENSION, Kind.MEMBER_DEPARTURE):
        assert refusal(member(kind, REGISTRAR)) is Reason.DIRECTORY_CONFLICT
        assert refusal(member(kind, MemberId("nobody"))) is Reason.DIRECTORY_CONFLICT


def test_nothing_is_registered_for_who_has_left() -> None:
    revoked = (Kind.KEY_REVOCATION, Kind.SYSTEM_SUSPENSION)
    for gone in (after(DEPARTED), after(succession(AURORA, BOREALIS))):
        for kind in (Kind.MEMBER_UPDATE, Kind.KEY_REGISTRATION, Kind.SYSTEM_REGISTRATION):
            assert refusal(FITTING[kind], gone) is Reason.DIRECTORY_CONFLICT
        # What could still do harm can be ended.
        after(*(FITTING[kind] for kind in revoked), base=gone)
        assert calls(gone, DESK) is Reason.MEMBER_INACTIVE


def test_a_successor_is_an_active_member_of_the_same_kind() -> None:
    assert refusal(succession(AURORA, CIVIL)) is Reason.DIRECTORY_CONFLICT
    assert refusal(succession(AURORA, MemberId("nobody"))) is Reason.DIRECTORY_CONFLICT
    assert refusal(succession(MemberId("nobody"), AURORA)) is Reason.DIRECTORY_CONFLICT
    assert refusal(succession(BOREALIS, AURORA), after(SUSPENDED)) is Reason.DIRECTORY_CONFLICT
    succeeded = after(succession(AURORA, BOREALIS))
    assert succeeded.members[AURORA].standing is Standing.SUCCEEDED
    assert succeeded.members[BOREALIS].standing is Standing.ACTIVE


def test_the_registrar_changes_its_keys_and_none_comes_back() -> None:
    changed = after(new_quorum("registrar 2", "registrar 4"))
    assert [k.keyid for k in changed.quorum.keys] == [key("registrar 2"), key("registrar 4")]
    assert signs(changed, "registrar 4", REGISTRAR) is None
    assert signs(changed, "registrar 2", REGISTRAR) is None
    assert signs(changed, "registrar 1", REGISTRAR) is Reason.KEY_REVOKED
    assert refusal(new_quorum("registrar 1"), changed) is Reason.DIRECTORY_CONFLICT
    assert refusal(register_key(AURORA, "registrar 1"), changed) is Reason.DIRECTORY_CONFLICT
    assert refusal(new_quorum("aurora 1")) is Reason.DIRECTORY_CONFLICT


names = st.sampled_from([AURORA, BOREALIS, CIVIL, MemberId("late"), REGISTRAR])
kinds = st.sampled_from([MemberKind.LAB, MemberKind.AGENCY])
key_names = st.sampled_from(["aurora 1", "borealis 1", "late 1", "k1", "k2", "registrar 1"])
desks = st.builds(headers.system_of, names, kinds, st.sampled_from(["desk-a", "desk-b"]))
anything = st.one_of(
    st.builds(directories.enrolment, names.filter(lambda name: name != REGISTRAR), kinds),
    st.builds(register_key, names, key_names),
    st.builds(revoke_key, names, key_names, names),
    st.builds(system, st.just(Kind.SYSTEM_REGISTRATION), desks),
    st.builds(system, st.just(Kind.SYSTEM_SUSPENSION), desks, names),
    st.builds(
        member,
        st.sampled_from([Kind.MEMBER_SUSPENSION, Kind.MEMBER_REINSTATEMENT, Kind.MEMBER_DEPARTURE]),
        names,
    ),
    st.tuples(names, names).filter(lambda two: two[0] != two[1]).map(lambda two: succession(*two)),
    st.lists(key_names, min_size=1, max_size=2, unique=True).map(lambda keys: new_quorum(*keys)),
    st.builds(participation, names),
)


def replayed(entries: Sequence[tuple[int, Header]], sizes: Iterable[int]) -> Directory:
    """Apply entries in portions that end at the sizes."""
    directory = Directory.from_genesis(directories.genesis())
    for size in sizes:
        portion = [(index, h) for index, h in entries if directory.size <= index < size]
        directory = directory.extended(portion, size)
    return directory


@settings(max_examples=60)
@given(st.lists(anything, max_size=20), st.lists(st.integers(0, 40), max_size=4), st.data())
def test_replay_is_the_same_in_any_portions(
    said: list[Header], cuts: list[int], data: st.DataObject
) -> None:
    gaps = data.draw(st.lists(st.integers(1, 2), min_size=len(said), max_size=len(said)))
    indexes = [sum(gaps[: at + 1]) for at in range(len(said))]
    entries = list(zip(indexes, said, strict=True))
    size = (indexes[-1] if indexes else 0) + 1
    whole = replayed(entries, [size])
    assert replayed(entries, range(1, size + 1)) == whole
    assert replayed(entries, [*sorted(cut for cut in cuts if 1 <= cut < size), size]) == whole


@settings(max_examples=60)
@given(st.lists(anything, max_size=20))
def test_keys_are_never_handed_on_and_members_never_forgotten(said: list[Header]) -> None:
    directory = DIRECTORY
    for header in said:
        later = directory.extended([(directory.size, header)], directory.size + 1)
        assert set(directory.members) <= set(later.members)
        for keyid, record in directory.keys.items():
            assert later.keys[keyid].member == record.member
            assert later.keys[keyid].span.registered == record.span.registered
            if record.span.ended is not None:
                assert later.keys[keyid].span == record.span
        # The registrar can always go on.
        assert any(calls(later, each) is None for each in later.systems if each.member == REGISTRAR)
        assert later.signing_keys(REGISTRAR, [k.keyid for k in later.quorum.keys])
        directory = later
