"""Where a stream ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.streams.errors import StreamLimitError
from actors.streams.logic import NOTHING, SinkLogic, Stage, initial_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Collect", "Count", "Each", "FoldAll", "Ignore", "Last"]


class Collect(SinkLogic):
    """Its result is the list of all elements."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.found: list[Any] = []

    def feed(self, count: int) -> None:
        """See `Linear`."""
        room = self.limit - len(self.found)
        self.found += [self.take() for _ in range(min(count, room))]
        if count > room:
            raise StreamLimitError(self.flow.name, self.limit)

    def result(self) -> list[Any]:
        """See `SinkLogic`."""
        return self.found


class Count(SinkLogic):
    """Its result is the number of elements; they are dropped."""

    def __init__(self) -> None:
        self.count = 0

    def feed(self, count: int) -> None:
        """See `Linear`."""
        for _ in range(count):
            self.take()
        self.count += count

    def result(self) -> int:
        """See `SinkLogic`."""
        return self.count


class Ignore(Count):
    """It has no result."""

    def result(self) -> None:  # type: ignore[override]
        """See `SinkLogic`."""
        return


class Last(SinkLogic):
    """Its result is the last element; None if there was none."""

    def __init__(self) -> None:
        self.last: Any = None

    def feed(self, count: int) -> None:
        """See `Linear`."""
        for _ in range(count):
            self.last = self.take()

    def result(self) -> Any:
        """See `SinkLogic`."""
        return self.last


class Each(SinkLogic):
    """Calls a function with each element; its result is the number of elements."""

    def __init__(self, function: Callable[[Any], object]) -> None:
        self.function = function
        self.count = 0

    def feed(self, count: int) -> None:
        """See `Linear`."""
        take, function, flow = self.take, self.function, self.flow
        for _ in range(count):
            self.element = element = take()
            function(element)
            self.count += 1
            if flow.hurry:
                return

    def result(self) -> int:
        """See `SinkLogic`."""
        return self.count


class FoldAll(SinkLogic):
    """Its result is what a function has made of all elements."""

    def __init__(self, initial: Any, function: Callable[[Any, Any], Any]) -> None:
        self.initial = initial
        self.function = function
        self.state: Any = NOTHING

    def open(self, stage: Stage) -> None:
        """See `Logic`."""
        super().open(stage)
        self.state = initial_of(self.initial)

    def feed(self, count: int) -> None:
        """See `Linear`."""
        take, function, flow = self.take, self.function, self.flow
        for _ in range(count):
            self.element = element = take()
            self.state = function(self.state, element)
            if flow.hurry:
                return

    def result(self) -> Any:
        """See `SinkLogic`."""
        return self.state
