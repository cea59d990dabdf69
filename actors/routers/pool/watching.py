"""What the pool's actor looks at now and then: whether the size fits the load, and whether a worker hangs."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors.routers.pool.books import Books
    from actors.routers.pool.slots import Slot

__all__ = ["Watch"]

LOOKS = 4  # at a job that may take `hangs_after` seconds: so much too late, at most, it is noticed


class Watch:
    """Looks at the books of a pool. No clock is read for a job: what is still as it was a look ago has been so since then at least."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._elastic = books.options.elastic
        self._hangs_after = books.options.hangs_after
        # How many jobs had been let in at each look of late, oldest first: so it is known how long at least a job has waited.
        self._looks: deque[tuple[float, int]] = deque()
        periods = []
        if self._elastic is not None:
            periods.append(self._elastic.grow_after)
        if self._hangs_after is not None:
            periods.append(self._hangs_after / LOOKS)
        self._period = min(periods, default=None)

    def look(self, now: float) -> tuple[int, list[Cell]]:
        """Look around; have it done again while there is anything to see.

        Returns:
            By how many workers the pool is to grow, or to shrink; and which of them hang.
        """
        books = self._books
        if self._period is None:
            return 0, []
        with books.lock:
            change = self._change(now)
            hanging = self._hanging(now)
            books.looking = self._is_needed()
            if books.looking:
                books.want_look(now + self._period)
        return change, hanging

    def _is_needed(self) -> bool:
        books, elastic = self._books, self._elastic
        if elastic is not None and (books.accounts.waiting or books.target > elastic.least):
            return True
        return self._hangs_after is not None and not books.accounts.idle()

    def _change(self, now: float) -> int:
        books, elastic = self._books, self._elastic
        if elastic is None:
            return 0
        if self._is_late(now, elastic.grow_after) and books.target < elastic.most:
            self._looks = deque([(now, books.accounts.accepted)])  # the new worker has as long to make a difference
            return 1
        gone = 0
        for slot in books.slots:
            if self._is_idle(slot, now, elastic.idle_after) and books.target - gone > elastic.least:
                gone += 1
        return -gone

    def _is_late(self, now: float, after: float) -> bool:
        """Tell whether the job that waits in front has waited for so long. It need not have been in front for so long."""
        looks, accounts = self._looks, self._books.accounts
        looks.append((now, accounts.accepted))
        while len(looks) > 1 and now - looks[1][0] >= after:
            looks.popleft()
        when, accepted = looks[0]
        oldest = self._books.lanes.oldest()
        return oldest is not None and now - when >= after and oldest.number <= accepted

    def _is_idle(self, slot: Slot, now: float, after: float) -> bool:
        """Tell whether a worker has had nothing to do for so long."""
        if slot.held or not slot.ready:
            slot.idle = None
            return False
        if slot.idle is None or slot.idle[0] != slot.handed:
            slot.idle = (slot.handed, now)
        return now - slot.idle[1] >= after

    def _hanging(self, now: float) -> list[Cell]:
        """Return the workers that have been at one job for too long."""
        if self._hangs_after is None:
            return []
        found: list[Cell] = []
        for slot in (*self._books.slots, *self._books.leaving):
            parcel = next((parcel for parcel in slot.held if parcel.begun), None)
            if parcel is None or slot.cell is None:
                slot.hanging = None
                continue
            # By the worker, too: the next one may be at the very same job.
            if slot.hanging is None or slot.hanging[:2] != (parcel, slot.cell):
                slot.hanging = (parcel, slot.cell, now)
            elif now - slot.hanging[2] >= self._hangs_after:
                found.append(slot.cell)
        return found
