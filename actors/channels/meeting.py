"""Values, room, and those who wait for them: who meets whom at a channel. All of it under the channel's lock.

The rules are those of Go's channels and of trio's memory channels. To match one who comes with one who stands in line, under the locks of
all channels of a `select`, is how Go's runtime does it (``chansend``, ``selectgo``).
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from typing import TYPE_CHECKING, Any

from actors.channels.waits import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors.channels.waits import Place

__all__ = ["After", "Line", "Meeting", "Remainder", "live"]

After = list["Callable[[], After | None]"]
"""What is to be called when the lock has been given back; each call may return more of the kind."""

Line = deque["Place"]
"""Those who wait, first come, first served."""


class _Endless:
    """The room of an unbounded channel."""

    def __bool__(self) -> bool:
        return True

    def pop(self) -> None:
        """Give a token; there is always another."""

    def append(self, token: None) -> None:
        """Take a token back."""


class Remainder:
    """The room of a channel that has lost count of its tokens: what the values leave of the capacity. Under the channel's lock."""

    def __init__(self, capacity: int, values: deque[Any]) -> None:
        self._capacity = capacity
        self._values = values

    def __bool__(self) -> bool:
        return len(self._values) < self._capacity

    def pop(self) -> None:
        """Give a token, if there is room; a value will be put there before the lock is given back."""
        if not self:
            raise IndexError

    def append(self, token: None) -> None:
        """Take a token back: the value that had it is no longer there."""


class Meeting:
    """See the module's docstring; the short way past it is described in `actors.channels.pipe`.

    Invariant: *values in `_values` + tokens in `_room` = capacity*, but for what is just under way on the short way. What came back from a
    receiver that was cancelled is in `_returned` and has no token: a send must not wait, nor a value be lost, because it came back.

    Attributes:
        busy: whether the short way is closed. Written under the lock.
        pinned: whether it is closed for another reason than those who wait.
        count: called with every value that is let in or handed over; for statistics alone.
    """

    __slots__ = ("_givers", "_returned", "_room", "_takers", "_turns", "_values", "busy", "count", "pinned")

    def __init__(self, capacity: int | None) -> None:
        self._values: deque[Any] = deque()
        self._room: Any = _Endless() if capacity is None else deque(itertools.repeat(None, capacity))
        # Lines of those who wait. A place whose wait another channel has ended may still stand there, until its owner takes it out.
        self._takers: Line = deque()
        self._givers: Line = deque()
        # A heap. Two receivers may give their values back in any order: each value has the turn in which it was first handed over.
        self._returned: list[tuple[int, Any]] = []
        self._turns = itertools.count()
        self.busy = self.pinned = True
        self.count = itertools.count().__next__

    def settle(self) -> None:
        """Do as `_settle`, from outside of the lock."""
        raise NotImplementedError

    def _settle(self, after: After) -> None:
        """Bring together values, room and those who wait for them."""
        while self._takers and (self._values or self._returned) and self._hand_over(after):
            pass
        while self._givers and self._room and self._let_in(after):
            pass
        while self._takers and self._givers and not self._values and self._pair(after):
            pass
        self._update()

    def _update(self) -> None:
        self.busy = bool(self._takers or self._givers or self._returned or self.pinned)

    def _token(self) -> bool:
        try:
            self._room.pop()
        except IndexError:
            return False
        return True

    def _next_value(self) -> tuple[int | None, Any]:
        """Take the first value there is, and its turn if it has one; else NOTHING."""
        if self._returned:
            return heapq.heappop(self._returned)
        try:
            value = self._values.popleft()
        except IndexError:
            return None, NOTHING
        self._room.append(None)
        return None, value

    def _first(self, line: Line) -> Place | None:
        """Return the first place in `line` whose wait can still be ended, and take the right to end it. It stays there until served."""
        for place in line:
            if place.wait.claim():
                return place
        return None

    def _unclaim(self, place: Place, after: After) -> None:
        """Give the right to end a wait back. Other channels may have passed it over meanwhile, so they look once more."""
        place.wait.unclaim()
        after.extend(other.pipe.settle for other in place.wait.places if other.pipe is not self)

    def _hand_over(self, after: After) -> bool:
        """Give the first value to the first who waits for one; False if there is no such pair."""
        # The wait is claimed before the value is popped: a value that had to be put back might be overtaken on the short way.
        taker = self._first(self._takers)
        if taker is None:
            return False
        turn, value = self._next_value()
        if value is NOTHING:
            self._unclaim(taker, after)
            return False
        self._hand(taker, value, after, turn)
        return True

    def _let_in(self, after: After) -> bool:
        """Give room to the first who waits for it; False if there is no such pair."""
        giver = self._first(self._givers)
        if giver is None:
            return False
        if not self._token():
            self._unclaim(giver, after)
            return False
        self.count()
        self._values.append(giver.offer)
        self._serve(giver, NOTHING, after)
        return True

    def _pair(self, after: After) -> bool:
        """Bring together two who both stand in line; False if there is no such pair.

        Who comes finds the other in line. So this is needed only where one of them was passed over, in the moment in which another
        channel of a `select` had claimed its wait and gave it back.
        """
        found = next(self._pairs(), None)
        if found is None:
            return False
        taker, giver = found
        if not taker.wait.claim():
            return True  # another channel was quicker: so to look again comes to an end
        if not giver.wait.claim():
            self._unclaim(taker, after)
            return True
        self.count()
        self._serve(giver, NOTHING, after)
        self._hand(taker, giver.offer, after)
        return True

    def _pairs(self) -> Iterator[tuple[Place, Place]]:
        """Yield who could meet whom. A `select` may stand in both lines: it does not meet itself."""
        for taker in self._takers:
            if taker.wait.live:
                yield from ((taker, giver) for giver in self._givers if giver.wait is not taker.wait and giver.wait.live)

    def _hand(self, taker: Place, value: Any, after: After, turn: int | None = None) -> None:
        """Give a value to one who waits for it, and note in which turn."""
        taker.wait.turn = next(self._turns) if turn is None else turn
        self._serve(taker, value, after)

    def _serve(self, place: Place, value: Any, after: After) -> None:
        """End a wait, which is claimed, at `place`, which leaves its line."""
        wait = place.wait
        wait.value = value
        wait.served = place
        after.append(wait.rouse)
        (self._takers if place.offer is NOTHING else self._givers).remove(place)  # last: until then an interrupt leaves something to mend

    def _line(self, place: Place) -> Line:
        return self._takers if place.offer is NOTHING else self._givers

    def _mend(self, after: After) -> None:
        """Go on after an interrupt in the middle of serving somebody: whoever was served is roused, and who was not waits on."""
        for place in (*self._takers, *self._givers):
            wait = place.wait
            if wait.served is place:
                after.append(wait.rouse)
                self._line(place).remove(place)
            elif not wait.places and not wait.live:  # only with this lock could it be claimed
                wait.unclaim()


def live(line: Line) -> bool:
    """Tell whether anybody in `line` still waits."""
    return any(place.wait.live for place in line)
