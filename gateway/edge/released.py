"""Releasing: the one place through which recorded content leaves the gateway.

* *Delivered implies entitled.* An entry leaves only if its reader sent it, is in its audience, or
  if it is TLP:CLEAR or part of the directory; and only below the newest signed checkpoint.
* *Delivered above TLP:GREEN implies recorded.* What may leave is first held; it is let go once the
  audit log has it on disk that it leaves. There is no other way to a held record but the answer to
  the submission that brought it.
* What leaves at or below TLP:GREEN, to one that it is addressed to, is noted and waits for nothing:
  its sender is told as well, but no outage of the audit log holds up an alert.
* What may not leave is left out before anything is counted, paged or proven, so that nothing about
  it can be inferred from the answer.
* Every record leaves with its proof, all of one answer under one checkpoint.

Every service calls it; none builds a `Record` itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from forewarn.exchange.v1 import ledger_pb2
from gateway.core.audit import Event, GrantLookedUp, deliveries, releases
from gateway.core.errors import Reason, Refusal
from gateway.core.identity import MemberId, SystemId
from gateway.core.markings import may_read
from gateway.core.statements import Tlp
from gateway.ports.reading import LedgerSnapshot, SignedHead, StoredEntry


class Journal(Protocol):
    """What the audit log's journal is to whoever lets content go."""

    async def released(self, events: Sequence[Event]) -> None:
        """Record what is about to leave; LEDGER_UNAVAILABLE where it may not."""

    def noted(self, event: Event) -> None:
        """Note an event that nothing waits for."""

    def delivered(self, *, system: SystemId, rpc: str, sender: str, indexes: Sequence[int]) -> None:
        """Note entries of one sender that leave, for which nothing waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """To whom records leave.

    Attributes:
        system: The system that called.
        rpc: Its call, as in `ListEntries`.
        grant: Digest of the grant's case that it looked up; empty for none.
    """

    system: SystemId
    rpc: str
    grant: bytes = b""


class Held:
    """Records that may leave, and have not yet."""

    __slots__ = ("_entries", "_records")

    def __init__(self, entries: Sequence[StoredEntry], records: list[ledger_pb2.Record]) -> None:
        """Hold records of entries; `released` makes them."""
        self._entries = entries
        self._records = records

    def __len__(self) -> int:
        """How many."""
        return len(self._records)

    async def let_go(self, journal: Journal, departure: Departure) -> list[ledger_pb2.Record]:
        """Give the records, once it is on record that they leave.

        Args:
            journal: The audit log's.
            departure: To whom they leave.

        Returns:
            The records, in the order in which they were released.

        Raises:
            Fault: LEDGER_UNAVAILABLE, the audit log cannot be written, and one of them is above
                TLP:GREEN.
        """
        leaving = [(entry.index, entry.summary) for entry in self._entries]
        events = releases(leaving, rpc=departure.rpc, system=departure.system)
        looked = self._looked_up(departure)
        if events:
            await journal.released([*events, *looked])
        else:
            for event in looked:
                journal.noted(event)
        system, rpc = departure.system, departure.rpc
        for sender, indexes in deliveries(leaving, reader=system.member).items():
            journal.delivered(system=system, rpc=rpc, sender=sender, indexes=indexes)
        return self._records

    def given_back(self) -> list[ledger_pb2.Record]:
        """Give the records to the caller that has just handed in what they hold."""
        return self._records

    def _looked_up(self, departure: Departure) -> list[Event]:
        if not departure.grant:
            return []
        senders = {each.summary.sender for each in self._entries if each.summary is not None}
        return [
            Event(
                happening=GrantLookedUp(case_digest=departure.grant),
                rpc=departure.rpc,
                system=departure.system,
                concerned=sender,
            )
            for sender in sorted(senders)
        ]


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
        sender=summary.sender,
        audience=summary.audience,
        tlp=Tlp(summary.tlp),
    )


def released(
    entries: Iterable[StoredEntry],
    *,
    reader: MemberId,
    head: SignedHead,
    snapshot: LedgerSnapshot,
) -> Held:
    """Release entries to a member: those that it may have, each with its proof.

    Args:
        entries: Entries of the snapshot.
        reader: The member.
        head: The newest signed checkpoint, which the proofs lead to.
        snapshot: Where the proofs are read.

    Returns:
        The records, held, in the order given.
    """
    leaving = [entry for entry in entries if entitled(entry, reader, head)]
    proofs = snapshot.prove([entry.index for entry in leaving], head.size)
    records = [
        ledger_pb2.Record(
            entry_body=entry.body, index=entry.index, salt=entry.salt, inclusion_proof=proof
        )
        for entry, proof in zip(leaving, proofs, strict=True)
    ]
    return Held(leaving, records)


def entry_not_found() -> Refusal:
    """Build the one answer to an entry that does not exist and to one that is not the caller's."""
    return Refusal(Reason.ENTRY_NOT_FOUND, "there is no such entry among those you may read")
