"""Coverage: whether an announced model is covered, what a determination states, and what fits it.

* A request goes to one agency, refers to a notice that this agency has from the same lab, and names
  the model by the handle of that notice.
* A determination stands on a basis exactly where it determines something.
* After a reconsideration it says whether it is upheld or changed, and that is so; a first one says
  neither.
* A determination neither permits nor forbids a release: no table reads it but its own.

Thresholds and scores have no field here, and none on the wire.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, unique
from typing import TYPE_CHECKING

from gateway.core.errors import Reason, invalid
from gateway.core.identity import MemberId
from gateway.core.statements import check_handle

if TYPE_CHECKING:
    from gateway.core.statements import Header


@unique
class Outcome(IntEnum):
    """What an agency determines."""

    COVERED = 1
    NOT_COVERED = 2
    NOT_DETERMINED = 3


@unique
class Basis(IntEnum):
    """What kind of ground a determination stands on."""

    BENCHMARK = 1
    BY_ANALOGY = 2
    DEVELOPER_DECLARED = 3


@unique
class Review(IntEnum):
    """What a reconsideration came to."""

    UPHELD = 1
    CHANGED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRequestFacts:
    """A model whose coverage is asked about.

    Attributes:
        handle: Its handle in the notice that the request refers to.
    """

    handle: str

    def __post_init__(self) -> None:
        """Refuse what could be a name."""
        check_handle("header.facts.handle", self.handle)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageDeterminationFacts:
    """What is determined.

    Attributes:
        outcome: The outcome.
        basis: What it stands on; None where nothing is determined.
        decided_time: When it was decided, UTC.
        valid_until_time: Until when it holds; None for no end.
        review: What a reconsideration came to; None in a first determination.
    """

    outcome: Outcome
    basis: Basis | None
    decided_time: datetime
    valid_until_time: datetime | None
    review: Review | None

    def __post_init__(self) -> None:
        """Refuse what can never be right."""
        if (self.basis is None) is not (self.outcome is Outcome.NOT_DETERMINED):
            raise invalid("header.facts.basis_class", "is stated exactly where it is determined")
        if self.valid_until_time is not None and self.valid_until_time <= self.decided_time:
            raise invalid("header.facts.valid_until_time", "is not after decided_time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A notice that a request refers to.

    Attributes:
        sender: The lab that sent it.
        handle: The handle in it.
        audience: The agencies that have it.
    """

    sender: MemberId
    handle: str
    audience: frozenset[MemberId]


def check_opening(
    header: Header, audience: tuple[MemberId, ...], notices: Collection[Announced]
) -> None:
    """Refuse a request that is not about a notice of the same lab to the same agency.

    Args:
        header: Header of a statement that opens a case, of any kind.
        audience: The members that it goes to.
        notices: The notices among the statements that it refers to.

    Raises:
        Refusal: FIELD_INVALID or REFERENCE_INVALID.
    """
    facts = header.facts
    if not isinstance(facts, CoverageRequestFacts):
        return
    if len(audience) != 1:
        raise invalid("header.recipients", "of a coverage request is the one agency that is asked")
    announced = [
        notice
        for notice in notices
        if notice.sender == header.sender and notice.audience.issuperset(audience)
    ]
    if not announced:
        raise invalid(
            "header.refers_to",
            "does not name a notice of the sender that the asked agency has; refer to it",
            Reason.REFERENCE_INVALID,
        )
    if all(notice.handle != facts.handle for notice in announced):
        raise invalid("header.facts.handle", "is not that of the notice which it refers to")


def check_review(
    stated: CoverageDeterminationFacts, reconsidered: CoverageDeterminationFacts | None
) -> None:
    """Refuse a determination that says otherwise of its reconsideration than it does.

    Args:
        stated: What the determination states.
        reconsidered: The determination that was to be reconsidered; None for a first one.

    Raises:
        Refusal: FIELD_INVALID.
    """
    if (stated.review is None) is not (reconsidered is None):
        raise invalid("header.facts.review", "is stated exactly after a reconsideration")
    if reconsidered is None:
        return
    before = (reconsidered.outcome, reconsidered.basis, reconsidered.valid_until_time)
    same = before == (stated.outcome, stated.basis, stated.valid_until_time)
    if same is not (stated.review is Review.UPHELD):
        raise invalid(
            "header.facts.review",
            "is upheld exactly where outcome, basis and end stay as they were, else changed",
        )
