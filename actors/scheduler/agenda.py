"""What waits in an order: for its time, or for a place by priority.

A binary heap of tuples, which C compares by key and then by number, so that equal keys keep the order in which they came and the items
themselves are never compared. An item that was cancelled stays where it is until its turn comes, or until more than half of the heap is
such: then all of them are swept out at once. So insertion takes O(log n), and cancellation O(1) amortised.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Agenda"]

T = TypeVar("T")

SLACK = 64  # cancelled items that are let be


class Agenda(Generic[T]):
    """Items by key, lowest first, equal keys in order of insertion. It has no lock: its owner says who uses it when.

    Args:
        live: tells whether an item still waits. It must not run user code.
    """

    __slots__ = ("_dead", "_heap", "_live")

    def __init__(self, live: Callable[[T], bool]) -> None:
        self._live = live
        self._heap: list[tuple[float, int, T]] = []
        self._dead = 0  # items in the heap that were cancelled

    def __len__(self) -> int:
        return len(self._heap) - self._dead

    def insert(self, key: float, number: int, item: T) -> None:
        """Insert `item`; no two items may have the same `key` and `number`."""
        heapq.heappush(self._heap, (key, number, item))

    def cancelled(self) -> None:
        """Take note that one item is not live any more."""
        self._dead += 1
        if self._dead > SLACK and 2 * self._dead > len(self._heap):
            live = self._live
            self._heap = [entry for entry in self._heap if live(entry[2])]
            heapq.heapify(self._heap)
            self._dead = 0

    def first(self) -> float | None:
        """Return the lowest key, None if nothing waits."""
        self._drop_dead()
        return self._heap[0][0] if self._heap else None

    def pop(self) -> T | None:
        """Take out the first item, None if nothing waits."""
        self._drop_dead()
        return heapq.heappop(self._heap)[2] if self._heap else None

    def pop_until(self, key: float, limit: int) -> list[tuple[float, int, T]]:
        """Take out at most `limit` of those with a key not above `key`, in order."""
        due: list[tuple[float, int, T]] = []
        heap, live = self._heap, self._live
        while heap and heap[0][0] <= key and len(due) < limit:
            entry = heapq.heappop(heap)
            if live(entry[2]):
                due.append(entry)
            else:
                self._dead -= 1
        return due

    def entries(self) -> list[tuple[float, int, T]]:
        """Return a copy of all entries, cancelled ones among them, in no order."""
        return self._heap.copy()

    def _drop_dead(self) -> None:
        heap = self._heap
        while heap and not self._live(heap[0][2]):
            heapq.heappop(heap)
            self._dead -= 1
