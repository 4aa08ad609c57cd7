"""From the command's folder to an open connection, and from what is typed to a case."""

import re
from typing import TYPE_CHECKING, Final

from forewarn_client.cli import output
from forewarn_client.cli.settings import current
from forewarn_client.errors import RequestError
from forewarn_client.home import Home

if TYPE_CHECKING:
    from forewarn_client.member import Member

_FEWEST_DIGITS: Final = 8
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DIGITS: Final = re.compile(rf"[0-9a-f]{{{_FEWEST_DIGITS},64}}", re.ASCII)


def load_home() -> Home:
    """Load the folder that the command works with."""
    return Home.load(current().home)


def member(home: Home) -> "Member":
    """Prepare the member's connection; `async with` opens it.

    Args:
        home: The member's folder.

    Returns:
        The registrar where it is one, so that its quorum signs; else a member.
    """
    # Loaded late: what makes no connection loads no network code.
    from forewarn_client.member import Member  # noqa: PLC0415 - loaded late
    from forewarn_client.patience import Patience  # noqa: PLC0415 - loaded late
    from forewarn_client.registrar import Registrar  # noqa: PLC0415 - loaded late

    seconds = current().patience
    usual = Patience()
    patience = usual if seconds is None else Patience(budget=seconds, reconnect=seconds)
    kind = Registrar if home.kind == "registrar" else Member
    return kind.connect(home, patience=patience, tell=output.remark)


def digest(text: str) -> bytes | None:
    """Read a digest that is typed whole.

    Args:
        text: 64 hex digits.

    Returns:
        Its 32 bytes; None where the text is something else.
    """
    return bytes.fromhex(text) if _DIGEST.fullmatch(text.lower()) else None


async def find_case(connected: "Member", text: str, protocol: str = "") -> bytes:
    """Find one of the member's cases by the first digits of its digest.

    Args:
        connected: The connected member.
        text: The digest in hex, or its first digits, 8 at least.
        protocol: Only cases of this protocol; all where empty.

    Returns:
        The case's digest.

    Raises:
        RequestError: No case begins so, or more than one does.
    """
    whole = digest(text)
    if whole is not None:
        return whole
    typed = text.lower()
    if not _DIGITS.fullmatch(typed):
        raise RequestError(
            f"a case is named by its digest or the first {_FEWEST_DIGITS} or more of its hex "
            "digits: see `forewarn case list`"
        )
    found = [
        case.digest
        async for case in connected.cases(protocol)
        if case.digest.hex().startswith(typed)
    ]
    if len(found) != 1:
        what = "more than one" if found else "no"
        which = f"{protocol} case" if protocol else "case"
        raise RequestError(f"{what} {which} begins with {typed}: see `forewarn case list`")
    return found[0]
