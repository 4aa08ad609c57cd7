"""Whether an entry was withheld from the member that it is addressed to.

The exchange has signed twice: that the entry is in its ledger, and that a list of entries is all
that was addressed to the member between two sizes. Where the entry falls between them and is not on
the list, both cannot be: the exchange kept it back, and has proven it itself.

* What it takes: the entry with its proof, as in a receipt or an evidence bundle, the file of the
  confirmed spans, and three pins: log key, audit log key, genesis digest. No connection is made.
* A third party judges as the member itself does: nothing here depends on whose word it is.

It says nothing of entries that lie beyond what is confirmed: for those there is no list yet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, auto

from forewarn_client import note
from forewarn_client.inboxes.proof import ConfirmedSpan
from forewarn_client.inboxes.span import Shown
from forewarn_client.records import VerifiedRecord


class Verdict(StrEnum):
    """What an entry and the confirmed spans of an inbox say together. The values are stable."""

    @staticmethod
    def _generate_next_value_(name: str, _start: int, _count: int, _last_values: list[str]) -> str:
        return name

    WITHHELD = auto()
    """It is addressed to the member, and the exchange confirmed an inbox without it."""
    SHOWN = auto()
    """It is among the entries that the exchange confirmed."""
    BEYOND = auto()
    """It lies beyond what is confirmed: nothing is said of it yet."""
    NOT_ADDRESSED = auto()
    """It is not addressed to the member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict, and what it rests on.

    Attributes:
        verdict: It.
        record: The entry.
        span: The confirmed span that the entry falls into; None where it falls into none.
        confirmed: Size of the ledger up to which the spans reach.
    """

    verdict: Verdict
    record: VerifiedRecord
    span: ConfirmedSpan | None
    confirmed: int


def judge(
    record: VerifiedRecord,
    spans: Iterable[ConfirmedSpan],
    audit_key: note.VerifierKey,
    member: str,
) -> Judgement:
    """Judge whether an entry was withheld.

    Args:
        record: The entry, verified.
        spans: What the exchange has confirmed of the member's inbox.
        audit_key: The audit log's key, as pinned.
        member: Whose inbox it is.

    Returns:
        The judgement.

    Raises:
        VerificationError: The span that matters does not hold.
        HomeError: The spans cannot be read.
    """
    confirmed, found = 0, None
    for span in spans:
        confirmed = span.to_size
        if span.from_size <= record.index < span.to_size:
            found = span
    if member not in record.audience:
        verdict = Verdict.NOT_ADDRESSED
    elif found is None:
        verdict = Verdict.BEYOND
    else:
        found.verify(audit_key, member)
        held = {each.index: each.leaf_hash for each in found.entries}
        shown = held.get(record.index) == Shown.of(record).leaf_hash
        verdict = Verdict.SHOWN if shown else Verdict.WITHHELD
    return Judgement(verdict=verdict, record=record, span=found, confirmed=confirmed)
