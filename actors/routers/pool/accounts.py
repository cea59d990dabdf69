"""What becomes of jobs: each has one end, which is counted, and told to its asker or the dead letters.

All of it runs under the lock of the pool's books, which is also what guards the counters; what is to be told is noted in `news`, and told
without the lock, for that runs the code of users.
"""

from __future__ import annotations

import functools
from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core.events import DeadLetterReason
from actors._core.reports import watch_reading
from actors.errors import AskCancelled, DeadlineExceeded
from actors.routers.errors import WorkerLostError
from actors.routers.pool.events import JobRedelivered, JobsShed
from actors.routers.pool.jobs import JobState
from actors.routers.pool.room import Shed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors._core.ref import ActorRef
    from actors.routers.pool.jobs import Job

__all__ = ["Accounts"]

OVER, RUNNING, WAITING = JobState.OVER, JobState.RUNNING, JobState.WAITING


class Accounts:
    """The counters of a pool, and the ends of its jobs. Methods that change anything are called under the lock.

    A Ctrl-C comes between two calls, if it comes to a thread at all. So what belongs together is written without a call in between, and
    what is told is made up before.

    Attributes:
        name: the path of the pool.
        ref: the pool's actor, once it is known.
        open: the jobs that were let in and are not over, in order. `accepted`, `waiting` and `running` follow from these and `ends`.
        ends: how many jobs have come to each of their ends.
        news: calls that tell somebody something. Anybody may pop and make them, without the lock.
        out: parcels that workers have, also those whose asker has given up or has the answer already.
        drains: futures of those who wait until there is nothing to do.
    """

    def __init__(self, name: str, redeliver: int) -> None:
        self.name = name
        self.ref: ActorRef[Any] | None = None
        self.news: deque[Callable[[], object]] = deque()
        self.open: dict[Job, None] = {}
        self.out = 0
        self.drains: list[Future[bool]] = []
        self.waiting = self.running = self.accepted = 0
        self.ends = dict.fromkeys(("done", "failed", "shed", "expired", "cancelled", "poisoned"), 0)
        self.redelivered = self.deaths = self.batches = 0
        self.bursts = Shed()
        self._redeliver = redeliver

    def later(self, call: Callable[..., object], *arguments: Any) -> None:
        """Have ``call(*arguments)`` made soon, without the lock."""
        self.news.append(functools.partial(call, *arguments))

    # -- ends ----------------------------------------------------------------------------------------------------------------

    def let_in(self, job: Job) -> None:
        """Note that `job` waits."""
        self.accepted += 1
        job.number = self.accepted
        job.state = WAITING
        self.waiting += 1
        self.open[job] = None

    def settle(self, job: Job, end: str, tell: Callable[[], object] | None) -> bool:
        """End `job`: count that as `end` and have `tell` called; return False if it was over before."""
        if job.state is OVER:
            return False
        if job.state is RUNNING:
            self.running -= 1
            del self.open[job]
        elif job.state is WAITING:
            self.waiting -= 1
            del self.open[job]
        job.state = OVER
        self.ends[end] += 1
        if tell is not None:
            self.news.append(tell)
        if self.drains:
            self.look_whether_idle()
        return True

    def finish(self, job: Job, value: Any = None) -> None:
        """Count `job` as done, and give its asker what it wanted."""
        self.settle(job, "done", functools.partial(job.future.try_set, value) if job.future is not None else None)

    def fail(self, job: Job, error: BaseException, reason: DeadLetterReason) -> None:
        """End `job` with `error` for its asker; one that was told is a dead letter, for `reason`."""
        if isinstance(error, AskCancelled) and job.future is not None and job.future.cancelled():
            self.settle(job, "cancelled", None)
        else:
            cell = job.slot.cell if job.slot is not None else None
            self.settle(job, "failed", functools.partial(self._tell, job, error, reason, cell))

    def expire(self, job: Job) -> None:
        """End `job`, whose deadline has passed."""
        error = DeadlineExceeded(self.name, job.message)
        if self.settle(job, "expired", functools.partial(self._tell, job, error, DeadLetterReason.EXPIRED)) and job.future is not None:
            self.later(self.dead_letter, job.message, DeadLetterReason.EXPIRED)

    def lose(self, job: Job, error: BaseException, reason: DeadLetterReason) -> None:
        """End `job`, for which there is no room, or no pool any more."""
        self.settle(job, "shed", functools.partial(self._tell, job, error, reason))

    def cancel(self, job: Job) -> None:
        """End `job`, which its asker has given up."""
        self.settle(job, "cancelled", functools.partial(self.dead_letter, job.message, DeadLetterReason.CANCELLED))

    def forsake(self, job: Job) -> None:
        """End `job`, whose sender was abandoned; somebody else tells of its message."""
        self.settle(job, "cancelled", job.future.cancel if job.future is not None else None)

    def count_deliveries(self, jobs: Iterable[Job], error: BaseException | None) -> list[Job]:
        """Count a delivery of each, whose worker died of `error`. Those that had too many end; return the others."""
        again: list[Job] = []
        for job in jobs:
            job.deliveries += 1
            if job.deliveries > self._redeliver:
                lost = WorkerLostError(job.message, self.name, job.deliveries, error)
                lost.__cause__ = error
                self.settle(job, "poisoned", functools.partial(self._tell, job, lost, DeadLetterReason.POISONED))
            else:
                self.redelivered += 1
                self.later(self._tell_redelivery, job.message, job.deliveries, error)
                again.append(job)
        return again

    def recount(self, held: Collection[Job], parcels: int) -> None:
        """Reckon what follows from the rest.

        Args:
            held: the jobs that workers have.
            parcels: in how many parcels.
        """
        for job in self.open:
            job.state = RUNNING if job in held else WAITING
        self.running = sum(job in held for job in self.open)
        self.waiting = len(self.open) - self.running
        self.accepted = len(self.open) + sum(self.ends.values())
        self.out = parcels

    # -- idleness ------------------------------------------------------------------------------------------------------------

    def idle(self) -> bool:
        """Tell whether no job waits or is under way."""
        return not self.waiting and not self.running and not self.out

    def look_whether_idle(self) -> None:
        """Tell those who wait for that."""
        if self.drains and self.idle():
            drains, self.drains = self.drains, []
            for future in drains:
                self.later(future.try_set, True)

    # -- telling, without the lock -------------------------------------------------------------------------------------------

    def _tell(self, job: Job, error: BaseException, reason: DeadLetterReason, cell: Cell | None = None) -> None:
        """Tell the asker, or the dead letters."""
        future = job.future
        if future is None:
            self.dead_letter(job.message, reason)
            return
        future._forget(job.forsaken)
        if cell is not None:
            watch_reading(cell, future, error)
        future.try_fail(error)

    def dead_letter(self, message: Any, reason: DeadLetterReason) -> None:
        """Publish a message that nobody will handle."""
        if self.ref is not None:
            self.ref._target.system.dead_letter(self.ref._target, message, reason)

    def publish(self, kind: Callable[..., Any], *fields: Any) -> None:
        """Publish an event of the pool."""
        ref = self.ref
        if ref is not None and not ref._target.system.events.idle:
            ref._target.system.events.publish(kind(ref, *fields))

    def _tell_redelivery(self, message: Any, deliveries: int, error: BaseException | None) -> None:
        self.publish(JobRedelivered, message, deliveries, error)

    def count_shed(self) -> None:
        """Count one more of a burst of jobs that were shed."""
        self._tell_of_shed(self.bursts.add())

    def end_burst(self) -> None:
        """Note that there is room again."""
        self._tell_of_shed(self.bursts.over())

    def _tell_of_shed(self, count: int) -> None:
        if count:
            self.later(self.publish, JobsShed, count, self.waiting)
