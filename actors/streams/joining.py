"""Stages with several inlets or outlets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.streams.logic import SLICE, Logic, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Broadcast", "Concat", "Merge", "Partition", "Zip"]


class Merge(Logic):
    """Gives the elements of all inlets on as they come, each inlet's in order; the inlets take turns."""

    def __init__(self) -> None:
        self.next = 0  # the inlet whose turn it is

    def work(self) -> int:
        """See `Logic`."""
        inlets, outlet = self.flow.inlets, self.flow.outlets[0]
        left = room = min(outlet.room, SLICE)
        share = max(1, room // len(inlets))
        for _ in inlets:
            waiting = inlets[self.next].waiting
            count = min(len(waiting), left, share)
            if left <= 0:
                break
            outlet.out.extend([waiting.popleft() for _ in range(count)])
            left -= count
            self.next = (self.next + 1) % len(inlets)
        self.over = all(inlet.over and inlet.error is None for inlet in inlets)
        return max(0, room - left)


class Concat(Logic):
    """Gives all elements of the first inlet on, then those of the next. An inlet is asked for none before its turn has come."""

    def __init__(self) -> None:
        self.current = 0

    def wants(self, inlet: int) -> bool:
        """See `Logic`."""
        return inlet == self.current

    def work(self) -> int:
        """See `Logic`."""
        inlet, outlet = self.flow.inlets[self.current], self.flow.outlets[0]
        count = min(len(inlet.waiting), outlet.room, SLICE)
        if count > 0:
            outlet.out.extend([inlet.waiting.popleft() for _ in range(count)])
            return count
        if inlet.over and inlet.error is None:
            if self.current + 1 == len(self.flow.inlets):
                self.over = True
            else:
                self.current += 1
                return 1
        return 0


class Zip(Logic):
    """Gives tuples with one element of each inlet, until one of them has none any more."""

    impatient = True  # what waits at one inlet may wait in vain for the others

    def open(self, stage: Stage) -> None:
        """See `Logic`."""
        super().open(stage)
        self.flow.needs_all = True

    def work(self) -> int:
        """See `Logic`."""
        inlets, outlet = self.flow.inlets, self.flow.outlets[0]
        count = min([outlet.room, SLICE, *(len(inlet.waiting) for inlet in inlets)])
        if count > 0:
            outlet.out.extend([tuple([inlet.waiting.popleft() for inlet in inlets]) for _ in range(count)])
        self.over = any(inlet.over and inlet.error is None for inlet in inlets)
        return max(0, count)


class Broadcast(Logic):
    """Gives every element to all outlets that are wanted; the one with the least room sets the pace."""

    def work(self) -> int:
        """See `Logic`."""
        inlet = self.flow.inlets[0]
        wanted = [outlet for outlet in self.flow.outlets if outlet.open]
        count = min([len(inlet.waiting), SLICE, *(outlet.room for outlet in wanted)])
        if count > 0:
            items = [inlet.waiting.popleft() for _ in range(count)]
            for outlet in wanted:
                outlet.out.extend(items)
        self.over = inlet.over and inlet.error is None
        return max(0, count)


class Partition(Logic):
    """Gives each element to the outlet whose number a function says. One that has no room holds up what comes behind its element."""

    def __init__(self, key: Callable[[Any], int]) -> None:
        self.key = key
        self.place: int | None = None  # where `element` is to go, while there is no room for it

    @property
    def holds(self) -> bool:
        """See `Logic`."""
        return self.place is not None

    def open(self, stage: Stage) -> None:
        """See `Logic`."""
        super().open(stage)
        self.flow.splits = True

    def work(self) -> int:
        """See `Logic`."""
        flow, inlet = self.flow, self.flow.inlets[0]
        rooms = [outlet.room for outlet in flow.outlets]
        done = 0
        while done < SLICE and (self.place is not None or inlet.waiting):
            if self.place is None:
                self.element = inlet.waiting.popleft()
                self.place = self._place_of(self.element)
            outlet = flow.outlets[self.place]
            if not outlet.open:
                flow.dropped += 1
            elif rooms[self.place] > 0:
                rooms[self.place] -= 1
                outlet.out.append(self.element)
            else:
                return done
            self.place = None
            done += 1
            if flow.hurry:
                break
        self.over = inlet.over and inlet.error is None
        return done

    def _place_of(self, element: Any) -> int:
        place = self.key(element)
        count = len(self.flow.outlets)
        if not isinstance(place, int) or not 0 <= place < count:
            msg = f"key returned {place!r} for {element!r:.200}: a whole number from 0 to {count - 1} says which branch it goes to"
            raise ValueError(msg)
        return place
