"""How each directory statement changes the directory.

* One function a kind, in the table `CHANGES`; what members send of themselves is in `OWN_AFFAIRS`.
* A statement that does not follow from those before it is refused: an enrolment under a taken id, a
  word about nobody, a member that speaks for another, a suspension of what is suspended, a name
  that is none (`sense`). It has changed nothing then. The exchange admits no such statement, so
  somebody wrote it past the admission.
* What has left stays as it was, keys are never handed on, and the registrar keeps a system.

It verifies no signatures: `directory` did.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from forewarn.statement.v1 import directory_pb2, header_pb2, values_pb2
from forewarn_client import sense
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
_REGISTRAR: Final = "registrar"


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
        kind=_REGISTRAR,
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
        VerificationError: DIRECTORY_CONTRADICTORY, KEY_ALGORITHM_UNSUPPORTED or
            SYSTEM_NAME_INVALID; nothing was changed then.
    """
    if record.kind not in CHANGES:
        raise _contradiction(f"a {record.kind} does not belong there")
    for error in sense.impossible(record.header):
        raise _contradiction(str(error))
    own = record.sender != state.registrar
    if own and record.kind not in OWN_AFFAIRS:
        raise _contradiction(f"{record.sender} is not the registrar")
    if not own and record.kind == _MEMBERS_ONLY:
        raise _contradiction("the registrar takes part in nothing")
    if own and _spoken_of(record.header) != record.sender:
        raise _contradiction(f"{record.sender} speaks for another member")
    return CHANGES[record.kind](state, record.header, record.index)


def _spoken_of(header: header_pb2.Header) -> str:
    """Name the member that one of the `OWN_AFFAIRS` is about."""
    match header.WhichOneof("facts"):
        case "key_revocation":
            return header.key_revocation.member
        case "system_suspension":
            return header.system_suspension.member
        case _:
            return header.sender


