"""What is made anew of one log: its store, proven against what was signed, and what goes with it.

* Everything is made in the repair's own folder; nothing of what is there is touched.
* The blocks are put together from what store and stream still hold. Nothing is given that was not
  folded anew into the tree that was signed last.
* Where more may have been signed than can be proven, that is said, for whoever has to compare it.

It puts nothing in place: that is `placing`; and makes no stream: that is `repairing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from gateway.care import keepers, rebuild
from gateway.care.assembly import Pieces
from gateway.care.check import Checked
from gateway.care.findings import Damage, Findings
from gateway.care.inspection import Inspection
from gateway.care.rebuild import Rebuilt, Signed
from gateway.care.site import LogSite, Progress
from gateway.compose import gate, generations
from gateway.compose.state import StateFolder
from gateway.core.checkpoint import Note, NoteError, open_checkpoint, parse_note
from gateway.core.errors import Fault, Reason
from gateway.ledger.nats_roles import LOGS, Log, generation
from gateway.ledger.places import Places
from gateway.ledger.raw import NOTES, RawStore, Unreadable
from gateway.ledger.salvage import salvage

_STORE: Final = frozenset(
    {
        Damage.STORE_MISSING,
        Damage.STORE_OUTDATED,
        Damage.STORE_CORRUPT,
        Damage.BLOCK_MISSING,
        Damage.BLOCK_CHANGED,
        Damage.BLOCK_MISFOLDED,
        Damage.ENTRY_DIFFERS,
        Damage.TILE_DIFFERS,
        Damage.INDEX_DIFFERS,
    }
)
_STREAM: Final = frozenset(
    {
        Damage.STREAM_MISSING,
        Damage.STREAM_SETTINGS,
        Damage.STREAM_HOLE,
        Damage.STREAM_CHANGED,
        Damage.STREAM_ENDS_EARLY,
    }
)
_MARK: Final = frozenset({Damage.MARK_MISSING, Damage.MARK_DAMAGED, Damage.MARK_PLACE_DAMAGED})
# What the engines contradict or lack of the signed history; they may hold it all the same.
_HISTORY: Final = frozenset({Damage.HISTORY_DIFFERS, Damage.ENTRIES_LOST})

MENDED: Final = _STORE | _STREAM | _MARK | _HISTORY
"""Every damage that is mended by making something of the log anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    """What is made anew of one log, and what it is made from.

    Attributes:
        site: The log.
        checked: What was found.
        rebuilt: Its store, made anew and proven.
        store: Whether that takes the place of the one that is there.
        stream: The log with the stream's new generation; None where the stream is whole.
        mark: The note for both places of the mark; None where the mark is whole.
        uncompared: Why it has to be compared before it is served; None where all is proven.
        pieces: Where its blocks are read from.
    """

    site: LogSite
    checked: Checked
    rebuilt: Rebuilt
    store: bool
    stream: Log | None
    mark: Signed | None
    uncompared: gate.Uncompared | None
    pieces: Pieces = field(repr=False)

    @property
    def words(self) -> list[str]:
        """What will be done, one line each."""
        blocks, later = self.rebuilt.assembled.blocks, self.rebuilt.assembled.later
        name, size = self.site.name, self.rebuilt.head.size
        said = [f"{name}: {len(blocks)} blocks with {size} entries are proven"]
        if self.store:
            said.append(f"{name}: {self.site.store.name} is made anew from them")
        if self.stream is not None:
            more = f"{len(later)} more that {'was' if len(later) == 1 else 'were'} never folded"
            said.append(
                f"{name}: a new stream {self.stream.stream} takes the place of "
                f"{self.site.log.stream}, with these blocks and {more}"
            )
        if self.mark is not None:
            said.append(f"{name}: the mark is written anew, of size {self.mark.checkpoint.size}")
        if self.uncompared is not None:
            said.append(
                f"{name}: {self.uncompared.why}, so it has to be compared before it is served"
            )
        return said


