"""Who has answered what in a case, and who has not yet: read from its verified records alone.

* Awaited are answers to what a case is about (a notice, request, offer, report or alert, and their
  later versions), to a reconsideration request, and to each question.
* A question is answered by an `Answer` that refers to it. Anything else is answered by whatever its
  recipient said in the case later, an acknowledgement as well as a refusal.
* Answers come to the sender of what is answered: who sent it knows of all its recipients, another
  party only of itself. Of whom a party cannot know, nothing is said.

No answer is a fact and nothing more: it is no consent, and it blocks nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from forewarn_client.cases import SUBJECTS, Case
from forewarn_client.records import VerifiedRecord

_AWAITED: Final = {*SUBJECTS, "ReconsiderationRequest"} - {"CoverageDetermination"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """What became of one statement of a case.

    Attributes:
        record: The statement.
        answers: The first answer of each recipient that gave one, in the ledger's order.
        waiting_for: Ids of the recipients that have given none yet, as far as the viewer can know.
    """

    record: VerifiedRecord
    answers: tuple[VerifiedRecord, ...]
    waiting_for: tuple[str, ...]


def responses(case: Case, viewer: str) -> tuple[Responses, ...]:
    """Tell who has answered what in a case.

    Args:
        case: The case.
        viewer: Id of the member that reads it.

    Returns:
        One for each statement that awaits answers, in the ledger's order.
    """
    return tuple(
        _of(record, case.records, viewer)
        for record in case.records
        if record.kind in _AWAITED or record.kind == "Question"
    )


def _of(record: VerifiedRecord, records: Iterable[VerifiedRecord], viewer: str) -> Responses:
    first: dict[str, VerifiedRecord] = {}
    for later in records:
        if later.index > record.index and _answers(later, record):
            first.setdefault(later.sender, later)
    known = record.audience if viewer == record.sender else {viewer} & {*record.audience}
    return Responses(
        record=record,
        answers=tuple(first.values()),
        waiting_for=tuple(sorted({*known} - {*first})),
    )


def _answers(later: VerifiedRecord, record: VerifiedRecord) -> bool:
    if later.sender not in record.audience:
        return False
    if record.kind == "Question":
        return later.kind == "Answer" and record.digest in later.header.refers_to
    return True
