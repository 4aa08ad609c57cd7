"""Having what a command showed of the whole inbox confirmed, without anybody asking for it.

* Only where the whole inbox was read, by a folder that pins an audit log, and while no other
  process of the folder does the same.
* It never stands in the way: where the exchange does not confirm, that is told, and what was shown
  was shown. What does not verify is told as everywhere.
"""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from forewarn_client.cli import output
from forewarn_client.cursors import Cursor
from forewarn_client.errors import ForewarnError, HomeError, VerificationError
from forewarn_client.filters import Filter
from forewarn_client.inboxes.keeper import InboxBusyError, InboxKeeper
from forewarn_client.inboxes.span import Shown
from forewarn_client.records import VerifiedRecord
from forewarn_client.terminal import safe_lines

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from forewarn_client.inboxes.attending import Attending
    from forewarn_client.inboxes.confirming import Confirming
    from forewarn_client.member import Member


def unconfirmed(function: Any) -> Any:  # noqa: ANN401 - a decorator of click's
    """Give a command the option that leaves confirming out."""
    text = "Do not have the exchange confirm that this is all."
    return click.option("--no-confirm", is_flag=True, help=text)(function)


def attending(connected: "Member", wanted: Filter, held: "AsyncExitStack") -> "Attending | None":
    """Have what is followed confirmed as it is dealt with.

    Args:
        connected: The connected member.
        wanted: What is followed.
        held: What the keeper is given back with.

    Returns:
        What hands entries on; None where they are not to be confirmed.
    """
    from forewarn_client.inboxes.attending import Attending  # noqa: PLC0415 - loads network code

    confirming = _confirming(connected, wanted, held)
    return Attending(confirming, wanted, output.remark) if confirming is not None else None


async def confirmed_afterwards(
    connected: "Member", wanted: Filter, shown: Sequence[VerifiedRecord], cursor: str
) -> None:
    """Have confirmed what was listed.

    Args:
        connected: The connected member.
        wanted: What was listed.
        shown: The entries, as they were shown.
        cursor: The cursor after which the listing began.

    Raises:
        VerificationError: It differs, or the answer does not hold.
    """
    from forewarn_client.inboxes.attending import SETTLING  # noqa: PLC0415 - loads network code

    with ExitStack() as held:
        confirming = _confirming(connected, wanted, held)
        if confirming is None:
            return
        after, reached = Cursor.parse(cursor).after, 0
        try:
            for record in shown:
                if connected.home.member in record.audience:
                    confirming.take(after, Shown.of(record))
                    reached = record.index + 1
                after = record.index
            if reached > confirming.keeper.confirmed:
                async with asyncio.timeout(SETTLING):
                    await confirming.up_to(reached)
        except VerificationError:
            raise
        except (ForewarnError, TimeoutError) as error:
            _tell_unconfirmed(error)


def _confirming(
    connected: "Member", wanted: Filter, held: "ExitStack | AsyncExitStack"
) -> "Confirming | None":
    from forewarn_client.inboxes.attending import is_whole  # noqa: PLC0415 - loads network code
    from forewarn_client.inboxes.confirming import Confirming  # noqa: PLC0415 - as above

    if not is_whole(wanted) or not connected.home.exchange.audit_log_key:
        return None
    try:
        keeper = held.enter_context(InboxKeeper(connected.home).held())
    except InboxBusyError:
        return None
    except HomeError as error:
        _tell_unconfirmed(error)
        return None
    return Confirming(connected, keeper, connected.clock)


def _tell_unconfirmed(error: Exception) -> None:
    output.remark(
        "What you were shown is not confirmed, which takes nothing away from it; `forewarn inbox "
        f"confirm` tries again: {safe_lines(str(error)) or 'the exchange does not answer'}"
    )
