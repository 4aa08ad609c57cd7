"""A log verified by whoever has its key: everything hashed again, and compared with the past.

The steps:

1. The checkpoint is fetched and its signature verified by the key that the reader brought. It is
   kept on disk before anything else, with those that the member's receipts lead to.
2. It is not smaller than one that was seen, and no size was seen with two roots.
3. Each leaf is fetched and hashed; each tile, of every level, is what these hashes give; so is the
   root that was signed.
4. The root at each size that was ever seen is the one that was signed then. Sizes that were passed
   in an earlier run are proven from tiles.
5. The member's own statements stand at their indexes, and nowhere else.

A run that was interrupted goes on where it was. If what it then finds does not fit, it begins anew
before it blames the log: what was kept on disk is not trusted more than the log is.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from forewarn_client import merkle, note
from forewarn_client.checkpoint_file import SignedCheckpoint
from forewarn_client.errors import Flaw, HistoryError, UnavailableError, VerificationError
from forewarn_client.evidence import Contradiction
from forewarn_client.published import prove
from forewarn_client.published.own import Misplaced, Own
from forewarn_client.published.progress import UNFINISHED, VERIFIED, Progress, Reached
from forewarn_client.published.rehash import Edge
from forewarn_client.published.seen import Seen
from forewarn_client.published.source import Source
from forewarn_client.published.tiles import WIDTH, Tile, tile_for

_SAVE_SECONDS: Final = 2.0
_BEHIND_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 2.0

Tell = Callable[[int, int], None]
"""Told how many leaves of how many are hashed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedLog:
    """A log that holds.

    Attributes:
        checkpoint: Its newest checkpoint.
        begun: Size from which leaves were read in this run.
        compared: How many checkpoints of before it was found to agree with.
        own: How many statements of the member's own stand in it.
    """

    checkpoint: SignedCheckpoint
    begun: int
    compared: int
    own: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log, and what is known of it here.

    Attributes:
        key: Its key; its name is the origin.
        log_key: The same as text, for evidence.
        folder: Where what is known of it is kept.
        evidence: Where evidence is saved.
        at_once: How many tiles are fetched ahead.
        behind: Seconds for which it may show less than was seen before it counts as rolled back.
    """

    key: note.VerifierKey
    log_key: str
    folder: Path
    evidence: Path
    at_once: int = 8
    behind: float = _BEHIND_SECONDS


@dataclass(slots=True, kw_only=True)
class _Walk:
    """A walk along the leaves."""

    edge: Edge
    compared: int
    contradicted: list[int] = field(default_factory=list)
    misplaced: list[Misplaced] = field(default_factory=list)
    saved_at: float = 0.0


class LogVerifier:
    """Verifies a log, once or again and again."""

    def __init__(self, log: Log, source: Source, *, own: Own | None, tell: Tell) -> None:
        """Read what is known of the log.

        Args:
            log: The log.
            source: Where it is read from.
            own: The member's own statements; None for a stranger.
            tell: Told how far it is.

        Raises:
            HomeError: What is kept of the log is damaged.
        """
        self._log = log
        self._source = source
        self._own = own
        self._tell = tell
        self._progress = Progress(folder=log.folder, log_key=log.log_key)
        self._seen = Seen.load(log.folder, log.key)
        self._kept = prove.KeptTiles(source)

    async def whole(self) -> VerifiedLog:
        """Verify the log from its first leaf on, or from where an interrupted run was.

        Returns:
            The log.

        Raises:
            HistoryError: It is not the one that was seen before; both checkpoints are saved.
            VerificationError: It does not hold.
            UnavailableError: It cannot be read at present.
            HomeError: What is kept of it cannot be read or written.
        """
        return await self._verify(self._progress.load(UNFINISHED))

    async def onward(self) -> VerifiedLog:
        """Verify what has been added since the last run that ended well; else like `whole`."""
        reached = [self._progress.load(name) for name in (VERIFIED, UNFINISHED)]
        return await self._verify(max(reached, key=lambda each: each.edge.size))

    def anew(self) -> None:
        """Have the next run begin with the first leaf."""
        self._progress.forget(UNFINISHED)

    async def _verify(self, reached: Reached) -> VerifiedLog:
        shown = await self._shown()
        begun = reached.edge.size if reached.edge.size <= shown.size else 0
        walk = await self._gone_on(reached, shown) if begun else None
        if walk is None:
            # From the first leaf: whatever does not fit now is the log's.
            begun = 0
            walk = await self._walk(_Walk(edge=Edge(), compared=self._seen.count), shown)
        if walk.contradicted:
            raise await self._rewritten(walk, shown)
        if walk.misplaced:
            raise _repeated(walk.misplaced[0])
        return self._ended(walk, shown, begun)

    async def _gone_on(self, reached: Reached, shown: SignedCheckpoint) -> _Walk | None:
        """Go on from where a run was; None where something does not fit."""
        try:
            walk = await self._walk(
                _Walk(edge=reached.edge.copy(), compared=reached.compared), shown
            )
            added = self._seen.since(reached.compared)
            for size in {each for each in added if each <= reached.edge.size}:
                proof = await prove.consistency(self._kept, size, shown.size)
                merkle.verify_consistency(
                    size, self._seen.roots[size], shown.size, shown.root, proof
                )
        except VerificationError as error:
            if error.reason not in {Flaw.LOG_CONTRADICTORY, Flaw.PROOF_INVALID}:
                raise
            return None
        return None if walk.contradicted else walk

    def _ended(self, walk: _Walk, shown: SignedCheckpoint, begun: int) -> VerifiedLog:
        compared = self._seen.count
        self._progress.save(VERIFIED, walk.edge, compared)
        self._progress.forget(UNFINISHED)
        own = 0 if self._own is None else sum(at < shown.size for at in self._own.leaves)
        agreed = compared - sum(size >= shown.size for size in self._seen.order)
        receipts = {} if self._own is None else self._own.checkpoints
        self._seen.thin(compared, {size for size, _ in receipts})
        return VerifiedLog(
            checkpoint=shown,
            begun=begun,
            compared=agreed,
            own=own,
        )

    async def _shown(self) -> SignedCheckpoint:
        """Fetch the newest checkpoint, keep it, and compare it with what was seen (steps 1, 2)."""
        if self._own is not None:
            await asyncio.to_thread(self._own.read)
            self._seen.add(list(self._own.checkpoints.values()))
        deadline = time.monotonic() + self._log.behind
        while True:
            data = await self._source.checkpoint()
            opened = note.open_checkpoint(data, [self._log.key], self._log.key.name)
            shown = SignedCheckpoint(note=data, checkpoint=opened)
            self._seen.add([shown])
            if self._seen.conflict is not None:
                raise self._forked(*self._seen.conflict)
            if shown.size >= self._seen.largest:
                return shown
            # A cache may be some seconds old, and a node may lag.
            if time.monotonic() >= deadline:
                raise self._behind(shown)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _walk(self, walk: _Walk, shown: SignedCheckpoint) -> _Walk:
        """Read leaves and tiles from an edge on up to a checkpoint (steps 3 to 5)."""
        edge, walk.saved_at = walk.edge, time.monotonic()
        sizes = sorted(self._seen.within(edge.size, shown.size))
        try:
            async with aclosing(self._bundles(edge.size, shown.size)) as bundles:
                async for number, leaves, hashes in bundles:
                    await self._take(walk, number, leaves, hashes, sizes)
                    self._save(walk, _SAVE_SECONDS)
                    self._tell(edge.size, shown.size)
            await self._compare_edge(edge, shown)
        except VerificationError:
            # What does not fit has to be found again.
            self._progress.forget(UNFINISHED)
            raise
        except BaseException:
            self._save(walk, 0.0)
            raise
        return walk

    async def _compare_edge(self, edge: Edge, shown: SignedCheckpoint) -> None:
        """Compare the partial tiles above the leaves, and the root."""
        for level, row in enumerate(edge.rows):
            if level and row:
                tile = tile_for(level, edge.size >> 8 * (level + 1), edge.size)
                _same(tile, row, await self._source.hashes(tile))
        if edge.root() != shown.root:
            raise _contradictory("its leaves do not give the root that it has signed")

    async def _take(
        self,
        walk: _Walk,
        number: int,
        leaves: Sequence[bytes],
        served: Sequence[bytes],
        sizes: Sequence[int],
    ) -> None:
        """Take the leaves of a bundle in, those that were not yet."""
        edge, first = walk.edge, number * WIDTH
        hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
        _same(Tile(level=0, number=number, width=len(hashes)), hashes, served)
        done = edge.size - first
        if done and hashes[:done] != edge.rows[0]:
            raise _contradictory("it shows other leaves than in an earlier run")
        if self._own is not None:
            walk.misplaced += self._own.misplaced(first + done, leaves[done:])
        end = first + len(hashes)
        # Cut where a size was seen, to ask for the root there.
        for size in [*(each for each in sizes if edge.size < each <= end), end]:
            for full in edge.add(hashes[edge.size - first : size - first]):
                if full.level:
                    tile = Tile(level=full.level, number=full.number)
                    _same(tile, full.hashes, await self._source.hashes(tile))
            if size in self._seen.roots and edge.root() != self._seen.roots[size]:
                walk.contradicted.append(size)

    async def _bundles(
        self, begun: int, size: int
    ) -> AsyncGenerator[tuple[int, Sequence[bytes], Sequence[bytes]], None]:
        """Fetch bundles with their tiles of level 0, some ahead, in order."""
        ahead: deque[asyncio.Task[tuple[int, Sequence[bytes], Sequence[bytes]]]] = deque()
        try:
            for number in range(begun // WIDTH, -(-size // WIDTH)) if begun < size else ():
                ahead.append(asyncio.create_task(self._bundle(number, size)))
                if len(ahead) >= self._log.at_once:
                    yield await ahead.popleft()
            while ahead:
                yield await ahead.popleft()
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _bundle(self, number: int, size: int) -> tuple[int, Sequence[bytes], Sequence[bytes]]:
        tile = tile_for(0, number, size)
        bundle = Tile(level=None, number=number, width=tile.width)
        leaves, hashes = await asyncio.gather(
            self._source.leaves(bundle), self._source.hashes(tile)
        )
        return number, leaves, hashes

    def _save(self, walk: _Walk, seconds: float) -> None:
        """Keep how far a walk is, every some seconds, unless it has found what it has to tell."""
        now = time.monotonic()
        found = walk.contradicted or walk.misplaced
        if walk.edge.size and not found and now - walk.saved_at >= seconds:
            self._progress.save(UNFINISHED, walk.edge, walk.compared)
            walk.saved_at = now

    async def _rewritten(self, walk: _Walk, shown: SignedCheckpoint) -> HistoryError:
        size = walk.contradicted[0]
        gone = [each.index for each in walk.misplaced if each.found is None]
        own = f", among them your own at index {gone[0]}" if gone else ""
        return self._contradiction(
            Flaw.HISTORY_REWRITTEN,
            f"the log of {shown.size} entries does not go on from that of {size} which it had "
            f"signed: entries were changed, removed or put in between{own}",
            self._seen.signed(size, self._seen.roots[size]),
            shown,
            proof=await self._disproof(size, shown.size),
        )

    async def _disproof(self, old: int, new: int) -> Sequence[bytes] | None:
        """Make the proof that does not hold; None where the log shows no more of itself.

        All leaves under its signature were hashed by then: it is found out without a proof, and
        does not get out of it by showing none.
        """
        try:
            return await prove.consistency(self._source, old, new)
        except (UnavailableError, VerificationError):
            return None

    def _forked(self, size: int, first: bytes, second: bytes) -> HistoryError:
        return self._contradiction(
            Flaw.HISTORY_REWRITTEN,
            f"two different logs of {size} entries were signed",
            self._seen.signed(size, first),
            self._seen.signed(size, second),
        )

    def _behind(self, shown: SignedCheckpoint) -> HistoryError | UnavailableError:
        """Say what is wrong with a log that shows less than was signed."""
        largest = self._seen.largest
        verified = self._seen.signed(largest, self._seen.roots[largest])
        published = self._progress.load(VERIFIED).edge.size
        if published <= shown.size and self._cosigned(shown) and not self._cosigned(verified):
            # It publishes what witnesses have cosigned, and answers members before that.
            return UnavailableError(
                "LOG_PENDING",
                f"it shows the {shown.size} entries that its witnesses have cosigned, and your "
                f"receipts reach to {largest}: the witnesses are late, or the rest is withheld. "
                "Look again later, and ask whoever runs the exchange if it stays so",
            )
        return self._contradiction(
            Flaw.LEDGER_ROLLED_BACK,
            f"the log is shown with {shown.size} entries, and one of {largest} was signed: what "
            "was recorded since is gone from it",
            verified,
            shown,
        )

    def _cosigned(self, signed: SignedCheckpoint) -> bool:
        """Tell whether others than the log's key stand below a note; not whether they may."""
        key = self._log.key
        lines = note.parse_note(signed.note).signatures
        return any((line.name, line.key_id) != (key.name, key.key_id) for line in lines)

    def _contradiction(
        self,
        reason: Flaw,
        detail: str,
        verified: SignedCheckpoint,
        shown: SignedCheckpoint,
        *,
        proof: Sequence[bytes] | None = None,
    ) -> HistoryError:
        found = Contradiction(
            reason=reason,
            detail=detail,
            verified=verified,
            shown=shown,
            proof=proof,
            rule="root-mismatch" if proof else "",
        )
        return found.report(self._log.evidence, self._log.key.name, self._log.log_key)


def _same(tile: Tile, hashed: Sequence[bytes], served: Sequence[bytes]) -> None:
    if list(hashed) != list(served):
        raise _contradictory(f"{tile.path} is not what its leaves give")


def _repeated(misplaced: Misplaced) -> VerificationError:
    return VerificationError(
        Flaw.STATEMENT_REPEATED,
        f"your statement of index {misplaced.index} stands at index {misplaced.found}, too",
    )


def _contradictory(detail: str) -> VerificationError:
    return VerificationError(
        Flaw.LOG_CONTRADICTORY, f"the log does not fit together: {detail}", "root-mismatch"
    )
