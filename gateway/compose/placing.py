"""What a repair has made and proven, put in place: all of it, in whatever number of runs.

* The plan is on disk before the first file moves. From then on every run goes on where the one
  before was killed: each step looks at what is there, and does nothing twice.
* What is replaced is kept, under `set-aside/`, as it was.
* The gateway does not start while there is a plan.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from gateway.compose import gate, generations
from gateway.compose.state import SetupError, StateFolder, write_whole
from gateway.ledger.synced import sync_folder

_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One thing that was made anew, and what it replaces. Paths are within the state folder.

    Attributes:
        made: Where it was made. While it stands there, it is not in place yet.
        target: Where it belongs.
        away: What stands in its way, and where that is kept.
    """

    made: str
    target: str
    away: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be put in place.

    Attributes:
        replacements: One after the other.
        streams: The generation of each log's stream afterwards.
        uncompared: Which logs have to be compared afterwards, before the gateway serves.
    """

    replacements: tuple[Replacement, ...]
    streams: Mapping[str, int]
    uncompared: Mapping[str, gate.Uncompared]

    def write(self, state: StateFolder) -> None:
        """Write the plan: from here on, the repair goes forward only."""
        text = json.dumps({"version": _VERSION, **asdict(self)}, indent=2)
        write_whole(state.repair_plan, text + "\n")

    @classmethod
    def read(cls, state: StateFolder) -> Plan | None:
        """Read the plan of a repair that was not ended; None where there is none.

        Raises:
            SetupError: It cannot be read.
        """
        try:
            said: dict[str, Any] = json.loads(state.repair_plan.read_bytes())
            return cls(
                replacements=tuple(
                    Replacement(
                        made=str(each["made"]),
                        target=str(each["target"]),
                        away=tuple((str(one), str(other)) for one, other in each["away"]),
                    )
                    for each in said["replacements"]
                ),
                streams={str(name): int(number) for name, number in said["streams"].items()},
                uncompared={
                    str(name): gate.Uncompared(size=int(each["size"]), why=str(each["why"]))
                    for name, each in said["uncompared"].items()
                },
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise SetupError(
                f"{state.repair_plan} cannot be read: put back what stands in {state.set_aside}, "
                "remove the folder of the plan, and run the repair again"
            ) from None


def place(state: StateFolder, plan: Plan, told: Callable[[str], None]) -> None:
    """Put everything in place. Killed anywhere, it is called again with the same plan.

    Args:
        state: The folder, locked.
        plan: The plan, on disk.
        told: Told of each step.

    Raises:
        SetupError: A file cannot be moved.
    """
    for each in plan.replacements:
        made = state.root / each.made
        # In place since a run before this one: what stands at its target is the new one.
        if not made.exists():
            continue
        for source, kept in each.away:
            told(f"keeping {source}")
            if (state.root / source).exists():
                _rename(state.root, state.root / source, state.root / kept)
        told(f"placing {each.target}")
        _rename(state.root, made, state.root / each.target)
    told("placing the generations")
    generations.write(state, plan.streams)
    gate.close(state, {**gate.uncompared(state), **plan.uncompared})
    told("ending the repair")
    done = state.repair.with_name(f"{state.repair.name}.done")
    shutil.rmtree(done, ignore_errors=True)
    _rename(state.root, state.repair, done)
    shutil.rmtree(done, ignore_errors=True)


def _rename(root: Path, source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        source.rename(target)
        # First where it is now, with every folder that was just made; then where it was. The other
        # way round, a loss of power could leave it in neither.
        for folder in (target.parent, *target.parent.parents):
            sync_folder(folder)
            if folder == root:
                break
        sync_folder(source.parent)
    except OSError as error:
        raise SetupError(f"{target} cannot be written: {error.strerror}") from None
