"""What the ledger's index keeps of an accepted entry, so that it can be found again.

* A summary is derived from the entry's body alone; the body stays the only truth, and the index can
  be made anew from it at any time.
* An entry whose body yields no summary is *opaque*: it has its leaf, and belongs to nobody.

It does not decide anything: verdicts are the fold's, admission is the admission's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

_TLP_CLEAR: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What an event of the audit log tells of deliveries; of the ledger's entries nothing does.

    Attributes:
        recipient: Id of the member that they are to.
        sender: Id of the member that they are by.
        released: Indexes of entries of the ledger that were about to leave.
        confirmed: The two sizes of the ledger between which the recipient has confirmed what it
            received of the sender; None where it has confirmed nothing.
        signed: Whether it has signed that.
    """

    recipient: str
    sender: str
    released: tuple[int, ...] = ()
    confirmed: tuple[int, int] | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySummary:
    """The fields of an entry that the store indexes.

    Attributes:
        digest: Digest of the statement, 32 bytes.
        sender: Id of the member that said it.
        statement_id: The sender's UUIDv7 for it, canonical form.
        kind: Number of the statement kind.
        case_digest: Digest of the statement that opened the case: its own for an opener, `b""`
            where there is no case.
        protocol: The case table that an opener starts, as in `release`; empty on other entries,
            whose case has it.
        case_state: State of the case after this entry; empty where there is no case.
        tlp: Number of the effective TLP level; a greater number is stricter.
        audience: Ids of the members that it is delivered to, ascending, without the sender.
        directory: True for a directory statement, which every member may read.
        refers_to: Digests of the statements it answers, countersigns or amends.
        received_time: When the gateway received it, UTC, to the microsecond.
        trace: What it tells of deliveries, for an index of its own; None once it is stored.
    """

    digest: bytes
    sender: str
    statement_id: str
    kind: int
    case_digest: bytes
    protocol: str
    case_state: str
    tlp: int
    audience: tuple[str, ...]
    directory: bool
    refers_to: tuple[bytes, ...]
    received_time: datetime
    trace: Trace | None = None

    @property
    def opens_case(self) -> bool:
        """Whether this entry opened the case that it belongs to."""
        return bool(self.case_digest) and self.case_digest == self.digest

    @property
    def open_to_all(self) -> bool:
        """Whether every member may read it."""
        return self.directory or self.tlp == _TLP_CLEAR
