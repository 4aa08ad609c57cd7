"""What a recipient signs: that it has what one sender sent it.

* One confirmation for each sender, over the sizes of the whole span: none learns how much others
  sent.
* It is signed by keys that were the recipient's at the size where the span ends: so whoever has the
  directory can tell for ever. Its payload type is its own: no signature of a statement is one of
  these.
* It names the exchange, so that it means nothing in another.

A sender verifies it against the directory; the exchange cannot make one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from forewarn.exchange.v1 import inbox_pb2
from forewarn_client import dsse, signing, strict, times
from forewarn_client.dsse import PublicKey
from forewarn_client.errors import Flaw, VerificationError
from forewarn_client.inboxes.span import Span, Stretch, by_sender
from forewarn_client.signing import Signer

PAYLOAD_TYPE: Final = "application/vnd.forewarn.inbox-confirmation.v1+protobuf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Between whom a confirmation passes.

    Attributes:
        exchange: Origin of the ledger.
        recipient: Id of the member that received.
        sender: Id of the member that sent.
    """

    exchange: str
    recipient: str
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """A confirmation that holds.

    Attributes:
        signed_by: Keyids of the recipient's keys that signed it.
        created_time: When it was signed, by the recipient's clock, UTC.
    """

    signed_by: frozenset[str]
    created_time: datetime


def make(
    stretch: Stretch, exchange: str, recipient: str, now: datetime, signers: Sequence[Signer]
) -> list[bytes]:
    """Confirm what was received, to each of those who sent it.

    Args:
        stretch: What was received.
        exchange: Origin of the ledger.
        recipient: Id of the member that received it.
        now: The time, with an offset.
        signers: Keys to sign with; none where nothing is to be signed.

    Returns:
        Serialized `Envelope`s, ascending by sender; none without keys.
    """
    if not signers:
        return []
    made, whole = [], stretch.span
    for sender, entries in by_sender(stretch.entries).items():
        span = Span.of(entries, whole.from_size, whole.to_size)
        message = inbox_pb2.InboxConfirmation(
            exchange=exchange,
            recipient=recipient,
            sender=sender,
            span=span.message(),
            created_time=times.timestamp(now),
        )
        payload = message.SerializeToString(deterministic=True)
        made.append(signing.sign_payload(payload, PAYLOAD_TYPE, signers))
    return made


def verify(data: bytes, between: Party, span: Span, keys: Mapping[str, PublicKey]) -> Confirmed:
    """Verify a confirmation.

    Args:
        data: A serialized `Envelope`.
        between: Who is to have received from whom.
        span: What is to have been received.
        keys: Keys that were the recipient's at the size where the span ends, by their ids.

    Returns:
        Who signed it, and when.

    Raises:
        VerificationError: A signature does not hold, or it says something else.
    """
    envelope = dsse.Envelope.parse(data, PAYLOAD_TYPE)
    signed_by = envelope.verify(keys)
    try:
        message = strict.parse_canonical(inbox_pb2.InboxConfirmation, envelope.payload)
    except strict.StrictError as error:
        raise VerificationError(
            Flaw.STATEMENT_MALFORMED, f"the confirmation is not well formed: {error.description}"
        ) from None
    if not message.HasField("created_time") or any(strict.violations(message.created_time)):
        raise VerificationError(
            Flaw.STATEMENT_MALFORMED, "the confirmation does not say when it was signed"
        )
    if message.exchange != between.exchange:
        raise VerificationError(
            Flaw.EXCHANGE_FOREIGN, f"the confirmation was not made for {between.exchange}"
        )
    stated = Party(exchange=message.exchange, recipient=message.recipient, sender=message.sender)
    if stated != between or not span.count or message.span != span.message():
        raise VerificationError(
            Flaw.ANSWER_MISMATCHED, "the confirmation is of something else than is on record"
        )
    return Confirmed(signed_by=signed_by, created_time=times.from_timestamp(message.created_time))
