"""The directory: who is a member, which systems call for it, which keys sign for it.

* It follows from the genesis entry and the directory statements after it, in the ledger's order;
  nothing else changes it.
* What a statement at index i registers holds from i + 1 on; what it revokes or suspends still
  holds at i itself, so that a key can sign its own revocation, and no longer after.
* Keys and systems are never handed on: a key or system registered once belongs to that member for
  ever, revoked or not.
* A `Directory` is immutable; `extended` gives a later one.

It does not check signatures: `signing_keys` and `quorum` say which ones count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Final, NoReturn, TypeAlias, TypeVar

from gateway.core import enrolment
from gateway.core.enrolment import MemberProfile, Quorum
from gateway.core.envelope import PublicKey
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId, MemberKind, SystemId
from gateway.core.statements import Header, Kind

# What a member may say of itself, without the registrar.
OWN_KINDS: Final = frozenset({Kind.KEY_REVOCATION, Kind.SYSTEM_SUSPENSION, Kind.PARTICIPATION})

_F = TypeVar("_F")


@unique
class Standing(StrEnum):
    """Whether a member takes part at present."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DEPARTED = "departed"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The part of the ledger in which something holds.

    Attributes:
        registered: Index of the entry that registered it.
        ended: Index of the entry that ended it; None while it holds.
    """

    registered: int
    ended: int | None = None

    def holds_at(self, index: int) -> bool:
        """Tell whether it holds for the entry at an index."""
        return self.registered < index and (self.ended is None or index <= self.ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A signing key, whose it is, and where in the ledger it signs."""

    key: PublicKey
    member: MemberId
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What the directory says of a member at present."""

    id: MemberId
    kind: MemberKind
    profile: MemberProfile
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The directory at one size of the ledger.

    Attributes:
        size: How much of the ledger it covers: entries below this index.
        trust_domain: SPIFFE trust domain of every system.
        registrar: Id of the registrar.
        quorum: The registrar's keys at present.
        members: Members by id, the registrar included.
        keys: Signing keys by key id, revoked ones included; not the registrar's.
        systems: Systems by SPIFFE ID, suspended ones included.
    """

    size: int
    trust_domain: str
    registrar: MemberId
    quorum: Quorum
    members: Mapping[MemberId, Member]
    keys: Mapping[str, KeyRecord]
    systems: Mapping[SystemId, Span]

    @classmethod
    def from_genesis(cls, header: Header) -> Directory:
        """Begin with entry 0.

        Args:
            header: Header of the genesis statement.

        Returns:
            The directory at size 1.

        Raises:
            Refusal: DIRECTORY_CONFLICT, it is no genesis statement.
        """
        genesis = _expect(header, enrolment.GenesisFacts)
        registrar = Member(
            id=genesis.registrar,
            kind=MemberKind.REGISTRAR,
            profile=MemberProfile(display_name="Registrar"),
            standing=Standing.ACTIVE,
        )
        return cls(
            size=1,
            trust_domain=genesis.trust_domain,
            registrar=genesis.registrar,
            quorum=genesis.quorum,
            members={registrar.id: registrar},
            keys={},
            systems={system: Span(registered=0) for system in genesis.systems},
        )

    def extended(self, entries: Iterable[tuple[int, Header]], size: int) -> Directory:
        """Give the directory after further entries.

        Args:
            entries: Index and header of every directory statement from the present size on, in
                order. A statement that does not fit is passed over, as it is by every reader.
            size: How much of the ledger is covered then.

        Returns:
            The later directory.
        """
        draft = _Draft(self)
        for index, header in entries:
            try:
                draft.apply(index, header)
            except Refusal:
                continue
        return draft.finished(size)

    def check(self, header: Header) -> None:
        """Refuse a directory statement that would not fit as the next entry.

        Args:
            header: Its header.

        Raises:
            Refusal: DIRECTORY_CONFLICT.
        """
        _Draft(self).apply(self.size, header)

    def active(self, member: MemberId) -> Member | None:
        """Give a member that takes part at present, or None."""
        found = self.members.get(member)
        return found if found is not None and found.standing is Standing.ACTIVE else None

    def authenticate(self, system: SystemId) -> Member:
        """Give the member for which a system may call at present.

        Args:
            system: The SPIFFE ID in the caller's certificate.

        Returns:
            The member.

        Raises:
            Refusal: MEMBER_UNKNOWN, MEMBER_INACTIVE, SYSTEM_UNKNOWN or SYSTEM_SUSPENDED.
        """
        member = self.members.get(system.member)
        if member is None or member.kind is not system.kind:
            raise Refusal(
                Reason.MEMBER_UNKNOWN, "the member is not enrolled; ask the registrar to enrol it"
            )
        if member.standing is not Standing.ACTIVE:
            raise Refusal(
                Reason.MEMBER_INACTIVE, f"the member is {member.standing}; ask the registrar"
            )
        span = self.systems.get(system)
        if span is None:
            raise Refusal(
                Reason.SYSTEM_UNKNOWN, "the system is not registered; ask the registrar to add it"
            )
        if not span.holds_at(self.size):
            raise Refusal(
                Reason.SYSTEM_SUSPENDED, "the system is suspended; ask the registrar about it"
            )
        return member

    def signing_keys(self, member: MemberId, keyids: Iterable[str]) -> Mapping[str, PublicKey]:
        """Give the named keys, each of which a member signs the next entry with.

        Args:
            member: The member that says the statement.
            keyids: Ids of the keys that the envelope names.

        Returns:
            The keys by their ids.

        Raises:
            Refusal: KEY_UNKNOWN, KEY_NOT_OF_SENDER or KEY_REVOKED.
        """
        if member == self.registrar:
            own = {key.keyid: key for key in self.quorum.keys}
            return {keyid: own[keyid] if keyid in own else _unknown_key() for keyid in keyids}
        return {keyid: self._signing_key(member, keyid) for keyid in keyids}

    def _signing_key(self, member: MemberId, keyid: str) -> PublicKey:
        record = self.keys.get(keyid)
        if record is None:
            return _unknown_key()
        if record.member != member:
            raise Refusal(
                Reason.KEY_NOT_OF_SENDER,
                "a signature is by the key of another member; use your own",
            )
        if not record.span.holds_at(self.size):
            raise Refusal(
                Reason.KEY_REVOKED, "a signature is by a revoked key; sign with a key in force"
            )
        return record.key


