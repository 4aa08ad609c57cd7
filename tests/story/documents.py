"""The statements of the story, written as members write them: TOML files with a few blanks.

* The files lie in `examples`; `$name` stands for what differs from run to run.
* Dates are filled in from one moment, so that the story can be told on any day; just before
  midnight it waits for the next one.

It checks nothing: the `forewarn` command does, before it signs.
"""

from datetime import datetime, time, timedelta
from pathlib import Path
from string import Template
from typing import Final

EXAMPLES: Final = Path(__file__).with_name("examples")
DAYS_AHEAD: Final = 62
_PARTNERS_AHEAD: Final = 45
_GOVERNMENT_AHEAD: Final = 15


def before_midnight(now: datetime, margin: timedelta) -> float:
    """Tell how long to wait so that what is written and what is received are of one date.

    Days are counted by the UTC calendar: a document that is written just before midnight and
    received after it is a day nearer to what it announces.

    Args:
        now: The present, UTC.
        margin: How long it may take from writing to receipt.

    Returns:
        Seconds, 0 where midnight is far.
    """
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), tzinfo=now.tzinfo)
    left = midnight - now
    return left.total_seconds() if left < margin else 0


def moments(now: datetime) -> dict[str, str]:
    """Write the moments that the examples speak of.

    Args:
        now: The present, UTC.

    Returns:
        Name of the blank to its text: a date, but for `now`.
    """

    def ahead(days: int) -> str:
        return (now + timedelta(days=days)).date().isoformat()

    return {
        "now": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "today": ahead(0),
        "in_14_days": ahead(14),
        "in_90_days": ahead(90),
        "government_access": ahead(_GOVERNMENT_AHEAD),
        "trusted_partner_access": ahead(_PARTNERS_AHEAD),
        "public_release": ahead(DAYS_AHEAD),
    }


def write(example: str, path: Path, *, now: datetime, **blanks: str) -> Path:
    """Write an example with its blanks filled in.

    Args:
        example: Name of the file in `examples`.
        path: Where it goes; replaced where it exists.
        now: The present, UTC.
        blanks: What the example's own blanks stand for.

    Returns:
        The path.
    """
    template = Template((EXAMPLES / example).read_text("utf-8"))
    path.write_text(template.substitute({**moments(now), **blanks}), "utf-8")
    return path
