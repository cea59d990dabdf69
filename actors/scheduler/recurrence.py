"""When recurring tasks are due: pure functions of time, which is handed in.

Nothing here reads a clock, so all of it may be asked about any time, by any clock. `Every` takes the seconds of whichever clock its
caller uses; `Cron` takes Unix seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from actors._core.seconds import check_seconds
from actors._core.timers import TimerMode
from actors.scheduler.cron import Cron
from actors.scheduler.work import Missed
from actors.scheduler.zones import LATEST

__all__ = ["SHORTEST", "Cron", "Due", "Every", "Recurrence", "due_runs"]

SHORTEST = 0.001  # seconds of an interval. Far below what a thread keeps to; much less would drown in the rounding of Unix times


class Recurrence(Protocol):
    """When something is due again and again."""

    def next_after(self, after: float) -> float | None:
        """Return the first time after `after`, or None if there is none."""

    def latest(self, after: float, until: float, limit: int) -> tuple[float, ...]:
        """Return the times after `after`, up to `until`, in order; of many the last `limit`."""

    def count(self, after: float, until: float) -> int:
        """Return how many times there are after `after`, up to `until`."""


@dataclass(frozen=True, slots=True)
class Every:
    """An interval.

    With `FIXED_RATE`, the times are ``origin + n * interval``. Each is computed from its n, so that no rounding adds up however long it
    goes on. With `FIXED_DELAY`, the next time is one interval after the time asked about: the end of the last run.

    Attributes:
        interval: seconds, `SHORTEST` or more.
        mode: what the interval is counted from.
        origin: the first time, with `FIXED_RATE`.
    """

    interval: float
    mode: TimerMode = TimerMode.FIXED_RATE
    origin: float = 0.0

    def __post_init__(self) -> None:
        if check_seconds("interval", self.interval) < SHORTEST:
            msg = f"interval={self.interval!r} is not valid: seconds, {SHORTEST} or more"
            raise ValueError(msg)
        if not isinstance(self.mode, TimerMode):
            msg = f"mode={self.mode!r} is not valid: use a member of TimerMode"
            raise TypeError(msg)
        if not -LATEST < self.origin < LATEST:
            msg = f"origin={self.origin!r} is not valid: seconds of a clock"
            raise ValueError(msg)

    def next_after(self, after: float) -> float | None:
        """Return the first time after `after`; None if it is later than any datetime."""
        if after >= LATEST:
            return None
        due = after + self.interval if self.mode is TimerMode.FIXED_DELAY else self._at(self._index(after) + 1)
        return due if due < LATEST else None

    def latest(self, after: float, until: float, limit: int) -> tuple[float, ...]:
        """Return the times after `after`, up to `until`; of many the last `limit`. With `FIXED_DELAY` none: they depend on the runs."""
        if self.mode is TimerMode.FIXED_DELAY:
            return ()
        last = self._index(until)
        return tuple(self._at(n) for n in range(max(self._index(after), last - limit) + 1, last + 1))

    def count(self, after: float, until: float) -> int:
        """Return how many times there are after `after`, up to `until`."""
        return 0 if self.mode is TimerMode.FIXED_DELAY else max(0, self._index(until) - self._index(after))

    def _at(self, n: int) -> float:
        return self.origin + n * self.interval

    def _index(self, at: float) -> int:
        """Return the number of the last time up to `at`, -1 if that is before all of them."""
        at = min(at, float(LATEST))
        if at < self.origin:
            return -1
        n = math.floor((at - self.origin) / self.interval)
        # The quotient is rounded, and so are the times. Within `LATEST` that is by one at most, as the interval is no less than SHORTEST.
        while self._at(n) > at:
            n -= 1
        while self._at(n + 1) <= at:
            n += 1
        return n


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done about a recurring task.

    Invariant: each time from the one asked about up to now is in `run`, or is counted in `missed`.

    Attributes:
        run: the due times of the runs to begin now, in order.
        missed: how many earlier ones are not run.
        first_missed: when the first of these was due, None if there is none.
        last_missed: and the last of them.
        next: when the task is due next, None if never again. With `FIXED_DELAY` and something in `run`, as if that took no time.
    """

    run: tuple[float, ...]
    missed: int
    first_missed: float | None
    last_missed: float | None
    next: float | None


def due_runs(recurrence: Recurrence, due: float, now: float, *, grace: float, policy: Missed, limit: int = 1000) -> Due:
    """Return which runs are to begin now, of a task that was due next at `due`.

    A run is missed if it is late by more than `grace`. Runs that are not begin now, under any policy.

    - `Missed.SKIP`: no run that was missed begins.
    - `Missed.ONCE`: if all were missed, the latest of them begins, in the place of all. Else those that are in time stand for them.
    - `Missed.ALL`: all begin.

    It takes time in proportion to `limit`, however many were missed; with `Cron`, also some ten microseconds for each day since `due`.

    Args:
        recurrence: when the task is due.
        due: when it was due next; whether the recurrence has it or not, as when it was another one then.
        now: the present time, by the same clock.
        grace: seconds a run may be late without being missed.
        policy: what becomes of runs that were missed.
        limit: of the runs that begin; of more, those that were due last.
    """
    if now < due:
        return Due((), 0, None, None, due)
    times = (due, *recurrence.latest(due, now, limit + 1))[-limit - 1 :]
    in_time = tuple(time for time in times if now - time <= grace)
    if policy is Missed.ALL:
        run = times
    elif policy is Missed.ONCE:
        run = in_time or times[-1:]
    else:
        run = in_time
    run = run[-limit:]
    missed = 1 + recurrence.count(due, now) - len(run)
    # Invariant: `times` has one more than `limit` if there are as many: what is missed is before all that runs, and its last is there.
    return Due(
        run,
        missed,
        due if missed else None,
        times[-len(run) - 1] if missed else None,
        recurrence.next_after(now),
    )
