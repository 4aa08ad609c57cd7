"""What a check can find: a closed list of damages, each with its gravity and its remedy.

* The names are stable: scripts and people go by them, and none is renamed or given another meaning.
* DAMAGE means that a promise is broken or hangs by one thread: something has to be done. A REMARK
  means that all is as it was recorded, and that somebody should know what was recorded.
* A finding says what is damaged and where, by file, block, index or sequence; never what it holds.

It looks at nothing itself: the checks do, and report here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

_KEPT: Final = 8
"""So many findings of one name are listed one by one; beyond that they are counted."""


@unique
class Gravity(StrEnum):
    """What a finding means for the ledger."""

    DAMAGE = "damage"
    REMARK = "remark"


@unique
class Damage(StrEnum):
    """Everything that a check can find."""

    # The state folder.
    INCEPTION_MISSING = "INCEPTION_MISSING"
    INCEPTION_DAMAGED = "INCEPTION_DAMAGED"
    CONFIGURATION_DAMAGED = "CONFIGURATION_DAMAGED"
    JOIN_FILE_DIFFERS = "JOIN_FILE_DIFFERS"
    REPAIR_UNFINISHED = "REPAIR_UNFINISHED"
    HISTORY_UNCOMPARED = "HISTORY_UNCOMPARED"

    # The keeper.
    KEY_MISSING = "KEY_MISSING"
    KEY_DAMAGED = "KEY_DAMAGED"
    KEY_EXPOSED = "KEY_EXPOSED"
    KEY_NOT_PINNED = "KEY_NOT_PINNED"
    MARK_MISSING = "MARK_MISSING"
    MARK_DAMAGED = "MARK_DAMAGED"
    MARK_PLACE_DAMAGED = "MARK_PLACE_DAMAGED"
    MARK_BEHIND = "MARK_BEHIND"

    # The store.
    STORE_MISSING = "STORE_MISSING"
    STORE_FOREIGN = "STORE_FOREIGN"
    STORE_OUTDATED = "STORE_OUTDATED"
    STORE_CORRUPT = "STORE_CORRUPT"
    STORE_BEHIND = "STORE_BEHIND"
    BLOCK_MISSING = "BLOCK_MISSING"
    BLOCK_CHANGED = "BLOCK_CHANGED"
    BLOCK_MISFOLDED = "BLOCK_MISFOLDED"
    ENTRY_DIFFERS = "ENTRY_DIFFERS"
    TILE_DIFFERS = "TILE_DIFFERS"
    INDEX_DIFFERS = "INDEX_DIFFERS"
    NOTE_DAMAGED = "NOTE_DAMAGED"

    # The history.
    HISTORY_DIFFERS = "HISTORY_DIFFERS"
    ENTRIES_LOST = "ENTRIES_LOST"
    GENESIS_DIFFERS = "GENESIS_DIFFERS"

    # The stream.
    STREAM_MISSING = "STREAM_MISSING"
    STREAM_SETTINGS = "STREAM_SETTINGS"
    STREAM_HOLE = "STREAM_HOLE"
    STREAM_CHANGED = "STREAM_CHANGED"
    STREAM_ENDS_EARLY = "STREAM_ENDS_EARLY"

    # What was recorded.
    ENTRY_VOID = "ENTRY_VOID"
    ENTRY_OPAQUE = "ENTRY_OPAQUE"
    STATEMENT_UNPROVEN = "STATEMENT_UNPROVEN"
    STATEMENT_REPEATED = "STATEMENT_REPEATED"


_REPAIR: Final = "stop the gateway, run `forewarn-gateway ledger repair`"
_RESTORE: Final = "restore it from a copy"
_NOBODYS: Final = (
    "nothing to repair: it stands in the ledger for ever; find out who wrote past the gateway"
)

REMEDIES: Final[Mapping[Damage, str]] = MappingProxyType(
    {
        Damage.INCEPTION_MISSING: f"{_RESTORE}: inception.json pins the ledger and its keys",
        Damage.INCEPTION_DAMAGED: f"{_RESTORE}: inception.json pins the ledger and its keys",
        Damage.CONFIGURATION_DAMAGED: "edit gateway.toml, or write it again",
        Damage.JOIN_FILE_DIFFERS: "run `forewarn-gateway init` again: it writes exchange.toml anew",
        Damage.REPAIR_UNFINISHED: "run `forewarn-gateway ledger repair` again: it ends it",
        Damage.HISTORY_UNCOMPARED: "get a checkpoint from a member or a monitor, and run"
        " `forewarn-gateway ledger compare --seen CHECKPOINT`",
        Damage.KEY_MISSING: f"{_RESTORE}; without log.pem this log cannot go on",
        Damage.KEY_DAMAGED: f"{_RESTORE}; without log.pem this log cannot go on",
        Damage.KEY_EXPOSED: "chmod it to 600, and find out who has read it",
        Damage.KEY_NOT_PINNED: f"{_RESTORE}: members have pinned another key",
        Damage.MARK_MISSING: _REPAIR,
        Damage.MARK_DAMAGED: _REPAIR,
        Damage.MARK_PLACE_DAMAGED: _REPAIR,
        Damage.MARK_BEHIND: "start the gateway: it signs on from what it has published",
        Damage.STORE_MISSING: _REPAIR,
        Damage.STORE_FOREIGN: "name the state folder of this exchange, or run the gateway's release"
        " that wrote it",
        Damage.STORE_OUTDATED: "stop the gateway, run `forewarn-gateway upgrade`; if it finds the"
        " store damaged, `forewarn-gateway ledger repair`",
        Damage.STORE_CORRUPT: _REPAIR,
        Damage.STORE_BEHIND: "start the gateway: it folds on from the stream",
        Damage.BLOCK_MISSING: _REPAIR,
        Damage.BLOCK_CHANGED: _REPAIR,
        Damage.BLOCK_MISFOLDED: _REPAIR,
        Damage.ENTRY_DIFFERS: _REPAIR,
        Damage.TILE_DIFFERS: _REPAIR,
        Damage.INDEX_DIFFERS: _REPAIR,
        Damage.NOTE_DAMAGED: "start the gateway: it publishes the keeper's note again, and"
        " asks the witnesses",
        Damage.HISTORY_DIFFERS: "keep the folder as it is, find out what wrote to it, and restore a"
        " backup that holds what was signed",
        Damage.ENTRIES_LOST: "restore the newest backup, or a copy of either engine that holds the"
        " lost entries, and run `forewarn-gateway ledger repair`",
        Damage.GENESIS_DIFFERS: "name the state folder of this exchange, or restore its copy",
        Damage.STREAM_MISSING: _REPAIR,
        Damage.STREAM_SETTINGS: _REPAIR,
        Damage.STREAM_HOLE: _REPAIR,
        Damage.STREAM_CHANGED: _REPAIR,
        Damage.STREAM_ENDS_EARLY: _REPAIR,
        Damage.ENTRY_VOID: _NOBODYS,
        Damage.ENTRY_OPAQUE: _NOBODYS,
        Damage.STATEMENT_UNPROVEN: _NOBODYS,
        Damage.STATEMENT_REPEATED: _NOBODYS,
    }
)

REMARKS: Final = frozenset(
    {
        Damage.ENTRY_VOID,
        Damage.ENTRY_OPAQUE,
        Damage.STATEMENT_UNPROVEN,
        Damage.STATEMENT_REPEATED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        log: `ledger`, `audit`, or `folder` for what belongs to both.
        damage: What it is.
        where: File, block, index or sequence.
        detail: What was expected and what was found, without content.
        more: How many others of this name were counted and not listed.
    """

    log: str
    damage: Damage
    where: str
    detail: str
    more: int = 0

    @property
    def gravity(self) -> Gravity:
        """What it means for the ledger."""
        return Gravity.REMARK if self.damage in REMARKS else Gravity.DAMAGE

    @property
    def remedy(self) -> str:
        """What to do."""
        return REMEDIES[self.damage]


class Findings:
    """Collects what the checks of one log find."""

    def __init__(self, log: str) -> None:
        """Begin with nothing.

        Args:
            log: The log's name.
        """
        self._log = log
        self._found: dict[Damage, list[Finding]] = {}

    def add(self, damage: Damage, where: str, detail: str) -> None:
        """Report one."""
        listed = self._found.setdefault(damage, [])
        if len(listed) < _KEPT:
            listed.append(Finding(log=self._log, damage=damage, where=where, detail=detail))
        else:
            listed[-1] = replace(listed[-1], more=listed[-1].more + 1)

    def __iter__(self) -> Iterator[Finding]:
        """Give them, in the order of the list of damages."""
        for damage in Damage:
            yield from self._found.get(damage, ())

    def __contains__(self, damage: Damage) -> bool:
        """Tell whether one of that name was found."""
        return damage in self._found

    @property
    def names(self) -> frozenset[Damage]:
        """The names of what was found."""
        return frozenset(self._found)
