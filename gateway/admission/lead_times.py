"""What every lead-time profile says of a recorded notice: shown to its sender, blocking nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.core.facts import NoticeAmendmentFacts, PreReleaseNoticeFacts
from gateway.core.profiles import LeadTime, lead_time
from gateway.core.statements import Kind
from gateway.profiles import Policy
from gateway.wire import entries


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedLeadTime:
    """What one profile says.

    Attributes:
        view: What it says.
        named: Whether the notice names this profile.
    """

    view: LeadTime
    named: bool


PLANNING: Final = frozenset({Kind.PRE_RELEASE_NOTICE, Kind.NOTICE_AMENDMENT})
"""The kinds for which there is anything to tell."""


def lead_times(entry_body: bytes, policy: Policy) -> tuple[NamedLeadTime, ...]:
    """Tell what every profile says of a notice or of its amendment.

    Args:
        entry_body: The entry's body, as recorded.
        policy: The policy data.

    Returns:
        One view for each profile; none for statements of other kinds.
    """
    header = entries.header_of(entry_body)
    if header is None or not isinstance(header.facts, PreReleaseNoticeFacts | NoticeAmendmentFacts):
        return ()
    planned, received = header.facts.planned, entries.received_time_of(entry_body)
    return tuple(
        NamedLeadTime(
            view=lead_time(profile, planned, received), named=profile.id == header.profile
        )
        for profile in policy.lead_times
    )
