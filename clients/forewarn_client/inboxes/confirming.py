"""Having the exchange confirm an inbox: that what a member was shown is all that there is.

* What was read of the inbox is compared; what nobody read is listed first, and verified as any
  other entry. So nothing is asked of a user, and nothing is taken for read that was not shown.
* The exchange answers with an event of its audit log. Its bytes have to say what was asked, its
  proof has to lead to a checkpoint of the pinned audit key, and that one has to go on from the
  audit log that was seen before. Only then is the span kept, as evidence, and counts as confirmed.
* Each sender's entries are signed for by themselves, with a key in force where the span ends.
* Where both differ, that is an `InboxError`: what was shown is kept in a file, and nothing of it
  counts as confirmed.

What it is worth to others, `withholding` and `deliveries` say.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from forewarn.exchange.v1 import delivery_service_pb2
from forewarn_client import audit, audit_past, files
from forewarn_client.connection import Connection
from forewarn_client.errors import InboxError, RefusedError
from forewarn_client.inboxes import confirmation
from forewarn_client.inboxes.keeper import InboxKeeper, Omitted
from forewarn_client.inboxes.proof import ConfirmedSpan
from forewarn_client.inboxes.span import Shown, Stretch, by_sender, cut
from forewarn_client.signing import Signer

FORMAT: Final = "forewarn-inbox-differs/v1"
_DIFFERS: Final = "INBOX_DIFFERS"
_PAGE: Final = 500
_DIGITS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxConfirmed:
    """What came of confirming.

    Attributes:
        size: Size of the ledger up to which the inbox is confirmed now.
        spans: What was confirmed by this, span by span; none where nothing was left to confirm.
        entries: How many entries these hold.
        signed_to: Ids of the senders to whom it was signed that their entries are here.
        left_out: Indexes of entries that the exchange had left out when it showed what was around
            them, where the inbox was listed anew.
    """

    size: int
    spans: tuple[ConfirmedSpan, ...]
    entries: int
    signed_to: tuple[str, ...]
    left_out: tuple[int, ...] = ()


class Confirming:
    """Has an inbox confirmed, over an open connection."""

    def __init__(
        self, connection: Connection, keeper: InboxKeeper, clock: Callable[[], datetime]
    ) -> None:
        """Take what is needed.

        Args:
            connection: The member's connection.
            keeper: The keeper, held.
            clock: Gives the time at which confirmations are signed.

        Raises:
            HomeError: The folder pins no audit log.
        """
        self.keeper = keeper
        self._connection = connection
        self._home = connection.home
        self._clock = clock
        self._key = audit.pinned_key(connection.home)
        self._turn = asyncio.Lock()

    @property
    def member(self) -> str:
        """Id of the member whose inbox it is."""
        return self._home.member

    def take(self, after: int, entry: Shown, cursor: str = "") -> None:
        """Take an entry that the member was shown; see `InboxKeeper.take`.

        Args:
            after: Index of the entry that the reader was shown before it; -1 for none.
            entry: The entry.
            cursor: Where a listing of received entries goes on after it; empty for not known.

        Raises:
            InboxError: The inbox had been shown, or confirmed, without it.
            HomeError: It cannot be kept.
        """
        omitted = self.keeper.take(after, entry, cursor)
        if omitted is not None:
            raise self._left_out(omitted)

    async def all(self) -> InboxConfirmed:
        """Have everything confirmed, up to the newest checkpoint.

        Returns:
            What came of it.

        Raises:
            ForewarnError: As `up_to`.
        """
        return await self.up_to((await self._connection.checkpoint()).size)

    async def anew(self) -> InboxConfirmed:
        """Forget what was shown since the last span, list it again, and have it confirmed.

        Returns:
            What came of it.

        Raises:
            ForewarnError: As `up_to`.
        """
        reached = self.keeper.reached
        before = {each.index for each in self.keeper.shown(reached)}
        self.keeper.forget()
        made = await self.all()
        found = (each.index for span in made.spans for each in span.entries)
        left_out = (index for index in found if index < reached and index not in before)
        return replace(made, left_out=tuple(left_out))

    async def up_to(self, size: int) -> InboxConfirmed:
        """Have the inbox confirmed from where it is confirmed already, to a size.

        Args:
            size: A size that a checkpoint of the ledger reaches.

        Returns:
            What came of it.

        Raises:
            InboxError: What was shown is not what the exchange holds.
            VerificationError: The exchange's answer does not hold.
            RefusedError: It refused for another reason.
            UnavailableError: No answer in time; what was confirmed so far, is.
            HomeError: Something cannot be kept.
        """
        spans, signed_to = list[ConfirmedSpan](), set[str]()
        async with self._turn:
            while self.keeper.confirmed < size:
                await self._fill(size)
                reached = min(self.keeper.reached, size)
                for stretch in cut(self.keeper.shown(reached), self.keeper.confirmed, reached):
                    signers = await self._signers(stretch.span.to_size)
                    confirmed = await self._confirm(stretch, signers)
                    self.keeper.confirm(confirmed)
                    spans.append(confirmed)
                    signed_to.update(by_sender(stretch.entries) if signers else ())
        return InboxConfirmed(
            size=self.keeper.confirmed,
            spans=tuple(spans),
            entries=sum(len(span.entries) for span in spans),
            signed_to=tuple(sorted(signed_to)),
        )

    async def _fill(self, size: int) -> None:
        """List what nobody read, so that there is no gap below a size, or the keeper is full."""
        # The answers to come show at least as much as was verified, and so all of what lies below.
        while self.keeper.reached < size and not self.keeper.full:
            page = await self._connection.list_entries(cursor=self.keeper.cursor, page_size=_PAGE)
            # Between what was taken and the first entry of the page there is none.
            after = self.keeper.reached - 1
            for record in page.records:
                if record.index >= size or self.keeper.full:
                    break
                last = record is page.records[-1]
                self.take(after, Shown.of(record), page.cursor if last else "")
                after = record.index
            else:
                self.keeper.go_on(page.cursor)
                if not page.more:
                    self.keeper.reach(size)
                continue
            if not self.keeper.full:
                self.keeper.reach(size)

    async def _signers(self, size: int) -> tuple[Signer, ...]:
        """Choose a key that is in force where a span ends, and still is; none where there is none.

        By the first, senders judge the signature, for ever; by the second, the exchange takes it.
        """
        if not self._connection.signers:
            return ()
        # The newest there is: a key may have been revoked since the folder was told of it.
        await self._connection.reader.directory()
        view, member = await self._connection.reader.directory(size), self._home.member
        then, now = view.keys_of(member, size), view.keys_of(member, view.size)
        usable = (
            each for each in self._connection.signers if each.keyid in then.keys() & now.keys()
        )
        return tuple(usable)[:1]

    async def _confirm(self, stretch: Stretch, signers: tuple[Signer, ...]) -> ConfirmedSpan:
        home, session = self._home, self._connection.session
        request = delivery_service_pb2.ConfirmInboxRequest(
            span=stretch.span.message(),
            confirmations=confirmation.make(
                stretch, home.exchange.origin, home.member, self._clock(), signers
            ),
        )
        try:
            answer = await session.call(session.delivery.ConfirmInbox, request)
        except RefusedError as error:
            if error.reason != _DIFFERS:
                raise
            raise self._differs(stretch, error) from None
        confirmed = ConfirmedSpan.of(
            stretch.span, stretch.entries, answer.record, answer.checkpoint
        )
        # 1. The event says what was asked, and is in the tree of a checkpoint of the pinned key.
        confirmed.verify(self._key, home.member)
        # 2. The checkpoint is one of the audit log that was seen before.
        await audit_past.past(session, home, self._key).see(answer.checkpoint, 0)
        return confirmed

    def _differs(self, stretch: Stretch, error: RefusedError) -> InboxError:
        span = stretch.span
        evidence = self._save(
            f"{span.from_size}-{span.to_size}",
            {
                "from_size": span.from_size,
                "to_size": span.to_size,
                "root": span.root.hex(),
                "shown": [_written(each) for each in stretch.entries],
                "answer": {
                    "reason": error.reason,
                    "detail": error.detail,
                    "metadata": dict(error.metadata),
                },
            },
        )
        return InboxError(
            f"of the {span.to_size - span.from_size} entries of the ledger from {span.from_size} "
            f"on, the exchange showed you {span.count}, and does not confirm that these are all "
            f"that was addressed to you{_on_record(error)}",
            evidence,
        )

    def _left_out(self, omitted: Omitted) -> InboxError:
        entry = omitted.entry
        before = "confirmed" if omitted.confirmed else "shown"
        evidence = self._save(
            str(entry.index), {"left_out": _written(entry), "although": f"the inbox was {before}"}
        )
        how = (
            "had confirmed an inbox without it"
            if omitted.confirmed
            else "left it out when it showed what was before and after it"
        )
        return InboxError(
            f"entry {entry.index} is addressed to you, and the exchange {how}", evidence
        )

    def _save(self, about: str, what: dict[str, Any]) -> Path:
        document = {
            "format": FORMAT,
            "origin": self._home.exchange.origin,
            "log_key": self._home.exchange.log_key,
            "member": self._home.member,
            **what,
        }
        encoded = json.dumps(document, indent=1).encode() + b"\n"
        mark = hashlib.sha256(encoded).hexdigest()[:_DIGITS]
        path = self._home.evidence / f"inbox-differs-{about}-{mark}.json"
        files.make_folder(path.parent)
        if not path.exists():
            files.write(path, encoded)
        return path


def _on_record(error: RefusedError) -> str:
    index = error.audit_index
    return f" (event {index} of its audit log)" if index is not None else ""


def _written(entry: Shown) -> dict[str, Any]:
    return {"index": entry.index, "leaf_hash": entry.leaf_hash.hex(), "sender": entry.sender}