def _enrol(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.member_enrolment
    if facts.member in state.members:
        raise _contradiction(f"{facts.member} was enrolled before")
    kind = values_pb2.MemberKind.Name(facts.kind).removeprefix("MEMBER_KIND_").lower()
    if kind == _REGISTRAR:
        raise _contradiction("there is one registrar, which the genesis statement names")
    _check_profile(facts.profile, kind)
    member = MemberRecord(
        member=facts.member,
        kind=kind,
        profile=facts.profile,
        span=Span(after=index),
    )
    keys = tuple(_key(key, index) for key in _new_keys(state, facts.keys))
    systems = _systems(member, state.trust_domain, facts.systems, index)
    state.members[facts.member] = replace(member, keys=keys, systems=systems)
    return (facts.member,)


def _update(state: State, header: header_pb2.Header, _index: int) -> tuple[str, ...]:
    facts = header.member_update
    member = _kept(state, facts.member)
    _check_present(member)
    _check_profile(facts.profile, member.kind)
    state.members[facts.member] = replace(member, profile=facts.profile)
    return (facts.member,)


def _register_key(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.key_registration
    member = _kept(state, facts.member)
    _check_present(member)
    (key,) = _new_keys(state, (facts.key,))
    state.members[facts.member] = replace(member, keys=(*member.keys, _key(key, index)))
    return (facts.member,)


def _revoke_key(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.key_revocation
    member = _kept(state, facts.member)
    if not any(item.key.keyid == facts.key_id and _lasts(item.span) for item in member.keys):
        raise _contradiction(f"{facts.member} has no such key to revoke")
    keys = tuple(
        replace(item, span=_ended(item.span, index)) if item.key.keyid == facts.key_id else item
        for item in member.keys
    )
    state.members[facts.member] = replace(member, keys=keys)
    return (facts.member,)


def _register_system(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.system_registration
    member = state.known(facts.member)
    _check_present(member)
    if any(item.name == facts.system and _lasts(item.span) for item in member.systems):
        raise _contradiction(f"a system of {facts.member} was registered before")
    systems = (*member.systems, *_systems(member, state.trust_domain, (facts.system,), index))
    state.members[facts.member] = replace(member, systems=systems)
    return (facts.member,)


def _suspend_system(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.system_suspension
    member = state.known(facts.member)
    in_force = {item.name for item in member.systems if _lasts(item.span)}
    if facts.system not in in_force:
        raise _contradiction(f"{facts.member} has no such system to suspend")
    if member.kind == _REGISTRAR and len(in_force) == 1:
        raise _contradiction("the registrar would have no system left")
    systems = tuple(
        replace(item, span=_ended(item.span, index)) if item.name == facts.system else item
        for item in member.systems
    )
    state.members[facts.member] = replace(member, systems=systems)
    return (facts.member,)


def _suspend(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.member_suspension
    member = _kept(state, facts.member)
    _check_active(member)
    spans = (*member.suspensions, Span(after=index))
    state.members[facts.member] = replace(member, suspensions=spans)
    return (facts.member,)


def _reinstate(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.member_reinstatement
    member = _kept(state, facts.member)
    _check_present(member)
    if not _is_suspended(member):
        raise _contradiction(f"{facts.member} is not suspended")
    spans = tuple(_ended(span, index) for span in member.suspensions)
    state.members[facts.member] = replace(member, suspensions=spans)
    return (facts.member,)


def _succeed(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.member_succession
    before, after = _kept(state, facts.predecessor), _kept(state, facts.successor)
    _check_present(before)
    _check_active(after)
    if before.kind != after.kind or before == after:
        raise _contradiction(f"{after.member} cannot continue {before.member}")
    ended = replace(before, span=_ended(before.span, index), successor=after.member)
    state.members[before.member] = ended
    return (before.member, after.member)


def _depart(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.member_departure
    member = _kept(state, facts.member)
    _check_present(member)
    state.members[facts.member] = replace(member, span=_ended(member.span, index))
    return (facts.member,)


def _replace_registrar(state: State, header: header_pb2.Header, index: int) -> tuple[str, ...]:
    facts = header.registrar_succession
    last = state.eras[-1]
    # Kept keys stay; those that come in are nobody's yet, nor were they ever.
    _new_keys(state, (key for key in facts.keys if _keyid(key) not in last.keys))
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
    named = tuple(keys)
    loaded = load_keys(key.spki for key in named)
    if len(loaded) != len(named):
        raise _contradiction("a key is named twice")
    if not 1 <= quorum <= len(loaded):
        raise _contradiction("the registrar's quorum can never be met")
    return RegistrarEra(keys=loaded, quorum=quorum, span=Span(after=index))


def _new_keys(state: State, keys: Iterable[directory_pb2.SigningKey]) -> tuple[PublicKey, ...]:
    """Load keys that nobody has had before: a key belongs to one member, and ends only once."""
    named = tuple(keys)
    loaded = load_keys(key.spki for key in named)
    if len(loaded) != len(named):
        raise _contradiction("a key is named twice")
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
    if len({*names}) != len(names):
        raise _contradiction("a system is named twice")
    for name in names:
        system = SystemName.parse(name)
        if (system.trust_domain, system.kind, system.member) != (
            trust_domain,
            member.kind,
            member.member,
        ):
            raise _contradiction(f"a system of {member.member} bears another member's name")
    return tuple(MemberSystem(name=name, span=Span(after=index)) for name in names)


def _keyid(key: directory_pb2.SigningKey) -> str:
    return PublicKey.load(key.spki).keyid


def _kept(state: State, member: str) -> MemberRecord:
    """Find a member that the registrar keeps a record of: any but itself."""
    if member == state.registrar:
        raise _contradiction("the registrar's own record is not changed so")
    return state.known(member)


def _check_present(member: MemberRecord) -> None:
    if not _lasts(member.span):
        raise _contradiction(f"{member.member} has left or was succeeded")


def _check_active(member: MemberRecord) -> None:
    _check_present(member)
    if _is_suspended(member):
        raise _contradiction(f"{member.member} is suspended")


def _is_suspended(member: MemberRecord) -> bool:
    return any(_lasts(span) for span in member.suspensions)


def _lasts(span: Span) -> bool:
    return span.until is None


def _check_profile(profile: directory_pb2.MemberProfile, kind: str) -> None:
    """Refuse a profile that does not fit the kind of its member."""
    if (kind == "agency") is not bool(profile.agency_type):
        raise _contradiction("agencies have an agency type, and nobody else")
    if (profile.sectors and kind != "operator") or (profile.clients and kind != "relay"):
        raise _contradiction("only operators have sectors, and only relays clients")


def _ended(span: Span, index: int) -> Span:
    return span if span.until is not None else replace(span, until=index)


def _contradiction(detail: str) -> VerificationError:
    return VerificationError(
        Flaw.DIRECTORY_CONTRADICTORY,
        f"a statement of the directory does not follow from those before it: {detail}",
    )
