"""How many restarts are too many: OTP's sliding window."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from supervisors.policy.checks import check_instant, check_number, check_whole

__all__ = ["Limit", "Window"]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many restarts in so many seconds.

    Args:
        restarts: how many are still good; 0 gives up at the first failure.
        period: seconds, more than 0; infinite for a limit over a whole life.

    Raises:
        TypeError: one of them is no number.
        ValueError: one of them is out of range.
    """

    restarts: int
    period: float

    def __post_init__(self) -> None:
        check_whole("restarts", self.restarts, "a whole number of restarts, 0 or more", 0)
        check_number("period", self.period, "seconds, more than 0", above=True, infinite=True)


class Window:
    """The restarts of late, as OTP's supervisor counts them.

    A restart counts for `period` seconds, both ends included. With no limit nothing is ever too many, and nothing is remembered.

    A clock that jumps back makes the restarts that then lie in the future restarts of now: they go on to count, for one period and
    no longer.

    `add` and `count` take constant time, amortised. What is remembered never exceeds the limit by more than one restart, which is enough
    to tell that it is exceeded. Not thread-safe, but for `look`.
    """

    __slots__ = ("_limit", "_runs", "_total")

    def __init__(self, limit: Limit | None) -> None:
        if limit is not None and not isinstance(limit, Limit):
            msg = f"limit={limit!r} is not valid: a Limit, or None for no limit"
            raise TypeError(msg)
        self._limit = limit
        # Invariant: the oldest first, each a time and how many restarts there were then; the times ascend strictly. Restarts that a clock
        # which jumped back moves to now become one item, so that moving them again costs no more than moving one.
        self._runs: deque[tuple[float, int]] = deque()
        self._total = 0

    def __repr__(self) -> str:
        return f"<Window of {self._limit}: {self._total} remembered>"

    def add(self, now: float) -> bool:
        """Count one restart more, at `now`.

        Returns:
            False if that is one too many.

        Raises:
            ValueError: `now` is nan or infinite.
        """
        check_instant(now)
        if self._limit is None:
            return True
        self._settle(now, self._limit.period, more=1)
        if self._total <= self._limit.restarts:
            return True
        if self._total > self._limit.restarts + 1:
            self._drop_oldest()
        return False

    def count(self, now: float) -> int:
        """Return how many restarts count at `now`; of more than the limit allows, one more than that; without a limit 0.

        Raises:
            ValueError: `now` is nan or infinite.
        """
        check_instant(now)
        if self._limit is not None:
            self._settle(now, self._limit.period, more=0)
        return self._total

    def look(self, now: float) -> int:
        """Return what `count` would, and leave everything as it is: another thread may look while the owner counts."""
        if self._limit is None:
            return 0
        oldest = now - self._limit.period
        return sum(many for when, many in self._runs.copy() if when >= oldest)

    def _settle(self, now: float, period: float, more: int) -> None:
        """Move what lies in the future to `now`, together with `more` that are new, and forget what is too old."""
        runs = self._runs
        here = more
        while runs and runs[-1][0] >= now:
            here += runs.pop()[1]
        if here:
            runs.append((now, here))
        self._total += more
        oldest = now - period
        while runs and runs[0][0] < oldest:
            self._total -= runs.popleft()[1]

    def _drop_oldest(self) -> None:
        when, many = self._runs.popleft()
        if many > 1:
            self._runs.appendleft((when, many - 1))
        self._total -= 1
