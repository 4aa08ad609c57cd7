"""The blocks that a stream's files still hold, read from the files themselves.

nats-server mends a damaged file by cutting it off, and shows nothing of a stream whose metadata it
cannot read. The bytes of the blocks may be there all the same. They are read here, without it.

* A block proves itself: its message id, in the same record, is the SHA-256 of its bytes.
* Records are followed by their lengths, so that what looks like a record inside of a block is never
  taken for one. Where a length is damaged, the next record is searched for; what is found so is
  `chained` no more, and counts only where something else vouches for it.
* The form is that of nats-server 2.x (`server/filestore.go`): length with a bit for headers,
  sequence, time, length of the subject, subject, length of the headers, headers, message, checksum.
  Files that are encrypted or compressed are not read; the streams made here are neither.

It changes nothing, and decides nothing: `gateway.care.assembly` does.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from gateway.ledger.nats_conf import MAX_PAYLOAD_BYTES

_HEADED: Final = 1 << 31
_NO_MESSAGE: Final = 3 << 62  # tombstones and erased records
_FIXED: Final = struct.Struct("<IQqH")
_CHECKSUM_BYTES: Final = 8
_LENGTH_BYTES: Final = 4
_MOST_BYTES: Final = MAX_PAYLOAD_BYTES + (1 << 16)
_ID: Final = b"Nats-Msg-Id: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """One message in a file.

    Attributes:
        sequence: Where the stream held it.
        sha256: SHA-256 of its bytes.
        named: Whether it has a message id: all that a gateway writes has.
        proven: Whether its message id says the same.
        chained: Whether it was reached by the lengths of the records before it.
        file: The file.
        offset: Where in the file its bytes begin.
        size: How many they are.
    """

    sequence: int
    sha256: bytes
    named: bool
    proven: bool
    chained: bool
    file: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """Read the message.

        Raises:
            OSError: The file cannot be read.
        """
        with self.file.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


def salvage(jetstream: Path, stream: str, subject: str) -> Iterator[Salvaged]:
    """Read what JetStream's files hold of a stream.

    Args:
        jetstream: The server's folder.
        stream: The stream's name.
        subject: The subject of its messages.

    Returns:
        The messages, file by file in the order of their numbers, and in each as they stand there.

    Raises:
        OSError: A file cannot be read.
    """
    files = jetstream.glob(f"**/streams/{stream}/msgs/*.blk")
    numbered = ((int(path.stem), path) for path in files if path.stem.isdigit())
    for _, path in sorted(numbered):
        yield from _records(path, subject.encode())


def _records(path: Path, subject: bytes) -> Iterator[Salvaged]:
    content = path.read_bytes()
    mark = struct.pack("<H", len(subject)) + subject
    at, chained = 0, True
    while at < len(content):
        size = _size(content, at, mark)
        if size is None:
            found = content.find(mark, at + 1 + _FIXED.size - 2)
            if found < 0:
                return
            at, chained = found - _FIXED.size + 2, False
            continue
        record = _record(content[at : at + size], at, path, mark, chained=chained)
        if record is not None:
            yield record
        at += size


def _size(content: bytes, at: int, mark: bytes) -> int | None:
    """Give the length of the record at a place; None where there is no whole one."""
    if content[at + _FIXED.size - 2 : at + _FIXED.size - 2 + len(mark)] != mark:
        return None
    (length,) = struct.unpack_from("<I", content, at)
    size = int(length & ~_HEADED)
    smallest = _FIXED.size - 2 + len(mark) + _CHECKSUM_BYTES
    return size if smallest <= size <= min(_MOST_BYTES, len(content) - at) else None


def _record(record: bytes, at: int, path: Path, mark: bytes, *, chained: bool) -> Salvaged | None:
    length, sequence, _, _ = _FIXED.unpack_from(record)
    if sequence & _NO_MESSAGE:
        return None
    begin = _FIXED.size - 2 + len(mark)
    headers = b""
    if length & _HEADED:
        (size,) = struct.unpack_from("<I", record, begin)
        begin += _LENGTH_BYTES
        headers = record[begin : begin + size]
        begin += size
    if begin > len(record) - _CHECKSUM_BYTES:
        return None
    message = record[begin:-_CHECKSUM_BYTES]
    digest = sha256(message).digest()
    return Salvaged(
        sequence=sequence,
        sha256=digest,
        named=_ID in headers,
        proven=_ID + digest.hex().encode() + b"\r\n" in headers,
        chained=chained,
        file=path,
        offset=at + begin,
        size=len(message),
    )
