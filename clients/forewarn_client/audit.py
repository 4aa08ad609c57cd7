"""What the exchange's audit log holds about a member, verified before it is handed on.

1. The checkpoint is signed by the pinned key of the audit log, and is one of its origin.
2. The event, blinded with its opening, is the leaf at its index of that checkpoint's tree.
3. It is the one encoding of an event, and concerns this member: one of its systems called, or it is
   about statements that it sent.

4. The audit log goes on from the one that this member verified last (`audit_past`).

What is verified is that the exchange has put it on record, and cannot take it back unseen. It is
trusted for writing the truth, and for leaving nothing out.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

import grpc
from google.protobuf.message import Message

from forewarn.exchange.v1 import audit_pb2, audit_service_pb2, delivery_service_pb2
from forewarn_client import audit_past, commitment, merkle, note, strict, times
from forewarn_client.errors import Flaw, HomeError, VerificationError
from forewarn_client.history import History
from forewarn_client.home import Home
from forewarn_client.inboxes.span import Span
from forewarn_client.session import Session

_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar(
    "_Response",
    audit_service_pb2.ListAuditEventsResponse,
    audit_service_pb2.GetAuditEventResponse,
    delivery_service_pb2.ListDeliveriesResponse,
)

_PAGE: Final = 500
_MOST_EMPTY: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One event. What does not apply to its kind is empty or 0.

    Attributes:
        index: Its index in the audit log, from 0.
        kind: `calls_refused`, `content_released`, `grant_looked_up` or `inbox_confirmed`.
        event_time: When it was noted, UTC.
        rpc: The call, as in `ListEntries`.
        system: SPIFFE ID of the system that called.
        member: The member whose system it is.
        concerned: The member whose statements it is about.
        entry_indexes: Entries that were released, by their indexes in the ledger.
        case_digest: The grant's case that was looked up.
        reason: Why calls were refused; empty where several reasons were counted together.
        count: How many were refused; 1 for a refusal that is recorded by itself.
        first_time: When the first of them was; None where none was.
        digests: Digests of what was refused, where known; the first 16.
        span: What a member was shown of its inbox, of all senders or of the one concerned; None
            where that was not compared.
        confirmation: The same as the recipient signed it: a serialized `Envelope`, not verified.
    """

    index: int
    kind: str
    event_time: datetime
    rpc: str
    system: str
    member: str
    concerned: str
    entry_indexes: tuple[int, ...]
    case_digest: bytes
    reason: str
    count: int
    first_time: datetime | None
    digests: tuple[bytes, ...]
    span: Span | None = None
    confirmation: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """An event, and all that it takes to prove to a stranger that it is on record.

    Attributes:
        event: The event.
        body: Its bytes, as recorded.
        salt: The opening of its commitment.
        proof: Inclusion proof, from leaf to root.
        checkpoint: The signed note that the proof leads to.
    """

    event: AuditEvent
    body: bytes
    salt: bytes
    proof: tuple[bytes, ...]
    checkpoint: bytes


async def events(
    session: Session, home: Home, since: datetime | None
) -> AsyncGenerator[AuditEvent, None]:
    """List the events that concern a member.

    Args:
        session: Its connection.
        home: Its folder.
        since: Only those at this time or later; all where None.

    Yields:
        The events, in the order of the audit log.

    Raises:
        HomeError: The folder pins no audit log.
        RefusedError: The exchange refused.
        VerificationError: An event does not hold, or was not asked for.
        UnavailableError: No answer in time.
    """
    key = pinned_key(home)
    request = audit_service_pb2.ListAuditEventsRequest(page_size=_PAGE)
    if since is not None:
        request.since_time.CopyFrom(times.timestamp(since))
    shown, empty, history = -1, 0, audit_past.past(session, home, key)
    while True:
        answer = await current(session.audit.ListAuditEvents, request, session, history)
        for event in verify(answer.records, answer.checkpoint, key=key, member=home.member):
            if event.index <= shown:
                raise _mismatch("shows events again, or in another order")
            if since is not None and event.event_time < since:
                raise _mismatch("shows an event of before the time that was asked for")
            shown = event.index
            yield event
        if not answer.more:
            return
        # Pages bound what the exchange reads, so one may hold nothing that was asked for.
        empty = 0 if answer.records else empty + 1
        if answer.cursor == request.cursor or empty > _MOST_EMPTY:
            raise _mismatch("shows nothing, and says that there is more")
        request.cursor = answer.cursor


