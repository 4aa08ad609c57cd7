"""Blocks and entries as the stream carries them (`forewarn.exchange.v1.Block` and `Entry`).

* Decoding never raises. A block that is not one holds no entries, and an entry that is not one is
  None: both are bytes that somebody wrote, and the fold has a verdict for each.
* A message counts only in its one deterministic form, without unknown fields: so what decodes
  depends on these rules, and not on how lenient a release of the protobuf library is.
* A block of another version than 1, or of more than 4096 entries, holds no entries. A later version
  has to be switched on by the ledger itself, so that what was folded stays as it was folded.

It does not look into an entry's body: see `gateway.wire.entries`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from forewarn.exchange.v1 import ledger_pb2
from gateway.core.fold import Entry

FOLD_VERSION: Final = 1
MAX_BLOCK_ENTRIES: Final = 4096

_M = TypeVar("_M", bound=Message)


def encode_entry(entry: Entry) -> bytes:
    """Serialize one entry.

    Args:
        entry: The entry.

    Returns:
        A serialized `Entry`; `decode_entry` gives the same entry again.

    Raises:
        ValueError: `judged_at` is no unsigned 64-bit number, or a key has no UTF-8 form.
    """
    return ledger_pb2.Entry(
        body=entry.body,
        salt=entry.salt,
        judged_at=entry.judged_at,
        reads=entry.reads,
        writes=entry.writes,
    ).SerializeToString(deterministic=True)


def encode_block(entries: Iterable[bytes], *, node: str, sealed_time: datetime) -> bytes:
    """Serialize a block.

    Args:
        entries: Serialized entries, in order; at most 4096.
        node: Name of the gateway node, for people.
        sealed_time: When it was sealed, with its time zone; for people.

    Returns:
        A serialized `Block`.
    """
    sealed = Timestamp()
    sealed.FromDatetime(sealed_time)
    block = ledger_pb2.Block(version=FOLD_VERSION, entries=entries, node=node, sealed_time=sealed)
    return block.SerializeToString(deterministic=True)


def decode_block(message: bytes) -> tuple[Entry | None, ...]:
    """Read the entries of a block.

    Args:
        message: Any bytes that the stream holds.

    Returns:
        One item for each entry, None for one that is not an entry; nothing where the bytes are no
        block of this version.
    """
    block = _canonical(ledger_pb2.Block(), message)
    if block is None or block.version != FOLD_VERSION or len(block.entries) > MAX_BLOCK_ENTRIES:
        return ()
    return tuple(decode_entry(entry) for entry in block.entries)


def decode_entry(message: bytes) -> Entry | None:
    """Read one entry of a block.

    Args:
        message: Any bytes.

    Returns:
        The entry, which the fold may still find void; None where the bytes are not an entry.
    """
    entry = _canonical(ledger_pb2.Entry(), message)
    if entry is None:
        return None
    return Entry(
        body=entry.body,
        salt=entry.salt,
        judged_at=entry.judged_at,
        reads=tuple(entry.reads),
        writes=tuple(entry.writes),
    )


def _canonical(empty: _M, message: bytes) -> _M | None:
    """Parse a message that is in its one deterministic form; None for any other bytes."""
    try:
        empty.ParseFromString(message)
    except (DecodeError, UnicodeDecodeError):
        return None
    empty.DiscardUnknownFields()
    return empty if empty.SerializeToString(deterministic=True) == message else None
