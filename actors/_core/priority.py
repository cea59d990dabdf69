"""The priority mailbox at work."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core.bounded import BoundedMailbox
from actors._core.doors import Shut
from actors._core.messages import STOP, Down

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.mailbox import Priority

__all__ = ["PriorityMailbox"]


class _Ranked:
    """An entry in its place: the lowest (epoch, key, number) comes first."""

    __slots__ = ("counted", "entry", "rank")

    def __init__(self, epoch: int, key: Any, number: int, entry: Any, *, counted: bool) -> None:
        self.rank = (epoch, key, number)
        self.entry = entry
        self.counted = counted

    def __lt__(self, other: _Ranked) -> bool:
        try:
            return self.rank < other.rank
        except Exception:  # noqa: BLE001  # keys that do not compare cost the order among themselves, never an entry
            return self.rank[::2] < other.rank[::2]


class PriorityMailbox(BoundedMailbox):
    """A heap of ranked entries.

    A stop or `Down` begins a new epoch: it comes after everything sent before it and before everything sent later, whatever the
    keys. Other exempt entries (ticks, piped results) are ranked by key like any message.
    """

    __slots__ = ("_ahead", "_epoch", "_key", "_number")

    def __init__(self, cell: Cell, declared: Priority) -> None:
        super().__init__(cell, declared)
        self._key = declared.key
        self._number = 0  # written under the lock, like `_epoch`
        self._epoch = 0
        self._ahead: deque[Any] = deque()  # unstashed entries

    def _new_queue(self) -> Any:
        return []

    def __len__(self) -> int:
        return len(self._queue) + len(self._ahead)

    def _prepare(self, entry: Any) -> Any:
        return (self._key(self._cell.unwrap(entry)[0]), entry)

    def _entry(self, prepared: Any) -> Any:
        return prepared[-1]

    def _push(self, key: Any, entry: Any, *, counted: bool) -> None:
        """Put `entry` in its place; what comparing its key raises comes before anything is changed."""
        self._number += 1
        queue: list[_Ranked] = self._queue
        item = _Ranked(self._epoch, key, self._number, entry, counted=counted)
        place = len(queue)
        while place and item.rank < queue[(place - 1) >> 1].rank:
            place = (place - 1) >> 1
        hole = len(queue)
        queue.append(item)
        while hole != place:
            queue[hole] = queue[(hole - 1) >> 1]
            hole = (hole - 1) >> 1
        queue[place] = item

    def _put(self, prepared: Any) -> None:
        self._push(prepared[0], prepared[1], counted=True)

    def exempt(self, entry: Any) -> None:
        """Admit `entry` whatever the bound; raise Shut if closed."""
        message = entry[0]
        ranked = message is not STOP and type(message) is not Down
        key: Any = None
        # A kernel message that the key was not made for keeps its place instead.
        if ranked:
            try:
                key = self._key(message)
            except Exception:  # noqa: BLE001
                ranked = False
        with self._lock:
            if not self._open:
                raise Shut
            self._exempted += 1
            if ranked:
                try:
                    self._push(key, entry, counted=False)
                except Exception:  # noqa: BLE001
                    ranked = False
            if not ranked:
                self._epoch += 1
                self._push(None, entry, counted=False)
                self._epoch += 1

    def _take(self) -> Any:
        if self._ahead:
            return self._ahead.popleft()
        item = heapq.heappop(self._queue)
        self._exempted -= not item.counted
        return item.entry

    def _evict(self) -> Any:
        last = max(item for item in self._queue if item.counted)
        self._queue.remove(last)
        heapq.heapify(self._queue)
        return (None, last.entry)

    def entries(self) -> tuple[Any, ...]:
        """Return what waits, in no particular order."""
        with self._lock:
            return (*self._ahead, *(item.entry for item in self._queue))

    def glance(self) -> list[Any]:
        """Return what waits, the next one first and the others in no particular order, without the lock."""
        return [*self._ahead, *(item.entry for item in list(self._queue))]

    def put_back(self, entries: list[Any]) -> None:
        """Put unstashed entries ahead of everything, in order."""
        with self._lock:
            self._ahead.extendleft(reversed(entries))