async def event(session: Session, home: Home, index: int) -> AuditRecord:
    """Give one event that concerns a member.

    Args:
        session: Its connection.
        home: Its folder.
        index: The event's index in the audit log, as a refusal carries it.

    Returns:
        The event, with what proves it.

    Raises:
        HomeError: The folder pins no audit log.
        RefusedError: There is no such event that concerns this member.
        VerificationError: The event does not hold, or is another one.
        UnavailableError: No answer in time.
    """
    key = pinned_key(home)
    request = audit_service_pb2.GetAuditEventRequest(index=index)
    history = audit_past.past(session, home, key)
    answer = await current(session.audit.GetAuditEvent, request, session, history)
    (found,) = verify([answer.record], answer.checkpoint, key=key, member=home.member)
    if found.index != index:
        raise _mismatch("shows another event than the one that was asked for")
    record = answer.record
    return AuditRecord(
        event=found,
        body=record.event,
        salt=record.salt,
        proof=tuple(record.inclusion_proof),
        checkpoint=answer.checkpoint,
    )


async def current(
    method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response],
    request: _Request,
    session: Session,
    history: History,
) -> _Response:
    """Get an answer of an audit log that goes on from what was verified of it before.

    Args:
        method: A call whose answer carries a checkpoint of the audit log.
        request: Its request; a worker that lags is asked again.
        session: The connection.
        history: What was verified of that log.

    Returns:
        The answer.

    Raises:
        HistoryError: The log does not go on from what was verified.
        RefusedError: The exchange refused.
        UnavailableError: No answer in time.
    """
    answer = await session.call(method, request)
    for pause in audit_past.PAUSES:
        if history.checked(answer.checkpoint).size >= history.size:
            break
        await asyncio.sleep(pause)
        answer = await session.call(method, request)
    await history.see(answer.checkpoint, history.size)
    return answer


def pinned_key(home: Home) -> note.VerifierKey:
    """Give the key of the audit log that a member pinned.

    Args:
        home: The member's folder.

    Returns:
        The key.

    Raises:
        HomeError: It pinned none.
    """
    if not home.exchange.audit_log_key:
        raise HomeError(
            f"{home.path} pins no audit log: obtain the exchange's new exchange.toml, compare its "
            "audit_log_key by another channel, and run `forewarn init --exchange exchange.toml` "
            "with the same kind, member and system"
        )
    return note.VerifierKey.parse(home.exchange.audit_log_key)


def verify(
    records: Sequence[audit_service_pb2.AuditRecord],
    checkpoint: bytes,
    *,
    key: note.VerifierKey,
    member: str,
) -> tuple[AuditEvent, ...]:
    """Verify events that share a checkpoint.

    Args:
        records: What came.
        checkpoint: The signed note that the proofs lead to.
        key: The audit log's key; its name is the log's origin.
        member: The member that asked.

    Returns:
        The events, in the same order.

    Raises:
        VerificationError: The first step that fails.
    """
    opened = note.open_checkpoint(checkpoint, [key], key.name)
    verified = []
    for record in records:
        leaf = commitment.entry_leaf_hash(record.event, record.salt)
        merkle.verify_inclusion(
            leaf, record.index, opened.size, tuple(record.inclusion_proof), opened.root
        )
        event = _event(record.index, record.event)
        if member not in {event.member, event.concerned}:
            raise _mismatch("shows an event that concerns somebody else")
        verified.append(event)
    return tuple(verified)


def _event(index: int, data: bytes) -> AuditEvent:
    try:
        message = strict.parse_canonical(audit_pb2.AuditEvent, data)
    except strict.StrictError as error:
        raise _malformed(error.description) from None
    kind = message.WhichOneof("event")
    stamps = [message.event_time]
    if kind == "calls_refused":
        stamps.append(message.calls_refused.first_time)
    if kind is None or any(found for stamp in stamps for found in strict.violations(stamp)):
        raise _malformed("it does not say what happened, or when")
    refused, confirmed = message.calls_refused, message.inbox_confirmed
    return AuditEvent(
        index=index,
        kind=kind,
        event_time=times.from_timestamp(message.event_time),
        rpc=message.rpc,
        system=message.system,
        member=message.member,
        concerned=message.concerned,
        entry_indexes=tuple(message.content_released.entry_indexes),
        case_digest=message.grant_looked_up.case_digest,
        reason=refused.reason,
        count=refused.count,
        first_time=(
            times.from_timestamp(refused.first_time) if refused.HasField("first_time") else None
        ),
        digests=tuple(refused.digests),
        span=Span.of_message(confirmed.span) if kind == "inbox_confirmed" else None,
        confirmation=confirmed.confirmation,
    )


def _malformed(detail: str) -> VerificationError:
    return VerificationError(Flaw.ENTRY_MALFORMED, f"the event is not well formed: {detail}")


def _mismatch(detail: str) -> VerificationError:
    return VerificationError(Flaw.ANSWER_MISMATCHED, f"the exchange {detail}")
