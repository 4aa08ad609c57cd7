"""The fold: which entries of a block become part of the ledger, decided once and for ever.

* An entry names the keys that were read when it was judged, the ledger's size at that moment, and
  the keys that it writes. It is STALE if and only if one of its read keys was written at that size
  or after, be it by an earlier entry of the same block; else it is ACCEPTED, with the next index.
* An entry that is none is VOID: it did not parse, its salt is not 32 bytes, its body is empty or
  over 2 MiB, it was judged at a size beyond the ledger's before this block, it has more than 64
  reads or writes, or a key is empty or over 512 bytes.
* Total: whatever stands in a block gets a verdict. Frozen: these rules are version 1 and never
  change, so that replaying the kept blocks gives the same tree for ever.

It knows keys and not statements, uses no clock and no setting, and verifies no signature: workers
did before, and recipients and `ledger check` do for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final

from gateway.core.commitment import SALT_BYTES

MAX_BODY_BYTES: Final = 2 << 20
"""A statement of the largest size, and as much again for an audience of some thirty thousand."""
MAX_KEYS: Final = 64
MAX_KEY_BYTES: Final = 512


@unique
class Verdict(IntEnum):
    """What the fold says of an entry. The numbers are stored; they never change."""

    VOID = 0
    ACCEPTED = 1
    STALE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a worker asks to have recorded.

    It may hold anything: whether it is an entry at all is the fold's to say.

    Attributes:
        body: A serialized entry body.
        salt: 32 random bytes that blind its commitment.
        judged_at: Size of the ledger at which it was judged.
        reads: Keys read for the judgement.
        writes: Keys that it writes.
    """

    body: bytes
    salt: bytes
    judged_at: int
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The verdict on one entry.

    Attributes:
        verdict: The verdict.
        index: Its index in the ledger; None unless it was accepted.
    """

    verdict: Verdict
    index: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What a block comes to.

    Attributes:
        outcomes: One for each entry, in order.
        writes: Index of the last accepted entry that wrote each key.
        size: Size of the ledger after the block.
    """

    outcomes: tuple[Outcome, ...]
    writes: Mapping[str, int]
    size: int


def fold(
    entries: Sequence[Entry | None], size: int, last_written: Callable[[str], int | None]
) -> Folded:
    """Decide about the entries of one block.

    Args:
        entries: The block's entries, in order; None for one that did not parse.
        size: Size of the ledger before the block.
        last_written: Gives the index of the last entry before the block that wrote a key, or None.

    Returns:
        A verdict for every entry, and the keys and size after the block.
    """
    writes: dict[str, int] = {}
    outcomes: list[Outcome] = []
    next_index = size
    for entry in entries:
        if entry is None or _is_void(entry, size):
            outcomes.append(Outcome(verdict=Verdict.VOID, index=None))
            continue
        if _is_stale(entry, writes, last_written):
            outcomes.append(Outcome(verdict=Verdict.STALE, index=None))
            continue
        outcomes.append(Outcome(verdict=Verdict.ACCEPTED, index=next_index))
        writes.update(dict.fromkeys(entry.writes, next_index))
        next_index += 1
    return Folded(outcomes=tuple(outcomes), writes=writes, size=next_index)


def _is_void(entry: Entry, size: int) -> bool:
    """Tell whether this is no entry at all."""
    return (
        len(entry.salt) != SALT_BYTES
        or not 0 < len(entry.body) <= MAX_BODY_BYTES
        # Nobody can have read the ledger at a size that it did not have when the block arrived.
        or not 0 <= entry.judged_at <= size
        or not _are_keys(entry.reads)
        or not _are_keys(entry.writes)
    )


def _are_keys(keys: Sequence[str]) -> bool:
    return len(keys) <= MAX_KEYS and all(
        0 < len(key.encode(errors="surrogatepass")) <= MAX_KEY_BYTES for key in keys
    )


def _is_stale(
    entry: Entry, writes: Mapping[str, int], last_written: Callable[[str], int | None]
) -> bool:
    """Tell whether something read for the judgement has been written since."""
    # Within the block every write is after the judgement: `judged_at` is at most the size before.
    return any(key in writes for key in entry.reads) or any(
        written >= entry.judged_at for written in _known(map(last_written, entry.reads))
    )


def _known(indexes: Iterable[int | None]) -> Iterable[int]:
    return (index for index in indexes if index is not None)
