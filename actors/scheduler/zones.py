"""When the clocks of a time zone are set: time cut into stretches in which a zone stays equally far from UTC."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, available_timezones

__all__ = ["DAY", "EARLIEST", "LATEST", "Stretch", "UnknownZoneError", "stretch_from", "stretch_to", "zone_of"]

DAY = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Unix seconds that a datetime can say in every zone, with some days to spare at both ends.
EARLIEST = int((datetime(1, 1, 8, tzinfo=UTC) - _EPOCH).total_seconds())
LATEST = int((datetime(9999, 12, 25, tzinfo=UTC) - _EPOCH).total_seconds())


class UnknownZoneError(ValueError):
    """No zone has this name."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time, a day at most, in which a zone's clocks are not set.

    Attributes:
        start: when it begins, in Unix seconds.
        end: the first second after it.
        before: seconds that the zone was ahead of UTC just before it.
        offset: and in it. Another one: the clocks were set at `start`, ahead if it is larger, else back.
    """

    start: int
    end: int
    before: int
    offset: int


def zone_of(zone: str | tzinfo) -> tzinfo:
    """Return the time zone that is meant.

    Raises:
        UnknownZoneError: no zone has that name.
        TypeError: it is neither a name nor a time zone.
    """
    if isinstance(zone, str):
        try:
            return ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:  # OSError: the name of a directory of the zone database
            near = difflib.get_close_matches(zone, available_timezones(), n=1)
            advice = f"is it {near[0]!r}?" if near else "use a name like 'Europe/Berlin'; Windows needs the package tzdata for them"
            msg = f"zone={zone!r} is not known: {advice}"
            raise UnknownZoneError(msg) from error
    if not isinstance(zone, tzinfo) or _EPOCH.astimezone(zone).utcoffset() is None:
        msg = f"zone={zone!r} is not valid: a name like 'Europe/Berlin', or a tzinfo"
        raise TypeError(msg)
    return zone


def stretch_from(zone: tzinfo, start: int) -> Stretch:
    """Return the stretch that begins at `start`, in Unix seconds; it ends after a day, or where the clocks are set before that."""
    offset, end = _offset(zone, start), start + DAY
    if _offset(zone, end) != offset:
        end = _change(zone, start, end)
    return Stretch(start, end, _offset(zone, start - 1), offset)


def stretch_to(zone: tzinfo, end: int) -> Stretch:
    """Return the stretch that ends at `end`; it begins a day before that, or where the clocks were set later."""
    offset, start = _offset(zone, end - 1), end - DAY
    if _offset(zone, start) != offset:
        start = _change(zone, start, end - 1)
    return Stretch(start, end, _offset(zone, start - 1), offset)


def _offset(zone: tzinfo, at: int) -> int:
    offset = (_EPOCH + timedelta(seconds=at)).astimezone(zone).utcoffset()
    assert offset is not None  # `zone_of` made sure
    return offset // timedelta(seconds=1)


def _change(zone: tzinfo, low: int, high: int) -> int:
    """Return the first second after `low` that is no more as far from UTC; no zone sets its clocks twice within a day."""
    offset = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == offset:
            low = middle
        else:
            high = middle
    return high
