"""What became of a statement at each of its recipients: separate facts, each with its proof.

* *released*: the audit log holds that the entry left for a system of the recipient.
* *received*: the recipient's system has compared its inbox, with the entry in it, with the ledger;
  the audit log holds it. Where the recipient signed for it, not even the exchange can have made it
  up.
* *acknowledged*: the recipient has said so, in a signed statement that refers to this one.
* *answered*: it has said anything else that refers to this one.

The first two rest on the audit log, under its pinned key; the last two on the ledger. No fact
stands for another: who has answered may not have confirmed its inbox yet, and silence is nothing
but that.

Who has dealt with an entry, and yet is on record as having compared an inbox without it, is told:
one of the two is not as it seems.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from forewarn.exchange.v1 import audit_service_pb2, delivery_service_pb2
from forewarn_client import answering, audit, audit_past, merkle, note
from forewarn_client.audit import AuditEvent
from forewarn_client.cases import Case
from forewarn_client.connection import Connection
from forewarn_client.errors import RequestError
from forewarn_client.inboxes import confirmation
from forewarn_client.inboxes.confirmation import Confirmed, Party
from forewarn_client.inboxes.span import Shown
from forewarn_client.records import VerifiedRecord

ACKNOWLEDGEMENT: Final = "Acknowledgement"
_PAGE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A recipient has compared its inbox, with the entry in it, with the ledger.

    Attributes:
        event: The event of the audit log that says so.
        signed: What the recipient signed; None where its system held no key, so that only the
            exchange says it.
    """

    event: AuditEvent
    signed: Confirmed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientFacts:
    """What became of a statement at one recipient.

    Attributes:
        recipient: Id of the recipient.
        released: The first event by which the entry left for one of its systems; None for none.
        received: What says that it has the entry; None where nothing does yet.
        acknowledged: Its acknowledgement of the statement; None for none.
        answered: Whatever else it said that refers to the statement, in the ledger's order.
        left_out: An event by which it compared an inbox that should have held the entry and did
            not; None where there is none.
    """

    recipient: str
    released: AuditEvent | None
    received: Received | None
    acknowledged: VerifiedRecord | None = None
    answered: tuple[VerifiedRecord, ...] = ()
    left_out: AuditEvent | None = None

    @property
    def has_dealt_with_it(self) -> bool:
        """Whether it said anything that refers to the statement."""
        return self.acknowledged is not None or bool(self.answered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """What became of a statement.

    Attributes:
        record: The statement as recorded.
        recipients: The facts of each recipient, ascending by id.
    """

    record: VerifiedRecord
    recipients: tuple[RecipientFacts, ...] = field(repr=False)

    @property
    def not_received(self) -> tuple[str, ...]:
        """Ids of those of whom nothing says that they have it."""
        return tuple(
            each.recipient
            for each in self.recipients
            if each.received is None and not each.has_dealt_with_it
        )

    @property
    def alarms(self) -> tuple[RecipientFacts, ...]:
        """Those who compared an inbox without it."""
        return tuple(each for each in self.recipients if each.left_out is not None)


async def find(connection: Connection, name: int | bytes) -> Deliveries:
    """Find out what became of a statement that the connected member sent.

    Args:
        connection: The member's connection.
        name: Index of the entry, or digest of the statement.

    Returns:
        The facts, each verified.

    Raises:
        RequestError: The member did not send it.
        HomeError: The folder pins no audit log.
        RefusedError: There is no such statement.
        VerificationError: Something that was shown does not hold, or a recipient is missing.
        UnavailableError: No answer in time.
    """
    home = connection.home
    key = audit.pinned_key(home)
    record = await connection.entry(name)
    if record.sender != home.member:
        raise RequestError(f"entry {record.index} is by {record.sender}: its deliveries are theirs")
    found, known_to = dict[str, RecipientFacts](), merkle.MAX_SIZE
    async with aclosing(_listed(connection, record, key)) as listed:
        async for size, each in listed:
            found[each.recipient], known_to = each, min(size, known_to)
    if tuple(found) != record.audience:
        raise answering.mismatch("does not tell of all recipients, or of others")
    said = await _said(connection, record)
    silent = [name for name in found if found[name].received is None and name in said]
    compared = await _compared_without(connection, record, silent, known_to)
    return Deliveries(
        record=record,
        recipients=tuple(
            _with_answers(each, said.get(each.recipient, ()), compared.get(each.recipient))
            for each in found.values()
        ),
    )


async def _listed(
    connection: Connection, record: VerifiedRecord, key: note.VerifierKey
) -> AsyncGenerator[tuple[int, RecipientFacts], None]:
    """List the facts that the audit log holds, each beside the size of that log."""
    session, home = connection.session, connection.home
    request = delivery_service_pb2.ListDeliveriesRequest(digest=record.digest, page_size=_PAGE)
    history = audit_past.past(session, home, key)
    while True:
        answer = await audit.current(session.delivery.ListDeliveries, request, session, history)
        size = history.checked(answer.checkpoint).size
        for each in answer.deliveries:
            if each.recipient <= request.after_recipient:
                raise answering.mismatch("tells of a recipient again, or in another order")
            request.after_recipient = each.recipient
            verifying = _Verifying(connection, record, key, answer.checkpoint)
            yield size, await verifying.facts(each)
        if not answer.more:
            return
        if not answer.deliveries:
            raise answering.mismatch("tells of nobody, and says that there are more")


class _Verifying:
    """Verifies what is told of the recipients of one entry, under one checkpoint."""

    def __init__(
        self,
        connection: Connection,
        record: VerifiedRecord,
        key: note.VerifierKey,
        checkpoint: bytes,
    ) -> None:
        self._connection = connection
        self._record = record
        self._key = key
        self._checkpoint = checkpoint

    async def facts(self, told: delivery_service_pb2.Delivery) -> RecipientFacts:
        released = received = None
        if told.HasField("released"):
            released = self._event(told.released, told.recipient)
            if (
                released.kind != "content_released"
                or self._record.index not in released.entry_indexes
            ):
                raise answering.mismatch("shows an event by which the entry was not released")
        if told.HasField("received"):
            received = await self._received(told.received, told.recipient)
        return RecipientFacts(recipient=told.recipient, released=released, received=received)

    async def _received(
        self, told: delivery_service_pb2.ConfirmedDelivery, recipient: str
    ) -> Received:
        # 1. The audit log holds that the recipient compared what this member sent it.
        event = self._event(told.record, recipient)
        if event.kind != "inbox_confirmed" or event.span is None:
            raise answering.mismatch("shows an event by which nothing was received")
        # 2. The entry is among what was compared.
        event.span.verify_holds(Shown.of(self._record), told.position, tuple(told.inclusion_proof))
        if not event.confirmation:
            return Received(event=event, signed=None)
        # 3. The recipient signed for it, with keys that were its own by then.
        between = Party(
            exchange=self._connection.home.exchange.origin,
            recipient=recipient,
            sender=self._record.sender,
        )
        size = event.span.to_size
        directory = await self._connection.reader.directory(size)
        signed = confirmation.verify(
            event.confirmation, between, event.span, directory.keys_of(recipient, size)
        )
        return Received(event=event, signed=signed)

    def _event(self, record: audit_service_pb2.AuditRecord, recipient: str) -> AuditEvent:
        sender = self._record.sender
        (event,) = audit.verify([record], self._checkpoint, key=self._key, member=sender)
        if event.member != recipient or event.concerned != sender:
            raise answering.mismatch(f"shows an event that is not about what {recipient} was sent")
        return event


async def _said(
    connection: Connection, record: VerifiedRecord
) -> Mapping[str, Sequence[VerifiedRecord]]:
    """Give what recipients said that refers to a statement, by who said it."""
    said: dict[str, list[VerifiedRecord]] = {}
    if not record.case_digest:
        return said
    case: Case = await connection.case(record.case_digest)
    for each in case.records:
        if each.sender in record.audience and record.digest in each.header.refers_to:
            said.setdefault(each.sender, []).append(each)
    return said


async def _compared_without(
    connection: Connection, record: VerifiedRecord, recipients: Sequence[str], known_to: int
) -> Mapping[str, AuditEvent]:
    """Find who compared an inbox that reaches over an entry, of those who have no proof of it.

    The exchange shows the first comparison that holds the entry: where it shows none, and there is
    one that reaches over it, that one left it out. What was recorded after it was asked, beyond
    the size `known_to` of the audit log, may hold it.
    """
    found: dict[str, AuditEvent] = {}
    if not recipients:
        return found
    # By the exchange's clock, as the events are: none of them is older than the entry.
    events = audit.events(connection.session, connection.home, record.received_time)
    async with aclosing(events) as listed:
        async for event in listed:
            if event.index >= known_to:
                break
            if (
                event.member in recipients
                and event.concerned == record.sender
                and event.span is not None
                and event.span.may_hold(record.index)
            ):
                found.setdefault(event.member, event)
    return found


def _with_answers(
    facts: RecipientFacts, said: Sequence[VerifiedRecord], left_out: AuditEvent | None
) -> RecipientFacts:
    acknowledgements = [each for each in said if each.kind == ACKNOWLEDGEMENT]
    return RecipientFacts(
        recipient=facts.recipient,
        released=facts.released,
        received=facts.received,
        acknowledged=acknowledgements[0] if acknowledgements else None,
        answered=tuple(each for each in said if each.kind != ACKNOWLEDGEMENT),
        left_out=left_out,
    )
