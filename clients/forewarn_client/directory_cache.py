"""The verified directory, kept on disk between runs so that only what is new is fetched.

* What is kept are the signed statements with their proofs, what was passed over among them, and the
  checkpoint up to which nothing was left out. All of it is judged again when it is loaded.
* A file that does not hold is as good as none: everything in it can be fetched again.

It holds nothing secret that members do not all have.
"""

import struct
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError

from forewarn.exchange.v1 import directory_service_pb2, ledger_pb2
from forewarn_client import files
from forewarn_client.directory import DirectoryView, listed
from forewarn_client.errors import ForewarnError
from forewarn_client.verifier import Verifier

FILE: Final = "directory.pages"
_LENGTH: Final = struct.Struct(">I")

Page = directory_service_pb2.ListDirectoryEntriesResponse


class DirectoryCache:
    """The file that a verified directory is kept in."""

    def __init__(self, folder: Path, verifier: Verifier) -> None:
        """Take the folder of things that can be fetched again, and what verifies them."""
        self._path = folder / FILE
        self._verifier = verifier

    def load(self) -> DirectoryView | None:
        """Load and verify the directory.

        Returns:
            The view; None where there is none, or none that holds.
        """
        try:
            pages = tuple(_pages(files.read(self._path)))
            chain = [evidence for page in pages for evidence in listed(page)]
            size = self._verifier.checkpoint(pages[-1].checkpoint).size if pages else 0
            return DirectoryView.of_chain(self._verifier, chain, size)
        except (ForewarnError, DecodeError, struct.error):
            return None

    def save(self, view: DirectoryView, checkpoint: bytes) -> None:
        """Keep a verified directory, unless the file knows it further already.

        Another process of the member may have come further meanwhile.

        Args:
            view: The directory.
            checkpoint: The checkpoint up to which nothing was left out.

        Raises:
            HomeError: The file cannot be written.
        """
        if self._size_kept() > view.size:
            return
        pages = [
            Page(
                checkpoint=note,
                records=[
                    ledger_pb2.Record(
                        entry_body=item.entry_body,
                        index=item.index,
                        salt=item.salt,
                        inclusion_proof=item.inclusion_proof,
                    )
                    for item in group
                ],
            )
            for note, group in groupby(view.entries, key=lambda item: item.checkpoint)
        ]
        encoded = [page.SerializeToString() for page in (*pages, Page(checkpoint=checkpoint))]
        files.make_folder(self._path.parent)
        files.write(self._path, b"".join(_LENGTH.pack(len(page)) + page for page in encoded))

    def _size_kept(self) -> int:
        """Tell up to which size of the ledger the file knows the directory; 0 for not at all."""
        try:
            *_, last = _pages(files.read(self._path))
            return self._verifier.checkpoint(last.checkpoint).size
        except (ForewarnError, DecodeError, struct.error, ValueError):
            return 0


def _pages(data: bytes) -> Iterator[Page]:
    start = 0
    while start < len(data):
        (length,) = _LENGTH.unpack_from(data, start)
        start += _LENGTH.size
        if start + length > len(data):
            raise DecodeError("the file ends within a page")
        yield Page.FromString(data[start : start + length])
        start += length
