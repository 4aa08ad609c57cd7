"""The judgement: may this statement be recorded now, whom does it go to, what does it change?

* Judged against one snapshot of the ledger; what was read is named, so that the fold can tell
  whether it still holds.
* A case that does not exist and one that is not the sender's are refused alike; so are references.
* Tables decide (`core.tables`), markings narrow (`core.markings`); nothing is decided here that is
  not decided there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.admission import keys
from gateway.admission.submission import Judged, Verified
from gateway.admission.verify import profile_version
from gateway.core import coverage, grants, markings, protocols
from gateway.core.coverage import Announced
from gateway.core.directory import Directory
from gateway.core.enrolment import (
    MemberEnrolmentFacts,
    MemberSuccessionFacts,
    MemberUpdateFacts,
)
from gateway.core.errors import Fault, Reason, invalid
from gateway.core.facts import PreReleaseNoticeFacts
from gateway.core.identity import MemberId
from gateway.core.protocols import Cited, Situation
from gateway.core.statements import Group, GroupRecipient, Header, Kind, Tlp
from gateway.core.tables import VERSIONED, Protocol, State
from gateway.ports.reading import CaseRow, LedgerSnapshot, StoredEntry
from gateway.profiles import Policy
from gateway.wire import entries

# What says who is a member, active, and of which groups; the registrar alone says it.
_MEMBERSHIP: Final = frozenset(
    {
        Kind.MEMBER_ENROLMENT,
        Kind.MEMBER_UPDATE,
        Kind.MEMBER_SUSPENSION,
        Kind.MEMBER_REINSTATEMENT,
        Kind.MEMBER_SUCCESSION,
        Kind.MEMBER_DEPARTURE,
    }
)
_STEP: Final = 16


def judge(verified: Verified, snapshot: LedgerSnapshot, policy: Policy) -> Judged:
    """Judge a verified statement.

    Args:
        verified: The statement.
        snapshot: The ledger at one moment, of the size of the statement's directory.
        policy: The policy data at hand.

    Returns:
        The judgement.

    Raises:
        Refusal: Whatever speaks against it.
    """
    header = verified.header
    earlier = snapshot.statement(header.sender, header.statement_id)
    if earlier is not None:
        raise invalid(
            "header.statement_id",
            "names another statement of this sender already; make a new id",
            Reason.EQUIVOCATION,
        )
    if header.kind.is_directory:
        return _judge_directory(verified, snapshot, policy)
    return _judge_exchange(verified, snapshot, policy)


def _judge_directory(verified: Verified, snapshot: LedgerSnapshot, policy: Policy) -> Judged:
    """Judge a statement about the directory; every member may read it."""
    header, directory = verified.header, verified.authenticated.directory
    directory.check(header)
    check_open_to_all(header)
    _check_sectors(header, policy)
    touched = {keys.statement(header)}
    # Nothing else is judged by who takes part in what. It would only stand in the registrar's way.
    if header.kind is not Kind.PARTICIPATION:
        touched |= {keys.DIRECTORY}
        touched |= {keys.member(member) for member in _members_named(header, directory)}
    return Judged(
        verified=verified,
        audience=(),
        profile_version=profile_version(header, policy),
        case_state="",
        reads=tuple(sorted(touched | {keys.member(header.sender)})),
        writes=tuple(sorted(touched | ({keys.MEMBERS} if header.kind in _MEMBERSHIP else set()))),
        judged_at=snapshot.size,
    )


def _judge_exchange(verified: Verified, snapshot: LedgerSnapshot, policy: Policy) -> Judged:
    """Judge a statement between members: it opens a case, or belongs in one."""
    header = verified.header
    if not header.recipients:
        raise invalid("header.recipients", "is empty; name a recipient", Reason.RECIPIENTS_EMPTY)
    _check_sectors(header, policy)
    grants.check_systems(header, verified.authenticated.directory)
    cited = _cited(header, snapshot)
    reads = {keys.statement(header), keys.member(header.sender), keys.MEMBERS}
    if header.on_behalf_of is not None:
        reads.add(keys.member(header.on_behalf_of))
    writes = {keys.statement(header)}
    if header.case is None:
        audience, state = _open(verified, cited)
        writes.add(keys.case(verified.digest))
    else:
        audience, state, alone = _continue(verified, snapshot, header.case, cited)
        reads.add(keys.case(header.case))
        if alone:
            writes.add(keys.case(header.case))
    return Judged(
        verified=verified,
        audience=audience,
        profile_version=profile_version(header, policy),
        case_state=state,
        reads=tuple(sorted(reads)),
        writes=tuple(sorted(writes)),
        judged_at=snapshot.size,
    )


def _open(verified: Verified, cited: tuple[StoredEntry, ...]) -> tuple[tuple[MemberId, ...], State]:
    header, authenticated = verified.header, verified.authenticated
    opening = protocols.opening(header, authenticated.member.kind)
    audience = markings.audience_of_opener(header, authenticated.directory, opening.recipients)
    grants.check_opening(header, audience)
    coverage.check_opening(header, audience, _notices(cited))
    return audience, opening.to


def _notices(cited: tuple[StoredEntry, ...]) -> list[Announced]:
    """Pick the notices out of what a statement refers to."""
    found = []
    for entry in cited:
        if entry.summary is None or entry.summary.kind != Kind.PRE_RELEASE_NOTICE:
            continue
        facts = _header(entry).facts
        if isinstance(facts, PreReleaseNoticeFacts):
            audience = frozenset(MemberId(name) for name in entry.summary.audience)
            sender = MemberId(entry.summary.sender)
            found.append(Announced(sender=sender, handle=facts.handle, audience=audience))
    return found


def _continue(
    verified: Verified, snapshot: LedgerSnapshot, digest: bytes, cited: tuple[StoredEntry, ...]
) -> tuple[tuple[MemberId, ...], State, bool]:
    """Judge a statement in a case, whose sender has to be a party of it."""
    header, authenticated = verified.header, verified.authenticated
    case = _find(snapshot, digest, header.sender)
    if case is None or header.sender not in case.parties:
        raise protocols.case_not_found()
    situation = _situation(verified, snapshot, case, cited)
    markings.check_not_relaxed(header, situation.opener)
    audience = markings.audience_in_case(header, authenticated.directory, case.parties)
    transition = protocols.transition(header, audience, situation)
    return audience, transition.state, transition.alone


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A case as found: its row, the entry that opened it, and its parties."""

    row: CaseRow
    opener: StoredEntry
    parties: frozenset[MemberId]


