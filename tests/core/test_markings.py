"""Markings: whom a statement goes to, over any directory; delivered implies entitled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.core.directory import Directory
from gateway.core.enrolment import AgencyType, MemberProfile
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId, MemberKind
from gateway.core.markings import (
    audience_in_case,
    audience_of_opener,
    check_not_relaxed,
    may_read,
)
from gateway.core.members import Member, Standing
from gateway.core.statements import (
    Group,
    GroupRecipient,
    Header,
    Kind,
    NamedRecipient,
    Recipient,
    Tlp,
)
from tests.world import directories, headers

NAMES = tuple(MemberId(f"member-{letter}") for letter in "abcdef")
SECTORS = ("energy", "healthcare")
COMMUNITIES = ("north", "south")
DESKS = ("incident", "notice")
EVERY_KIND = frozenset(MemberKind)
SENDER = NAMES[0]


def member(name: MemberId, kind: MemberKind, standing: Standing, groups: frozenset[str]) -> Member:
    profile = MemberProfile(
        display_name=name,
        agency_type=AgencyType.CIVIL if kind is MemberKind.AGENCY else None,
        sectors=groups & set(SECTORS) if kind is MemberKind.OPERATOR else frozenset(),
        communities=groups & set(COMMUNITIES),
        desks=groups & set(DESKS),
    )
    return Member(id=name, kind=kind, profile=profile, standing=standing)


def holding(*members: Member) -> Directory:
    empty = Directory.from_genesis(directories.genesis())
    return replace(empty, members={**empty.members, **{each.id: each for each in members}})


groups = st.frozensets(st.sampled_from(SECTORS + COMMUNITIES + DESKS))
member_kinds, standings = st.sampled_from(MemberKind), st.sampled_from(Standing)
any_directory = st.tuples(
    *(
        st.none()
        | st.builds(
            member, st.just(name), st.sampled_from(MemberKind), st.sampled_from(Standing), groups
        )
        for name in NAMES
    )
).map(lambda found: holding(*(each for each in found if each is not None)))
named = st.builds(NamedRecipient, member=st.sampled_from(NAMES), desk=st.sampled_from(("", *DESKS)))
grouped = st.one_of(
    st.builds(GroupRecipient, group=st.just(Group.SECTOR), name=st.sampled_from(SECTORS)),
    st.builds(GroupRecipient, group=st.just(Group.COMMUNITY), name=st.sampled_from(COMMUNITIES)),
    st.builds(GroupRecipient, group=st.just(Group.KIND), name=st.sampled_from(MemberKind)),
)
any_recipients = st.lists(named | grouped, max_size=4, unique=True).map(tuple)
any_kinds = st.frozensets(st.sampled_from(MemberKind))
parties_of = st.frozensets(st.sampled_from(NAMES))
levels = st.sampled_from(Tlp)


def marked(tlp: Tlp, recipients: tuple[Recipient, ...] = (), sender: str = SENDER) -> Header:
    return headers.header(Kind.ALERT, sender, tlp=tlp, recipients=recipients)


def reached(recipient: Recipient, directory: Directory) -> set[MemberId]:
    """Say in plain words whom a recipient means."""
    if isinstance(recipient, NamedRecipient):
        return {recipient.member}
    active = [each for each in directory.members.values() if each.standing is Standing.ACTIVE]
    belonging = {
        Group.SECTOR: [m for m in active if recipient.name in m.profile.sectors],
        Group.COMMUNITY: [m for m in active if recipient.name in m.profile.communities],
        Group.KIND: [m for m in active if recipient.name == m.kind.value],
    }
    return {each.id for each in belonging[recipient.group]}


@given(levels, any_recipients, any_directory, any_kinds)
def test_an_opener_goes_to_active_members_that_it_names_and_nobody_else(
    tlp: Tlp, recipients: tuple[Recipient, ...], directory: Directory, kinds: frozenset[MemberKind]
) -> None:
    header = marked(tlp, recipients)
    try:
        audience = audience_of_opener(header, directory, kinds)
    except Refusal:
        return
    meant = set().union(*(reached(recipient, directory) for recipient in recipients))
    assert audience == tuple(sorted(audience))
    assert SENDER not in audience
    assert set(audience) <= meant
    for name in audience:
        found = directory.active(name)
        assert found is not None
        assert found.kind in kinds
        assert may_read(reader=name, sender=SENDER, audience=audience, tlp=tlp)
    # Nobody whom it means and may have it is left out.
    assert {name for name in meant - {SENDER} if directory.members[name].kind in kinds} == set(
        audience
    )
    assert tlp is not Tlp.RED
    assert tlp < Tlp.AMBER or all(isinstance(each, NamedRecipient) for each in recipients)


@given(levels, any_recipients, any_directory, parties_of)
def test_in_a_case_only_its_parties_are_reached(
    tlp: Tlp,
    recipients: tuple[Recipient, ...],
    directory: Directory,
    parties: frozenset[MemberId],
) -> None:
    try:
        audience = audience_in_case(marked(tlp, recipients), directory, parties)
    except Refusal:
        return
    assert set(audience) <= parties - {SENDER}
    meant = set().union(*(reached(recipient, directory) for recipient in recipients))
    assert set(audience) == (meant & parties) - {SENDER}


@given(levels, any_recipients, any_directory, any_kinds, st.data())
def test_fewer_permissions_never_reach_more(
    tlp: Tlp,
    recipients: tuple[Recipient, ...],
    directory: Directory,
    kinds: frozenset[MemberKind],
    data: st.DataObject,
) -> None:
    def audience(*args: Any) -> set[MemberId]:
        try:
            return set(audience_of_opener(*args))
        except Refusal:
            return set()

    less = kinds - {data.draw(st.sampled_from(MemberKind))}
    stricter = Tlp(data.draw(st.integers(tlp, Tlp.RED)))
    gone = data.draw(st.sampled_from(NAMES))
    assume(gone in directory.members)
    suspended = replace(directory.members[gone], standing=Standing.SUSPENDED)
    without = replace(directory, members={**directory.members, gone: suspended})
    header = marked(tlp, recipients)
    whole = audience(header, directory, kinds)
    assert audience(header, directory, less) <= whole
    assert audience(marked(stricter, recipients), directory, kinds) <= whole
    assert audience(header, without, kinds) <= whole - {gone}


def refusal(header: Header, directory: Directory, kinds: frozenset[MemberKind]) -> Reason:
    with pytest.raises(Refusal) as caught:
        audience_of_opener(header, directory, kinds)
    return caught.value.reason


A, B, C = NAMES[:3]
OPERATORS = frozenset({MemberKind.OPERATOR})
SMALL = holding(
    member(A, MemberKind.AGENCY, Standing.ACTIVE, frozenset()),
    member(B, MemberKind.OPERATOR, Standing.ACTIVE, frozenset({"energy", "north", "incident"})),
    member(C, MemberKind.OPERATOR, Standing.SUSPENDED, frozenset({"energy"})),
)
ENERGY = GroupRecipient(group=Group.SECTOR, name="energy")


@pytest.mark.parametrize("tlp", [Tlp.AMBER, Tlp.AMBER_STRICT])
def test_amber_needs_named_members(tlp: Tlp) -> None:
    assert audience_of_opener(marked(tlp, headers.to(B)), SMALL, OPERATORS) == (B,)
    mixed: tuple[Recipient, ...] = (*headers.to(B), ENERGY)
    assert refusal(marked(tlp, mixed), SMALL, OPERATORS) is Reason.TLP_NEEDS_NAMED_MEMBERS
    with pytest.raises(Refusal) as caught:
        audience_in_case(marked(tlp, mixed), SMALL, frozenset({B}))
    assert caught.value.reason is Reason.TLP_NEEDS_NAMED_MEMBERS


def test_red_needs_a_sealed_layer() -> None:
    header = marked(Tlp.RED, headers.to(B))
    assert refusal(header, SMALL, OPERATORS) is Reason.TLP_NEEDS_SEALED_LAYER
    with pytest.raises(Refusal) as caught:
        audience_in_case(header, SMALL, frozenset({B}))
    assert caught.value.reason is Reason.TLP_NEEDS_SEALED_LAYER


@pytest.mark.parametrize("standing", [each for each in Standing if each is not Standing.ACTIVE])
def test_who_does_not_take_part_cannot_be_addressed(standing: Standing) -> None:
    absent = holding(member(B, MemberKind.OPERATOR, standing, frozenset()))
    assert refusal(marked(Tlp.GREEN, headers.to(B)), absent, OPERATORS) is Reason.RECIPIENT_UNKNOWN
    # In a case a party stays one: it reads what came meanwhile when it is back.
    header = marked(Tlp.GREEN, headers.to(B))
    assert audience_in_case(header, absent, frozenset({SENDER, B})) == (B,)


def test_who_or_what_is_unknown_cannot_be_addressed() -> None:
    nobody = marked(Tlp.GREEN, headers.to("nobody"))
    assert refusal(nobody, SMALL, OPERATORS) is Reason.RECIPIENT_UNKNOWN
    desk = (NamedRecipient(member=B, desk="notice"),)
    assert refusal(marked(Tlp.GREEN, desk), SMALL, OPERATORS) is Reason.RECIPIENT_UNKNOWN
    known = (NamedRecipient(member=B, desk="incident"),)
    assert audience_of_opener(marked(Tlp.GREEN, known), SMALL, OPERATORS) == (B,)


def test_a_named_member_of_another_kind_is_refused_and_one_in_a_group_left_out() -> None:
    agencies = frozenset({MemberKind.AGENCY})
    header = marked(Tlp.GREEN, headers.to(B), sender="member-f")
    assert refusal(header, SMALL, agencies) is Reason.RECIPIENT_KIND_NOT_PERMITTED
    north = GroupRecipient(group=Group.COMMUNITY, name="north")
    both = marked(Tlp.GREEN, (*headers.to(A), north), sender="member-f")
    assert audience_of_opener(both, SMALL, agencies) == (A,)


@pytest.mark.parametrize(
    ("recipients", "sender"),
    [
        ((), A),
        (headers.to(B), B),
        ((ENERGY,), B),
        ((GroupRecipient(group=Group.SECTOR, name="healthcare"),), A),
        ((GroupRecipient(group=Group.KIND, name="relay"),), A),
    ],
    ids=["no recipient", "the sender", "the sender's group", "an empty group", "no such member"],
)
def test_what_reaches_nobody_is_refused(recipients: tuple[Recipient, ...], sender: str) -> None:
    header = marked(Tlp.GREEN, recipients, sender)
    assert refusal(header, SMALL, OPERATORS) is Reason.RECIPIENTS_EMPTY
    with pytest.raises(Refusal) as caught:
        audience_in_case(header, SMALL, frozenset({A, B}))
    assert caught.value.reason is Reason.RECIPIENTS_EMPTY


def test_a_group_is_its_active_members() -> None:
    assert audience_of_opener(marked(Tlp.GREEN, (ENERGY,)), SMALL, OPERATORS) == (B,)
    assert audience_in_case(marked(Tlp.GREEN, (ENERGY,)), SMALL, frozenset({B, C})) == (B,)


def test_nobody_outside_the_case_is_named_in_it() -> None:
    with pytest.raises(Refusal) as caught:
        audience_in_case(marked(Tlp.GREEN, headers.to(B)), SMALL, frozenset({A, C}))
    assert caught.value.reason is Reason.RECIPIENT_NOT_PARTY


@pytest.mark.parametrize("tlp", Tlp)
@pytest.mark.parametrize("before", Tlp)
def test_only_the_originator_relaxes(tlp: Tlp, before: Tlp) -> None:
    opener = marked(before, sender=A)
    check_not_relaxed(marked(tlp, sender=A), opener)
    if tlp >= before:
        check_not_relaxed(marked(tlp, sender=B), opener)
        return
    with pytest.raises(Refusal) as caught:
        check_not_relaxed(marked(tlp, sender=B), opener)
    assert caught.value.reason is Reason.TLP_RELAXED


@pytest.mark.parametrize("tlp", Tlp)
def test_who_may_read(tlp: Tlp) -> None:
    readers = {name: may_read(reader=name, sender=A, audience=(B,), tlp=tlp) for name in (A, B, C)}
    assert readers == {A: True, B: True, C: tlp is Tlp.CLEAR}
