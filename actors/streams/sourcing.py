"""Where elements come from: iterables."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from actors.streams.linear import close_iterator
from actors.streams.logic import SLICE, Logic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["FromIterable"]


class FromIterable(Logic):
    """Gives the elements of an iterable, pulling no more of them than are demanded."""

    def __init__(self, make: Callable[[], Iterable[Any]]) -> None:
        self.make = make
        self.iterator: Iterator[Any] | None = None

    def work(self) -> int:
        """See `Logic`."""
        outlet = self.flow.outlets[0]
        room = min(outlet.room, SLICE)
        if room <= 0:
            return 0
        if self.iterator is None:  # not before it is wanted: a file may be opened here
            self.hopeless = True
            self.iterator = iter(self.make())
        give, flow = outlet.out.append, self.flow
        before = outlet.made
        try:
            for element in islice(self.iterator, room):
                give(element)
                if flow.hurry:
                    break
            else:
                self.over = outlet.made - before < room
        finally:
            done = outlet.made - before
            self.hopeless = self.hopeless and not done
        return done

    def close(self) -> None:
        """See `Logic`."""
        close_iterator(self.iterator)
