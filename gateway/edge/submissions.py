"""Submissions: from an envelope to the answer that it is recorded, durable and proven.

* A statement that was recorded before is answered like a new one: with the record as it stands.
* Answers that are made together share one snapshot, one checkpoint and the work of their proofs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol

from forewarn.exchange.v1 import exchange_service_pb2 as pb
from forewarn.exchange.v1 import ledger_pb2
from gateway.admission.batches import Batches
from gateway.admission.lead_times import PLANNING, NamedLeadTime, lead_times
from gateway.admission.submission import Submission
from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.identity import MemberId
from gateway.edge.callers import Caller
from gateway.edge.released import released
from gateway.ports.reading import LedgerHead, LedgerReader, LedgerSnapshot, SignedHead, StoredEntry
from gateway.profiles import Policy
from gateway.wire.statements import MAX_STATEMENT_BYTES

_COVER_SECONDS: Final = 10.0


class Admission(Protocol):
    """The way into the ledger."""

    async def submit(self, submission: Submission) -> int:
        """Admit a submission, and give the index of its entry."""
        ...


class Submissions:
    """Takes statements in and answers for them."""

    def __init__(
        self,
        *,
        reader: LedgerReader,
        head: LedgerHead,
        admission: Admission,
        policy: Policy,
        check_writable: Callable[[], None],
    ) -> None:
        """Put the parts together.

        Args:
            reader: The store.
            head: The newest signed checkpoint.
            admission: The way into the ledger.
            policy: The policy data, for the view of lead times.
            check_writable: Raises the Fault for which nothing is taken in at present.
        """
        self._reader = reader
        self._head = head
        self._admission = admission
        self._policy = policy
        self._check_writable = check_writable
        self._single = Batches(self._answering)

    async def submit(self, caller: Caller, envelope: bytes) -> pb.SubmitResponse:
        """Take one statement in, and answer for it together with others of that moment.

        Args:
            caller: Who hands it in, and when.
            envelope: The statement in its envelope.

        Returns:
            The answer.

        Raises:
            Refusal: Whatever speaks against it.
            Fault: The ledger cannot take it now; the same bytes may be handed in again.
        """
        index = await self.admit(caller, envelope)
        await self._covered(index)
        return await self._single.do((caller.id, index))

    async def admit(self, caller: Caller, envelope: bytes) -> int:
        """Take a statement in.

        Args:
            caller: Who hands it in, and when.
            envelope: The statement in its envelope.

        Returns:
            Index of its entry.

        Raises:
            Refusal: Whatever speaks against it.
            Fault: The ledger cannot take it now; the same bytes may be handed in again.
        """
        if len(envelope) > MAX_STATEMENT_BYTES:
            raise Refusal(
                Reason.STATEMENT_TOO_LARGE,
                f"a statement in its envelope has at most {MAX_STATEMENT_BYTES} bytes; send large "
                "material another way, and its digest here",
            )
        self._check_writable()
        submission = Submission(
            envelope=envelope, system=caller.system, received_time=caller.received_time
        )
        return await self._admission.submit(submission)

    async def answers(self, sender: MemberId, indexes: Sequence[int]) -> list[pb.SubmitResponse]:
        """Answer for entries of one sender, once a signed checkpoint covers them all.

        Args:
            sender: Who handed them in.
            indexes: Their indexes; at least one.

        Returns:
            The answers, in the order given.

        Raises:
            Fault: No checkpoint covers them in time, or the store cannot be read.
        """
        await self._covered(max(indexes))
        return await self._single.do_all((sender, index) for index in indexes)

    async def _covered(self, index: int) -> None:
        """Wait until the head covers an entry which the ledger holds."""
        if self._head.size > index:
            return
        try:
            async with asyncio.timeout(_COVER_SECONDS):
                await self._head.wait_beyond(index)
        except TimeoutError:
            raise Fault(
                Reason.LEDGER_UNAVAILABLE,
                "the statement is recorded, not signed for yet: hand it in again for its receipt",
            ) from None

    @contextmanager
    def _answering(self) -> Iterator[Callable[[tuple[MemberId, int]], pb.SubmitResponse]]:
        """Open what answers to several senders share: one snapshot, and the head."""
        # Taken first: the store is at least as far.
        head = self._head.current
        with self._reader.snapshot() as snapshot:
            yield partial(self._answer, head, snapshot)

    def _answer(
        self, head: SignedHead, snapshot: LedgerSnapshot, recorded: tuple[MemberId, int]
    ) -> pb.SubmitResponse:
        sender, index = recorded
        entry = snapshot.by_index(index)
        found = [entry] if entry is not None else []
        records = released(found, reader=sender, head=head, snapshot=snapshot).given_back()
        if entry is None or not records:
            raise Fault(Reason.INTERNAL, "a recorded statement is not its sender's")
        return self._response(entry, records[0], head)

    def _response(
        self, entry: StoredEntry, record: ledger_pb2.Record, head: SignedHead
    ) -> pb.SubmitResponse:
        # Only what plans a release is read once more.
        plans = entry.summary is not None and entry.summary.kind in PLANNING
        told = lead_times(entry.body, self._policy) if plans else ()
        return pb.SubmitResponse(
            digest=entry.summary.digest if entry.summary is not None else b"",
            entry_body=record.entry_body,
            receipt=ledger_pb2.Receipt(
                index=record.index,
                salt=record.salt,
                inclusion_proof=record.inclusion_proof,
                checkpoint=head.note,
            ),
            lead_times=[_lead_time(each) for each in told],
        )


def _lead_time(named: NamedLeadTime) -> pb.LeadTime:
    view = named.view
    message = pb.LeadTime(
        profile=view.profile.name,
        named=named.named,
        anchor=view.profile.anchor,
        min_lead_days=view.profile.min_lead_days,
        max_access_days=view.profile.max_access_days,
        lead_days=view.lead_days,
        short_by_days=view.short_by_days,
    )
    if view.anchor_time is not None:
        message.anchor_time.FromDatetime(view.anchor_time)
    if view.access_from_time is not None:
        message.access_from_time.FromDatetime(view.access_from_time)
    return message
