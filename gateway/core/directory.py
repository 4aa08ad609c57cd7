"""The directory: who is a member, which systems call for it, which keys sign for it.

* It follows from the genesis entry and the directory statements after it, in the ledger's order;
  nothing else changes it. What each of them changes stands in `chain`.
* A statement counts once, however often it is recorded: its digest is kept.
* What a statement at index i registers holds from i + 1 on; what it revokes or suspends still
  holds at i itself, and no longer after.
* A `Directory` is immutable; `extended` gives a later one.

`proven` believes signatures only; `extended` is for statements that were verified before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from gateway.core import enrolment
from gateway.core.chain import Draft, SignedHeader, expect
from gateway.core.enrolment import MemberProfile, Quorum
from gateway.core.envelope import PublicKey
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId, MemberKind, SystemId
from gateway.core.members import KeyRecord, Member, Span, Standing, signing_keys
from gateway.core.statements import Header


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The directory at one size of the ledger.

    Attributes:
        size: How much of the ledger it covers: entries below this index.
        origin: Origin of the ledger.
        trust_domain: SPIFFE trust domain of every system.
        registrar: Id of the registrar.
        quorum: The registrar's keys at present.
        members: Members by id, the registrar included.
        keys: Signing keys by key id, the registrar's and revoked ones included.
        systems: Systems by SPIFFE ID, suspended ones included.
        counted: Digests of the statements that were counted by `proven`.
    """

    size: int
    origin: str
    trust_domain: str
    registrar: MemberId
    quorum: Quorum
    members: Mapping[MemberId, Member]
    keys: Mapping[str, KeyRecord]
    systems: Mapping[SystemId, Span]
    counted: frozenset[bytes] = frozenset()

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
        genesis = expect(header, enrolment.GenesisFacts)
        registrar = Member(
            id=genesis.registrar,
            kind=MemberKind.REGISTRAR,
            profile=MemberProfile(display_name="Registrar"),
            standing=Standing.ACTIVE,
        )
        return cls(
            size=1,
            origin=header.exchange,
            trust_domain=genesis.trust_domain,
            registrar=genesis.registrar,
            quorum=genesis.quorum,
            members={registrar.id: registrar},
            keys={
                key.keyid: KeyRecord(key=key, member=registrar.id, span=Span(registered=0))
                for key in genesis.quorum.keys
            },
            systems={system: Span(registered=0) for system in genesis.systems},
        )

    def extended(self, entries: Iterable[tuple[int, Header]], size: int) -> Directory:
        """Give the directory after further entries whose signatures hold.

        Args:
            entries: Index and header of every directory statement from the present size on, in
                order. A statement that does not fit is passed over.
            size: How much of the ledger is covered then.

        Returns:
            The later directory.
        """
        draft = self.draft()
        for index, header in entries:
            with suppress(Refusal):
                draft.apply(index, header)
        return self._after(draft, size)

    def proven(self, entries: Iterable[SignedHeader], size: int) -> Directory:
        """Give the directory after further entries, each verified under those before it.

        Args:
            entries: Every directory statement from the present size on, in order. One that is not
                signed as it has to be, does not fit, or counted before, is passed over: whoever
                can write to the ledger, but has no key, changes nothing.
            size: How much of the ledger is covered then.

        Returns:
            The later directory.
        """
        draft = self.draft()
        for entry in entries:
            with suppress(Refusal):
                draft.count(entry)
        return self._after(draft, size)

    def _after(self, draft: Draft, size: int) -> Directory:
        return replace(
            self,
            size=size,
            quorum=draft.quorum,
            members=draft.members,
            keys=draft.keys,
            systems=draft.systems,
            counted=frozenset(draft.counted),
        )

    def check(self, header: Header) -> None:
        """Refuse a directory statement that would not fit as the next entry.

        Args:
            header: Its header.

        Raises:
            Refusal: DIRECTORY_CONFLICT, it does not fit the directory; SENDER_NOT_PERMITTED, it is
                not its sender's to say; FIELD_INVALID, it does not fit the member's kind.
        """
        self.draft().apply(self.size, header)

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
        return signing_keys(self.keys, member, keyids, self.size)

    def draft(self) -> Draft:
        """Give a copy of it that can be changed, statement by statement."""
        return Draft(
            origin=self.origin,
            trust_domain=self.trust_domain,
            registrar=self.registrar,
            quorum=self.quorum,
            members=dict(self.members),
            keys=dict(self.keys),
            systems=dict(self.systems),
            counted=set(self.counted),
        )
