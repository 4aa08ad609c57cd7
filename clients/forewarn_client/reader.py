"""Everything that the exchange hands out passes here, and leaves verified.

* An entry at index i is judged only once the directory is known up to i: where it is not, it is
  fetched first, from where it was last known.
* Several who need a newer directory at the same time share one fetch.
* A directory that the exchange shows shorter than what it was known to be is waited for, then
  reported, never taken.
* What stands among the directory's statements and does not fit there is told once, and passed over.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from forewarn.exchange.v1 import directory_service_pb2, ledger_pb2
from forewarn_client.directory import DirectoryView, listed
from forewarn_client.directory_cache import DirectoryCache
from forewarn_client.errors import Flaw, HomeError, UnavailableError, VerificationError
from forewarn_client.patience import in_silence
from forewarn_client.records import Evidence, VerifiedRecord
from forewarn_client.session import Session
from forewarn_client.verifier import Verifier

_PAGE: Final = 200
# A worker that lags behind is given about three seconds to catch up.
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
# Verifying takes a third of a millisecond; others get their turn in between.
_BREATH: Final = 16


class Reader:
    """Verifies what a session brings."""

    def __init__(
        self,
        session: Session,
        verifier: Verifier,
        cache: DirectoryCache,
        tell: Callable[[str], None] = in_silence,
    ) -> None:
        """Take what everything comes from.

        Args:
            session: The connection.
            verifier: The pins.
            cache: Where the directory is kept.
            tell: Is told in a sentence of each entry of the directory that does not fit, once.
        """
        self._session = session
        self._verifier = verifier
        self._cache = cache
        self._tell = tell
        self._view = cache.load()
        self._lock = asyncio.Lock()
        # The checkpoint up to which the view is known, while the file does not say so.
        self._unsaved = b""

    async def read(
        self, records: Sequence[ledger_pb2.Record], checkpoint: bytes
    ) -> tuple[VerifiedRecord, ...]:
        """Verify records that share a checkpoint.

        Args:
            records: The records, in the ledger's order.
            checkpoint: The checkpoint.

        Returns:
            The verified records, in the same order.

        Raises:
            VerificationError: One of them does not hold, or they are not in order.
            UnavailableError: The directory could not be fetched.
        """
        indexes = [record.index for record in records]
        if sorted(set(indexes)) != indexes:
            raise VerificationError(Flaw.ANSWER_MISMATCHED, "the records are not in order")
        return await self.verify([Evidence.of_record(item, checkpoint) for item in records])

    async def verify(self, entries: Sequence[Evidence]) -> tuple[VerifiedRecord, ...]:
        """Verify entries.

        Args:
            entries: The entries.

        Returns:
            The verified records, in the same order.

        Raises:
            VerificationError: One of them does not hold.
            UnavailableError: The directory could not be fetched.
        """
        if not entries:
            return ()
        # Before anything is fetched on its word, an entry has to be the ledger's.
        for entry in entries:
            self._verifier.recorded(entry)
        view = await self.directory(max(entry.index for entry in entries))
        verified: list[VerifiedRecord] = []
        for entry in entries:
            if entry.index == 0:
                verified.append(self._verifier.verify_genesis(entry))
            else:
                verified.append(self._verifier.verify(entry, view))
            if len(verified) % _BREATH == 0:
                await asyncio.sleep(0)
        return tuple(verified)

    async def directory(self, index: int | None = None) -> DirectoryView:
        """Give the directory, fetching what is new where it has to be newer.

        Args:
            index: Index up to which it has to be known; the newest there is where None.

        Returns:
            The view.

        Raises:
            VerificationError: The directory does not hold.
            UnavailableError: It could not be fetched, or the exchange does not show enough of it.
        """
        seen = self._view
        async with self._lock:
            if index is None and self._view is not seen and self._view is not None:
                return self._view
            for pause in (*_PAUSES, None):
                if self._view is not None and index is not None and self._view.size >= index:
                    return self._view
                view = await self._fetch()
                if index is None or view.size >= index:
                    return view
                if pause is not None:
                    await asyncio.sleep(pause)
        raise UnavailableError(
            Flaw.DIRECTORY_STALE,
            f"the exchange does not show its directory up to index {index}; try again later, and "
            "tell whoever runs it if that lasts",
        )

    async def _fetch(self) -> DirectoryView:
        """Fetch and verify what is new, page by page."""
        view, started_with = self._view, self._view
        while True:
            request = directory_service_pb2.ListDirectoryEntriesRequest(
                from_index=view.next_index if view else 0, page_size=_PAGE
            )
            answer = await self._session.call(self._session.directory.ListDirectoryEntries, request)
            entries = listed(answer)
            checkpoint = self._verifier.checkpoint(answer.checkpoint)
            size = 0 if answer.more else checkpoint.size
            if view is None:
                view = DirectoryView.of_chain(self._verifier, entries, size)
            else:
                view = view.extended(self._verifier, entries, size)
            if not answer.more:
                break
            if not entries:
                raise VerificationError(
                    Flaw.ANSWER_MISMATCHED, "the exchange lists an empty page and says that more is"
                )
        self._view, self._unsaved = view, answer.checkpoint
        known = 0 if started_with is None else started_with.next_index
        new = [misfit for misfit in view.misfits if misfit.evidence.index >= known]
        if new:
            more = f" and {len(new) - 1} more like it" if new[1:] else ""
            self._tell(f"Attention: {new[0]}{more}. `forewarn directory check` lists all.")
        if view.next_index > known:
            self.save()
        return view

    def save(self) -> None:
        """Keep the directory on disk, where it is known further than the file says.

        Where it cannot be written, as on a full disk, it is fetched again next time.
        """
        if self._view is not None and self._unsaved:
            with suppress(HomeError):
                self._cache.save(self._view, self._unsaved)
                self._unsaved = b""
