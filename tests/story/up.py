"""`make up`: an exchange that keeps running, with one folder per member, to try things on.

* The first time it is made; after that, the same one is started again, with all that was said, and
  with new certificates where the old ones are about to expire.
* It runs in the foreground until Ctrl-C.
"""

import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from tests.story import cast, documents
from tests.story.claims import BrokenStoryError
from tests.story.exchange import Exchange
from tests.story.processes import BIN, Processes

_POLL_SECONDS = 0.5


def up(folder: Path, port: int) -> int:
    """Run an exchange until Ctrl-C, or until the gateway ends.

    Args:
        folder: Where it is, or goes.
        port: Where a new gateway is to listen; 0 takes a free port.

    Returns:
        The exit status: 0 after Ctrl-C.
    """
    with Processes() as processes:
        exchange = Exchange(folder=folder, processes=processes, port=port)
        try:
            exchange.take()
            if exchange.is_whole:
                exchange.renew()
                exchange.serve()
            else:
                print("Making an exchange with seven members ...", flush=True)
                exchange.build()
            examples(folder / "examples")
            print(welcome(exchange), flush=True)
            while exchange.gateway is not None and exchange.gateway.poll() is None:
                threading.Event().wait(_POLL_SECONDS)
        except BrokenStoryError as error:
            print(f"{error}.".replace("..", "."), file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nStopping; `make up` starts the same exchange again.", flush=True)
            return 0
    print(f"The gateway ended by itself: see {exchange.gateway_log}.", file=sys.stderr)
    return 1


def examples(folder: Path) -> None:
    """Write example documents, with dates that are right today."""
    folder.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    blanks = {
        "advisory.json": {"number": "2026-007"},
        "alert.toml": {"advisory": "advisory.json"},
        "breach.toml": {},
        "notice.toml": {"agency": "civil-ai"},
        "offer.toml": {},
    }
    said = {"sector": "financial-services", "title": "CIVIL-AI-2026-007: stolen session tokens"}
    for name, own in blanks.items():
        documents.write(name, folder / name, now=now, **said, **own)


def welcome(exchange: Exchange) -> str:
    """Say what runs, and what to type."""
    run = _shown(exchange.folder)
    members = "\n".join(
        f"  {role.kind:<9} {_shown(exchange.member(role).home)}"
        for role in (cast.REGISTRAR, *cast.MEMBERS)
    )
    return f"""\
The gateway serves on {exchange.address}; Ctrl-C stops it. Everything is in {run}.

{members}

In a second terminal, a bank follows its inbox:
  . {_shown(BIN)}/activate
  forewarn --home {run}/members/harbor-bank inbox follow

In a third, an agency alerts its sector:
  . {_shown(BIN)}/activate
  forewarn --home {run}/members/civil-ai alert send {run}/examples/alert.toml
"""


def _shown(path: Path) -> str:
    """Write a path relative to where the command was typed, if it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
