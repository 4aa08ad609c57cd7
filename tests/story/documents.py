"""The statements of the story, written as members write them: TOML files with a few blanks.

* The files lie in `examples`; `$name` stands for what differs from run to run.
* Dates are filled in from one moment, so that the story can be told on any day.

It checks nothing: the `forewarn` command does, before it signs.
"""

from datetime import datetime, timedelta
from pathlib import Path
from string import Template
from typing import Final

EXAMPLES: Final = Path(__file__).with_name("examples")
DAYS_AHEAD: Final = 62
_PARTNERS_AHEAD: Final = 45
_GOVERNMENT_AHEAD: Final = 15


def moments(now: datetime) -> dict[str, str]:
    """Write the moments that the examples speak of.

    Args:
        now: The present, UTC.

    Returns:
        Name of the blank to RFC 3339 text. A span of n days ends more than n whole days from now.
    """
    # On the hour, and an hour or more later than asked, so that whole days are whole on arrival.
    hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
    return {
        "now": _rfc3339(now),
        "today": now.date().isoformat(),
        "in_14_days": _rfc3339(hour + timedelta(days=14)),
        "in_90_days": _rfc3339(hour + timedelta(days=90)),
        "government_access": _rfc3339(hour + timedelta(days=_GOVERNMENT_AHEAD)),
        "trusted_partner_access": _rfc3339(hour + timedelta(days=_PARTNERS_AHEAD)),
        "public_release": _rfc3339(hour + timedelta(days=DAYS_AHEAD)),
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


def _rfc3339(time: datetime) -> str:
    return time.replace(microsecond=0).isoformat().replace("+00:00", "Z")
