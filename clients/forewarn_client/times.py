"""Times as people write them, and as statements carry them.

* A time is RFC 3339 with an offset, a TOML datetime with an offset, or a plain date, which is its
  first instant in UTC. A time without an offset is refused: nobody knows when it is.
* A precise time is such a time, or the span that is meant: `2026-05-14` (a day), `2026-W20`,
  `2026-05`, `2026-Q2`, `2026`. It is kept as the first instant of the span.
* A duration is a whole number with its unit, as in `300s`, `5m`, `1h30m`, `30d`.
* What is written here reads back as the same time.

It asks no clock.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from forewarn.statement.v1.values_pb2 import (
    PRECISION_DAY,
    PRECISION_INSTANT,
    PRECISION_MONTH,
    PRECISION_QUARTER,
    PRECISION_WEEK,
    PRECISION_YEAR,
    PreciseTime,
    Precision,
)

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SPAN: Final = re.compile(
    r"(?P<year>\d{4})(-W(?P<week>\d\d)|-Q(?P<quarter>[1-4])|-(?P<month>\d\d))?", re.ASCII
)
_DURATION: Final = re.compile(r"([0-9]{1,9}[smhd])+", re.ASCII)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_A_MICROSECOND: Final = timedelta(microseconds=1)

TIME_HELP: Final = "write a time with its offset, as in 2026-05-14T09:30:00Z, or a plain date"
PRECISE_HELP: Final = f"{TIME_HELP}, a week 2026-W20, a month 2026-05, a quarter 2026-Q2 or a year"
DURATION_HELP: Final = "write a duration with its unit, as in 300s, 5m, 12h or 30d"


def read_time(value: object) -> datetime:
    """Read a time as an author writes it.

    Args:
        value: An RFC 3339 text, a datetime with an offset, or a date.

    Returns:
        The time, UTC.

    Raises:
        ValueError: It is none of these; the text says what to write.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"has no offset from UTC; {TIME_HELP}")
        return _in_utc(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, str):
        if _RFC3339.fullmatch(value):
            return _in_utc(_parsed(value.upper()))
        if _DATE.fullmatch(value):
            return _parsed(value).replace(tzinfo=UTC)
    raise ValueError(f"is not a time; {TIME_HELP}")


def read_precise(value: object) -> PreciseTime:
    """Read a time with the precision that its form tells.

    Args:
        value: What `read_time` reads, or a span such as `2026-Q2`.

    Returns:
        The first instant of what is meant, and its precision.

    Raises:
        ValueError: It is none of these; the text says what to write.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return precise(read_time(value), PRECISION_DAY)
    if isinstance(value, str):
        if _DATE.fullmatch(value):
            return precise(read_time(value), PRECISION_DAY)
        if span := _SPAN.fullmatch(value.upper()):
            return _span(span)
    try:
        return precise(read_time(value), PRECISION_INSTANT)
    except ValueError as error:
        raise ValueError(str(error).replace(TIME_HELP, PRECISE_HELP)) from None


def precise(time: datetime, precision: Precision) -> PreciseTime:
    """Cut a time down to the first instant of the span that its precision means.

    Args:
        time: A time within the span, UTC.
        precision: How exactly it is meant; not UNSPECIFIED.

    Returns:
        The precise time.
    """
    day = time.replace(hour=0, minute=0, second=0, microsecond=0)
    first = {
        PRECISION_INSTANT: time.replace(microsecond=0),
        PRECISION_DAY: day,
        PRECISION_WEEK: day - timedelta(days=day.weekday()) if day.year > 1 else day,
        PRECISION_MONTH: day.replace(day=1),
        PRECISION_QUARTER: day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1),
        PRECISION_YEAR: day.replace(day=1, month=1),
    }[precision]
    return PreciseTime(time=timestamp(first), precision=precision)


def read_duration(value: object) -> Duration:
    """Read a duration as an author writes it.

    Args:
        value: Whole numbers with their units: s, m, h or d.

    Returns:
        The duration.

    Raises:
        ValueError: It is none; the text says what to write.
    """
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError(f"is not a duration; {DURATION_HELP}")
    parts = re.findall(r"([0-9]+)([smhd])", value)
    return Duration(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))


def timestamp(time: datetime) -> Timestamp:
    """Put a time into the form that statements carry, to the microsecond."""
    microseconds = (time - _EPOCH) // _A_MICROSECOND
    return Timestamp(seconds=microseconds // 1_000_000, nanos=microseconds % 1_000_000 * 1000)


def from_timestamp(value: Timestamp) -> datetime:
    """Read a time out of the form that statements carry; what is below a microsecond is cut."""
    return _EPOCH + timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)


def write_time(time: datetime) -> str:
    """Write a time as RFC 3339 in UTC; fractions only where there are any."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def write_precise(value: PreciseTime) -> str:
    """Write a precise time in the form that tells its precision."""
    time = from_timestamp(value.time)
    year, week, _ = time.isocalendar()
    forms = {
        PRECISION_DAY: time.date().isoformat(),
        PRECISION_WEEK: f"{year:04}-W{week:02}",
        PRECISION_MONTH: f"{time.year:04}-{time.month:02}",
        PRECISION_QUARTER: f"{time.year:04}-Q{(time.month + 2) // 3}",
        PRECISION_YEAR: f"{time.year:04}",
    }
    return forms.get(value.precision, write_time(time))


def write_duration(value: Duration) -> str:
    """Write a duration in seconds, as in `300s`."""
    fraction = f".{abs(value.nanos):09}".rstrip("0") if value.nanos else ""
    return f"{value.seconds}{fraction}s"


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"is not a time of the calendar; {TIME_HELP}") from None


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("is before the year 1 or after the year 9999") from None


def _span(span: re.Match[str]) -> PreciseTime:
    year = int(span["year"])
    try:
        if span["week"]:
            first = datetime.fromisocalendar(year, int(span["week"]), 1).replace(tzinfo=UTC)
            return precise(first, PRECISION_WEEK)
        if span["quarter"]:
            first = datetime(year, int(span["quarter"]) * 3, 1, tzinfo=UTC)
            return precise(first, PRECISION_QUARTER)
        month = int(span["month"]) if span["month"] else 1
        precision = PRECISION_MONTH if span["month"] else PRECISION_YEAR
        return precise(datetime(year, month, 1, tzinfo=UTC), precision)
    except ValueError:
        raise ValueError(f"is not a time of the calendar; {PRECISE_HELP}") from None
