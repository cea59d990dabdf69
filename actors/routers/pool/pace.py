"""How fast jobs may be begun, and how fast they have been done of late. Guarded by the lock of the pool's books."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.routers.pool.options import Rate

__all__ = ["Gate", "Pace"]

SPAN = 1.0  # seconds that the pace is measured over, at least
SLACK = 1e-9  # seconds; a sum of floats may come out a little late


class Gate:
    """Lets so many jobs through in a time, and none while it is shut.

    Attributes:
        watches: whether there is anything to ask it, which takes a look at the clock.

    The algorithm is the generic cell rate algorithm, a token bucket that keeps one number: when the bucket will be full again.
    """

    __slots__ = ("_burst", "_full_at", "_interval", "_shut_until", "watches")

    def __init__(self, rate: Rate | None) -> None:
        self._interval = 1.0 / rate.per_second if rate is not None else 0.0
        self._burst = rate.burst if rate is not None else 0
        self._full_at = 0.0
        self._shut_until = 0.0
        self.watches = rate is not None

    def shut(self, until: float) -> None:
        """Let nothing through until then."""
        self._shut_until = max(self._shut_until, until)
        self.watches = True

    def free(self, now: float, most: int) -> int:
        """Return how many may go through now, `most` at most."""
        if now + SLACK < self._shut_until:
            return 0
        self._shut_until = 0.0
        self.watches = self._interval > 0
        if not self._interval:
            return most
        spent = max(0.0, self._full_at - now) / self._interval
        return max(0, min(most, int(self._burst - spent + SLACK / self._interval)))

    def opens_at(self, now: float) -> float:
        """Return when at least one may go through."""
        token = max(self._full_at, now) - (self._burst - 1) * self._interval if self._interval else now
        return max(now, token, self._shut_until)

    def let_through(self, now: float, count: int) -> None:
        """Take note that so many have gone through."""
        if self._interval:
            self._full_at = max(self._full_at, now) + count * self._interval


class Pace:
    """How many jobs were done in the last second or two. The clock is looked at when somebody asks, and not for every job."""

    __slots__ = ("_marks",)

    def __init__(self, now: float) -> None:
        self._marks = [(now, 0)]  # (clock time, jobs done by then): one or two

    def per_second(self, now: float, done: int) -> float | None:
        """Return the pace; None if nothing was done lately."""
        when, before = self._marks[0]
        if now - self._marks[-1][0] >= SPAN:
            self._marks = [self._marks[-1], (now, done)]
        if done <= before or now <= when:
            return None
        return (done - before) / (now - when)
