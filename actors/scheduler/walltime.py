"""Times of day from seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["EARLIEST", "EPOCH", "from_wall"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = (datetime.min.replace(tzinfo=UTC) - EPOCH).total_seconds()
_FAR = {False: datetime.min.replace(tzinfo=UTC), True: datetime.max.replace(tzinfo=UTC)}


def from_wall(seconds: float) -> datetime:
    """Return the time of day, in UTC; of what is beyond the calendar, the end of it."""
    try:
        return EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return _FAR[seconds > 0]
