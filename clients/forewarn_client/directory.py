"""The directory as a member verifies it for itself: who was who, at which index of the ledger.

* It starts with the genesis statement, whose digest is pinned; every later statement is verified
  under the directory as it stood just before it, and counts once.
* What the ledger holds but does not fit (not signed by those who have to, contradicting what is,
  in another form than an entry has, or counted before) is passed over, and kept as a `Misfit` to be
  told: whoever can write to the ledger, but has no key, changes nothing and stops nobody. The
  gateway passes over the same, by code of its own.
* What the ledger does not hold stops: bytes that are not those of the proof, a proof that leads to
  no signed checkpoint, entries out of order, another beginning than the pinned one.
* A view is known up to a size of the ledger: that of the checkpoint beside a listing that left
  nothing out. It judges no entry beyond that.
* Views do not change; `extended` gives a new one.

That a listing leaves nothing out is the exchange's word: no proof of absence exists here yet.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Self

from forewarn.exchange.v1 import directory_service_pb2
from forewarn_client import succession
from forewarn_client.dsse import PublicKey
from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.membership import MemberRecord, RegistrarEra
from forewarn_client.records import Evidence, VerifiedRecord
from forewarn_client.terminal import safe
from forewarn_client.verifier import Authority, Verifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One statement of the directory, kept so that others can be shown it.

    Attributes:
        evidence: The entry.
        digest: Digest of the statement.
        members: Ids of the members that it is about.
    """

    evidence: Evidence
    digest: bytes
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """An entry that stands among the directory's statements, and changes nothing.

    Attributes:
        evidence: The entry.
        reason: Why it is passed over.
        detail: The same for people.
    """

    evidence: Evidence
    reason: Flaw
    detail: str

    def __str__(self) -> str:
        return (
            f"the exchange recorded at index {self.evidence.index}, among the statements of the "
            f"directory, what does not fit there ({self.reason}: {safe(self.detail)}); it changes "
            "nothing, and whoever runs the exchange has to find out who wrote it"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryView:
    """The directory, verified up to a size of the ledger.

    Attributes:
        registrar: Id of the registrar.
        eras: The registrar's keys, era by era.
        members: Members by their ids, the registrar among them.
        size: Size of the ledger up to which it is known.
        links: Its statements, in order.
        misfits: What stands among them and was passed over, in order.
    """

    registrar: str
    eras: tuple[RegistrarEra, ...]
    members: Mapping[str, MemberRecord]
    size: int
    links: tuple[Link, ...]
    misfits: tuple[Misfit, ...] = ()

    @classmethod
    def begun(cls, verifier: Verifier, genesis: Evidence) -> Self:
        """Begin with the genesis statement.

        Args:
            verifier: The verifier, which holds the pinned digest.
            genesis: Entry 0.

        Returns:
            A view of the registrar alone, known up to size 1.

        Raises:
            VerificationError: It is not the pinned genesis statement.
        """
        record = verifier.verify_genesis(genesis)
        state = succession.begin(record)
        return cls(
            registrar=state.registrar,
            eras=state.eras,
            members=MappingProxyType(state.members),
            size=1,
            links=(Link(evidence=genesis, digest=record.digest, members=(state.registrar,)),),
        )

    @classmethod
    def of_chain(cls, verifier: Verifier, chain: Iterable[Evidence], size: int) -> Self:
        """Verify a whole chain of directory statements.

        Args:
            verifier: The verifier.
            chain: The statements, the genesis first.
            size: Size of the ledger up to which the chain is said to be whole.

        Returns:
            The view.

        Raises:
            VerificationError: The ledger does not hold one, they are not in order, or there is
                none.
        """
        entries = tuple(chain)
        if not entries:
            raise VerificationError(Flaw.GENESIS_FOREIGN, "the directory has no statements")
        return cls.begun(verifier, entries[0]).extended(verifier, entries[1:], size)

    @classmethod
    def of_selection(cls, verifier: Verifier, chain: Iterable[Evidence], size: int) -> Self:
        """Verify statements that somebody chose, each because it fits (`chain_of`).

        Args:
            verifier: The verifier.
            chain: The statements, the genesis first.
            size: Index of the entry that they were chosen for.

        Returns:
            The view.

        Raises:
            VerificationError: As `of_chain`; or one does not fit, so that another one, which it
                follows from, was left out.
        """
        view = cls.of_chain(verifier, chain, size)
        for misfit in view.misfits:
            raise VerificationError(misfit.reason, misfit.detail)
        return view

    def extended(self, verifier: Verifier, entries: Iterable[Evidence], size: int) -> Self:
        """Verify further statements, each under those before it.

        Args:
            verifier: The verifier.
            entries: The statements, in the ledger's order.
            size: Size of the ledger up to which nothing was left out; a smaller one than before
                changes nothing.

        Returns:
            The new view.

        Raises:
            VerificationError: The ledger does not hold one, or they are not in order.
        """
        state = succession.State(
            registrar=self.registrar,
            trust_domain=verifier.exchange.trust_domain,
            eras=self.eras,
            members=dict(self.members),
        )
        links, misfits = list(self.links), list(self.misfits)
        counted = {link.digest for link in links}
        last = self.next_index - 1
        for evidence in entries:
            if evidence.index <= last:
                raise VerificationError(
                    Flaw.DIRECTORY_CONTRADICTORY, "the directory's statements are not in order"
                )
            # What the ledger does not hold stops here, before anything is judged.
            verifier.included(evidence)
            last = evidence.index
            before = replace(
                self, eras=state.eras, members=state.members, size=max(self.size, evidence.index)
            )
            try:
                record = verifier.said(evidence, before)
                concerned = _change(state, record, counted)
            except VerificationError as error:
                misfits.append(Misfit(evidence=evidence, reason=error.reason, detail=error.detail))
                continue
            counted.add(record.digest)
            links.append(Link(evidence=evidence, digest=record.digest, members=concerned))
        return replace(
            self,
            eras=state.eras,
            members=MappingProxyType(state.members),
            size=max(self.size, size, last + 1),
            links=tuple(links),
            misfits=tuple(misfits),
        )

    @property
    def next_index(self) -> int:
        """First index from which the directory is not known yet."""
        passed = self.misfits[-1].evidence.index if self.misfits else 0
        return max(self.links[-1].evidence.index, passed) + 1

    @property
    def entries(self) -> tuple[Evidence, ...]:
        """All that the ledger holds of it, in order, with what was passed over."""
        held = [*(link.evidence for link in self.links), *(each.evidence for each in self.misfits)]
        return tuple(sorted(held, key=lambda each: each.index))

    def authority(self, member: str, index: int) -> Authority:
        """Tell what a member could do just before an index.

        Args:
            member: Id of the member.
            index: Index of an entry.

        Returns:
            Its authority.

        Raises:
            VerificationError: SENDER_UNKNOWN, SENDER_INACTIVE or DIRECTORY_STALE.
        """
        if index > self.size:
            raise _stale(self.size)
        record = self.members.get(member)
        if record is None or index <= record.span.after:
            raise VerificationError(
                Flaw.SENDER_UNKNOWN, f"there was no member {member[:32]!r} at index {index}"
            )
        if not record.active_at(index):
            raise VerificationError(
                Flaw.SENDER_INACTIVE, f"{member} was suspended or had left at index {index}"
            )
        systems = record.systems_at(index)
        if member != self.registrar:
            return Authority(keys=record.keys_at(index), quorum=1, systems=systems)
        era = next(era for era in self.eras if era.span.covers(index))
        return Authority(keys=era.keys, quorum=era.quorum, systems=systems)

    def keys_of(self, member: str, index: int) -> Mapping[str, PublicKey]:
        """Give the keys that were a member's just before an index, whether it was active or not.

        Args:
            member: Id of the member.
            index: An index of the ledger; its size for the next entry.

        Returns:
            The keys by their ids; none where it had none.

        Raises:
            VerificationError: DIRECTORY_STALE.
        """
        if index > self.size:
            raise _stale(self.size)
        if member == self.registrar:
            return next((era.keys for era in self.eras if era.span.covers(index)), {})
        record = self.members.get(member)
        return record.keys_at(index) if record is not None else {}

    def active_members(self, kind: str = "") -> Iterator[MemberRecord]:
        """List the members that are active now, by their ids.

        Args:
            kind: Only this kind, as in `operator`; all where empty.

        Yields:
            The members.
        """
        for _, member in sorted(self.members.items()):
            if member.active_at(self.size) and kind in {"", member.kind}:
                yield member

    def sector(self, slug: str) -> tuple[MemberRecord, ...]:
        """List the active operators of a sector.

        Args:
            slug: Slug of the sector, as in `financial-services`.

        Returns:
            The operators, by their ids.
        """
        operators = self.active_members("operator")
        return tuple(member for member in operators if slug in member.profile.sectors)

    def chain_of(self, member: str, index: int) -> tuple[Evidence, ...]:
        """Give the statements that decide what a member could do at an index.

        Args:
            member: Id of the member.
            index: Index of an entry.

        Returns:
            The genesis statement and those before the index that are about the member or the
            registrar.
        """
        concerned = {member, self.registrar}
        links = [link for link in self.links if link.evidence.index < index]
        # A succession brings another member in, whose own statements then belong to the chain.
        for link in reversed(links):
            if not concerned.isdisjoint(link.members):
                concerned.update(link.members)
        return tuple(link.evidence for link in links if not concerned.isdisjoint(link.members))


def listed(response: directory_service_pb2.ListDirectoryEntriesResponse) -> tuple[Evidence, ...]:
    """Take the entries of a listing.

    Args:
        response: The answer.

    Returns:
        Its entries.
    """
    return tuple(Evidence.of_record(record, response.checkpoint) for record in response.records)


def _change(
    state: succession.State, record: VerifiedRecord, counted: set[bytes]
) -> tuple[str, ...]:
    """Apply a statement once; give the members that it is about."""
    # Signed once, recorded twice: an old reinstatement would undo a later suspension.
    if record.digest in counted:
        raise VerificationError(
            Flaw.DIRECTORY_CONTRADICTORY, "it counted before; a statement counts once"
        )
    return succession.change(state, record)


def _stale(size: int) -> VerificationError:
    return VerificationError(Flaw.DIRECTORY_STALE, f"the directory is known up to size {size} only")
