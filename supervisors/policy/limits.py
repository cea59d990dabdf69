"""How many restarts are too many: OTP's sliding window."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

__all__ = ["Limit", "Window"]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many restarts in so many seconds; one more is too many.

    Args:
        restarts: 0 or more.
        period: seconds, more than 0.
    """

    restarts: int
    period: float

    def __post_init__(self) -> None:
        if isinstance(self.restarts, bool) or not isinstance(self.restarts, int) or self.restarts < 0:
            msg = f"restarts={self.restarts!r} is not valid: a whole number, 0 or more"
            raise ValueError(msg)
        if isinstance(self.period, bool) or not isinstance(self.period, int | float) or not 0 < self.period < math.inf:
            msg = f"period={self.period!r} is not valid: seconds, more than 0"
            raise ValueError(msg)


class Window:
    """The restarts of the last `period` seconds. Remembers at most one more than the limit; without a limit, nothing.

    The rule is that of OTP's ``supervisor``: a restart counts while ``t >= now - period``; the new one counts, too.
    """

    __slots__ = ("_limit", "_times")

    def __init__(self, limit: Limit | None) -> None:
        self._limit = limit
        self._times: deque[float] = deque()

    def add(self, now: float) -> bool:
        """Count a restart at `now` (seconds); return False if it is one too many."""
        limit = self._limit
        if limit is None:
            return True
        self._prune(now, limit)
        self._times.append(now)
        if len(self._times) <= limit.restarts:
            return True
        if len(self._times) > limit.restarts + 1:  # asked again after it was one too many
            self._times.popleft()
        return False

    def count(self, now: float) -> int:
        """Return how many restarts count at `now`; 0 without a limit."""
        if self._limit is None:
            return 0
        self._prune(now, self._limit)
        return len(self._times)

    def _prune(self, now: float, limit: Limit) -> None:
        times = self._times
        # A clock that jumped back: what would lie in the future counts as of now, and so neither is forgotten nor counts for ever.
        if times and times[-1] > now:
            self._times = times = deque(min(time, now) for time in times)
        while times and times[0] < now - limit.period:
            times.popleft()
