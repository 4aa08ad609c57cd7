"""Cases as a party sees them, and what a statement in a case says unless its author says otherwise.

* A case is the verified records of it that the party may read, its opener first.
* A statement in a case goes to all other parties, marked as the opener is, and refers to the
  statement that it answers; the table `REFERS_TO` says which.
* In an alert case a recipient answers the alerter alone: the others are not its partners.

Whether the statement may be made in the case's state is for the exchange to say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from forewarn.statement.v1 import header_pb2, values_pb2
from forewarn_client import words
from forewarn_client.errors import Flaw, RequestError, VerificationError
from forewarn_client.records import VerifiedRecord

_NOTICES: Final = ("PreReleaseNotice", "NoticeAmendment")
_OFFERS: Final = ("ModelAccessGrant",)
_TERMS: Final = ("ModelAccessGrant", "GrantNarrowing")
_APPLICATION: Final = ("EarlyAccessApplication",)
_REPORTS: Final = ("BreachReport",)
_ALERTS: Final = ("Alert", "AlertUpdate")
_COVERAGE: Final = ("CoverageRequest", "CoverageDetermination")
SUBJECTS: Final = (*_NOTICES, *_COVERAGE, *_TERMS, *_APPLICATION, *_REPORTS, *_ALERTS)

REFERS_TO: Final[Mapping[str, tuple[str, ...]]] = {
    "Acknowledgement": SUBJECTS,
    "Question": SUBJECTS,
    "Answer": ("Question",),
    "Declination": ("CoverageRequest", *_OFFERS, *_APPLICATION),
    "Feedback": SUBJECTS,
    "NoticeAmendment": _NOTICES,
    "NoticeWithdrawal": _NOTICES,
    "ReleaseConfirmation": _NOTICES,
    "CaseProgress": ("CoverageRequest",),
    "CoverageDetermination": _COVERAGE,
    "ReconsiderationRequest": ("CoverageDetermination",),
    "ModelAccessGrant": (*_OFFERS, *_APPLICATION),
    "GrantAcceptance": _OFFERS,
    "GrantCosignature": _OFFERS,
    "GrantActivation": _OFFERS,
    "GrantSuspension": _TERMS,
    "GrantResumption": _TERMS,
    "GrantNarrowing": _TERMS,
    "GrantRevocation": _TERMS,
    "GrantCompletion": _TERMS,
    "GrantWithdrawal": (*_OFFERS, *_APPLICATION),
    "DestructionAttestation": _TERMS,
    "BreachReport": _REPORTS,
    "Triage": _REPORTS,
    "CaseClosure": _REPORTS,
    "AlertUpdate": _ALERTS,
    "AlertCancellation": ("Alert",),
    "Sighting": ("Alert",),
}
"""The newest statement of these kinds in the case is what a statement refers to."""

OPENERS: Final[Mapping[str, str]] = {
    "PreReleaseNotice": "release",
    "CoverageRequest": "coverage",
    "EarlyAccessApplication": "grant",
    "ModelAccessGrant": "grant",
    "BreachReport": "breach",
    "Alert": "alert",
}
"""Kinds that open a case, and the protocol that it then follows."""

MAX_RECIPIENTS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSummary:
    """A case, in the exchange's words; `Member.case` verifies it.

    Attributes:
        digest: Digest of the statement that opened it.
        protocol: Which table it follows: `release`, `coverage`, `grant`, `breach` or `alert`.
        state: Its state after the last entry that the member may read.
        opened_index: Index of the entry that opened it.
        last_index: Index of the last entry that the member may read.
    """

    digest: bytes
    protocol: str
    state: str
    opened_index: int
    last_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case, verified entry by entry.

    Attributes:
        digest: Digest of the statement that opened it.
        records: Its entries, as far as the member may read them; the opener first.
    """

    digest: bytes
    records: tuple[VerifiedRecord, ...]

    def __post_init__(self) -> None:
        """Refuse entries that do not make up the case.

        Raises:
            VerificationError: ANSWER_MISMATCHED.
        """
        opener = self.records[0] if self.records else None
        if opener is None or opener.digest != self.digest:
            raise _mismatch("it does not begin with the statement that opened it")
        if opener.kind not in OPENERS:
            raise _mismatch(f"no case begins with a {opener.kind}")
        if any(record.case_digest != self.digest for record in self.records):
            raise _mismatch("it holds an entry of another case")

    @property
    def opener(self) -> VerifiedRecord:
        """The entry that opened it."""
        return self.records[0]

    @property
    def protocol(self) -> str:
        """Which table it follows: `release`, `coverage`, `grant`, `breach` or `alert`."""
        return OPENERS[self.opener.kind]

    @property
    def state(self) -> str:
        """Its state after its last entry, as in `NOTIFIED`."""
        return self.records[-1].case_state

    @property
    def parties(self) -> tuple[str, ...]:
        """Ids of its parties: the opener's sender, then its audience."""
        return (self.opener.sender, *self.opener.audience)

    def newest(self, *names: str) -> VerifiedRecord | None:
        """Find the newest statement of some kinds.

        Args:
            names: Names of the kinds.

        Returns:
            The record; None where the case holds none.
        """
        matching = (record for record in reversed(self.records) if record.kind in names)
        return next(matching, None)


