"""When to tell of events that a subscription does not get: a slow subscriber must not drown those who listen to that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.events.records import EventDropped

if TYPE_CHECKING:
    from actors.events.records import BusEvent, Slow

__all__ = ["Drops"]


class Drops:
    """Counts what one subscription does not get. Not safe for threads: the caller has a lock, and publishes what this returns without it.

    Attributes:
        total: of all bursts.
    """

    __slots__ = ("_burst", "_last", "_next", "_pattern", "_policy", "_untold", "total")

    def __init__(self, pattern: str, policy: Slow) -> None:
        self._pattern = pattern
        self._policy = policy
        self.total = 0
        self._burst = 0  # how many the burst has so far
        self._next = 1  # with how many it is told next: 1, 10, 100, and so on
        self._untold = 0
        self._last: BusEvent[Any] | None = None

    def add(self, event: BusEvent[Any]) -> EventDropped | None:
        """Count an event; return what is to be told now."""
        self.total += 1
        self._burst += 1
        self._untold += 1
        self._last = event
        if self._burst < self._next:
            return None
        self._next *= 10
        return self._told()

    def over(self) -> EventDropped | None:
        """Note that the burst is over, if there is one; return what is to be told now."""
        self._burst, self._next = 0, 1
        return self._told() if self._untold else None

    @property
    def bursting(self) -> bool:
        """Whether there is a burst."""
        return self._burst > 0

    def _told(self) -> EventDropped:
        event, count = self._last, self._untold
        assert event is not None
        self._untold, self._last = 0, None  # the event itself may be large
        return EventDropped(event.topic, event.event, self._pattern, self._policy, count)
