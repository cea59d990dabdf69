"""Stages that gather elements: batches, windows, folds, buffers."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core.bounded import Overflow
from actors.streams.logic import ANY_NUMBER, NOTHING, SLICE, Linear, initial_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Batch", "Buffer", "Fold", "Window"]


class Batch(Linear):
    """Gives lists of elements: full ones, and others when their first element has waited long enough."""

    def __init__(self, most: int, within: float | None) -> None:
        self.most = most
        self.within = within
        self.batch: list[Any] = []
        self.due = False

    def work(self) -> int:
        """See `Logic`."""
        if self.due and self.room() > 0:
            self._pass_on()
        return super().work()

    def quota(self) -> int:
        """See `Linear`."""
        return max(0, self.room()) * self.most + self.most - 1 - len(self.batch)

    def feed(self, count: int) -> None:
        """See `Linear`."""
        for _ in range(count):
            if not self.batch and self.within is not None:
                self.stage.wake_after(self.within)
            self.batch.append(self.take())
            if len(self.batch) == self.most:
                self._pass_on()

    def _pass_on(self) -> None:
        self.give(self.batch)
        self.batch, self.due = [], False

    def tick(self) -> None:
        """See `Logic`."""
        self.due = bool(self.batch)

    def finish(self) -> None:
        """See `Linear`."""
        if not self.batch:
            self.over = True
        elif self.room() > 0:
            self._pass_on()
            self.over = True


class Window(Linear):
    """Gives the last elements, as a list, after each so many."""

    def __init__(self, count: int, every: int) -> None:
        self.window: deque[Any] = deque(maxlen=count)
        self.every = every
        self.fresh = 0  # elements since the last window was given

    def feed(self, count: int) -> None:
        """See `Linear`."""
        for _ in range(count):
            self.window.append(self.take())
            self.fresh += 1
            if self.fresh == self.every:
                self._pass_on()

    def _pass_on(self) -> None:
        self.give(list(self.window))
        self.fresh = 0

    def finish(self) -> None:
        """See `Linear`."""
        if not self.fresh:
            self.over = True
        elif self.room() > 0:
            self._pass_on()
            self.over = True


class Fold(Linear):
    """Gives one element, at the end: what a function has made of all."""

    def __init__(self, initial: Any, function: Callable[[Any, Any], Any]) -> None:
        self.initial = initial
        self.function = function
        self.state: Any = NOTHING

    def quota(self) -> int:
        """See `Linear`."""
        return ANY_NUMBER

    def feed(self, count: int) -> None:
        """See `Linear`."""
        take, function, flow = self.take, self.function, self.flow
        if self.state is NOTHING:
            self.state = initial_of(self.initial)
        state = self.state
        try:
            for _ in range(count):
                self.element = element = take()
                state = function(state, element)
                if flow.hurry:
                    return
        finally:
            self.state = state

    def finish(self) -> None:
        """See `Linear`."""
        if self.room() > 0:
            self.give(initial_of(self.initial) if self.state is NOTHING else self.state)
            self.over = True


class Buffer(Linear):
    """Holds elements for those behind it, and drops some rather than hold up those before it."""

    def __init__(self, capacity: int, overflow: Overflow) -> None:
        self.capacity = capacity
        self.overflow = overflow
        self.held: deque[Any] = deque()

    @property
    def holds(self) -> bool:
        """See `Logic`."""
        return bool(self.held)

    def work(self) -> int:
        """See `Logic`."""
        done = self._pass_on()
        done += super().work()
        return done + self._pass_on()

    def _pass_on(self) -> int:
        count = min(self.room(), len(self.held), SLICE)
        if count > 0:
            self.flow.outlets[0].out.extend([self.held.popleft() for _ in range(count)])
        return max(0, count)

    def quota(self) -> int:
        """See `Linear`."""
        return self.capacity - len(self.held) if self.overflow is Overflow.BLOCK else ANY_NUMBER

    def feed(self, count: int) -> None:
        """See `Linear`."""
        for _ in range(count):
            element = self.take()
            if len(self.held) >= self.capacity:
                self.flow.dropped += 1
                if self.overflow is Overflow.DROP_NEWEST:
                    continue
                self.held.popleft()
            self.held.append(element)

    def finish(self) -> None:
        """See `Linear`."""
        self.over = not self.held