def prepare(
    state: StateFolder,
    site: LogSite,
    checked: Checked,
    *,
    seen: Sequence[bytes],
    progress: Progress,
) -> Mending:
    """Make a log's store anew and prove it; closing its pieces is the caller's.

    Args:
        state: The state folder.
        site: The log.
        checked: What a check found of it.
        seen: Notes that the log has signed, from outside.
        progress: Told of each step.

    Raises:
        Fault: LEDGER_NOT_PROVEN, what is left does not give the tree that was signed, and why.
    """
    store = _opened(site)
    quiet = Inspection(site=site, findings=Findings(site.name), progress=progress)
    try:
        return _prove(state, quiet, checked, seen, store)
    except BaseException:
        if store is not None:
            store.close()
        raise


def _prove(
    state: StateFolder,
    quiet: Inspection,
    checked: Checked,
    seen: Sequence[bytes],
    store: RawStore | None,
) -> Mending:
    site = quiet.site
    places = keepers.examine(quiet)
    outside = _signed(site, seen)
    signed = [*outside, *_signed(site, _kept(places, store))]
    if not signed:
        raise Fault(
            Reason.LEDGER_NOT_PROVEN,
            f"{site.name}: no checkpoint that was signed can be read, so nothing can be proven: "
            f"restore {site.keeper} from a copy, or name a checkpoint that a member has seen "
            "(--seen)",
        )
    streamed = salvage(state.jetstream, site.log.stream, site.log.blocks)
    pieces = Pieces(store, streamed)
    path = state.repair / site.store.name
    rebuilt = rebuild.rebuild(site, pieces, signed, path, quiet.progress)
    broken = checked.names & _HISTORY
    mark = max(signed, key=lambda each: each.checkpoint.size)
    return Mending(
        site=site,
        checked=checked,
        rebuilt=rebuilt,
        store=bool(checked.names & _STORE or broken),
        stream=_next(state, site) if checked.names & _STREAM or broken else None,
        mark=mark if checked.names & _MARK else None,
        uncompared=None if mark in outside else _doubt(site, places, rebuilt, mark),
        pieces=pieces,
    )


def _opened(site: LogSite) -> RawStore | None:
    try:
        return RawStore.open(site.store)
    except (FileNotFoundError, Unreadable):
        return None


def _kept(places: Places | None, store: RawStore | None) -> list[bytes]:
    """Gather the notes that this folder holds."""
    notes = []
    if places is not None and places.mark.note is not None:
        notes.append(places.mark.note)
    if store is not None:
        for key in NOTES:
            with suppress(Unreadable):
                notes.append(store.meta(key) or b"")
    return notes


def _signed(site: LogSite, notes: Sequence[bytes]) -> list[Signed]:
    """Take the checkpoints that the log has signed, each under its own signature alone.

    Whoever else has signed one says nothing of it that is needed here, and a place of the mark has
    no room for witnesses.
    """
    found = []
    for each in notes:
        try:
            checkpoint = open_checkpoint(each, [site.verifier], site.origin)
        except NoteError:
            # Another log's, or damaged: it says nothing of this one.
            continue
        note = parse_note(each)
        by_log = next(line for line in note.signatures if site.verifier.matches(line))
        alone = Note(text=note.text, signatures=(by_log,)).encode()
        found.append(Signed(note=alone, checkpoint=checkpoint))
    return found


def _doubt(
    site: LogSite,
    places: Places | None,
    rebuilt: Rebuilt,
    mark: Signed,
) -> gate.Uncompared | None:
    """Tell whether more may have been signed than can be proven."""
    if places is None:
        why = "the last signed checkpoint is lost, another stands in its place"
        return gate.Uncompared(size=mark.checkpoint.size, why=why)
    doubt = places.doubt
    if doubt is None:
        return None
    if doubt.settled(rebuilt.head, site.verifier):
        return None
    why = "the place of the last signed checkpoint is damaged, and what it said is unknown"
    return gate.Uncompared(size=mark.checkpoint.size, why=why)


def _next(state: StateFolder, site: LogSite) -> Log:
    """Give the log with a stream that was never used."""
    first = LOGS[generations.NAMES.index(site.name)]
    number = generations.numbers(state)[site.name] + 1
    while any(state.jetstream.glob(f"**/streams/{generation(first, number).stream}")):
        number += 1
    return generation(first, number)
