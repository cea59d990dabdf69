"""Stages that go by the clock: ticks, throttles, windows of time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from actors.streams.logic import SLICE, Linear, Logic, Stage

if TYPE_CHECKING:
    from actors._core.ports import Clock

__all__ = ["Throttle", "Ticks", "WindowTime"]

CLOSE_ENOUGH = 1e-9  # of an element, which rounding may have cost
AT_ONCE = 1e-6  # seconds that are as good as none: a timer may come a rounding too early


class _Grid:
    """Moments at even distances, from one `interval` after the beginning on.

    Args:
        clock: says what time it is.
        interval: seconds from one to the next.
    """

    def __init__(self, clock: Clock, interval: float) -> None:
        self._clock = clock
        self._interval = interval
        self._begun = clock.now()
        self._number = 1

    @property
    def next(self) -> float:
        """The next moment."""
        # Not by adding up: the moments must not drift away.
        return self._begun + self._number * self._interval

    def left(self) -> float:
        """Return the seconds until the next moment; 0.0 if it has come."""
        left = self.next - self._clock.now()
        return left if left > AT_ONCE else 0.0

    def step(self) -> None:
        """Go on to the moment after the next."""
        self._number += 1

    def skip(self) -> None:
        """Go on to the first moment that is still to come."""
        self._number = max(self._number, int((self._clock.now() - self._begun) / self._interval))
        while not self.left():
            self._number += 1


class Ticks(Logic):
    """Gives 0, 1, 2, ... by the clock. A tick that nobody has room for is not made up for."""

    def __init__(self, interval: float, times: int | None) -> None:
        self.interval = interval
        self.times = times
        self.count = 0

    def open(self, stage: Stage) -> None:
        """See `Logic`."""
        super().open(stage)
        self.grid = _Grid(stage.ports.clock, self.interval)
        self.over = self.times == 0
        stage.wake_after(self.interval)

    def tick(self) -> None:
        """See `Logic`."""
        self.stage.wake_after(self.grid.left() or self.interval)  # `work` says it better if it has something to do

    def work(self) -> int:
        """See `Logic`."""
        if self.grid.left():
            return 0
        given = 0
        outlet = self.flow.outlets[0]
        if outlet.room > 0:
            outlet.out.append(self.count)
            self.count += 1
            given = 1
        self.grid.skip()
        self.over = self.count == self.times
        self.stage.wake_after(self.grid.left())
        return given


class Throttle(Linear):
    """Gives so many elements a second at most: a bucket of tokens, one for each element, filled at that rate."""

    def __init__(self, per_second: float, burst: int) -> None:
        self.per_second = per_second
        self.burst = burst
        self.tokens = float(burst)

    def open(self, stage: Stage) -> None:
        """See `Logic`."""
        super().open(stage)
        self.clock = stage.ports.clock
        self.filled = self.clock.now()

    def quota(self) -> int:
        """See `Linear`."""
        now = self.clock.now()
        self.tokens = min(float(self.burst), self.tokens + (now - self.filled) * self.per_second)
        self.filled = now
        count = min(self.room(), int(self.tokens + CLOSE_ENOUGH))
        if count <= 0 and self.room() > 0:
            self.stage.wake_after((1.0 - self.tokens) / self.per_second)
        return max(0, count)

    def feed(self, count: int) -> None:
        """See `Linear`."""
        self.tokens -= count
        self.flow.outlets[0].out.extend([self.take() for _ in range(count)])


class WindowTime(Linear):
    """Gives the elements of the last seconds, as a list, again and again."""

    def __init__(self, seconds: float, every: float, limit: int) -> None:
        self.seconds = seconds
        self.every = every
        self.limit = limit
        self.window: deque[tuple[float, Any]] = deque()  # when each was taken
        self.fresh = False  # whether something came since the last window was given

    def open(self, stage: Stage) -> None:
        """See `Logic`."""
        super().open(stage)
        self.clock = stage.ports.clock
        self.grid = _Grid(self.clock, self.every)

    def tick(self) -> None:
        """See `Logic`."""
        if self.grid.left():
            self.stage.wake_after(self.grid.left())

    def work(self) -> int:
        """See `Logic`."""
        while not self.grid.left():
            if not self.window:
                self.grid.skip()
            elif self.room() <= 0:
                return 0  # and nothing is taken: a window that is due has no more to come
            else:
                self._pass_on()
        return super().work()

    def quota(self) -> int:
        """See `Linear`."""
        return min(SLICE, self.limit - len(self.window))

    def feed(self, count: int) -> None:
        """See `Linear`."""
        now = self.clock.now()
        if not self.window:
            self.stage.wake_after(self.grid.left())
        self.window.extend([(now, self.take()) for _ in range(count)])
        self.fresh = True

    def _pass_on(self) -> None:
        """Give the window that ends at the next moment."""
        self.give([element for _, element in self.window])
        self.fresh = False
        self.grid.step()
        self._forget(self.grid.next - self.seconds)
        if self.window:
            self.stage.wake_after(self.grid.left())

    def _forget(self, until: float) -> None:
        """Drop what was taken before that time."""
        while self.window and self.window[0][0] < until - AT_ONCE:
            self.window.popleft()

    def finish(self) -> None:
        """See `Linear`."""
        if not self.fresh:
            self.over = True
        elif self.room() > 0:
            self._pass_on()
            self.over = True
