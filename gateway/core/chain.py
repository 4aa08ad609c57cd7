"""The directory's chain: what each of its statements changes, and who may say it.

* One rule for each kind. A rule refuses before its first change, so that none is half applied.
* The registrar says all but `Participation`; a member revokes keys, suspends systems and opts in or
  out for itself alone.
* Keys are never handed on: a key that was registered once, revoked or not, is nobody else's ever
  and is not registered again. The registrar's own keys count among them.
* What has left stays as it was: nothing is registered for a member that departed or was succeeded.
* The registrar keeps a system to call from, or nobody could ever change the directory again.

Others than the gateway may have written what is read back from the ledger. So there a statement
counts (`Draft.count`) only if it is verified under what holds at its index, fits, and has not
counted before; whatever else stands there changes nothing, and the chain goes on as if it did not
exist. The client judges by the same rules, with code of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, TypeVar

from gateway.core import enrolment
from gateway.core.enrolment import Quorum
from gateway.core.envelope import Envelope, PublicKey, digest, verify
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId, MemberKind, SystemId
from gateway.core.members import KeyRecord, Member, Span, Standing, signing_keys
from gateway.core.statements import Header, Kind

_F = TypeVar("_F")

# What a member may say of itself, without the registrar.
_OWN_KINDS: Final = frozenset({Kind.KEY_REVOCATION, Kind.SYSTEM_SUSPENSION, Kind.PARTICIPATION})
_PRESENT: Final = frozenset({Standing.ACTIVE, Standing.SUSPENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHeader:
    """A directory statement as the ledger holds it.

    Attributes:
        index: Index of its entry.
        header: Its header.
        envelope: Its envelope, not yet verified.
        system: The system that handed it in; None where the entry names none.
    """

    index: int
    header: Header
    envelope: Envelope
    system: SystemId | None


@dataclass(slots=True, kw_only=True)
class Draft:
    """The directory in the making.

    Attributes:
        origin: Origin of the ledger.
        trust_domain: SPIFFE trust domain of every system.
        registrar: Id of the registrar.
        quorum: The registrar's keys at present.
        members: Members by id.
        keys: Signing keys by key id.
        systems: Systems by SPIFFE ID.
        counted: Digests of the statements that were counted.
    """

    origin: str
    trust_domain: str
    registrar: MemberId
    quorum: Quorum
    members: dict[MemberId, Member]
    keys: dict[str, KeyRecord]
    systems: dict[SystemId, Span]
    counted: set[bytes]

    def count(self, entry: SignedHeader) -> None:
        """Count a statement that the ledger holds, or pass over it.

        Args:
            entry: The statement.

        Raises:
            Refusal: It is passed over: DIRECTORY_CONFLICT where it counted before, a reason of
                `verify` or one of `apply`. Nothing was changed then.
        """
        said = digest(entry.envelope.payload)
        # Signed once, recorded twice: an old reinstatement would undo a later suspension.
        if said in self.counted:
            raise conflict("it counted before; a statement counts once")
        self.verify(entry)
        self.apply(entry.index, entry.header)
        self.counted.add(said)

    def verify(self, entry: SignedHeader) -> None:
        """Verify a statement under what holds at its index.

        Args:
            entry: The statement.

        Raises:
            Refusal: EXCHANGE_FOREIGN, it was made for another ledger; MEMBER_INACTIVE or
                SYSTEM_UNKNOWN, its sender could not have handed it in there; or a reason of its
                signatures.
        """
        if entry.header.exchange != self.origin:
            raise Refusal(Reason.EXCHANGE_FOREIGN, "the statement was made for another ledger")
        sender = entry.header.sender
        self._check_handed_in(entry, sender)
        keyids = [signature.keyid for signature in entry.envelope.signatures]
        candidates = signing_keys(self.keys, sender, keyids, entry.index)
        needed = self.quorum.threshold if sender == self.registrar else 1
        if len(verify(entry.envelope, candidates)) < needed:
            raise Refusal(Reason.SIGNATURES_INSUFFICIENT, "more keys of the sender have to sign")

    def _check_handed_in(self, entry: SignedHeader, sender: MemberId) -> None:
        member = self.members.get(sender)
        if member is None or member.standing is not Standing.ACTIVE:
            raise Refusal(Reason.MEMBER_INACTIVE, "the sender did not take part at that index")
        system = entry.system
        span = self.systems.get(system) if system is not None else None
        own = system is not None and (system.kind, system.member) == (member.kind, sender)
        if span is None or not own or not span.holds_at(entry.index):
            raise Refusal(Reason.SYSTEM_UNKNOWN, "no system of the sender handed it in")

    def apply(self, index: int, header: Header) -> None:
        """Apply one statement.

        Args:
            index: Index of its entry.
            header: Its header.

        Raises:
            Refusal: DIRECTORY_CONFLICT, it does not fit the directory; SENDER_NOT_PERMITTED, it is
                not its sender's to say; FIELD_INVALID, it does not fit the member's kind. Nothing
                was changed then.
        """
        rule = _RULES.get(header.kind)
        if rule is None:
            raise conflict("it is not a statement that changes the directory")
        if header.sender != self.registrar and header.kind not in _OWN_KINDS:
            raise Refusal(Reason.SENDER_NOT_PERMITTED, "only the registrar sends this kind")
        rule(self, index, header)


def expect(header: Header, kind: type[_F]) -> _F:
    """Give the facts of a header, of the type that its kind has.

    Args:
        header: The header.
        kind: Class of the facts.

    Returns:
        The facts.

    Raises:
        Refusal: DIRECTORY_CONFLICT, they are others.
    """
    if not isinstance(header.facts, kind):
        raise conflict("the statement's facts are not those of its kind")
    return header.facts


def conflict(detail: str) -> Refusal:
    """Build the refusal of what does not fit the directory as it stands."""
    return Refusal(Reason.DIRECTORY_CONFLICT, detail)


def _any(draft: Draft, member: MemberId) -> Member:
    found = draft.members.get(member)
    if found is None:
        raise conflict("the directory holds no such member")
    return found


def _member(draft: Draft, member: MemberId) -> Member:
    """Give a member that the registrar keeps a record of: any but itself."""
    if member == draft.registrar:
        raise conflict("the registrar's own record is not changed so")
    return _any(draft, member)


def _check_own(draft: Draft, header: Header, member: MemberId) -> None:
    """Refuse a sender that says of another member what each says of itself."""
    if header.sender not in {draft.registrar, member}:
        raise Refusal(Reason.SENDER_NOT_PERMITTED, "a member says this of itself; others cannot")


def _stand(draft: Draft, member: Member, allowed: frozenset[Standing], then: Standing) -> None:
    _check_standing(member, allowed)
    draft.members[member.id] = replace(member, standing=then)


def _add_key(draft: Draft, index: int, member: MemberId, key: PublicKey) -> None:
    draft.keys[key.keyid] = KeyRecord(key=key, member=member, span=Span(registered=index))


def _refuse_known(draft: Draft, keys: Iterable[PublicKey]) -> None:
    if any(key.keyid in draft.keys for key in keys):
        raise conflict("a key is registered already; every key is registered once")


def _refuse_foreign(draft: Draft, systems: Iterable[SystemId]) -> None:
    if any(system.trust_domain != draft.trust_domain for system in systems):
        raise conflict("a system belongs to another trust domain")


def _enrol(draft: Draft, index: int, header: Header) -> None:
    new = expect(header, enrolment.MemberEnrolmentFacts)
    if new.member in draft.members:
        raise conflict("the member is enrolled already; update it instead")
    _refuse_known(draft, new.keys)
    _refuse_foreign(draft, new.systems)
    draft.members[new.member] = Member(
        id=new.member, kind=new.kind, profile=new.profile, standing=Standing.ACTIVE
    )
    for key in new.keys:
        _add_key(draft, index, new.member, key)
    for system in new.systems:
        draft.systems[system] = Span(registered=index)


def _update(draft: Draft, _index: int, header: Header) -> None:
    update = expect(header, enrolment.MemberUpdateFacts)
    member = _member(draft, update.member)
    _check_standing(member, _PRESENT)
    update.profile.check_for(member.kind)
    draft.members[member.id] = replace(member, profile=update.profile)


def _register_key(draft: Draft, index: int, header: Header) -> None:
    registration = expect(header, enrolment.KeyRegistrationFacts)
    member = _member(draft, registration.member)
    _check_standing(member, _PRESENT)
    _refuse_known(draft, [registration.key])
    _add_key(draft, index, member.id, registration.key)


def _revoke_key(draft: Draft, index: int, header: Header) -> None:
    revocation = expect(header, enrolment.KeyRevocationFacts)
    _check_own(draft, header, revocation.member)
    member = _member(draft, revocation.member)
    record = draft.keys.get(revocation.keyid)
    if record is None or record.member != member.id or record.span.ended is not None:
        raise conflict("the member has no such key in force")
    draft.keys[revocation.keyid] = replace(record, span=replace(record.span, ended=index))


def _register_system(draft: Draft, index: int, header: Header) -> None:
    registration = expect(header, enrolment.SystemFacts)
    member = _any(draft, registration.member)
    _check_standing(member, _PRESENT)
    system = registration.system
    enrolment.check_systems((system,), member.kind, member.id)
    _refuse_foreign(draft, [system])
    known = draft.systems.get(system)
    if known is not None and known.ended is None:
        raise conflict("the system is registered already")
    draft.systems[system] = Span(registered=index)


def _suspend_system(draft: Draft, index: int, header: Header) -> None:
    suspension = expect(header, enrolment.SystemFacts)
    _check_own(draft, header, suspension.member)
    member = _any(draft, suspension.member)
    system = suspension.system
    span = draft.systems.get(system)
    if (
        span is None
        or (system.kind, system.member) != (member.kind, member.id)
        or span.ended is not None
    ):
        raise conflict("the member has no such system in force")
    if member.kind is MemberKind.REGISTRAR and not any(
        other.member == member.id and held.ended is None and other != system
        for other, held in draft.systems.items()
    ):
        raise conflict("the registrar would have no system left; register another one first")
    draft.systems[system] = replace(span, ended=index)


def _suspend_member(draft: Draft, _index: int, header: Header) -> None:
    member = _member(draft, expect(header, enrolment.MemberFacts).member)
    _stand(draft, member, frozenset({Standing.ACTIVE}), Standing.SUSPENDED)


def _reinstate_member(draft: Draft, _index: int, header: Header) -> None:
    member = _member(draft, expect(header, enrolment.MemberFacts).member)
    _stand(draft, member, frozenset({Standing.SUSPENDED}), Standing.ACTIVE)


def _depart_member(draft: Draft, _index: int, header: Header) -> None:
    member = _member(draft, expect(header, enrolment.MemberFacts).member)
    _stand(draft, member, _PRESENT, Standing.DEPARTED)


def _succeed_member(draft: Draft, _index: int, header: Header) -> None:
    succession = expect(header, enrolment.MemberSuccessionFacts)
    predecessor = _member(draft, succession.predecessor)
    successor = _member(draft, succession.successor)
    if successor.kind is not predecessor.kind or successor.standing is not Standing.ACTIVE:
        raise conflict("the successor is not an active member of the same kind")
    _stand(draft, predecessor, _PRESENT, Standing.SUCCEEDED)


def _succeed_registrar(draft: Draft, index: int, header: Header) -> None:
    quorum = expect(header, enrolment.RegistrarSuccessionFacts).quorum
    kept = {key.keyid for key in draft.quorum.keys} & {key.keyid for key in quorum.keys}
    new = [key for key in quorum.keys if key.keyid not in kept]
    _refuse_known(draft, new)
    for key in draft.quorum.keys:
        if key.keyid not in kept:
            record = draft.keys[key.keyid]
            draft.keys[key.keyid] = replace(record, span=replace(record.span, ended=index))
    for key in new:
        _add_key(draft, index, draft.registrar, key)
    draft.quorum = quorum


def _participate(draft: Draft, _index: int, header: Header) -> None:
    # Nothing here depends on it: taking part is a fact for readers, not a permission.
    expect(header, enrolment.ParticipationFacts)
    if header.sender == draft.registrar:
        raise conflict("a member says for itself whether it takes part")
    _member(draft, header.sender)


def _check_standing(member: Member, allowed: frozenset[Standing]) -> None:
    if member.standing not in allowed:
        raise conflict(f"the member is {member.standing}")


_Rule: TypeAlias = Callable[[Draft, int, Header], None]

_RULES: Final[Mapping[Kind, _Rule]] = {
    Kind.MEMBER_ENROLMENT: _enrol,
    Kind.MEMBER_UPDATE: _update,
    Kind.KEY_REGISTRATION: _register_key,
    Kind.KEY_REVOCATION: _revoke_key,
    Kind.SYSTEM_REGISTRATION: _register_system,
    Kind.SYSTEM_SUSPENSION: _suspend_system,
    Kind.MEMBER_SUSPENSION: _suspend_member,
    Kind.MEMBER_REINSTATEMENT: _reinstate_member,
    Kind.MEMBER_SUCCESSION: _succeed_member,
    Kind.MEMBER_DEPARTURE: _depart_member,
    Kind.REGISTRAR_SUCCESSION: _succeed_registrar,
    Kind.PARTICIPATION: _participate,
}
