"""Log lines on standard error: one a line, ids and reasons only.

* A record says what happened in `event`, and with whom and why in fields of fixed names (`FIELDS`),
  given as `extra`. JSON lines hold them as they are; lines for people end with them.
* Of an exception, a line holds the type and the place: its text may repeat what it choked on.
* Of a message, the first line: what asyncio says after it holds whole tasks.
* Whatever is said passes through `redaction`, and holds nothing that a terminal would obey.
* Libraries are heard from WARNING on, unless `[log]` says otherwise.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum, unique
from typing import Final

from gateway.compose.redaction import redacted
from gateway.compose.settings import setting

FIELDS: Final = {
    "event": "what happened: a stable name, listed in watching.md",
    "reason": "the refusal's or fault's reason",
    "rpc": "the call",
    "system": "the SPIFFE ID of the system that called",
    "digest": "the first digits of a statement's digest",
    "log": "which log: ledger or audit",
    "role": "which role of NATS",
    "address": "where something listens",
    "status": "with which status something ended",
    "child": "which process",
    "error": "of an exception, its type",
    "at": "of an exception, its place in the code",
}
"""The fields that a record may carry, and what each holds."""

_CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}


@unique
class Level(StrEnum):
    """From which level on lines are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@unique
class Form(StrEnum):
    """How lines look."""

    LINES = "lines"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """See `[log]`."""

    form: Form = field(
        default=Form.LINES, metadata=setting("How lines look; `serve --json` writes JSON anyway.")
    )
    level: Level = field(
        default=Level.INFO, metadata=setting("From which level on the gateway's lines are written.")
    )
    libraries: Level = field(
        default=Level.WARNING, metadata=setting("The same of the libraries that it uses.")
    )
    parts: tuple[str, ...] = field(
        default=(),
        metadata=setting('Levels of single parts, as in "gateway.ledger=debug", "nats=info".'),
    )

    def __post_init__(self) -> None:
        """Refuse what is no level of a part."""
        for _ in self.levels():
            pass

    def levels(self) -> Iterable[tuple[str, Level]]:
        """Give the levels of single parts."""
        for each in self.parts:
            name, _, level = each.partition("=")
            if not name or level not in set(Level):
                raise ValueError(
                    f'parts: {each!r} is not a part and its level, as in "gateway.edge=debug"; '
                    f"levels are {', '.join(Level)}"
                )
            yield name, Level(level)


class Lines(logging.Formatter):
    """For people: time, level, place, message, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Give one line."""
        said = parts(record)
        head = [said.pop(key) for key in ("time", "level", "logger", "message")]
        said.pop("pid")
        said.pop("event", None)
        return " ".join([*head, *(f"{key}={value}" for key, value in said.items())])


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
        Time, level, logger, process id, message, the fields that it carries and, where there was an
        exception, its type and place.
    """
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    found = {
        "time": time.replace("+00:00", "Z"),
        "level": record.levelname,
        "logger": record.name,
        "pid": str(record.process),
        "message": _line(record.getMessage()),
    }
    for name in FIELDS:
        value = getattr(record, name, None)
        if value is not None and value != "":
            found[name] = _line(str(value))
    if record.exc_info and record.exc_info[0] is not None:
        stack = traceback.extract_tb(record.exc_info[2])
        found["error"] = record.exc_info[0].__name__
        found["at"] = (
            f"{stack[-1].filename.rpartition('/')[2]}:{stack[-1].lineno}" if stack else "?"
        )
    return found


def _line(text: str) -> str:
    return redacted(text).partition("\n")[0].translate(_CONTROL)


def formatter(log: Log, *, as_json: bool) -> logging.Formatter:
    """Choose how lines look.

    Args:
        log: What the configuration says.
        as_json: Whether JSON is asked for, whatever it says.

    Returns:
        The formatter.
    """
    return JsonLines() if as_json or log.form is Form.JSON else Lines()


def configure(form: logging.Formatter, log: Log | None = None) -> None:
    """Send log lines to standard error.

    Args:
        form: How lines look.
        log: From which levels on; by default as in a configuration that does not say.
    """
    log = log or Log()
    handler = logging.StreamHandler()
    handler.setFormatter(form)
    logging.basicConfig(level=log.libraries.upper(), handlers=[handler], force=True)
    logging.getLogger("gateway").setLevel(log.level.upper())
    for name, level in log.levels():
        logging.getLogger(name).setLevel(level.upper())
