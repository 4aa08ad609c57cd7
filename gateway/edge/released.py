"""Releasing: the one place through which recorded content leaves the gateway.

* *Delivered implies entitled.* An entry leaves only if its reader sent it, is in its audience, or
  if it is TLP:CLEAR or part of the directory; and only below the newest signed checkpoint.
* What may not leave is left out before anything is counted, paged or proven, so that nothing about
  it can be inferred from the answer.
* Every record leaves with its proof, all of one answer under one checkpoint.

Every service calls it; none builds a `Record` itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from forewarn.exchange.v1 import ledger_pb2
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId
from gateway.core.markings import may_read
from gateway.core.statements import Tlp
from gateway.ports import LedgerSnapshot, SignedHead, StoredEntry


def entitled(entry: StoredEntry, reader: MemberId, head: SignedHead) -> bool:
    """Tell whether an entry may leave to a member.

    Args:
        entry: The entry.
        reader: The member that would have it.
        head: The newest signed checkpoint.

    Returns:
        True if it may.
    """
    summary = entry.summary
    if summary is None or entry.index >= head.size:
        return False
    return summary.directory or may_read(
        reader=reader,
        sender=MemberId(summary.sender),
        audience=[MemberId(member) for member in summary.audience],
        tlp=Tlp(summary.tlp),
    )


def released(
    entries: Iterable[StoredEntry],
    *,
    reader: MemberId,
    head: SignedHead,
    snapshot: LedgerSnapshot,
) -> list[ledger_pb2.Record]:
    """Release entries to a member: those that it may have, each with its proof.

    Args:
        entries: Entries of the snapshot.
        reader: The member.
        head: The newest signed checkpoint, which the proofs lead to.
        snapshot: Where the proofs are read.

    Returns:
        The records, in the order given.
    """
    leaving = [entry for entry in entries if entitled(entry, reader, head)]
    proofs = snapshot.prove([entry.index for entry in leaving], head.size)
    return [
        ledger_pb2.Record(
            entry_body=entry.body, index=entry.index, salt=entry.salt, inclusion_proof=proof
        )
        for entry, proof in zip(leaving, proofs, strict=True)
    ]


def entry_not_found() -> Refusal:
    """Build the one answer to an entry that does not exist and to one that is not the caller's."""
    return Refusal(Reason.ENTRY_NOT_FOUND, "there is no such entry among those you may read")
