"""`forewarn-gateway ledger compare`: the logs of a folder, against checkpoints from outside.

* A checkpoint counts if the log's pinned key signed it. The log has to hold at least as many
  entries, and at that size the same tree.
* A log that was compared so may be served again, where what was seen is no older than what the log
  is known to have signed: an older checkpoint holds for every copy. So may one whose size somebody
  acknowledges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from gateway.care.site import LogSite
from gateway.compose import gate
from gateway.compose.checking import sites
from gateway.compose.state import Inception, SetupError, StateFolder
from gateway.core.checkpoint import Checkpoint, NoteError, open_checkpoint
from gateway.core.errors import Fault, Reason
from gateway.ledger.lock import StateLock
from gateway.ledger.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a comparison came to.

    Attributes:
        compared: The logs that hold what was seen, with the largest size that was.
        uncompared: The logs that have to be compared still.
    """

    compared: Mapping[str, int]
    uncompared: Sequence[str]


async def compare(
    state: StateFolder, seen: Sequence[bytes], acknowledged: Mapping[str, int]
) -> Compared:
    """Compare the logs of a folder.

    Args:
        state: The folder, of a stopped gateway.
        seen: Signed notes from outside.
        acknowledged: Sizes that somebody says are the right ones, by log.

    Returns:
        What was compared.

    Raises:
        SetupError: The folder was never begun, a note is no log's of it, or an acknowledged size is
            not the log's.
        Fault: LEDGER_NOT_PROVEN, a log does not hold what was seen; LEDGER_UNAVAILABLE, a gateway
            runs on it.
    """
    inception = Inception.read(state)
    if inception is None:
        raise SetupError(f"no ledger was begun in {state.root}")
    lock = await StateLock.acquire(state.root, within=0.0)
    try:
        waiting = gate.uncompared(state)
        logs = {site.origin: site for site in sites(state, inception)}
        compared: dict[str, int] = {}
        for note in seen:
            site, checkpoint = opened(note, logs)
            _check(site, checkpoint)
            compared[site.name] = max(checkpoint.size, compared.get(site.name, 0))
        for site in logs.values():
            if site.name in acknowledged:
                _check_size(site, acknowledged[site.name])
        left = {
            name: each
            for name, each in waiting.items()
            if compared.get(name, -1) < each.size and name not in acknowledged
        }
        gate.close(state, left)
        return Compared(compared=compared, uncompared=tuple(left))
    finally:
        lock.release()


def opened(note: bytes, logs: Mapping[str, LogSite]) -> tuple[LogSite, Checkpoint]:
    """Tell which log has signed a note from outside, and what the note says.

    Args:
        note: The note.
        logs: The logs of the folder, by origin.

    Raises:
        SetupError: None of them has.
    """
    flaw: NoteError | None = None
    for site in logs.values():
        try:
            return site, open_checkpoint(note, [site.verifier], site.origin)
        except NoteError as error:
            flaw = error
    why = flaw.reason if flaw is not None else "there is no log"
    raise SetupError(f"a checkpoint is none that a log of this folder has signed ({why})")


def _check(site: LogSite, checkpoint: Checkpoint) -> None:
    """Refuse a log that does not hold what a checkpoint says."""
    with closing(Store.open(site.store, site.origin, summarize=site.summarize)) as store:
        size = store.head().size
        if checkpoint.size > size:
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"{site.name}: somebody has seen {checkpoint.size} entries, this one holds {size}: "
                "it is an older copy. Never serve from it: find a newer backup, or the stream",
            )
        if store.root_at(checkpoint.size) != checkpoint.root:
            raise Fault(
                Reason.LEDGER_NOT_PROVEN,
                f"{site.name}: at size {checkpoint.size} it is another history than the one that "
                "was seen. Never serve from it: find the right backup",
            )


def _check_size(site: LogSite, size: int) -> None:
    with closing(Store.open(site.store, site.origin, summarize=site.summarize)) as store:
        held = store.head().size
    if held != size:
        raise SetupError(f"{site.name} holds {held} entries and not {size}: name its own size")
