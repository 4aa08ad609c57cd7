"""The directory as the ledger has it, kept at hand.

* Made from the directory entries of the store alone, and extended as new ones are recorded. Each
  is verified again, and counts once: what others may have written into the ledger is passed over,
  by the rules by which every client passes over it.
* `at` gives the directory of one snapshot, so that a statement is judged against one state.
* The last few directories are kept, each with the size up to which it holds: a snapshot that is a
  little older than another one, as happens while the directory grows, costs no reading of it all.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Final

from gateway.core.chain import SignedHeader
from gateway.core.directory import Directory
from gateway.core.errors import Fault, Reason, Refusal
from gateway.core.statements import Kind
from gateway.ports.reading import LedgerReader, LedgerSnapshot, StoredEntry
from gateway.wire import chain

_PAGE: Final = 1000
_KEPT: Final = 16


class Directories:
    """Gives the directory at any moment; safe to use from many threads."""

    def __init__(self, reader: LedgerReader) -> None:
        """Begin with nothing at hand.

        Args:
            reader: The store of this node.
        """
        self._reader = reader
        self._lock = threading.Lock()
        self._latest: Directory | None = None
        # By the index of the newest statement in each.
        self._recent: dict[int | None, Directory] = {}

    def now(self) -> Directory:
        """Give the directory as it stands.

        Returns:
            The directory at the store's present size.

        Raises:
            Fault: LEDGER_UNAVAILABLE, the ledger has no genesis entry yet.
        """
        with self._reader.snapshot() as snapshot:
            return self.at(snapshot)

    def at(self, snapshot: LedgerSnapshot) -> Directory:
        """Give the directory at a snapshot's size.

        Args:
            snapshot: The snapshot.

        Returns:
            The directory.

        Raises:
            Fault: LEDGER_UNAVAILABLE, the ledger has no genesis entry yet.
        """
        latest = self._latest
        if latest is not None and latest.size == snapshot.size:
            return latest
        last = snapshot.last_directory_index
        with self._lock:
            known = self._recent.get(last)
            if known is not None:
                directory = replace(known, size=snapshot.size)
            else:
                earlier = (each for each in self._recent.values() if each.size <= snapshot.size)
                newest = max(earlier, key=lambda each: each.size, default=None)
                directory = _extend(newest, snapshot)
            self._keep(directory, last)
        return directory

    def _keep(self, directory: Directory, last: int | None) -> None:
        known = self._recent.get(last)
        if known is None or directory.size > known.size:
            self._recent[last] = directory
        if len(self._recent) > _KEPT:
            del self._recent[min(self._recent, key=lambda index: self._recent[index].size)]
        if self._latest is None or directory.size > self._latest.size:
            self._latest = directory


def _extend(directory: Directory | None, snapshot: LedgerSnapshot) -> Directory:
    """Apply what the store holds beyond a directory, or all of it."""
    if directory is None:
        directory = _begin(snapshot)
    found: list[SignedHeader] = []
    start = directory.size
    while True:
        page = snapshot.directory_entries(start, _PAGE)
        found += [signed for entry in page if (signed := _signed(entry)) is not None]
        if len(page) < _PAGE:
            break
        start = page[-1].index + 1
    return directory.proven(found, snapshot.size)


def _begin(snapshot: LedgerSnapshot) -> Directory:
    """Begin with entry 0, which `init` verified and every member pins."""
    entry = snapshot.by_index(0)
    genesis = None if entry is None else _signed(entry)
    if genesis is None or genesis.header.kind is not Kind.GENESIS:
        raise Fault(Reason.LEDGER_UNAVAILABLE, "the ledger has no genesis entry yet")
    return Directory.from_genesis(genesis.header)


def _signed(entry: StoredEntry) -> SignedHeader | None:
    try:
        return chain.signed_header(entry.index, entry.body)
    except Refusal:
        return None
