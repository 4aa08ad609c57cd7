"""From bytes to a verified statement: identity, signatures, and only then the content.

* The caller's member is the only one whose keys count.
* Every signature verifies, and there are as many as the statement needs.
* What parses is canonical, meant for this exchange, said by this member, and of this time.
"""

from __future__ import annotations

from gateway.admission.submission import Authenticated, Submission, Verified
from gateway.core import envelope as dsse
from gateway.core.directory import Directory
from gateway.core.envelope import Envelope
from gateway.core.errors import Reason, Refusal, invalid
from gateway.core.grants import terms_of
from gateway.core.identity import MemberId, MemberKind
from gateway.core.statements import Header
from gateway.profiles import Policy
from gateway.wire import statements


def authenticate(submission: Submission, directory: Directory) -> Authenticated:
    """Tell for which member a system calls.

    Args:
        submission: What was handed in.
        directory: The directory at the size at which all of this is judged.

    Returns:
        The submission with its member.

    Raises:
        Refusal: MEMBER_UNKNOWN, MEMBER_INACTIVE, SYSTEM_UNKNOWN or SYSTEM_SUSPENDED.
    """
    member = directory.authenticate(submission.system)
    return Authenticated(submission=submission, member=member, directory=directory)


def verify(authenticated: Authenticated, envelope: Envelope, origin: str) -> Verified:
    """Verify an envelope, then parse the statement in it.

    Args:
        authenticated: Who hands it in.
        envelope: The envelope, as parsed.
        origin: Origin of this ledger.

    Returns:
        The verified statement.

    Raises:
        Refusal: A reason of the envelope, of the statement, or of its times and addressing.
    """
    directory, member = authenticated.directory, authenticated.member
    keys = directory.signing_keys(member.id, [s.keyid for s in envelope.signatures])
    verified = dsse.verify(envelope, keys)
    header = statements.parse(envelope.payload).header
    header.check_addressing(origin, member.id)
    header.check_times(authenticated.submission.received_time)
    if len(verified) < _signatures_needed(header, directory):
        raise Refusal(
            Reason.SIGNATURES_INSUFFICIENT,
            "the statement needs signatures of more keys of its sender",
        )
    _check_principal(header, directory)
    return Verified(
        authenticated=authenticated,
        envelope=envelope,
        header=header,
        digest=dsse.digest(envelope.payload),
    )


def profile_version(header: Header, policy: Policy) -> str:
    """Give the profile that a statement names, with its version.

    Args:
        header: The statement's header.
        policy: The policy data at hand.

    Returns:
        As in `us-eo-14409@1`; empty for none.

    Raises:
        Refusal: PROFILE_UNKNOWN.
    """
    version = policy.version_of(header.profile)
    if version is None:
        known = ", ".join(profile.id for profile in policy.lead_times)
        raise invalid(
            "header.profile", f"is unknown; known are {known}, custom", Reason.PROFILE_UNKNOWN
        )
    return version


def _signatures_needed(header: Header, directory: Directory) -> int:
    """Tell how many different keys have to sign."""
    if header.sender == directory.registrar:
        return directory.quorum.threshold
    terms = terms_of(header)
    return terms.lab_signatures if terms is not None else 1


def _check_principal(header: Header, directory: Directory) -> None:
    """Refuse a sender that speaks for a member which is not its registered client."""
    principal: MemberId | None = header.on_behalf_of
    if principal is None:
        return
    sender = directory.active(header.sender)
    edge = (
        sender is not None
        and sender.kind is MemberKind.RELAY
        and principal in sender.profile.clients
        and directory.active(principal) is not None
    )
    if not edge:
        raise invalid(
            "header.on_behalf_of",
            "is not a registered client of the sender; ask the registrar for the edge",
            Reason.SENDER_NOT_PERMITTED,
        )
