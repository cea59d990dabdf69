"""Cron expressions: which seconds of a time zone they mean.

Which times of the day an expression matches is for the library cronsim to say, in local time without any zone. Which moments those are,
where a zone's clocks are set ahead and back, is decided here. (cronsim decides that too, but it leaves times out in zones that shift by
half an hour, and goes back in time when it is asked within an hour that comes twice.)
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from cronsim import CronSim, CronSimError

from actors.scheduler.errors import CronError
from actors.scheduler.zones import DAY, EARLIEST, LATEST, Stretch, UnknownZoneError, stretch_from, stretch_to, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LONGEST", "Cron"]

LONGEST = 256  # characters of an expression
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # local time, whatever the zone is
_SECOND = timedelta(seconds=1)
_FIELDS = {
    "second": "0 to 59",
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, L for the last one, LW for the last from Monday to Friday",
    "month": "1 to 12, or JAN to DEC",
    "day-of-week": "0 to 7 with Sunday as 0 and 7, or SUN to SAT; 5L for the last Friday, 5#2 for the second",
}
_SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@dataclass(frozen=True, slots=True, init=False)
class Cron:
    """A cron expression in a time zone.

    Five fields: minute, hour, day of the month, month, day of the week. With six, the second comes first. A field is ``*``, a number, a
    range ``1-5``, a step ``*/10`` or ``0-30/10``, or a list of those with commas; months and days of the week also have names (``JAN``,
    ``MON``). Days of the month know ``L`` (the last one) and ``LW`` (the last from Monday to Friday), days of the week ``5L`` (the last
    Friday of the month) and ``5#2`` (the second). If both kinds of days are restricted, a day has to match one of them only; if one of
    the two fields begins with ``*``, both. So it is in Debian's cron.

    What happens where a zone's clocks are set is Debian's rule, too:

    - Where minute or hour begins with ``*``, as in ``*/15 * * * *``, the expression means every moment whose local time it matches.
      Times in an hour that is left out do not exist, and those in an hour that comes twice come twice: ``*/15`` stays a quarter of an hour.
    - Any other, as ``30 2 * * *``, means times of the day, each of which comes once a day. Those that are left out when the clocks are
      set ahead are made up for right then: all of them together are due once, at the moment of the change. Those that come twice when
      the clocks are set back are due the first time only.

    The second has no part in which rule it is, so that ``0 30 2 * * *`` means the same as ``30 2 * * *``.

    Attributes:
        expression: the text.
        zone: whose local time it is about; a name, as of the IANA database, is made a zone.

    Raises:
        CronError: (when it is made) the expression is malformed or never fires, or no zone has that name.
    """

    expression: str
    zone: tzinfo
    # Whether times that are left out are made up for, and those that come twice are due once.
    _of_day: bool = field(repr=False, compare=False)
    _pattern: CronSim = field(repr=False, compare=False)
    # Hours, minutes, and seconds that match.
    _times: tuple[list[int], list[int], list[int]] = field(repr=False, compare=False)

    def __init__(self, expression: str, zone: str | tzinfo = UTC) -> None:
        """Check it."""
        pattern = _parsed(expression)
        try:
            zone = zone_of(zone)
        except UnknownZoneError as error:
            raise CronError(expression, str(error)) from error
        minute, hour = expression.split()[-5:-3]
        for name, value in (
            ("expression", expression),
            ("zone", zone),
            ("_of_day", not minute.startswith("*") and not hour.startswith("*")),
            ("_pattern", pattern),
            ("_times", (sorted(pattern.hours), sorted(pattern.minutes), sorted(pattern.seconds))),
        ):
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return f"{self.expression} ({self.zone})"

    def describe(self) -> str:
        """Return what the expression means, in English words."""
        return self._pattern.explain()

    def next_after(self, after: float) -> float | None:
        """Return the first moment after `after` that is meant, in Unix seconds; None if it is beyond the years that a datetime knows."""
        at = _second(after) + 1  # all moments are whole seconds
        start = self._start(at)
        while start < LATEST:
            stretch = stretch_from(self.zone, start)
            start = stretch.end
            if stretch.end <= at:
                continue
            local = self._local_from(self._first(stretch, at))
            if local is None:
                return None
            if local < stretch.end + stretch.offset:
                return float(max(local - stretch.offset, stretch.start))
            # Invariant: what is leapt over here has no match in it: a whole day before it had none, and clocks are set by less than that.
            if stretch.end - max(stretch.start, at) == DAY:
                start = max(start, local - stretch.offset - 2 * DAY)
        return None

    def latest(self, after: float, until: float, limit: int) -> tuple[float, ...]:
        """Return the moments after `after`, up to `until`; of many the last `limit`. In time in proportion to `limit`."""
        at, end = _second(after) + 1, _second(until) + 1
        found: list[float] = []
        while end > at and len(found) < limit:
            stretch = stretch_to(self.zone, end)
            before = len(found)
            local = self._collect(stretch, at, found, limit)
            end = stretch.start
            if local is not None and len(found) == before and stretch.end - stretch.start == DAY:  # see `next_after`
                end = min(end, local - stretch.offset + 2 * DAY)
            if local is None and len(found) == before:
                break
        return tuple(reversed(found))

    def count(self, after: float, until: float) -> int:
        """Return how many moments there are after `after`, up to `until`. Takes some ten microseconds for a day."""
        at, end = _second(after) + 1, _second(until) + 1
        start = self._start(at)
        total = 0
        while start < end:
            stretch = stretch_from(self.zone, start)
            start = stretch.end
            if stretch.end <= at:
                continue
            last = min(stretch.end, end) + stretch.offset
            first = self._first(stretch, at)
            change = stretch.start + stretch.offset
            if first < change:  # what the clocks leapt over is due once, at the change, where something may be due anyway
                leapt = self._count_local(first, change) > 0
                total += leapt and not self._count_local(change, change + 1)
                first = change
            total += self._count_local(first, last)
        return total

    # -- zones -------------------------------------------------------------------------------------------------------------

    def _start(self, at: int) -> int:
        """Return where to begin to look at stretches: a day before, so that the stretch around `at` begins where the clocks were set."""
        earlier = at - DAY
        return earlier if stretch_from(self.zone, earlier).end < at else at

    def _first(self, stretch: Stretch, at: int) -> int:
        """Return the first local second that counts as one of `stretch`, from `at` on.

        For times of the day, the local time of all stretches is one line without gaps and overlaps: what the clocks leapt over belongs to
        the stretch that begins then, and what they repeat belongs to the stretch before only.
        """
        first = stretch.start + (stretch.before if self._of_day else stretch.offset)
        return first if stretch.start >= at else max(first, at + stretch.offset)

    def _collect(self, stretch: Stretch, at: int, found: list[float], limit: int) -> int | None:
        """Append the moments of `stretch` from `at` on, the latest first, up to `limit` in all; return the last match looked at."""
        first = self._first(stretch, at)
        local: int | None = None
        for local in self._local_before(stretch.end + stretch.offset):  # returned
            if local < first:
                break
            moment = float(max(local - stretch.offset, stretch.start))
            found.append(moment)
            if len(found) >= limit or moment == stretch.start:  # whatever is before that in this stretch is due together with it
                break
        return local

    # -- local time, in seconds from 1970 on -----------------------------------------------------------------------------------

    def _local_from(self, first: int) -> int | None:
        """Return the first match from `first` on."""
        try:
            return (next(CronSim(self.expression, _EPOCH + timedelta(seconds=first - 1))) - _EPOCH) // _SECOND
        except (StopIteration, OverflowError):  # beyond the last year; or more than 50 years away, which is then beyond it, too
            return None

    def _local_before(self, end: int) -> Iterator[int]:
        """Yield the matches before `end`, the latest first."""
        try:
            for match in CronSim(self.expression, _EPOCH + timedelta(seconds=end), reverse=True):
                yield (match - _EPOCH) // _SECOND
        except OverflowError:
            return

    def _count_local(self, first: int, end: int) -> int:
        """Return the number of matches from `first` on, before `end`; none if that is earlier."""
        if end <= first:
            return 0
        total = 0
        for day in range(first // DAY, (end - 1) // DAY + 1):
            if self._matches_day((_EPOCH + timedelta(days=day)).date()):
                begin = day * DAY
                total += self._count_of_day(min(end - begin, DAY)) - self._count_of_day(max(first - begin, 0))
        return total

    def _matches_day(self, day: date) -> bool:
        return day.month in self._pattern.months and self._pattern.match_day(day)

    def _count_of_day(self, second: int) -> int:
        """Return how many times of a day match that are before this second of it."""
        hours, minutes, seconds = self._times
        hour, minute, second = second // 3600, second // 60 % 60, second % 60
        count = bisect_left(hours, hour) * len(minutes) * len(seconds)
        if hour in hours:
            count += bisect_left(minutes, minute) * len(seconds)
            if minute in minutes:
                count += bisect_left(seconds, second)
        return count


def _second(at: float) -> int:
    return math.floor(min(max(at, EARLIEST), LATEST))


def _parsed(expression: Any) -> CronSim:
    if not isinstance(expression, str):
        msg = f"expression={expression!r} is not valid: a text like '30 2 * * *'"
        raise TypeError(msg)
    if len(expression) > LONGEST:
        raise CronError(f"{expression[:LONGEST]}…", f"it is longer than {LONGEST} characters")
    fields = expression.split()
    if expression.strip().lower() in _SHORTHANDS:
        raise CronError(expression, f"shorthands are not known; write {_SHORTHANDS[expression.strip().lower()]!r}")
    if len(fields) not in (5, 6):
        five = "minute, hour, day of the month, month, day of the week"
        raise CronError(expression, f"it has {len(fields)} fields; give it five ({five}), or six with the second first")
    begin = datetime(2000, 1, 1)  # noqa: DTZ001  # local time. Any would do: all repeats itself within 40 years
    try:
        pattern = CronSim(expression, begin)
        next(CronSim(expression, begin))
    except CronSimError as error:
        raise CronError(expression, _why(str(error), fields)) from error
    except StopIteration:
        raise CronError(expression, "it never fires: no day is matched by both of its fields for days") from None
    return pattern


def _why(error: str, fields: list[str]) -> str:
    """Return what is wrong, in more words than the library's."""
    name = error.removeprefix("Bad ")
    if name not in _FIELDS:
        return error
    text = fields[list(_FIELDS).index(name) - len(_FIELDS)]
    if name == "day-of-month":
        try:
            CronSim(f"0 0 {text} * *", datetime(2000, 1, 1))  # noqa: DTZ001  # only parsed
        except CronSimError:
            pass
        else:
            return f"it never fires: none of the months {fields[-2]!r} has a day {text!r}; 'L' is the last day of a month"
    return f"{text!r} is no {name}: {_FIELDS[name]}; ranges go up, like 1-5, and steps are 1 or more, like */5"
