"""What passes from stage to stage of an admission; each type is made by one stage only.

* `Submission`: bytes, and the system whose certificate TLS has verified.
* `Authenticated`: the member for which that system may call.
* `Verified`: the statement, parsed only after every signature verified.
* `Judged`: whom it goes to, what it does to its case, and which keys the judgement hangs on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.core.directory import Directory
from gateway.core.envelope import Envelope
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId, SystemId
from gateway.core.members import Member
from gateway.core.statements import Header
from gateway.wire.statements import MAX_STATEMENT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What the edge hands in.

    Attributes:
        envelope: A serialized envelope, at most 1 MiB.
        system: The SPIFFE ID in the caller's certificate.
        received_time: When it was received, UTC.
    """

    envelope: bytes
    system: SystemId
    received_time: datetime

    def __post_init__(self) -> None:
        """Refuse more than a statement may hold, before anything looks at it."""
        if len(self.envelope) > MAX_STATEMENT_BYTES:
            raise Refusal(
                Reason.STATEMENT_TOO_LARGE,
                f"a statement in its envelope has at most {MAX_STATEMENT_BYTES} bytes; send large "
                "files elsewhere and attach their digests",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """A submission by a system that may call.

    Attributes:
        submission: What was handed in.
        member: The member for which the system calls.
        directory: The directory at the size at which all of this is judged.
    """

    submission: Submission
    member: Member
    directory: Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A statement that its sender signed.

    Attributes:
        authenticated: Who handed it in.
        envelope: The envelope, every signature verified.
        header: The statement's header.
        digest: The statement's digest.
    """

    authenticated: Authenticated
    envelope: Envelope
    header: Header
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A statement that may be recorded, if nothing that it hangs on has changed meanwhile.

    Attributes:
        verified: The statement.
        audience: The members that it is delivered to, ascending, without the sender.
        profile_version: Policy profile and version; empty for none.
        case_state: State of its case afterwards; empty where there is no case.
        reads: Keys that were read for the judgement.
        writes: Keys that it writes.
        judged_at: Size of the ledger at which it was judged.
    """

    verified: Verified
    audience: tuple[MemberId, ...]
    profile_version: str
    case_state: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    judged_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A statement that the ledger holds already.

    Attributes:
        index: Index of its entry.
    """

    index: int
