"""Log lines on standard error: one a line, ids and reasons only.

* Of an exception, a line holds the type and the place: its text may repeat what it choked on.
* Of a message, the first line: what asyncio says after it holds whole tasks.
* Libraries are heard from WARNING on.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime


class Lines(logging.Formatter):
    """For people: time, level, place, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Give one line."""
        return " ".join(parts(record).values())


class JsonLines(logging.Formatter):
    """For machines: one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Give one line."""
        return json.dumps(parts(record), ensure_ascii=False)


def parts(record: logging.LogRecord) -> dict[str, str]:
    """Give what a line says.

    Args:
        record: The record.

    Returns:
        Time, level, logger, message and, where there was an exception, its type and place.
    """
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    found = {
        "time": time.replace("+00:00", "Z"),
        "level": record.levelname,
        "logger": record.name,
        "message": record.getMessage().partition("\n")[0],
    }
    if record.exc_info and record.exc_info[0] is not None:
        stack = traceback.extract_tb(record.exc_info[2])
        place = f"{stack[-1].filename.rpartition('/')[2]}:{stack[-1].lineno}" if stack else "?"
        found["error"] = f"error={record.exc_info[0].__name__} at={place}"
    return found


def configure(formatter: logging.Formatter) -> None:
    """Send log lines to standard error.

    Args:
        formatter: How a line looks.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("gateway").setLevel(logging.INFO)
