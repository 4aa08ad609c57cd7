"""A connection that reads: whatever comes over it is verified before it is handed on.

* A ledger that does not go on from what was verified before is a `HistoryError`.
* `follow` goes on in a stream that comes back by itself, `pull` page by page from where it was.
* What does not exist and what is not this member's answer alike: `RefusedError`.
* Entries that were not asked for, and answers that lead nowhere, are ANSWER_MISMATCHED.

It sends no statements: `member` does.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

from forewarn.exchange.v1 import exchange_service_pb2, log_service_pb2
from forewarn_client import answering, dsse, merkle
from forewarn_client.cases import Case, CaseSummary
from forewarn_client.cursors import Cursor, CursorFile
from forewarn_client.directory import DirectoryView
from forewarn_client.directory_cache import DirectoryCache
from forewarn_client.errors import HomeError, RequestError
from forewarn_client.filters import Filter
from forewarn_client.history import History, Kept
from forewarn_client.home import Home
from forewarn_client.note import Checkpoint
from forewarn_client.outcomes import Delivery, Page
from forewarn_client.patience import Patience, in_silence
from forewarn_client.reader import Reader
from forewarn_client.records import VerifiedRecord
from forewarn_client.session import Session
from forewarn_client.signing import Signer
from forewarn_client.verifier import Verifier
from forewarn_client.witness_policy import WitnessPolicy

EVERYTHING: Final = Filter()
_PAGE: Final = 100


@dataclass(slots=True, kw_only=True)
class Connection:
    """A member's connection, open within `async with`.

    Attributes:
        home: Its folder.
        signers: Keys that sign its statements.
        patience: How long calls may take.
        tell: Is told in a sentence when the exchange does not answer, when it does again, and when
            it recorded in the directory what does not fit there.
        kind: Kind of member that may use this class; empty for any.
    """

    kind: ClassVar[str] = ""

    home: Home
    signers: tuple[Signer, ...] = field(repr=False)
    patience: Patience
    tell: Callable[[str], None] = field(default=in_silence, repr=False)
    _session: Session | None = field(default=None, init=False, repr=False)
    _reader: Reader | None = field(default=None, init=False, repr=False)
    _history: History | None = field(default=None, init=False, repr=False)
    _policy: tuple[WitnessPolicy | None] | None = field(default=None, init=False, repr=False)

    @classmethod
    def connect(
        cls,
        home: Home | Path | str,
        *,
        signers: Sequence[Signer] | None = None,
        patience: Patience | None = None,
        tell: Callable[[str], None] = in_silence,
    ) -> Self:
        """Prepare a connection; `async with` opens it.

        Args:
            home: The member's folder.
            signers: Keys that sign its statements; those of the folder where None.
            patience: How long calls may take; 60 s for a call where None.
            tell: Is told in a sentence when the exchange does not answer for two seconds, when it
                answers again, and when it recorded in the directory what does not fit there;
                nobody where not given.

        Returns:
            The member, to be used in `async with`.

        Raises:
            HomeError: The folder or a key is not fit for use, or is another kind of member's.
        """
        place = home if isinstance(home, Home) else Home.load(home)
        if cls.kind and place.kind != cls.kind:
            raise HomeError(f"{place.path} is the folder of a member of kind {place.kind}")
        keys = place.signers() if signers is None else tuple(signers)
        return cls(home=place, signers=keys, patience=patience or Patience(), tell=tell)

    async def __aenter__(self) -> Self:
        verifier = Verifier(self.home.exchange)
        address, tls = self.home.exchange.address, self.home.tls
        session = Session(address, tls, self.patience, self.tell)
        self._history = History(self.home, Kept.ledger(verifier), session)
        session.watch(self._history)
        cache = DirectoryCache(self.home.state, verifier)
        self._session, self._reader = session, Reader(session, verifier, cache, self.tell)
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        session, reader, history = self._session, self._reader, self._history
        self._session = self._reader = self._history = None
        if session is not None and history is not None:
            async with AsyncExitStack() as ending:
                ending.push_async_callback(session.close)
                await history.close()
        if reader is not None:
            # A receipt that is verified offline later finds the directory known up to here.
            reader.save()

    @property
    def session(self) -> Session:
        """The connection.

        Raises:
            RequestError: It is not open.
        """
        if self._session is None:
            raise RequestError("not connected: use `async with`")
        return self._session

    @property
    def reader(self) -> Reader:
        """What verifies everything that comes over the connection.

        Raises:
            RequestError: The connection is not open.
        """
        if self._reader is None:
            raise RequestError("not connected: use `async with`")
        return self._reader

    def witnesses(self) -> WitnessPolicy | None:
        """Give the witnesses that the member trusts, read once from its folder.

        Returns:
            The policy; None where the folder holds none.

        Raises:
            HomeError: Others may change it, or it is the policy of another log.
            VerificationError: POLICY_MALFORMED.
        """
        if self._policy is None:
            self._policy = (self.home.witnesses(),)
        return self._policy[0]

    @property
    def verified_size(self) -> int:
        """Size of the ledger as far as it was verified; 0 before the first contact ever."""
        return 0 if self._history is None else self._history.size

    async def entry(self, name: int | bytes) -> VerifiedRecord:
        """Get one entry.

        Args:
            name: Its index, or the digest of its statement.

        Returns:
            The verified record.

        Raises:
            RefusedError: There is none that this member may read.
            RequestError: No entry has such an index.
            VerificationError: The answer does not hold, or is another entry.
            UnavailableError: No answer in time.
        """
        if isinstance(name, int) and not 0 <= name < merkle.MAX_SIZE:
            raise RequestError(f"an index is a number from 0 to {merkle.MAX_SIZE - 1}")
        request = (
            exchange_service_pb2.GetEntryRequest(index=name)
            if isinstance(name, int)
            else exchange_service_pb2.GetEntryRequest(digest=name)
        )
        answer = await self.session.call(self.session.exchange.GetEntry, request)
        (record,) = await self.reader.read([answer.record], answer.checkpoint)
        if name not in {record.index, record.digest}:
            raise answering.mismatch("gave another entry")
        return record

    async def list_entries(
        self, entry_filter: Filter = EVERYTHING, cursor: str = "", page_size: int = _PAGE
    ) -> Page:
        """List entries, a page at a time.

        Args:
            entry_filter: What to list.
            cursor: Cursor of an earlier page or delivery under the same filter; empty for the
                beginning.
            page_size: Most entries in one page, 1 to 1000.

        Returns:
            The page.

        Raises:
            RefusedError: The exchange refused, as for a foreign cursor.
            VerificationError: An entry does not hold, or was not asked for.
            UnavailableError: No answer in time.
        """
        position, shown = Cursor.parse(cursor), -1
        request = exchange_service_pb2.ListEntriesRequest(
            filter=entry_filter.message(), page_size=page_size, cursor=position.token
        )
        while True:
            answer = await self.session.call(self.session.exchange.ListEntries, request)
            records = await self.reader.read(answer.records, answer.checkpoint)
            answering.check_asked(records, entry_filter, self.home.member)
            answering.check_advance([record.index for record in records], shown, more=answer.more)
            new = tuple(record for record in records if record.index > position.after)
            if new or not answer.more:
                after = max([position.after, *(record.index for record in records)])
                made = Cursor(token=answer.cursor, after=after)
                return Page(records=new, cursor=str(made), more=answer.more)
            # A token of before what was taken already: what it brings again is read over, once.
            shown, request.cursor = records[-1].index, answer.cursor

    async def pull(
        self, entry_filter: Filter = EVERYTHING, *, keep: str = "pull", page_size: int = _PAGE
    ) -> AsyncGenerator[Page, None]:
        """Pull what has come since the last time, page by page, until there is no more.

        The cursor is kept in the folder once the caller asks for the next page, or for the end: a
        page whose handling breaks off comes again (at least once, in the ledger's order).

        Args:
            entry_filter: What to pull.
            keep: Name under which the cursor is kept; each name and filter has its own.
            page_size: Most entries in one page, 1 to 1000.

        Yields:
            Pages that hold at least one entry.

        Raises:
            ForewarnError: As `list_entries`, or the cursor cannot be kept, or somebody else in
                this folder is at it.
        """
        with CursorFile(self.home.state, keep, entry_filter.message()).held() as kept:
            cursor, more = kept.load(), True
            while more:
                page = await self.list_entries(entry_filter, str(cursor), page_size)
                cursor, more = Cursor.parse(page.cursor), page.more
                if page.records:
                    yield page
                # The caller has come back, so the page is its own affair from here on.
                kept.save(cursor)

    async def follow(
        self,
        entry_filter: Filter = EVERYTHING,
        cursor: str = "",
        *,
        keep: str = "",
        opened: Callable[[], None] | None = None,
    ) -> AsyncGenerator[Delivery, None]:
        """Follow entries, those of the past first, then each as it is recorded.

        The stream comes back by itself and goes on without gap or duplicate.

        Args:
            entry_filter: What to follow.
            cursor: Cursor of an earlier delivery or page under the same filter; empty for the
                beginning, or for what is kept.
            keep: Name under which the cursor is kept in the folder, each time the caller has
                consumed an entry; empty to keep none.
            opened: Called once, when the exchange has opened the stream.

        Yields:
            The deliveries, in the ledger's order.

        Raises:
            ForewarnError: As `list_entries`, or the cursor cannot be kept, or somebody else in
                this folder follows with it.
        """
        with ExitStack() as holding:
            kept = None
            if keep:
                file = CursorFile(self.home.state, keep, entry_filter.message())
                kept = holding.enter_context(file.held())
            position = kept.load() if kept and not cursor else Cursor.parse(cursor)
            request = exchange_service_pb2.FollowRequest(
                filter=entry_filter.message(), cursor=position.token
            )
            async for message in self.session.follow(request):
                if opened is not None:
                    opened()
                    opened = None
                records = await self.reader.read(message.records, message.checkpoint)
                answering.check_asked(records, entry_filter, self.home.member)
                for record in records:
                    if record.index <= position.after:
                        continue
                    last = record is records[-1]
                    token = message.cursor if last else position.token
                    position = Cursor(token=token, after=record.index)
                    yield Delivery(record=record, cursor=str(position))
                    if kept:
                        kept.save(position)

    async def case(self, digest: bytes) -> Case:
        """Get a case.

        Args:
            digest: Digest of the statement that opened it.

        Returns:
            The case, each entry verified.

        Raises:
            RefusedError: There is none that this member is party to.
            VerificationError: The answer does not hold, or is another case.
            UnavailableError: No answer in time.
        """
        if len(digest) != dsse.DIGEST_BYTES:
            raise RequestError("a case is named by the 32 bytes of its opener's digest")
        request = exchange_service_pb2.GetCaseRequest(case_digest=digest)
        records: list[VerifiedRecord] = []
        while True:
            answer = await self.session.call(self.session.exchange.GetCase, request)
            page = await self.reader.read(answer.records, answer.checkpoint)
            shown = request.from_index - 1
            answering.check_advance([record.index for record in page], shown, more=answer.more)
            records += page
            if not answer.more:
                return Case(digest=digest, records=tuple(records))
            request.from_index = page[-1].index + 1

    async def cases(self, protocol: str = "") -> AsyncIterator[CaseSummary]:
        """List the cases that this member is party to, in the order in which they were opened.

        Args:
            protocol: Only this one: `release`, `coverage`, `grant`, `breach` or `alert`; all where
                empty.

        Yields:
            The cases, in the exchange's words; `case` verifies one.

        Raises:
            RefusedError: The exchange refused.
            VerificationError: What it lists is not what was asked for.
            UnavailableError: No answer in time.
        """
        request, shown = exchange_service_pb2.ListCasesRequest(protocol=protocol), -1
        while True:
            answer = await self.session.call(self.session.exchange.ListCases, request)
            answering.check_advance(
                [view.opened_index for view in answer.cases], shown, more=answer.more
            )
            for view in answer.cases:
                shown = view.opened_index
                if len(view.case_digest) != dsse.DIGEST_BYTES:
                    raise answering.mismatch("names a case by something else than a digest")
                if protocol not in {"", view.protocol}:
                    raise answering.mismatch("lists a case of another protocol")
                yield CaseSummary(
                    digest=view.case_digest,
                    protocol=view.protocol,
                    state=view.state,
                    opened_index=view.opened_index,
                    last_index=view.last_index,
                )
            if not answer.more:
                return
            request.cursor = answer.cursor

    async def directory(self) -> DirectoryView:
        """Get the directory as it stands now.

        Returns:
            The verified directory.

        Raises:
            VerificationError: It does not hold.
            UnavailableError: No answer in time.
        """
        return await self.reader.directory()

    async def checkpoint(self) -> Checkpoint:
        """Get the newest head of the ledger.

        Returns:
            The verified checkpoint.

        Raises:
            VerificationError: It is not signed by the pinned log key.
            UnavailableError: No answer in time.
        """
        method, request = self.session.log.GetCheckpoint, log_service_pb2.GetCheckpointRequest()
        answer = await self.session.call(method, request)
        return Verifier(self.home.exchange).checkpoint(answer.checkpoint)