def _find(snapshot: LedgerSnapshot, digest: bytes, member: MemberId) -> _Case | None:
    """Find a case; one that a member may not read is not read for it, however long that takes."""
    row = snapshot.case(digest)
    if row is None or not snapshot.readable(row.opened_index, member):
        return None
    opener = snapshot.by_index(row.opened_index)
    if opener is None or opener.summary is None:
        return None
    names = (opener.summary.sender, *opener.summary.audience)
    return _Case(row=row, opener=opener, parties=frozenset(MemberId(name) for name in names))


def _situation(
    verified: Verified, snapshot: LedgerSnapshot, found: _Case, cited: tuple[StoredEntry, ...]
) -> Situation:
    case = found.row
    protocol = Protocol(case.protocol)
    # An application opens a grant case without terms: until the first offer it is what holds.
    current = snapshot.newest(case.digest, sorted(VERSIONED[protocol])) or found.opener
    return Situation(
        protocol=protocol,
        state=State(case.state),
        opener=_header(found.opener),
        parties=found.parties,
        current=_header(current),
        current_digest=_digest(current),
        cited=tuple(
            Cited(digest=entry.summary.digest, kind=Kind(entry.summary.kind))
            for entry in cited
            if entry.summary is not None and entry.summary.case_digest == case.digest
        ),
        cosigned=(
            _cosigned(snapshot, case, current)
            if verified.header.kind is Kind.GRANT_ACTIVATION
            else frozenset()
        ),
        sender_kind=verified.authenticated.member.kind,
        now=verified.authenticated.submission.received_time,
    )


def _cosigned(snapshot: LedgerSnapshot, case: CaseRow, offer: StoredEntry) -> frozenset[MemberId]:
    """Name who has cosigned an offer; a few entries at a time, for anyone may cosign often."""
    found: set[MemberId] = set()
    kinds, after = [Kind.GRANT_COSIGNATURE], offer.index
    while page := snapshot.case_entries(case.digest, kinds, after=after, limit=_STEP):
        found |= {
            MemberId(entry.summary.sender)
            for entry in page
            if entry.summary is not None and _digest(offer) in entry.summary.refers_to
        }
        after = page[-1].index
    return frozenset(found)


def _cited(header: Header, snapshot: LedgerSnapshot) -> tuple[StoredEntry, ...]:
    """Find what a statement refers to; what its sender may not read does not exist for it."""
    found = []
    for digest in header.refers_to:
        index = snapshot.index_of(digest)
        readable = index is not None and snapshot.readable(index, header.sender)
        entry = snapshot.by_index(index) if index is not None and readable else None
        if entry is None:
            raise invalid(
                "header.refers_to",
                "names a statement that is not among those the sender may read",
                Reason.REFERENCE_INVALID,
            )
        found.append(entry)
    return tuple(found)


def check_open_to_all(header: Header) -> None:
    """Refuse a directory statement that is addressed, marked or placed like another one.

    Args:
        header: Its header.

    Raises:
        Refusal: FIELD_INVALID.
    """
    if header.tlp is not Tlp.CLEAR:
        raise invalid("header.tlp", "of a directory statement is CLEAR: every member reads it")
    if header.recipients:
        raise invalid("header.recipients", "of a directory statement is empty: all members read it")
    if header.case is not None or header.on_behalf_of is not None:
        raise invalid("header.case_digest", "and on_behalf_of of a directory statement are empty")


def _check_sectors(header: Header, policy: Policy) -> None:
    """Refuse a sector that nobody can belong to: it is a slip of the pen."""
    facts = header.facts
    if isinstance(facts, MemberEnrolmentFacts | MemberUpdateFacts) and (
        facts.profile.sectors - policy.sectors
    ):
        raise invalid("header.facts.profile.sectors", "holds a sector that is not one of the 16")
    for recipient in header.recipients:
        if (
            isinstance(recipient, GroupRecipient)
            and recipient.group is Group.SECTOR
            and recipient.name not in policy.sectors
        ):
            raise invalid(
                "header.recipients",
                "holds a sector that is not one of the 16",
                Reason.RECIPIENT_UNKNOWN,
            )


def _members_named(header: Header, directory: Directory) -> set[str]:
    """Name the members whose records a directory statement changes."""
    facts = header.facts
    if isinstance(facts, MemberSuccessionFacts):
        return {facts.predecessor, facts.successor}
    if header.kind is Kind.REGISTRAR_SUCCESSION:
        return {directory.registrar}
    named: str = getattr(facts, "member", header.sender)
    return {named}


def _header(entry: StoredEntry) -> Header:
    header = entries.header_of(entry.body)
    if header is None:
        raise Fault(Reason.INTERNAL, "an entry of the case cannot be read; check the ledger")
    return header


def _digest(entry: StoredEntry) -> bytes:
    return entry.summary.digest if entry.summary is not None else b""
