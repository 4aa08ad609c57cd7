"""One history: every checkpoint that comes in is compared with what was verified before.

* A larger checkpoint counts once the exchange has proven that its tree begins with the one that was
  verified last. It is then kept on disk, and the next request says its size: who has not reached it
  waits or says so, and so a worker that lags never looks like a rollback.
* A smaller one, in an answer that was under way while the ledger grew, has to be proven to be the
  beginning of the newest. One smaller than what the request said is a rollback.
* A proof is fetched once for each checkpoint, however many answers carry it and whoever waits.
* What does not hold is reported with both signed checkpoints saved, and from then on nothing that
  this connection brings is believed.

The first checkpoint that a folder sees is taken as it is. It does not tell whether others are shown
another ledger: only witnesses could.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol, Self

from forewarn_client import merkle
from forewarn_client.checkpoint_file import FILE, CheckpointFile, Notes, SignedCheckpoint
from forewarn_client.errors import (
    Flaw,
    HistoryError,
    RefusedError,
    UnavailableError,
    VerificationError,
)
from forewarn_client.evidence import Contradiction
from forewarn_client.home import Home
from forewarn_client.verifier import Verifier

_REMEMBERED: Final = 1024
# Where one checkpoint after another comes in, not each is synced to disk by itself.
_SAVE_SECONDS: Final = 0.2
_CLOSE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A log whose past is kept.

    Attributes:
        name: What people call it, as in `ledger`.
        file: Name of the file that its newest checkpoint is kept in.
        notes: What verifies its notes.
        origin: Its origin.
        log_key: Its verifier key, as pinned.
    """

    name: str
    file: str
    notes: Notes
    origin: str
    log_key: str

    @classmethod
    def ledger(cls, verifier: Verifier) -> Self:
        """Mean the ledger of an exchange."""
        exchange = verifier.exchange
        return cls(
            name="ledger",
            file=FILE,
            notes=verifier,
            origin=exchange.origin,
            log_key=exchange.log_key,
        )


class Log(Protocol):
    """Whoever asks the exchange's log."""

    async def consistency(self, old: int, new: int) -> Sequence[bytes]:
        """Ask for the proof that the tree of one size begins with that of a smaller one."""
        ...

    async def newest(self) -> bytes:
        """Ask for the newest signed checkpoint that whoever answers has, however old."""
        ...


