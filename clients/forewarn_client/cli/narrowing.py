"""What of all that came is meant: the options that narrow it, and the filter that they make."""

from dataclasses import replace
from typing import Any, Final

import click

from forewarn_client import identity, kinds
from forewarn_client.cli import connecting
from forewarn_client.errors import RequestError
from forewarn_client.filters import Box, Filter
from forewarn_client.member import Member

_OPTIONS: Final = (
    click.option("--kind", multiple=True, help="Only this kind, as in Alert; repeatable."),
    click.option("--sender", default="", help="Only this sender."),
    click.option("--case", default="", help="Only this case, by the first digits of its digest."),
    click.option(
        "--box",
        type=click.Choice(["received", "sent", "all"]),
        default="received",
        show_default=True,
        help="What was received, what was sent, or both.",
    ),
)


def narrowed(function: Any) -> Any:  # noqa: ANN401 - a decorator of click's
    """Give a command the options that narrow what is meant."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def entry_filter(given: dict[str, Any]) -> Filter:
    """Make the filter that was typed, but for the case, which only the exchange can name."""
    names = tuple(kinds.find(name).name for name in given["kind"])
    if given["sender"] and not identity.is_member_id(given["sender"]):
        raise RequestError("--sender takes the id of a member: see `forewarn directory list`")
    return Filter(box=Box[given["box"].upper()], kinds=names, sender=given["sender"])


async def in_case(connected: Member, wanted: Filter, typed: str) -> Filter:
    """Have the case found that was typed, if one was, and narrow the filter to it."""
    case = await connecting.find_case(connected, typed) if typed else b""
    return replace(wanted, case=case)
