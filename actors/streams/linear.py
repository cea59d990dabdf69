"""Stages that take elements one by one: map, filter and their kin."""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any

from actors.routers.workers.functions import refuse_coroutine
from actors.streams.logic import NOTHING, SLICE, Linear, Stage, initial_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Drop", "Filter", "FlatMap", "Map", "Scan", "Take", "TakeWhile", "Tap"]


class Map(Linear):
    """Gives what a function returns for each element."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def feed(self, count: int) -> None:
        """See `Linear`."""
        take, give, function, flow = self.take, self.give, self.function, self.flow
        for _ in range(count):
            self.element = element = take()
            value = function(element)
            if type(value) is CoroutineType:
                refuse_coroutine(function, value)
            give(value)
            if flow.hurry:
                return


class Tap(Map):
    """Calls a function with each element, and gives the element on."""

    def feed(self, count: int) -> None:
        """See `Linear`."""
        take, give, function, flow = self.take, self.give, self.function, self.flow
        for _ in range(count):
            self.element = element = take()
            function(element)
            give(element)
            if flow.hurry:
                return


class Filter(Linear):
    """Gives those elements on that a predicate is true for."""

    def __init__(self, predicate: Callable[[Any], Any]) -> None:
        self.predicate = predicate

    def feed(self, count: int) -> None:
        """See `Linear`."""
        take, give, predicate, flow = self.take, self.give, self.predicate, self.flow
        for _ in range(count):
            self.element = element = take()
            if predicate(element):
                give(element)
            if flow.hurry:
                return


class TakeWhile(Filter):
    """Gives elements on until a predicate is false for one."""

    def feed(self, count: int) -> None:
        """See `Linear`."""
        take, give, predicate, flow = self.take, self.give, self.predicate, self.flow
        for _ in range(count):
            self.element = element = take()
            if not predicate(element):
                self.over = True
                return
            give(element)
            if flow.hurry:
                return


class Scan(Linear):
    """Gives the state after each element."""

    def __init__(self, initial: Any, function: Callable[[Any, Any], Any]) -> None:
        self.initial = initial
        self.function = function
        self.state: Any = NOTHING

    def feed(self, count: int) -> None:
        """See `Linear`."""
        take, give, function, flow = self.take, self.give, self.function, self.flow
        for _ in range(count):
            self.element = element = take()
            if self.state is NOTHING:
                self.state = initial_of(self.initial)
            self.state = state = function(self.state, element)
            give(state)
            if flow.hurry:
                return


class Take(Linear):
    """Gives the first elements on, and wants no more.

    Invariant: what waits before it and what it has demanded are never more than `left`; else a source would be pulled for nothing.
    """

    def __init__(self, count: int) -> None:
        self.left = count

    def open(self, stage: Stage) -> None:
        """See `Logic`."""
        super().open(stage)
        self._went_down()

    def feed(self, count: int) -> None:
        """See `Linear`."""
        count = min(count, self.left)
        self.flow.outlets[0].out.extend([self.take() for _ in range(count)])
        self.left -= count
        self._went_down()

    def _went_down(self) -> None:
        inlet = self.flow.inlets[0]
        inlet.capacity = min(inlet.capacity, max(1, self.left))
        self.over = self.left == 0

    def wants(self, inlet: int) -> bool:  # noqa: ARG002
        """See `Logic`."""
        return self.left > 0


class Drop(Linear):
    """Gives all but the first elements on."""

    def __init__(self, count: int) -> None:
        self.left = count

    def quota(self) -> int:
        """See `Linear`."""
        return self.left or self.room()

    def feed(self, count: int) -> None:
        """See `Linear`."""
        items = [self.take() for _ in range(count)]
        if self.left:
            self.left -= count
        else:
            self.flow.outlets[0].out.extend(items)


class FlatMap(Linear):
    """Gives, for each element, all elements of an iterable that a function returns. That one may be without end."""

    def __init__(self, function: Callable[[Any], Iterable[Any]]) -> None:
        self.function = function
        self.inner: Iterator[Any] | None = None  # of the element being worked at

    @property
    def holds(self) -> bool:
        """See `Logic`."""
        return self.inner is not None

    def work(self) -> int:
        """See `Logic`."""
        inlet = self.flow.inlets[0]
        room = min(self.room(), SLICE)
        done = 0
        while room > 0 and (self.inner is not None or inlet.waiting):
            if self.inner is None:
                self.element = self.take()
                self.inner = iter(self.function(self.element))
            given = self._pour(self.inner, room)
            room -= given
            done += 1 + given
            if self.flow.hurry or done >= SLICE:
                return done
        if self.inner is None and inlet.over and inlet.error is None:
            self.over = True
        return done

    def _pour(self, inner: Iterator[Any], room: int) -> int:
        """Give up to `room` elements of `inner`; forget it once it is at its end or has raised."""
        give, flow = self.give, self.flow
        given = 0
        self.inner = None
        for item in inner:
            give(item)
            given += 1
            if given == room or flow.hurry:
                self.inner = inner
                break
        return given

    def close(self) -> None:
        """See `Logic`."""
        close_iterator(self.inner)


def close_iterator(iterator: Any) -> None:
    """Let an iterator that is a generator, or the like, run its ``finally``."""
    close = getattr(iterator, "close", None)
    if callable(close):
        close()
