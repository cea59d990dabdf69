"""Thinning: sampling, repeated lines and bursts. What is left out is counted, and told in the log."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors._core.frozen import repr_of
from actors._core.seconds import check_seconds
from actors.logs.levels import level_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.logs.overload import Burst
    from actors.logs.record import Record

__all__ = ["Repeats", "Sample", "Thinning"]

KNOWN = 10_000  # places, or lines, that are kept in mind


@dataclass(frozen=True, slots=True)
class Sample:
    """Of the lines of each place in the code, one in `every` is written, the first among them.

    Those after the first have the field `sampled`: how many were left out.

    Args:
        every: a whole number, 2 or more.
        below: lines of this level and above are all written.
    """

    every: int
    below: str | int = "WARNING"

    def __post_init__(self) -> None:
        if isinstance(self.every, bool) or not isinstance(self.every, int) or self.every < 2:  # noqa: PLR2004
            msg = f"every={self.every!r} is not valid: a whole number, 2 or more"
            raise ValueError(msg)
        level_number(self.below, "below")


@dataclass(frozen=True, slots=True)
class Repeats:
    """A line that repeats one of the same actor within `seconds` is not written; how many did is told when that time is over.

    It repeats one if it comes from the same place with the same level, message, fields and exception.

    Args:
        seconds: from the first one on, more than 0.
        below: lines of this level and above are all written.
    """

    seconds: float = 5.0
    below: str | int = "ERROR"

    def __post_init__(self) -> None:
        if check_seconds("seconds", self.seconds) == 0:
            msg = "seconds=0 is not valid: more than 0"
            raise ValueError(msg)
        level_number(self.below, "below")


class _Repeated:
    __slots__ = ("actor", "at", "count", "level", "message")

    def __init__(self, record: Record) -> None:
        self.at = record.time
        self.level = record.level.name  # and not the record: its exception would keep what it came from alive
        self.message = record.message
        self.actor = record.actor
        self.count = 0


class Thinning:
    """Decides which lines are written. In the logging actor's turn.

    Args:
        tell: makes and hands on a line of the logging actor's own: event, level, message, fields.
    """

    def __init__(
        self,
        sample: Sample | None,
        repeats: Repeats | None,
        burst: Burst | None,
        keep: int,
        tell: Callable[[str, str, str, dict[str, Any]], object],
    ) -> None:
        self._sample = sample
        self._sample_below = level_number(sample.below) if sample is not None else 0
        self._repeats = repeats
        self._repeats_below = level_number(repeats.below) if repeats is not None else 0
        self._burst = burst
        self._keep = keep
        self._tell = tell
        self._places: dict[Any, int] = {}
        self._lines: OrderedDict[Any, _Repeated] = OrderedDict()  # by the time of the first
        self._window = (0.0, 0)
        self.pending = 0  # lines with repetitions that are still to be told
        self.sampled = 0
        self.repeated = 0

    def passes(self, record: Record) -> bool:
        """Tell whether a line is to be written, as far as sampling and repetitions go."""
        if self._sample is not None and record.no < self._sample_below and not self._in_sample(record):
            self.sampled += 1
            return False
        if self._repeats is not None and record.no < self._repeats_below and self._repeats_one(record):
            self.repeated += 1
            return False
        return True

    def bursts(self, record: Record) -> bool:
        """Tell whether a line is one too many in its time."""
        burst = self._burst
        if burst is None or record.no >= self._keep:
            return False
        begin, count = self._window
        if not 0 <= record.time - begin < burst.seconds:
            begin, count = record.time, 0
        self._window = (begin, count + 1)
        return count >= burst.lines

    def _in_sample(self, record: Record) -> bool:
        assert self._sample is not None
        site = (record.site.file.path, record.site.line, record.no)
        if len(self._places) >= KNOWN:
            self._places.clear()
        count = self._places.get(site, 0)
        self._places[site] = count + 1
        if count % self._sample.every:
            return False
        if count:
            record.fields["sampled"] = self._sample.every - 1
        return True

    def _repeats_one(self, record: Record) -> bool:
        self.tell_over(record.time)
        captured = record.exception
        key = (
            record.actor,
            record.no,
            record.message,
            record.site.file.path,
            record.site.line,
            repr_of(record.fields) if record.fields else "",
            captured and (captured.name, captured.text),
        )
        known = self._lines.get(key)
        if known is not None:
            self.pending += known.count == 0
            known.count += 1
            return True
        if len(self._lines) >= KNOWN:
            self._tell_one(self._lines.popitem(last=False)[1])
        self._lines[key] = _Repeated(record)
        return False

    def tell_over(self, now: float) -> None:
        """Tell of repetitions whose time is over. `now` is in seconds since the epoch; infinity tells of all."""
        if self._repeats is None:
            return
        seconds = self._repeats.seconds
        while self._lines:
            key, oldest = next(iter(self._lines.items()))
            if abs(now - oldest.at) < seconds:  # the clock may have been set back
                return
            del self._lines[key]
            self._tell_one(oldest)

    def _tell_one(self, one: _Repeated) -> None:
        if one.count:
            self.pending -= 1
            times = "once more" if one.count == 1 else f"{one.count:,} times more"
            self._tell("log.repeated", one.level, f"{times}: {one.message}", {"repeats": one.count, "of": one.message, "by": one.actor})
