"""`lease`: which of several nodes signs, seen and moved by hand."""

# ruff: noqa: D301 - \b is for click

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
import uvloop

from gateway.command.frame import configure_logs, json_option, sentences, state_option
from gateway.compose import turn
from gateway.compose.company import can_sign
from gateway.compose.config import Config
from gateway.compose.log import plans_of
from gateway.compose.state import SetupError, StateFolder, begun
from gateway.compose.turn import Shown
from gateway.ledger.claim import Hold
from gateway.ports.nodes import LeasePlace


@click.group()
def lease() -> None:
    """See and move the turn to sign, where several nodes share NATS.

    It moves by itself when the node that signs has been silent for a whole lease. To move it while
    that node runs: `lease release` on any node, and `lease take` on the one that is to sign.

    \b
    Examples:
      forewarn-gateway lease show --state run/node-a
      forewarn-gateway lease release --state run/node-a
      forewarn-gateway lease take --state run/node-b
    """


@lease.command(name="show")
@state_option
@json_option
def show(*, state: Path, as_json: bool) -> None:
    """Say which node signs.

    \b
    Example:
      forewarn-gateway lease show --state run/node-a
    """
    _run(state, turn.show, as_json=as_json)


@lease.command(name="release")
@state_option
@json_option
def release(*, state: Path, as_json: bool) -> None:
    """Ask the node that signs to let go, and wait until it has. Another takes it then.

    It does not have to be this node. Who let go comes last; where no other can sign, it signs again
    after a lease.

    \b
    Example:
      forewarn-gateway lease release --state run/node-a
    """
    _run(state, turn.release, as_json=as_json)


@lease.command(name="take")
@state_option
@json_option
def take(*, state: Path, as_json: bool) -> None:
    """Have this node sign next. Refused while another holds the lease.

    This node has to have the keys of both logs, and to run: it takes the lease, folds what the
    stream holds, compares all that it knows to be signed, and then signs.

    \b
    Example:
      forewarn-gateway lease take --state run/node-b
    """

    def named(place: LeasePlace) -> Awaitable[Shown]:
        return turn.take(place, _able(StateFolder(root=state.absolute())))

    _run(state, named, as_json=as_json)


def _able(folder: StateFolder) -> str:
    """Give the name of this node, if it could sign."""
    inception = begun(folder)
    config = Config.read(folder.config)
    plans = plans_of(folder, inception.origin, config.limits)
    if not can_sign(plans, inception, config.nats):
        raise SetupError(
            f"{folder.root} has no log key: copy keeper/log.pem and audit-keeper/log.pem here from "
            "the node that began the exchange, mode 0600, and start this node again"
        )
    return config.node.called


def _run(state: Path, act: Callable[[LeasePlace], Awaitable[Shown]], *, as_json: bool) -> None:
    folder = StateFolder(root=state.absolute())

    async def reach() -> Shown:
        async with turn.place_of(Config.read(folder.config)) as place:
            return await act(place)

    with sentences():
        configure_logs(as_json=as_json)
        shown = uvloop.run(reach())
    click.echo(json.dumps(_plain(shown)) if as_json else _line(shown))


def _plain(shown: Shown) -> dict[str, object]:
    claim = shown.claim
    return {
        "state": str(claim.hold) if claim else "none",
        "node": claim.node if claim else "",
        "next": claim.nominee if claim else "",
        "seconds": claim.seconds if claim else None,
        "written": claim.written if claim else "",
        "revision": shown.revision,
    }


def _line(shown: Shown) -> str:
    claim = shown.claim
    if claim is None:
        return "nobody has taken the lease yet"
    if claim.hold is Hold.LET_GO:
        after = f"; {claim.nominee} is to take it" if claim.nominee else ""
        return f"{claim.node} let go of the lease at {claim.written}{after}"
    asked = ", and was asked to let go" if claim.hold is Hold.ASKED else ""
    return (
        f"{claim.node} holds the lease{asked}: renewed at {claim.written} by its clock, "
        f"lost after {claim.seconds:g} seconds without"
    )
