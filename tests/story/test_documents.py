"""The story's documents speak of the same days, at whatever hour it is told."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.story import documents

MARGIN = timedelta(seconds=30)


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (datetime(2026, 12, 31, 23, 59, 29, tzinfo=UTC), 0),
        (datetime(2026, 12, 31, 23, 59, 30, 1, tzinfo=UTC), 29.999999),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), 1),
        (datetime(2027, 1, 1, tzinfo=UTC), 0),
    ],
    ids=["in time", "nearly", "very nearly", "after"],
)
def test_what_is_written_and_what_is_received_are_of_one_date(
    now: datetime, seconds: float
) -> None:
    assert documents.before_midnight(now, MARGIN) == seconds
    waited = now + timedelta(seconds=seconds)
    assert (waited + MARGIN - timedelta(microseconds=2)).date() == waited.date()