def defaults(case: Case, kind: str, sender: str) -> dict[str, Any]:
    """Make the part of a document that the case decides.

    Args:
        case: The case.
        kind: Kind of the statement to be made.
        sender: Id of the member that will make it.

    Returns:
        Document keys: `case`, `recipients`, `tlp`, `community` and `refers_to`.

    Raises:
        RequestError: The case holds nothing that such a statement could refer to, or the kind
            never belongs in a case.
    """
    if kind not in REFERS_TO:
        raise RequestError(f"a {kind} is not made in a case")
    subject = case.newest(*REFERS_TO[kind])
    if subject is None:
        raise RequestError(
            f"a {kind} refers to {' or '.join(REFERS_TO[kind])}, and the case holds none"
        )
    opener = case.opener.header
    made: dict[str, Any] = {
        "case": case.digest,
        "recipients": _recipients(case, sender),
        "tlp": words.write_word(header_pb2.TlpLevel.DESCRIPTOR, opener.tlp),
        "refers_to": [subject.digest],
    }
    return made | ({"community": opener.community} if opener.community else {})


def about_notice(notice: Case, values: Mapping[str, Any]) -> dict[str, Any]:
    """Make the document of a coverage request from what its author states and the notice.

    Args:
        notice: The release case that the notice opened.
        values: What the author states; it goes before what the notice gives.

    Returns:
        The whole document: recipients, marking, reference and handle are those of the notice.

    Raises:
        RequestError: It is no release case, or the notice went to several agencies and the author
            names none of them.
    """
    opener = notice.opener
    if opener.kind != "PreReleaseNotice":
        raise RequestError("a coverage request is about a notice: name the case of one")
    if len(opener.audience) != 1 and "recipients" not in values:
        raise RequestError(
            "the notice went to several agencies, and one of them is asked: "
            f"name it of {', '.join(opener.audience)}"
        )
    facts = values.get("facts", {})
    handle = {"handle": opener.header.pre_release_notice.handle}
    return {
        "recipients": list(opener.audience),
        "tlp": words.write_word(header_pb2.TlpLevel.DESCRIPTOR, opener.header.tlp),
        "refers_to": [notice.digest],
        **values,
        "facts": {**handle, **facts} if isinstance(facts, Mapping) else facts,
    }


def _recipients(case: Case, sender: str) -> list[str]:
    opener = case.opener
    if case.protocol == "alert" and sender != opener.sender:
        return [opener.sender]
    others = [party for party in case.parties if party != sender]
    if len(others) <= MAX_RECIPIENTS:
        return others
    return [recipient_word(recipient) for recipient in opener.header.recipients]


def recipient_word(recipient: header_pb2.Recipient) -> str:
    """Write a recipient as documents do.

    Args:
        recipient: The recipient.

    Returns:
        As in `civil-ai`, `civil-ai/incident`, `sector:energy` or `kind:operator`.
    """
    which = recipient.WhichOneof("recipient")
    if which == "member":
        return recipient.member
    if which == "desk":
        return f"{recipient.desk.member}/{recipient.desk.desk}"
    if which == "kind":
        return f"kind:{words.write_word(values_pb2.MemberKind.DESCRIPTOR, recipient.kind)}"
    return f"{which}:{getattr(recipient, which)}" if which else ""


def _mismatch(detail: str) -> VerificationError:
    return VerificationError(
        Flaw.ANSWER_MISMATCHED, f"the exchange answered with something else than the case: {detail}"
    )
