"""The high-water mark: the last checkpoint that a node has signed, or has agreed with.

* It is a note of the log, kept verbatim, in a file apart from the store and from JetStream: no loss
  or rollback of these can make a node take a second history for the first.
* The file has two places, written in turn: while one is written, the other holds the mark before
  it, whole. Writing in place costs one sync of one page; replacing a file costs several, of the
  file system's own records as well, and every answer waits for it.
* A note proves itself by its signature: a place that was cut off does not count. A node that has
  agreed with none yet says so in words, so that an empty file is never taken for a new one.
* Where the other place is damaged, that is in doubt: it may have held a later mark (`places`).

It does not decide what may become the mark: the `keeper` does.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Self

from gateway.core.checkpoint import Checkpoint, NoteVerifier
from gateway.ledger.places import NOTHING_YET, PLACE_BYTES, Doubt, Places, padded


class HighWater:
    """The mark, as the file holds it."""

    def __init__(self, path: Path, verifier: NoteVerifier, places: bytes) -> None:
        """Keep what `load` has read; use `load`.

        Raises:
            NoteError: No place holds a note of the log.
        """
        self._path = path
        found = Places.read(places, verifier)
        self.checkpoint: Checkpoint = found.mark.checkpoint
        self.note: bytes | None = found.mark.note
        self.doubt: Doubt | None = found.doubt
        self._place = found.mark.place

    @staticmethod
    def first(note: bytes | None) -> bytes:
        """Give the content of a new file.

        Args:
            note: The note of the empty tree; None where the node cannot sign one.
        """
        return NOTHING_YET if note is None else note

    @classmethod
    def load(cls, path: Path, verifier: NoteVerifier) -> Self:
        """Read the file.

        Args:
            path: The file.
            verifier: The log's key.

        Raises:
            OSError: It cannot be read.
            NoteError: It holds no note of the log.
        """
        return cls(path, verifier, path.read_bytes())

    def advance(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Make a note the mark; once this returns, it is on disk.

        Killed while it is written, the place holds the note whole or does not count.

        Args:
            checkpoint: What the note says.
            note: The note, signed by the log.

        Raises:
            OSError: It could not be written; the mark is the one before.
        """
        place = 1 - self._place
        _write_place(self._path, place, note)
        self._place, self.note, self.checkpoint = place, note, checkpoint
        # Both places were whole before, or this one was the damaged one.
        self.doubt = None


def _write_place(path: Path, place: int, note: bytes) -> None:
    """Write one place of the mark's file, and return once it is on disk."""
    if len(note) > PLACE_BYTES:
        raise OSError(errno.EFBIG, "a note is larger than its place")
    # Not made anew where it is gone: a mark that was lost has to be restored.
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        if os.pwrite(fd, padded(note), place * PLACE_BYTES) != PLACE_BYTES:
            # The disk is full, or its quota: part of a note is none.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fdatasync(fd)
    finally:
        os.close(fd)