class History:
    """What a member has verified of the ledger's past."""

    def __init__(self, home: Home, kept: Kept, log: Log) -> None:
        """Take up what was verified in earlier runs.

        Args:
            home: The member's folder.
            kept: Which log it is.
            log: Who asks the log.

        Raises:
            HomeError: What was kept is damaged.
        """
        self._file = CheckpointFile(home.state, kept.notes, kept.file)
        self._evidence = home.evidence
        self._of = kept
        self._log = log
        self._kept = self._newest = self._file.load()
        self._proven: OrderedDict[int, bytes] = OrderedDict()
        if self._newest is not None:
            self._proven[self._newest.size] = self._newest.root
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._saved_at = 0.0
        self._contradicted: HistoryError | None = None

    @property
    def size(self) -> int:
        """Size of the ledger that was verified; 0 before the first checkpoint."""
        return 0 if self._newest is None else self._newest.size

    async def see(self, note: bytes, floor: int) -> int:
        """Compare a checkpoint with what was verified before.

        Args:
            note: The signed note.
            floor: The size below which the answer cannot be: what the request said.

        Returns:
            The checkpoint's size.

        Raises:
            VerificationError: It is not a checkpoint of this exchange.
            HistoryError: It belongs to another history than the one that was verified.
            UnavailableError: No proof came in time.
        """
        shown = self.checked(note)
        if not self._is_proven(shown) or shown.size < floor:
            self._waiting += 1
            async with self._lock:
                self._waiting -= 1
                self._check_not_contradicted()
                if not self._is_proven(shown):
                    await self._compare(shown, floor)
                elif shown.size < floor:
                    raise self._rolled_back(shown)
                if not self._waiting or time.monotonic() - self._saved_at >= _SAVE_SECONDS:
                    await self._save()
        self._check_not_contradicted()
        return shown.size

    def checked(self, note: bytes) -> SignedCheckpoint:
        """Check the signature of a checkpoint, and nothing else of it.

        Args:
            note: The signed note.

        Returns:
            It.

        Raises:
            VerificationError: It is not a checkpoint of this log.
        """
        return SignedCheckpoint(note=note, checkpoint=self._of.notes.checkpoint(note))

    async def question(self) -> None:
        """Ask an exchange that shows nothing where it stands: it may have been rolled back.

        Raises:
            HistoryError: Its newest checkpoint is older than what was verified, or another's.
            ForewarnError: It does not say.
        """
        note = await self._log.newest()
        await self.see(note, self.size)

    async def close(self) -> None:
        """Keep what was verified; call it while the connection is open.

        Raises:
            HomeError: It cannot be kept.
            HistoryError: Another process of this member has verified another history.
        """
        # What another process kept meanwhile, and cannot be compared any more, stays as it is.
        with suppress(TimeoutError, RefusedError, UnavailableError):
            async with asyncio.timeout(_CLOSE_SECONDS), self._lock:
                if self._contradicted is None:
                    await self._save()

    def _is_proven(self, shown: SignedCheckpoint) -> bool:
        return self._proven.get(shown.size) == shown.root

    def _check_not_contradicted(self) -> None:
        if self._contradicted is not None:
            raise self._contradicted

    async def _compare(self, shown: SignedCheckpoint, floor: int = 0) -> None:
        """Prove that a checkpoint and the newest are of one ledger."""
        newest = self._newest
        if newest is not None:
            before = self._proven.get(shown.size, shown.root)
            if shown.root != (newest.root if shown.size == newest.size else before):
                raise self._contradiction(
                    Flaw.HISTORY_REWRITTEN,
                    f"the exchange signed two different {self._of.name}s of {shown.size} entries",
                    shown,
                )
            if shown.size < floor:
                raise self._rolled_back(shown)
            older, newer = sorted((newest, shown), key=lambda item: item.size)
            await self._prove(older, newer, shown)
        if newest is None or shown.size > newest.size:
            self._newest = shown
        self._proven[shown.size] = shown.root
        if len(self._proven) > _REMEMBERED:
            self._proven.popitem(last=False)

    async def _prove(
        self, older: SignedCheckpoint, newer: SignedCheckpoint, shown: SignedCheckpoint
    ) -> None:
        proof: Sequence[bytes] = ()
        if 0 < older.size < newer.size:
            try:
                proof = await self._log.consistency(older.size, newer.size)
            except RefusedError as error:
                if error.is_of_the_caller:
                    # It says nothing of the ledger; and what is not proven is not believed.
                    raise
                raise self._contradiction(
                    Flaw.HISTORY_UNPROVEN,
                    f"the exchange does not prove that its {self._of.name} of {newer.size} entries "
                    f"goes on from that of {older.size}: it answers {error.reason}",
                    shown,
                ) from None
        try:
            merkle.verify_consistency(older.size, older.root, newer.size, newer.root, proof)
        except VerificationError as error:
            raise self._contradiction(
                Flaw.HISTORY_REWRITTEN,
                f"the {self._of.name} of {newer.size} entries does not go on from that of "
                f"{older.size} which the exchange had signed: entries were changed, removed or put "
                "in between",
                shown,
                proof=proof,
                rule=error.rule,
            ) from None

    async def _save(self) -> None:
        while self._newest is not None and self._newest is not self._kept:
            newest = self._newest
            found = await asyncio.to_thread(self._file.replace, self._kept, newest)
            self._saved_at = time.monotonic()
            if found is None:
                self._kept = newest
                return
            # Another process of this member has come further, or elsewhere.
            if not self._is_proven(found):
                await self._compare(found)
            self._kept = found
            if found.size >= newest.size:
                self._newest = found

    def _rolled_back(self, shown: SignedCheckpoint) -> HistoryError:
        return self._contradiction(
            Flaw.LEDGER_ROLLED_BACK,
            f"the exchange shows a {self._of.name} of {shown.size} entries, and had signed one of "
            f"{self.size}: what was recorded since is gone from it",
            shown,
        )

    def _contradiction(
        self,
        reason: Flaw,
        detail: str,
        shown: SignedCheckpoint,
        *,
        proof: Sequence[bytes] | None = None,
        rule: str = "",
    ) -> HistoryError:
        newest = self._newest
        if newest is None:
            raise AssertionError("only what was verified can be contradicted")
        found = Contradiction(
            reason=reason, detail=detail, verified=newest, shown=shown, proof=proof, rule=rule
        )
        self._contradicted = found.report(self._evidence, self._of.origin, self._of.log_key)
        return self._contradicted
