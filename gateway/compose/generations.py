"""Which generation each log's stream is of: `streams.json` in the state folder.

* A repair makes a stream anew, under another name, and says so here; without the file, both are of
  the first generation. A file that is lost costs nothing but a start that finds no stream.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from gateway.compose.state import SetupError, StateFolder, write_whole
from gateway.ledger.nats_roles import LOGS, Log, generation

_VERSION: Final = 1
NAMES: Final = ("ledger", "audit")


def numbers(state: StateFolder) -> dict[str, int]:
    """Read the generation of each log's stream.

    Args:
        state: The folder.

    Raises:
        SetupError: The file cannot be read.
    """
    try:
        said = json.loads(state.streams.read_bytes())
        found = {name: said[name] for name in NAMES}
    except FileNotFoundError:
        return dict.fromkeys(NAMES, 1)
    except OSError as error:
        raise SetupError(f"{state.streams} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise _damaged(state) from None
    if said.get("version") != _VERSION or not all(
        type(each) is int and each > 0 for each in found.values()
    ):
        raise _damaged(state)
    return found


def logs_of(state: StateFolder) -> tuple[Log, Log]:
    """Give the places of both logs in NATS.

    Args:
        state: The folder.

    Raises:
        SetupError: The file cannot be read.
    """
    found = numbers(state)
    ledger, audit = (generation(log, found[name]) for log, name in zip(LOGS, NAMES, strict=True))
    return ledger, audit


def write(state: StateFolder, found: Mapping[str, int]) -> None:
    """Write the file. Once this returns, it is on disk.

    Args:
        state: The folder.
        found: The generation of each log's stream.
    """
    write_whole(state.streams, json.dumps({"version": _VERSION, **found}, indent=2) + "\n")


def _damaged(state: StateFolder) -> SetupError:
    return SetupError(
        f"{state.streams} is damaged: restore it from a copy, or write it by the names of the "
        f"streams' folders in {state.jetstream}"
    )
