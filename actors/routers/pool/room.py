"""What becomes of a job that finds the pool full: refused, shed, or let wait. Guarded by the lock of the pool's books."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors._core.future import Future
    from actors.routers.pool.jobs import Job

__all__ = ["Line", "Shed"]


class Line:
    """Senders that wait for room, in order.

    Attributes:
        senders: their jobs, and the futures of being let in.
    """

    __slots__ = ("senders",)

    def __init__(self) -> None:
        self.senders: OrderedDict[Job, Future[None]] = OrderedDict()

    def enter(self, job: Job, admitted: Future[None]) -> None:
        """Stand behind the others."""
        self.senders[job] = admitted

    def first(self) -> tuple[Job, Future[None]]:
        """Return the sender that has waited longest."""
        return next(iter(self.senders.items()))

    def leave(self, job: Job) -> Future[None] | None:
        """Wait no longer; return the future of being let in, None if that is over already."""
        return self.senders.pop(job, None)


class Shed:
    """Says when to tell of jobs that were shed: of the first of a burst, the 10th, the 100th, and so on, and of the rest."""

    __slots__ = ("_burst", "_next", "_untold")

    def __init__(self) -> None:
        self._burst = 0
        self._next = 1
        self._untold = 0

    @property
    def bursting(self) -> bool:
        """Whether there is a burst."""
        return self._burst > 0

    def add(self) -> int:
        """Count one; return how many are to be told of now."""
        self._burst += 1
        self._untold += 1
        if self._burst < self._next:
            return 0
        self._next *= 10
        return self._told()

    def over(self) -> int:
        """Take note that there is room again; return how many are to be told of now."""
        self._burst, self._next = 0, 1
        return self._told()

    def _told(self) -> int:
        count, self._untold = self._untold, 0
        return count