def _unknown_key() -> NoReturn:
    raise Refusal(
        Reason.KEY_UNKNOWN, "a signature is by a key that the directory does not list; register it"
    )


def _expect(header: Header, kind: type[_F]) -> _F:
    """Give the facts of a header, of the type that its kind has."""
    if not isinstance(header.facts, kind):
        raise _conflict("the statement's facts are not those of its kind")
    return header.facts


class _Draft:
    """A directory in the making: copies once, then applies statements in order."""

    def __init__(self, directory: Directory) -> None:
        self._base = directory
        self._quorum = directory.quorum
        self._members = dict(directory.members)
        self._keys = dict(directory.keys)
        self._systems = dict(directory.systems)

    def finished(self, size: int) -> Directory:
        return replace(
            self._base,
            size=size,
            quorum=self._quorum,
            members=self._members,
            keys=self._keys,
            systems=self._systems,
        )

    def apply(self, index: int, header: Header) -> None:
        """Apply one statement; refuses before the first change, so none is half applied."""
        rule = _RULES.get(header.kind)
        if rule is None:
            raise _conflict("it is not a statement that changes the directory")
        rule(self, index, header)

    def _member(self, member: MemberId) -> Member:
        found = self._members.get(member)
        if found is None or found.id == self._base.registrar:
            raise _conflict("the directory holds no such member")
        return found

    def _own(self, header: Header, member: MemberId) -> Member:
        """Give the member that a statement is about, if the sender may say this of it."""
        if header.sender not in {self._base.registrar, member}:
            raise Refusal(
                Reason.SENDER_NOT_PERMITTED, "a member says this of itself; others cannot"
            )
        return self._member(member)

    def _stand(self, member: Member, allowed: set[Standing], then: Standing) -> None:
        if member.standing not in allowed:
            raise _conflict(f"the member is {member.standing}")
        self._members[member.id] = replace(member, standing=then)

    def _add_keys(self, index: int, member: MemberId, keys: Iterable[PublicKey]) -> None:
        for key in keys:
            self._keys[key.keyid] = KeyRecord(key=key, member=member, span=Span(registered=index))

    def _refuse_known_keys(self, keys: Iterable[PublicKey]) -> None:
        registrars = {key.keyid for key in self._quorum.keys}
        if any(key.keyid in self._keys or key.keyid in registrars for key in keys):
            raise _conflict("a key is registered already; every key is registered once")

    def enrol(self, index: int, header: Header) -> None:
        new = _expect(header, enrolment.MemberEnrolmentFacts)
        if new.member in self._members:
            raise _conflict("the member is enrolled already; update it instead")
        self._refuse_known_keys(new.keys)
        self._refuse_foreign(new.systems)
        self._members[new.member] = Member(
            id=new.member,
            kind=new.kind,
            profile=new.profile,
            standing=Standing.ACTIVE,
        )
        self._add_keys(index, new.member, new.keys)
        for system in new.systems:
            self._systems[system] = Span(registered=index)

    def update(self, _index: int, header: Header) -> None:
        update = _expect(header, enrolment.MemberUpdateFacts)
        member = self._member(update.member)
        update.profile.check_for(member.kind)
        self._members[member.id] = replace(member, profile=update.profile)

    def register_key(self, index: int, header: Header) -> None:
        registration = _expect(header, enrolment.KeyRegistrationFacts)
        self._refuse_known_keys([registration.key])
        member = self._member(registration.member)
        self._add_keys(index, member.id, [registration.key])

    def revoke_key(self, index: int, header: Header) -> None:
        revocation = _expect(header, enrolment.KeyRevocationFacts)
        member = self._own(header, revocation.member)
        record = self._keys.get(revocation.keyid)
        if record is None or record.member != member.id or record.span.ended is not None:
            raise _conflict("the member has no such key in force")
        self._keys[revocation.keyid] = replace(record, span=replace(record.span, ended=index))

    def register_system(self, index: int, header: Header) -> None:
        registration = _expect(header, enrolment.SystemFacts)
        member = self._member(registration.member)
        system = registration.system
        enrolment.check_systems((system,), member.kind, member.id)
        self._refuse_foreign([system])
        known = self._systems.get(system)
        if known is not None and known.ended is None:
            raise _conflict("the system is registered already")
        self._systems[system] = Span(registered=index)

    def suspend_system(self, index: int, header: Header) -> None:
        suspension = _expect(header, enrolment.SystemFacts)
        member = self._own(header, suspension.member)
        span = self._systems.get(suspension.system)
        if span is None or suspension.system.member != member.id or span.ended is not None:
            raise _conflict("the member has no such system in force")
        self._systems[suspension.system] = replace(span, ended=index)

    def suspend_member(self, _index: int, header: Header) -> None:
        member = self._member(_expect(header, enrolment.MemberFacts).member)
        self._stand(member, {Standing.ACTIVE}, Standing.SUSPENDED)

    def reinstate_member(self, _index: int, header: Header) -> None:
        member = self._member(_expect(header, enrolment.MemberFacts).member)
        self._stand(member, {Standing.SUSPENDED}, Standing.ACTIVE)

    def depart_member(self, _index: int, header: Header) -> None:
        member = self._member(_expect(header, enrolment.MemberFacts).member)
        self._stand(member, {Standing.ACTIVE, Standing.SUSPENDED}, Standing.DEPARTED)

    def succeed_member(self, _index: int, header: Header) -> None:
        succession = _expect(header, enrolment.MemberSuccessionFacts)
        predecessor = self._member(succession.predecessor)
        successor = self._member(succession.successor)
        if successor.kind is not predecessor.kind or successor.standing is not Standing.ACTIVE:
            raise _conflict("the successor is not an active member of the same kind")
        self._stand(predecessor, {Standing.ACTIVE, Standing.SUSPENDED}, Standing.SUCCEEDED)

    def succeed_registrar(self, _index: int, header: Header) -> None:
        quorum = _expect(header, enrolment.RegistrarSuccessionFacts).quorum
        if any(key.keyid in self._keys for key in quorum.keys):
            raise _conflict("a key belongs to a member already")
        self._quorum = quorum

    def participate(self, _index: int, header: Header) -> None:
        # Nothing here depends on it: taking part is a fact for readers, not a permission.
        _expect(header, enrolment.ParticipationFacts)
        if header.sender == self._base.registrar:
            raise _conflict("a member says for itself whether it takes part")
        self._member(header.sender)

    def _refuse_foreign(self, systems: Iterable[SystemId]) -> None:
        if any(system.trust_domain != self._base.trust_domain for system in systems):
            raise _conflict("a system belongs to another trust domain")


_Rule: TypeAlias = Callable[[_Draft, int, Header], None]

_RULES: Final[Mapping[Kind, _Rule]] = {
    Kind.MEMBER_ENROLMENT: _Draft.enrol,
    Kind.MEMBER_UPDATE: _Draft.update,
    Kind.KEY_REGISTRATION: _Draft.register_key,
    Kind.KEY_REVOCATION: _Draft.revoke_key,
    Kind.SYSTEM_REGISTRATION: _Draft.register_system,
    Kind.SYSTEM_SUSPENSION: _Draft.suspend_system,
    Kind.MEMBER_SUSPENSION: _Draft.suspend_member,
    Kind.MEMBER_REINSTATEMENT: _Draft.reinstate_member,
    Kind.MEMBER_SUCCESSION: _Draft.succeed_member,
    Kind.MEMBER_DEPARTURE: _Draft.depart_member,
    Kind.REGISTRAR_SUCCESSION: _Draft.succeed_registrar,
    Kind.PARTICIPATION: _Draft.participate,
}


def _conflict(detail: str) -> Refusal:
    return Refusal(Reason.DIRECTORY_CONFLICT, detail)
