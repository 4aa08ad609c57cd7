"""A member of an exchange: what every kind of member can do.

* `async with Lab.connect(home) as lab:` opens one connection; everything that comes over it is
  verified before it is handed on.
* Statements are made from documents (`authoring`) or are ready drafts. Handing in is idempotent:
  a lost answer is asked for again, and the same statement is never recorded twice.
* `submit_many` hands in any number over one stream.
* What it was shown of its inbox is compared with the ledger (`confirm_inbox`, `inbox`), and what
  became of what it sent can be asked (`deliveries`).
* Any member may say the common answers in a case, and speak for its own keys, systems and choices.

What only some kinds of member may say stands in `Lab`, `Agency`, `Operator` and `Registrar`.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

from forewarn.exchange.v1 import exchange_service_pb2
from forewarn.statement.v1 import header_pb2
from forewarn_client import audit, authoring, bulk, cases, collecting, kinds, signing
from forewarn_client.audit import AuditEvent, AuditRecord
from forewarn_client.authoring import Document, Draft
from forewarn_client.bulk import Handed
from forewarn_client.bundle import Bundle
from forewarn_client.connection import EVERYTHING, Connection
from forewarn_client.cursors import CursorFile
from forewarn_client.errors import Flaw, RequestError, VerificationError
from forewarn_client.inboxes import deliveries
from forewarn_client.inboxes.attending import Attending
from forewarn_client.inboxes.confirming import Confirming, InboxConfirmed
from forewarn_client.inboxes.deliveries import Deliveries
from forewarn_client.inboxes.keeper import InboxKeeper
from forewarn_client.outcomes import Delivery, Submitted, lead_time
from forewarn_client.receipt import Receipt
from forewarn_client.records import Evidence
from forewarn_client.signing import Signer
from forewarn_client.verifier import signatures_asked

Source = Mapping[str, Any] | Document | Draft
"""What a statement is made from: a document, one read from a file, or a ready draft."""

NOTHING: Final[Mapping[str, Any]] = {}
"""The empty document, for statements that need no words of their own."""


def _now() -> datetime:
    return datetime.now(UTC)


class Member(Connection):
    """A connected member.

    Attributes:
        clock: Gives the time at which statements are made, with an offset.
    """

    clock: Callable[[], datetime] = staticmethod(_now)

    def draft(self, kind: str, source: Source, **extra: Any) -> Draft:  # noqa: ANN401 - documents
        """Make a statement without sending it.

        Args:
            kind: Its kind, as in `PreReleaseNotice`.
            source: What it is made from; a draft stays what it is.
            extra: Keys that the document gets where it does not state them.

        Returns:
            The draft.

        Raises:
            AuthoringError: The document does not make such a statement.
            RequestError: The draft is one of another kind.
        """
        if isinstance(source, Draft):
            if source.kind != kinds.find(kind).name:
                raise RequestError(f"the draft is a {source.kind}, not a {kind}")
            return source
        values = source.values if isinstance(source, Document) else source
        return authoring.compose(
            kind,
            {**extra, **values},
            sender=self.home.member,
            exchange=self.home.exchange.origin,
            now=self.clock(),
            folder=source.folder if isinstance(source, Document) else None,
        )

    async def audit_events(self, since: datetime | None = None) -> AsyncGenerator[AuditEvent, None]:
        """List what the audit log holds about this member: who was given what it sent, and when.

        Args:
            since: Only events at this time or later, with an offset; all where None.

        Yields:
            The events, each verified under the audit log's pinned key, in that log's order.

        Raises:
            HomeError: The folder pins no audit log.
            RefusedError: The exchange refused.
            VerificationError: An event does not hold, or does not concern this member.
            UnavailableError: No answer in time.
        """
        async with aclosing(audit.events(self.session, self.home, since)) as events:
            async for event in events:
                yield event

    async def audit_event(self, index: int) -> AuditRecord:
        """Give what the audit log holds at an index: the record of a refusal, for one.

        Args:
            index: The index, as in `RefusedError.audit_index`.

        Returns:
            The event, verified under the audit log's pinned key, with its proof.

        Raises:
            HomeError: The folder pins no audit log.
            RefusedError: There is no such event that concerns this member.
            VerificationError: The event does not hold, or does not concern this member.
            UnavailableError: No answer in time.
        """
        return await audit.event(self.session, self.home, index)

    async def evidence(self, name: int | bytes) -> Bundle:
        """Make a bundle that proves an entry to a stranger, with the exchange long gone.

        It opens the entry: whoever is given it has the content.

        Args:
            name: The entry's index, or the digest of its statement.

        Returns:
            The bundle, verified.

        Raises:
            RefusedError: There is no such entry that this member may read.
            VerificationError: What the exchange shows does not hold.
            UnavailableError: No answer in time.
        """
        record = await self.entry(name)
        directory = await self.reader.directory(record.index)
        return await collecting.collect(self.session, self.home, record, directory)

    async def confirm_inbox(self) -> InboxConfirmed:
        """Have the exchange confirm that what this member was shown is all that it was sent.

        What was not read yet is listed first. What is confirmed is kept in the folder: evidence,
        should an entry turn up that was not shown.

        Returns:
            What came of it.

        Raises:
            InboxError: What was shown is not what the exchange holds.
            VerificationError: What the exchange answers does not hold.
            InboxBusyError: Another process of this folder confirms already.
            HomeError: The folder pins no audit log, or something cannot be kept.
            RefusedError: The exchange refused.
            UnavailableError: No answer in time; it may be done again.
        """
        with InboxKeeper(self.home).held() as keeper:
            return await Confirming(self, keeper, self.clock).all()

    async def confirm_inbox_anew(self) -> InboxConfirmed:
        """Forget what was shown since the inbox was confirmed last, list it again, and confirm it.

        Returns:
            What came of it; `left_out` names the entries that had not been shown before.

        Raises:
            ForewarnError: As `confirm_inbox`.
        """
        with InboxKeeper(self.home).held() as keeper:
            return await Confirming(self, keeper, self.clock).anew()

    async def inbox(
        self, cursor: str = "", *, keep: str = "inbox", opened: Callable[[], None] | None = None
    ) -> AsyncGenerator[Delivery, None]:
        """Follow the whole inbox, and have it confirmed as it is read.

        As `follow` without a filter. A few seconds after the caller has asked for the entry after
        it, an entry is confirmed; where that fails, `tell` is told once, and it is tried again.

        Args:
            cursor: Cursor of an earlier delivery; empty for what is kept, or the beginning.
            keep: Name under which the cursor is kept in the folder.
            opened: Called once, when the exchange has opened the stream.

        Yields:
            The deliveries, in the ledger's order.

        Raises:
            InboxError: What was shown is not what the exchange holds.
            ForewarnError: As `follow`, or as `confirm_inbox`.
        """
        with InboxKeeper(self.home).held() as keeper:
            confirming = Confirming(self, keeper, self.clock)
            attending = Attending(confirming, EVERYTHING, self.tell)
            begin = cursor or str(CursorFile(self.home.state, keep, EVERYTHING.message()).load())
            async with (
                aclosing(self.follow(EVERYTHING, cursor, keep=keep, opened=opened)) as entries,
                aclosing(attending.over(entries, begin)) as attended,
            ):
                async for delivery in attended:
                    yield delivery

    async def deliveries(self, name: int | bytes) -> Deliveries:
        """Find out what became of a statement of this member's at each of its recipients.

        Args:
            name: The entry's index, or the digest of its statement.

        Returns:
            For each recipient whether it was released to it, received, acknowledged and answered,
            each fact verified.

        Raises:
            RequestError: Another member sent it.
            HomeError: The folder pins no audit log.
            RefusedError: There is no such statement.
            VerificationError: Something that was shown does not hold, or a recipient is missing.
            UnavailableError: No answer in time.
        """
        return await deliveries.find(self, name)

    async def submit(self, draft: Draft) -> Submitted:
        """Sign a statement, hand it in, and verify the answer.

        Args:
            draft: The statement. Handing the same one in again gives the same index.

        Returns:
            What was recorded, with its receipt.

        Raises:
            RefusedError: The exchange refused; nothing was recorded.
            UnavailableError: No answer in time; hand the same draft in again later.
            VerificationError: The answer does not prove that the statement is recorded.
            RequestError: Too few keys are at hand.
        """
        request = exchange_service_pb2.SubmitRequest(envelope=await self._sign(draft))
        answer = await self.session.call(self.session.exchange.Submit, request)
        return await self._verified(draft, answer)

    async def submit_many(
        self, drafts: AsyncIterable[Draft], *, at_once: int = bulk.AT_ONCE
    ) -> AsyncGenerator[Handed, None]:
        """Hand in many statements over one stream, and verify each answer.

        Statements are judged side by side: do not give one that needs an earlier one before that is
        answered. Those of the directory all do; say `at_once=1` for them.

        Args:
            drafts: The statements, taken as answers come back.
            at_once: Most statements under way, at least 1.

        Yields:
            For each statement what became of it, as the answers come; where it was refused, the
            error stands in its place.

        Raises:
            UnavailableError: No answer in time; what was not yielded may be handed in again.
            VerificationError: An answer does not prove what it says.
            RequestError: Too few keys are at hand for one; those before it are answered first.
        """
        if at_once < 1:
            raise RequestError("at least one statement has to be under way")
        desk = bulk.Desk(
            session=self.session, sign=self._sign, verify=self._verified, submit=self.submit
        )
        async with aclosing(bulk.Bulk(desk, at_once).run(drafts)) as handed:
            async for each in handed:
                yield each

    async def _sign(self, draft: Draft) -> bytes:
        # Read before anything is sent: what cannot be read must not be found out only after.
        self.witnesses()
        return signing.sign(draft, await self._signers_for(draft))

    async def _verified(
        self, draft: Draft, answer: exchange_service_pb2.SubmitResponse
    ) -> Submitted:
        evidence = Evidence.of_receipt(answer.receipt, answer.entry_body)
        (record,) = await self.reader.verify([evidence])
        if record.digest != draft.digest:
            raise VerificationError(
                Flaw.ANSWER_MISMATCHED, "the receipt is for another statement than was handed in"
            )
        view = await self.reader.directory(record.index)
        chain = view.chain_of(record.sender, record.index)
        policy = self.witnesses()
        return Submitted(
            digest=record.digest,
            index=record.index,
            record=record,
            receipt=Receipt(digest=record.digest, entry=evidence, chain=chain),
            lead_times=tuple(lead_time(item) for item in answer.lead_times),
            standing=None if policy is None else policy.standing(evidence.checkpoint),
        )

    async def say(self, kind: str, source: Source, **extra: Any) -> Submitted:  # noqa: ANN401 - keys
        """Make a statement and hand it in.

        Args:
            kind: Its kind.
            source: What it is made from.
            extra: Keys that the document gets where it does not state them.

        Returns:
            What was recorded.

        Raises:
            ForewarnError: As `draft` and `submit`.
        """
        return await self.submit(self.draft(kind, source, **extra))

    async def say_in(self, case: bytes, kind: str, source: Source = NOTHING) -> Submitted:
        """Make a statement in a case and hand it in.

        Unless the document says otherwise, it goes to the other parties, is marked as the opener
        is, and refers to what it answers (`cases.REFERS_TO`).

        Args:
            case: Digest of the case.
            kind: Kind of the statement.
            source: What it is made from.

        Returns:
            What was recorded.

        Raises:
            ForewarnError: As `case`, `draft` and `submit`.
        """
        if isinstance(source, Draft):
            return await self.say(kind, source)
        name = kinds.find(kind).name
        extra = cases.defaults(await self.case(case), name, self.home.member)
        return await self.say(kind, source, **extra)

    async def acknowledge(self, case: bytes, source: Source = NOTHING) -> Submitted:
        """Say that the case's newest statement was received and read (`Acknowledgement`)."""
        return await self.say_in(case, "Acknowledgement", source)

    async def ask(self, case: bytes, source: Source) -> Submitted:
        """Ask about the case's newest statement (`Question`)."""
        return await self.say_in(case, "Question", source)

    async def answer(self, case: bytes, source: Source) -> Submitted:
        """Answer the newest question (`Answer`)."""
        return await self.say_in(case, "Answer", source)

    async def decline(self, case: bytes, source: Source) -> Submitted:
        """Decline what the case proposes (`Declination`)."""
        return await self.say_in(case, "Declination", source)

    async def give_feedback(self, case: bytes, source: Source) -> Submitted:
        """Say what came of a report or an alert (`Feedback`)."""
        return await self.say_in(case, "Feedback", source)

    async def cosign_grant(self, case: bytes, source: Source = NOTHING) -> Submitted:
        """Cosign the newest offer, as a cosigner that it names (`GrantCosignature`)."""
        return await self.say_in(case, "GrantCosignature", source)

    async def participate(self, source: Source) -> Submitted:
        """Opt in to a framework, or out of it (`Participation`)."""
        return await self.say("Participation", source)

    async def revoke_key(self, source: Source) -> Submitted:
        """Revoke a signing key, at once (`KeyRevocation`); its own, unless the registrar speaks."""
        return await self.say("KeyRevocation", source)

    async def suspend_system(self, source: Source) -> Submitted:
        """Suspend a system, at once (`SystemSuspension`); its own, unless the registrar speaks."""
        return await self.say("SystemSuspension", source)

    async def _signers_for(self, draft: Draft) -> Sequence[Signer]:
        """Choose as many keys as the statement needs, of those that are in force."""
        header = header_pb2.Header.FromString(draft.header_bytes)
        needed = max(1, signatures_asked(header))
        usable = self.signers
        if len(usable) > needed:
            # Where there are keys to choose from, one may be revoked, or not registered yet.
            view = await self.directory()
            member = view.members.get(self.home.member)
            in_force = member.keys_at(view.size) if member is not None else {}
            usable = tuple(signer for signer in usable if signer.keyid in in_force)
        if len(usable) < needed:
            raise RequestError(
                f"{needed} keys have to sign this, and {len(usable)} in force are at hand: make "
                "another with `forewarn directory new-key` and have it registered"
            )
        return usable[:needed]
