"""What is kept, hashed again in the background, so that damage is found before it is needed.

* Pass after pass over all blocks, in order: each is hashed and compared with the stream's copy; its
  entries are hashed into a tree that is built anew, which has to have the recorded root after each
  block and the recorded hashes in each tile.
* At a bounded rate, in bytes of what is read; a pause follows each pass.
* It folds nothing and verifies no signature: `forewarn-gateway ledger check` does.

Where something differs it ends with a Fault, for whoever runs it to stop the writing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Final

from gateway.core.commitment import entry_leaf_hash
from gateway.core.errors import Fault, Reason
from gateway.core.merkle import EMPTY_ROOT, HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, node_hash
from gateway.ledger.raw import BlockRow, RawStore, Unreadable
from gateway.ports.blocks import BlockReader

_PAGE: Final = 16
_RETRY_SECONDS: Final = 1.0
_ASKED: Final = 5


class Tree:
    """A tree that grows by leaves, and keeps no more of it than the roots of its perfect parts."""

    def __init__(self) -> None:
        """Begin with the empty tree."""
        self._size = 0
        self._parts: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Add a leaf.

        Args:
            leaf: Its hash.

        Yields:
            Level, number and hash of everything that a tile holds from now on.
        """
        height, node = 0, leaf
        self._size += 1
        yield 0, self._size - 1, leaf
        while self._parts and self._parts[-1][0] == height:
            node = node_hash(self._parts.pop()[1], node)
            height += 1
            if not height % TILE_HEIGHT:
                yield height // TILE_HEIGHT, (self._size >> height) - 1, node
        self._parts.append((height, node))

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        if not self._parts:
            return EMPTY_ROOT
        *lefts, (_, root) = self._parts
        for _, left in reversed(lefts):
            root = node_hash(left, root)
        return root


class Scrub:
    """The scrub of one log."""

    def __init__(
        self,
        *,
        path: Path,
        stream: BlockReader | None,
        bytes_per_second: float,
        pause_seconds: float = 0.0,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        """Prepare it; nothing is read yet.

        Args:
            path: The store's file.
            stream: The stream; None where there is no way to it.
            bytes_per_second: How much of the store is read in a second, at most.
            pause_seconds: How long it rests after a pass.
            progress: Told how many entries were hashed, and of how many, as it goes.
        """
        self._path = path
        self._stream = stream
        self._rate = bytes_per_second
        self._pause = pause_seconds
        self._progress = progress

    async def run(self) -> None:
        """Scrub for ever.

        Raises:
            Fault: LEDGER_NOT_PROVEN, something is damaged, and where.
        """
        while True:
            await self.once()
            await asyncio.sleep(self._pause)

    async def once(self) -> int:
        """Make one pass, up to what is folded when it gets there.

        Returns:
            How many entries were hashed.

        Raises:
            Fault: LEDGER_NOT_PROVEN, something is damaged, and where.
        """
        tree, after, size = Tree(), 0, 0
        while True:
            page, read, total = await asyncio.to_thread(self._page, tree, after, size)
            for row in page:
                await self._compare(row)
            if not page:
                return size
            after, size = page[-1].sequence, page[-1].size_after
            self._progress(size, total)
            await asyncio.sleep(read / self._rate)

    def _page(self, tree: Tree, after: int, size: int) -> tuple[list[BlockRow], int, int]:
        """Hash some blocks with all that follows from them.

        Returns:
            These blocks, the bytes that were read, and how many entries there are in all.
        """
        try:
            with closing(RawStore.open(self._path)) as store:
                page, read = store.after(after, _PAGE), 0
                tiles: dict[tuple[int, int], bytes] = {}
                for row in page:
                    if (row.sequence, row.size_before) != (after + 1, size):
                        detail = "does not follow on the one before it"
                        raise self._damaged(f"block {row.sequence}", detail)
                    read += self._block(store, tree, row, tiles)
                    after, size = row.sequence, row.size_after
                return page, read, store.last[1]
        except (FileNotFoundError, Unreadable) as error:
            raise self._damaged(
                f"what is after block {after}", f"cannot be read ({error})"
            ) from error

    def _block(
        self, store: RawStore, tree: Tree, row: BlockRow, tiles: dict[tuple[int, int], bytes]
    ) -> int:
        where = f"block {row.sequence}"
        if sha256(row.message).digest() != row.sha256:
            raise self._damaged(where, "is not what was recorded")
        read = len(row.message)
        for index in range(row.size_before, row.size_after):
            entry = store.entry(index)
            if entry is None:
                raise self._damaged(f"index {index}", "is missing")
            body, salt = entry
            read += len(body)
            for level, number, node in tree.add(entry_leaf_hash(body, salt)):
                n, at = divmod(number, TILE_WIDTH)
                if (level, n) not in tiles:
                    tiles[level, n] = store.tile(level, n)
                if tiles[level, n][at * HASH_BYTES :][:HASH_BYTES] != node:
                    raise self._damaged(f"index {index}", f"is not what its tile {level}/{n} says")
        if tree.root != row.root:
            raise self._damaged(where, "is not what its root was made from")
        return read

    async def _compare(self, row: BlockRow) -> None:
        """Compare a block with the stream's copy; one that is not shown is asked for again."""
        if self._stream is None:
            return
        held: bytes | None = None
        for _ in range(_ASKED):
            try:
                held = await self._stream.message(row.sequence)
            except Fault:
                # The stream is away; whoever folds it says so.
                return
            if held is not None:
                break
            await asyncio.sleep(_RETRY_SECONDS)
        if held is None or sha256(held).digest() != row.sha256:
            what = "is lost" if held is None else "is another message"
            raise self._damaged(f"sequence {row.sequence} of the stream", what)

    def _damaged(self, where: str, what: str) -> Fault:
        return Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"the scrub of {self._path.name} found damage: {where} {what}. Stop, and run "
            "`forewarn-gateway ledger check`, then `forewarn-gateway ledger repair`",
        )
