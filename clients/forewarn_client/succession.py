"""How each directory statement changes the directory.

* One function a kind, in the table `CHANGES`; who may send it stands in `BY_MEMBER`.
* A statement that does not follow from those before it is refused: an enrolment under a taken id, a
  word about nobody, a member that speaks for another. The exchange records no such statement, so
  it means that someone lies.
* What is so already (a suspended system suspended again) changes nothing and is no lie.

It verifies no signatures: `directory` did.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from forewarn.statement.v1 import directory_pb2, header_pb2, values_pb2
from forewarn_client.dsse import PublicKey
from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.identity import SystemName
from forewarn_client.membership import (
    Choice,
    MemberKey,
    MemberRecord,
    MemberSystem,
    RegistrarEra,
    Span,
)
from forewarn_client.records import VerifiedRecord
from forewarn_client.verifier import load_keys

# What a member may say of itself; the registrar may say all but the last.
OWN_AFFAIRS: Final = frozenset({"KeyRevocation", "SystemSuspension", "Participation"})
_MEMBERS_ONLY: Final = "Participation"


@dataclass(slots=True, kw_only=True)
class State:
    """The directory while it is being worked on.

    Attributes:
        registrar: Id of the registrar.
        trust_domain: Trust domain of every system.
        eras: The registrar's keys, era by era.
        members: Members by their ids, the registrar among them.
    """

    registrar: str
    trust_domain: str
    eras: tuple[RegistrarEra, ...]
    members: dict[str, MemberRecord]

    def known(self, member: str) -> MemberRecord:
        """Find a member that a statement is about.

        Args:
            member: Its id.

        Returns:
            The member.

        Raises:
            VerificationError: DIRECTORY_CONTRADICTORY; there is none.
        """
        if member not in self.members:
            raise _contradiction(f"it is about {member}, who was never enrolled")
        return self.members[member]


def begin(record: VerifiedRecord) -> State:
    """Begin the directory with the verified genesis statement.

    Args:
        record: The genesis record.

    Returns:
        A directory of the registrar alone.

    Raises:
        VerificationError: Its quorum or a system's name is not possible.
    """
    facts = record.header.genesis
    registrar = MemberRecord(
        member=facts.registrar,
        kind="registrar",
        profile=directory_pb2.MemberProfile(display_name=facts.registrar),
        span=Span(after=record.index),
    )
    systems = _systems(registrar, facts.trust_domain, facts.systems, record.index)
    return State(
        registrar=facts.registrar,
        trust_domain=facts.trust_domain,
        eras=(_era(facts.keys, facts.quorum, record.index),),
        members={facts.registrar: replace(registrar, systems=systems)},
    )


def change(state: State, record: VerifiedRecord) -> tuple[str, ...]:
    """Apply a verified directory statement.

    Args:
        state: The directory just before it; changed in place.
        record: The record.

    Returns:
        Ids of the members that it is about.

    Raises:
        VerificationError: DIRECTORY_CONTRADICTORY or KEY_ALGORITHM_UNSUPPORTED.
    """
    if record.kind not in CHANGES:
        raise _contradiction(f"a {record.kind} does not belong there")
    own = record.sender != state.registrar
    if own and record.kind not in OWN_AFFAIRS:
        raise _contradiction(f"{record.sender} is not the registrar")
    if not own and record.kind == _MEMBERS_ONLY:
        raise _contradiction("the registrar takes part in nothing")
    concerned = CHANGES[record.kind](state, record.header, record.index)
    if own and concerned != (record.sender,):
        raise _contradiction(f"{record.sender} speaks for another member")
    return concerned


def _enrol(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.member_enrolment
    if facts.member in state.members:
        raise _contradiction(f"{facts.member} was enrolled before")
    name = values_pb2.MemberKind.Name(facts.kind)
    member = MemberRecord(
        member=facts.member,
        kind=name.removeprefix("MEMBER_KIND_").lower(),
        profile=facts.profile,
        span=Span(after=index),
    )
    keys = tuple(_key(key, index) for key in _new_keys(state, facts.keys))
    systems = _systems(member, state.trust_domain, facts.systems, index)
    state.members[facts.member] = replace(member, keys=keys, systems=systems)
    return (facts.member,)


def _update(state: State, header: header_pb2.Header, _index: int) -> tuple[str, ...]:
    facts = header.member_update
    state.members[facts.member] = replace(state.known(facts.member), profile=facts.profile)
    return (facts.member,)


def _register_key(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.key_registration
    member = state.known(facts.member)
    if member.kind == "registrar":
        raise _contradiction("the registrar's keys change by a RegistrarSuccession only")
    (key,) = _new_keys(state, (facts.key,))
    state.members[facts.member] = replace(member, keys=(*member.keys, _key(key, index)))
    return (facts.member,)


def _revoke_key(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.key_revocation
    member = state.known(facts.member)
    if not any(item.key.keyid == facts.key_id for item in member.keys):
        raise _contradiction(f"{facts.member} never had the key that it revokes")
    keys = tuple(
        replace(item, span=_ended(item.span, index)) if item.key.keyid == facts.key_id else item
        for item in member.keys
    )
    state.members[facts.member] = replace(member, keys=keys)
    return (facts.member,)


def _register_system(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.system_registration
    member = state.known(facts.member)
    if facts.system not in member.systems_at(index):
        systems = (*member.systems, *_systems(member, state.trust_domain, (facts.system,), index))
        state.members[facts.member] = replace(member, systems=systems)
    return (facts.member,)


def _suspend_system(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.system_suspension
    member = state.known(facts.member)
    if not any(item.name == facts.system for item in member.systems):
        raise _contradiction(f"{facts.member} never had the system that it suspends")
    systems = tuple(
        replace(item, span=_ended(item.span, index)) if item.name == facts.system else item
        for item in member.systems
    )
    state.members[facts.member] = replace(member, systems=systems)
    return (facts.member,)


def _suspend(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.member_suspension
    member = state.known(facts.member)
    if not any(span.until is None for span in member.suspensions):
        spans = (*member.suspensions, Span(after=index))
        state.members[facts.member] = replace(member, suspensions=spans)
    return (facts.member,)


def _reinstate(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.member_reinstatement
    member = state.known(facts.member)
    spans = tuple(_ended(span, index) for span in member.suspensions)
    state.members[facts.member] = replace(member, suspensions=spans)
    return (facts.member,)


def _succeed(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.member_succession
    before, after = state.known(facts.predecessor), state.known(facts.successor)
    if before.kind != after.kind or not after.active_at(index):
        raise _contradiction(f"{after.member} cannot continue {before.member}")
    ended = replace(before, span=_ended(before.span, index), successor=after.member)
    state.members[before.member] = ended
    return (before.member, after.member)


def _depart(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.member_departure
    member = state.known(facts.member)
    state.members[facts.member] = replace(member, span=_ended(member.span, index))
    return (facts.member,)


def _replace_registrar(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.registrar_succession
    last = state.eras[-1]
    ended = replace(last, span=_ended(last.span, index))
    state.eras = (*state.eras[:-1], ended, _era(facts.keys, facts.quorum, index))
    return (state.registrar,)


def _choose(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.participation
    member = state.known(header.sender)
    choice = Choice(
        framework=facts.framework,
        handle=facts.handle,
        taking_part=facts.choice == directory_pb2.PARTICIPATION_CHOICE_IN,
        index=index,
    )
    kept = tuple(
        item
        for item in member.choices
        if (item.framework, item.handle) != (choice.framework, choice.handle)
    )
    state.members[header.sender] = replace(member, choices=(*kept, choice))
    return (header.sender,)


CHANGES: Final[Mapping[str, Callable[[State, header_pb2.Header, int], tuple[str, ...]]]] = {
    "MemberEnrolment": _enrol,
    "MemberUpdate": _update,
    "KeyRegistration": _register_key,
    "KeyRevocation": _revoke_key,
    "SystemRegistration": _register_system,
    "SystemSuspension": _suspend_system,
    "MemberSuspension": _suspend,
    "MemberReinstatement": _reinstate,
    "MemberSuccession": _succeed,
    "MemberDeparture": _depart,
    "RegistrarSuccession": _replace_registrar,
    "Participation": _choose,
}


def _era(keys: Iterable[directory_pb2.SigningKey], quorum: int, index: int) -> RegistrarEra:
    loaded = load_keys(key.spki for key in keys)
    if not 1 <= quorum <= len(loaded):
        raise _contradiction("the registrar's quorum can never be met")
    return RegistrarEra(keys=loaded, quorum=quorum, span=Span(after=index))


def _new_keys(state: State, keys: Iterable[directory_pb2.SigningKey]) -> tuple[PublicKey, ...]:
    """Load keys that nobody has had before: a key belongs to one member, and ends only once."""
    loaded = load_keys(key.spki for key in keys)
    taken = {item.key.keyid for member in state.members.values() for item in member.keys}
    taken.update(keyid for era in state.eras for keyid in era.keys)
    if not taken.isdisjoint(loaded):
        raise _contradiction("a key was registered before")
    return tuple(loaded.values())


def _key(key: PublicKey, index: int) -> MemberKey:
    return MemberKey(key=key, span=Span(after=index))


def _systems(
    member: MemberRecord, trust_domain: str, names: Sequence[str], index: int
) -> tuple[MemberSystem, ...]:
    for name in names:
        system = SystemName.parse(name)
        if (system.trust_domain, system.kind, system.member) != (
            trust_domain,
            member.kind,
            member.member,
        ):
            raise _contradiction(f"a system of {member.member} bears another member's name")
    return tuple(MemberSystem(name=name, span=Span(after=index)) for name in names)


def _ended(span: Span, index: int) -> Span:
    return span if span.until is not None else replace(span, until=index)


def _contradiction(detail: str) -> VerificationError:
    return VerificationError(
        Flaw.DIRECTORY_CONTRADICTORY,
        f"a statement of the directory does not follow from those before it: {detail}",
    )
