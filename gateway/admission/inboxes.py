"""From what a member was shown of its inbox to what the exchange can commit itself to.

* What the ledger holds between the two sizes is read anew, and is the measure: count and root have
  to be the same, for the whole and for each sender.
* Confirmations come from the caller's member or not at all: every signature verifies under a key of
  it that holds now, and held where the span ends, and only then is anything parsed.
* There is one confirmation for each sender of the span, or none. Nobody confirms less than it has.

It records nothing: whoever asks does, before answering.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.core import envelope as dsse
from gateway.core import inbox
from gateway.core.audit import InboxConfirmed
from gateway.core.directory import Directory
from gateway.core.envelope import CONFIRMATION_TYPE
from gateway.core.errors import Fault, Reason, invalid
from gateway.core.identity import MemberId
from gateway.core.inbox import Confirmation, Span
from gateway.core.members import signing_keys
from gateway.ports.reading import LedgerSnapshot
from gateway.wire import entries
from gateway.wire.inbox import parse_confirmation


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a member says that it was shown.

    Attributes:
        member: The member.
        span: What of all senders.
        confirmations: Serialized envelopes, as the caller sent them.
        received_time: When they were received, UTC.
    """

    member: MemberId
    span: Span
    confirmations: Sequence[bytes]
    received_time: datetime

    def __post_init__(self) -> None:
        """Refuse more than one call may have verified, before anything looks at it."""
        if len(self.confirmations) > inbox.MAX_SENDERS:
            raise invalid(
                "confirmations",
                f"holds more than {inbox.MAX_SENDERS}; confirm in parts, with fewer senders each",
                Reason.FIELD_TOO_LONG,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What the exchange can commit itself to.

    Attributes:
        whole: What of all senders.
        by_sender: What of each sender, with the recipient's signature where it signed; ascending.
    """

    whole: InboxConfirmed
    by_sender: Sequence[tuple[str, InboxConfirmed]]


def confirm(
    shown: Shown, *, snapshot: LedgerSnapshot, size: int, directory: Directory
) -> Confirmed:
    """Compare what a member was shown with what the ledger holds for it.

    Args:
        shown: What it says.
        snapshot: The ledger.
        size: Size of the newest signed checkpoint.
        directory: The directory, which has to reach over the span as well.

    Returns:
        What can be put on record.

    Raises:
        Refusal: INBOX_DIFFERS; or what speaks against a confirmation.
        Fault: LEDGER_UNAVAILABLE, this gateway has not reached the size.
    """
    span = shown.span
    # Of what lies beyond the directory nobody knows here whose keys have ended.
    if span.to_size > min(size, directory.size):
        raise Fault(
            Reason.LEDGER_UNAVAILABLE,
            "this gateway has not reached the size up to which the inbox is confirmed; try again "
            "shortly",
        )
    # One more than a span may hold: where there are so many, it is not the same.
    held = snapshot.delivered(shown.member, span.from_size, span.to_size, inbox.MAX_ENTRIES + 1)
    if len(held) != span.count or not inbox.span_of(held, *_sizes(span)).same_as(span):
        raise inbox.differs()
    senders = inbox.by_sender(held)
    if len(senders) > inbox.MAX_SENDERS:
        raise invalid(
            "span",
            f"holds entries of more than {inbox.MAX_SENDERS} senders; confirm in parts",
        )
    expected = {sender: inbox.span_of(sent, *_sizes(span)) for sender, sent in senders.items()}
    signed = [_verified(data, shown, directory) for data in shown.confirmations]
    if signed and [each.sender for each in signed] != list(expected):
        raise invalid(
            "confirmations",
            "are not one for each sender of an entry in the span, ascending by sender; or none",
        )
    if any(_sizes(each.span) != _sizes(span) for each in signed):
        raise invalid("confirmation.span", "is not over the same sizes as the whole")
    for each in signed:
        if not each.span.same_as(expected[each.sender]):
            raise inbox.differs()
    envelopes = shown.confirmations or [b""] * len(expected)
    return Confirmed(
        whole=InboxConfirmed(span=span),
        by_sender=[
            (sender, InboxConfirmed(span=part, confirmation=envelope))
            for (sender, part), envelope in zip(expected.items(), envelopes, strict=True)
        ],
    )


def _verified(data: bytes, shown: Shown, directory: Directory) -> Confirmation:
    """Verify a confirmation, then parse it."""
    envelope = entries.parse_envelope(data, CONFIRMATION_TYPE)
    keyids = [signature.keyid for signature in envelope.signatures]
    keys = directory.signing_keys(shown.member, keyids)
    # Senders judge it, for ever, by the keys of where the span ends: what they would refuse, too.
    signing_keys(directory.keys, shown.member, keyids, shown.span.to_size)
    dsse.verify(envelope, keys)
    confirmation = parse_confirmation(envelope.payload)
    confirmation.check(directory.origin, shown.member, shown.received_time)
    return confirmation


def _sizes(span: Span) -> tuple[int, int]:
    return span.from_size, span.to_size
