"""What keeps a gateway from serving: a repair that was not ended, a history nobody has compared.

* `uncompared.json` names each log whose history was put in place from a copy, or whose last signed
  checkpoint could not be told for certain. Members may have seen more than such a log holds: going
  on from it would be a second history. It goes when the log was compared with a checkpoint from
  outside, or when somebody says, by its size, that it is the right one.
* `repair/plan.json` names what a repair was about to put in place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from gateway.compose.state import SetupError, StateFolder, write_whole

_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncompared:
    """A log that nobody has compared yet.

    Attributes:
        size: Size of the last checkpoint that is known to be signed.
        why: How it came to be so.
    """

    size: int
    why: str


def uncompared(state: StateFolder) -> dict[str, Uncompared]:
    """Name the logs that have to be compared before anything is served from them.

    Args:
        state: The folder.

    Raises:
        SetupError: The file cannot be read.
    """
    try:
        said = json.loads(state.uncompared.read_bytes())
        return {
            str(name): Uncompared(size=int(each["size"]), why=str(each["why"]))
            for name, each in said["logs"].items()
        }
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SetupError(f"{state.uncompared} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SetupError(
            f"{state.uncompared} is damaged: the logs have to be compared, see `forewarn-gateway "
            "ledger compare --help`; write {} as its `logs` only if they were"
        ) from None


def close(state: StateFolder, logs: Mapping[str, Uncompared]) -> None:
    """Say which logs have to be compared; none opens the gate.

    Args:
        state: The folder.
        logs: By name.
    """
    if logs:
        said = {name: asdict(each) for name, each in logs.items()}
        text = json.dumps({"version": _VERSION, "logs": said}, indent=2)
        write_whole(state.uncompared, text + "\n")
    else:
        state.uncompared.unlink(missing_ok=True)


def check(state: StateFolder) -> None:
    """Refuse to serve from what has to be mended or compared first.

    Args:
        state: The folder.

    Raises:
        SetupError: With what to do.
    """
    if state.repair_plan.exists():
        raise SetupError(
            f"a repair of {state.root} was begun and has not ended: run `forewarn-gateway ledger "
            "repair` again, which ends it"
        )
    logs = uncompared(state)
    if logs:
        names = ", ".join(f"{name} ({each.why}, size {each.size})" for name, each in logs.items())
        raise SetupError(
            f"what stands in {state.root} was not compared with what members have seen: {names}. "
            "Get a checkpoint from a member (its folder's state/checkpoint) or a monitor, and run "
            "`forewarn-gateway ledger compare --seen CHECKPOINT`"
        )
