"""The index over accepted entries: which rows an entry adds, and how a row reads back.

* Every row is made from summaries, in the ledger's order; nothing of the index is ever truth.
* An opaque entry adds its own row and no other: nobody finds it by member, case or digest.
* A case is created by its opener; later entries move its state where they state one.
* What every member may read is `EVERYBODY`'s, which is no member's id.

It touches no file: `store` writes these rows and `snapshot` reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway.core.entry import EntrySummary, Trace
from gateway.core.fold import Entry, Outcome, Verdict
from gateway.ports.reading import Box, CaseRow, FoldedBlock, StoredEntry

Row = tuple[Any, ...]
"""Values of one row, in the order of the table's columns; SQLite types them."""

ENTRY_COLUMNS: Final = (
    "idx, salt, digest, sender, statement_id, kind, case_digest, protocol, case_state, tlp,"
    " audience, directory, refers_to, received, body"
)
CASE_COLUMNS: Final = "digest, protocol, state, opened_idx, last_idx"
BLOCK_COLUMNS: Final = "sequence, sha256, size_before, size_after, verdicts"

EVERYBODY: Final = "*"
"""Stands in `member_entry` for every member; no id of a member can be the same."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SUMMARY_COLUMNS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedEntry:
    """An entry that the fold has accepted.

    Attributes:
        index: Its index.
        entry: The entry.
        summary: What its body says; None where it is opaque.
    """

    index: int
    entry: Entry
    summary: EntrySummary | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """An event by which a member has confirmed what it received of a sender.

    Attributes:
        member: The recipient's id.
        sender: The sender's id.
        signed: Whether it has signed that.
        from_size: Size of the ledger from which on.
        to_size: Size of the ledger up to which; larger.
        index: Index of the event.
    """

    member: str
    sender: str
    signed: bool
    from_size: int
    to_size: int
    index: int

    def beyond(self, known: Iterable[tuple[int, int]]) -> list[Row]:
        """Give the rows of `confirmed` for what was not confirmed before.

        Args:
            known: From and to which size it was, ascending; none of them overlap.

        Returns:
            The rows, ascending: member, sender, signed, to, from, index of the event.
        """
        gaps, reached = [], self.from_size
        for from_size, to_size in known:
            if from_size > reached:
                gaps.append((reached, min(from_size, self.to_size)))
            reached = max(reached, to_size)
        if reached < self.to_size:
            gaps.append((reached, self.to_size))
        own = self.member, self.sender, int(self.signed)
        return [(*own, end, start, self.index) for start, end in gaps]


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """The rows that a block's accepted entries add, by table.

    Attributes:
        entries: For `entry`.
        members: For `member_entry`: member, box, index, digest of the case or None.
        parties: For `party`: member, index of the opener.
        openings: For `case_row`.
        moves: Of `case_row`: new state or empty, index, digest of the case.
        releases: For `released`: member, index in the ledger, index of the event.
        confirmations: What was confirmed, for `confirmed` as far as it was not before.
    """

    entries: list[Row]
    members: list[Row]
    parties: list[Row]
    openings: list[Row]
    moves: list[Row]
    releases: list[Row]
    confirmations: list[Confirmed]


def project(accepted: Iterable[AcceptedEntry]) -> Projection:
    """Make the rows of a block's accepted entries, which come in the ledger's order."""
    rows = Projection(
        entries=[],
        members=[],
        parties=[],
        openings=[],
        moves=[],
        releases=[],
        confirmations=[],
    )
    for each in accepted:
        rows.entries.append(_entry_row(each))
        index, summary = each.index, each.summary
        if summary is None:
            continue
        case = summary.case_digest or None
        readers = [*summary.audience, *([EVERYBODY] if summary.open_to_all else [])]
        rows.members.append((summary.sender, Box.SENT.value, index, case))
        rows.members.extend((member, Box.RECEIVED.value, index, case) for member in readers)
        if summary.opens_case:
            parties = {summary.sender, *summary.audience}
            rows.parties.extend((member, index) for member in parties)
            rows.openings.append(
                (summary.case_digest, summary.protocol, summary.case_state, index, index)
            )
        elif summary.case_digest:
            rows.moves.append((summary.case_state, index, summary.case_digest))
        if summary.trace is not None:
            _follow(rows, index, summary.trace)
    return rows


def stored_entry(row: Sequence[Any]) -> StoredEntry:
    """Read an entry back from its row, whose columns are ENTRY_COLUMNS."""
    index, salt, *columns, body = row
    return StoredEntry(index=index, body=body, salt=salt, summary=_summary(columns))


def case_row(row: Sequence[Any]) -> CaseRow:
    """Read a case back from its row, whose columns are CASE_COLUMNS."""
    digest, protocol, state, opened_index, last_index = row
    return CaseRow(
        digest=digest,
        protocol=protocol,
        state=state,
        opened_index=opened_index,
        last_index=last_index,
    )


def folded_block(row: Sequence[Any]) -> FoldedBlock:
    """Read a block's verdicts back from its row, whose columns are BLOCK_COLUMNS."""
    sequence, sha256, size_before, size_after, verdicts = row
    outcomes, index = [], size_before
    for verdict in map(Verdict, verdicts):
        accepted = verdict is Verdict.ACCEPTED
        outcomes.append(Outcome(verdict=verdict, index=index if accepted else None))
        index += accepted
    return FoldedBlock(
        sequence=sequence,
        sha256=sha256,
        size_before=size_before,
        size_after=size_after,
        outcomes=tuple(outcomes),
    )


def received_time(micros: int) -> datetime:
    """Read a time back from the column `received`."""
    return _EPOCH + micros * _MICROSECOND


def _follow(rows: Projection, index: int, trace: Trace) -> None:
    rows.releases.extend((trace.recipient, released, index) for released in trace.released)
    if trace.confirmed is not None:
        from_size, to_size = trace.confirmed
        rows.confirmations.append(
            Confirmed(
                member=trace.recipient,
                sender=trace.sender,
                signed=trace.signed,
                from_size=from_size,
                to_size=to_size,
                index=index,
            )
        )


def _entry_row(accepted: AcceptedEntry) -> Row:
    entry, summary = accepted.entry, accepted.summary
    if summary is None:
        return (accepted.index, entry.salt, *(None,) * _SUMMARY_COLUMNS, entry.body)
    return (
        accepted.index,
        entry.salt,
        summary.digest,
        summary.sender,
        summary.statement_id,
        summary.kind,
        summary.case_digest or None,
        summary.protocol,
        summary.case_state,
        summary.tlp,
        json.dumps(summary.audience),
        int(summary.directory),
        ",".join(digest.hex() for digest in summary.refers_to),
        (summary.received_time - _EPOCH) // _MICROSECOND,
        entry.body,
    )


def _summary(columns: Sequence[Any]) -> EntrySummary | None:
    if columns[0] is None:
        return None
    (
        digest,
        sender,
        statement_id,
        kind,
        case_digest,
        protocol,
        case_state,
        tlp,
        audience,
        directory,
        refers_to,
        received,
    ) = columns
    return EntrySummary(
        digest=digest,
        sender=sender,
        statement_id=statement_id,
        kind=kind,
        case_digest=case_digest or b"",
        protocol=protocol,
        case_state=case_state,
        tlp=tlp,
        audience=tuple(json.loads(audience)),
        directory=bool(directory),
        refers_to=tuple(bytes.fromhex(digest) for digest in refers_to.split(",") if digest),
        received_time=received_time(received),
    )
