"""What comes back from workers: that one has begun, has returned, has answered, or has died."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.context import current_entry, incarnation_here
from actors._core.events import DeadLetterReason
from actors._core.lifecycle import DownReason
from actors._core.messages import Entry, Signal, Stashed
from actors.errors import ActorDeadError, ActorRestarting
from actors.routers.errors import BatchResultError
from actors.routers.pool.jobs import Bundle, Job, JobState

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.future import Future
    from actors.routers.pool.books import Books
    from actors.routers.pool.jobs import Parcel
    from actors.routers.pool.slots import Slot

__all__ = ["Returns"]

OVER, RUNNING, WAITING = JobState.OVER, JobState.RUNNING, JobState.WAITING
DONE = 2  # the state of a future with a value


class Returns:
    """Takes parcels back from workers. Its public methods are called without the lock of the books.

    A worker has done with a parcel when its handler has returned and, for asks, the answer is there: it may come later, and earlier too,
    if the asker gives up. What a worker says of a parcel that was taken from it counts for nothing.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._accounts = books.accounts

    def begin(self, parcel: Parcel, cell: Cell) -> bool:
        """Take note that `cell` is about to handle `parcel`; return False if it must not. In the turn of `cell`."""
        books = self._books
        if books.simulated:
            books.touches()
        with books.lock:
            # Invariant: an end is noted in the cell before its mail is drained, which asks here, too. So what was only waiting there
            # was not begun, and comes again without counting a delivery.
            if parcel.cell is not cell or cell.end is not None:
                return False
            plain = type(parcel) is Job and parcel.expires is None  # nearly always
            if parcel.begun or (parcel.state is RUNNING if plain else self._is_wanted(parcel)):  # type: ignore[attr-defined]  # a Job
                # Begun: it was stashed.
                parcel.begun = True
                parcel.incarnation = cell.incarnation
                return True
            self._release(parcel)
        books.flush()
        return False

    def _is_wanted(self, parcel: Parcel) -> bool:
        wanted = False
        for job in parcel.jobs:
            if job.state is RUNNING and job.expires is not None and self._books.ports.clock.now() >= job.expires:
                self._accounts.expire(job)
            wanted = wanted or job.state is RUNNING
        return wanted

    def handled(self, parcel: Parcel, cell: Cell) -> None:
        """Take note that the handler of `cell` has returned from `parcel`. In the turn of `cell`."""
        if type(cell.current) is Stashed or (cell.reentrant and _is_broken_off(cell)):
            return
        books = self._books
        if books.simulated:
            books.touches()
        with books.lock:
            if parcel.cell is not cell:  # a killed worker's handler has come to its end at last
                return
            if not parcel.begun or (cell.reentrant and parcel.incarnation != incarnation_here(cell)):
                return  # likewise that of a former instance, when the next one has been given the same again
            parcel.handled = True
            if parcel.incarnation != cell.incarnation:
                self._restarted(parcel)
            elif parcel.attempt is None:
                assert type(parcel) is Job  # batches are asked
                self._accounts.finish(parcel)
                self._release(parcel)
            elif parcel.answered:
                self._release(parcel)
            # Else it will reply later.
        books.flush()

    def answered(self, parcel: Parcel, attempt: Future[Any]) -> None:
        """Take note of what a worker has answered, or failed with. In whichever thread resolves that."""
        error: BaseException | None = attempt._value if attempt._state != DONE else None
        cell = attempt._cell
        own = isinstance(error, ActorDeadError) and cell is not None and error.recipient == cell.label()
        if own and not isinstance(error, ActorRestarting):
            return  # the worker ends: what it had is taken back then
        books = self._books
        books.touches()
        try:
            with books.lock:
                if parcel.attempt is not attempt:
                    return
                try:
                    self._settle(parcel, error, attempt._value, restarted=own)
                except BaseException:  # a Ctrl-C
                    books.mend()
                    books.accounts.later(self.answered, parcel, attempt)
                    raise
            books.flush()
        except BaseException:
            books.look_soon()
            raise

    def _settle(self, parcel: Parcel, error: BaseException | None, value: Any, *, restarted: bool) -> None:
        parcel.answered = True
        if restarted:
            self._restarted(parcel)
        elif isinstance(parcel, Bundle):
            self._deal_out(parcel, error, value)
        elif error is not None:
            self._accounts.fail(parcel.jobs[0], error, DeadLetterReason.POISONED)
        else:
            self._accounts.finish(parcel.jobs[0], value)
        if parcel.handled:
            self._release(parcel)

    def _deal_out(self, bundle: Bundle, error: BaseException | None, value: Any) -> None:
        """Give each job of a batch its own result. Those that were told of a batch that failed come again, each alone."""
        accounts, jobs = self._accounts, bundle.jobs
        if error is None and (not isinstance(value, list | tuple) or len(value) != len(jobs)):
            wrong = BatchResultError(len(jobs), len(value) if isinstance(value, list | tuple) else None, type(value).__name__)
            value = [wrong] * len(jobs)
        for job, result in zip(jobs, value if error is None else [error] * len(jobs), strict=True):
            if error is None and not isinstance(result, Exception):
                accounts.finish(job, result)
            elif error is None or job.future is not None:
                accounts.fail(job, result, DeadLetterReason.POISONED)
        again = accounts.count_deliveries([job for job in jobs if job.state is RUNNING], error)
        bundle.jobs = tuple(job for job in jobs if job not in again)
        self._wait_again(again)
        self._books.hand_out()

    def refused(self, parcel: Parcel, attempt: Future[Any] | None, cell: Cell, error: Exception) -> None:
        """Take note that `cell` cannot be given `parcel`: its isolation, or the way to its process, does not let the message through."""
        books = self._books
        books.touches()
        with books.lock:
            if parcel.cell is not cell or parcel.attempt is not attempt:
                return
            try:
                for job in parcel.jobs:
                    self._accounts.fail(job, error, DeadLetterReason.REFUSED)
                self._release(parcel)
            except BaseException:  # a Ctrl-C
                books.mend()
                books.accounts.later(self.refused, parcel, attempt, cell, error)
                raise
        books.flush()

    def stale(self, parcel: Parcel, cell: Cell) -> None:
        """Take note that `cell` is not given `parcel`, whose sender was abandoned: the message is a dead letter."""
        books = self._books
        books.touches()
        with books.lock:
            if parcel.cell is not cell:
                return
            for job in parcel.jobs:
                self._accounts.forsake(job)
            self._release(parcel)
        books.flush()

    def died(self, slot: Slot, error: BaseException | None) -> int:
        """Take back what the worker of `slot` had, which has ended; return how many jobs it had begun."""
        books = self._books
        books.touches()
        with books.lock:
            slot.ready = False
            slot.cell = None
            slot.room = 0
            books.lanes.closed(slot)
            begun = self._take_back(list(slot.held), error)
            books.hand_out()
        books.flush()
        return begun

    # -- under the lock; the caller flushes ----------------------------------------------------------------------------------

    def _release(self, parcel: Parcel) -> None:
        """Take `parcel` off its worker, who has done with it, and hand that the next."""
        slot = parcel.slot
        if slot is None or parcel.cell is None:  # it was taken off before
            return
        books = self._books
        books.drop(parcel, slot)
        slot.room += 1
        if parcel.handled:
            slot.proven = True
            slot.deaths = 0
        others = (books.lanes.over(parcel),) if type(parcel) is Job else [books.lanes.over(job) for job in parcel.jobs]
        books.hand_to(slot)
        for other in others:
            if other is not None and other is not slot:
                books.hand_to(other)

    def _restarted(self, parcel: Parcel) -> None:
        """Take back what a worker was at that somebody has restarted: the next instance knows nothing of it."""
        slot = parcel.slot
        assert slot is not None  # it has a worker
        self._take_back([parcel], None)
        slot.room += 1
        self._books.hand_out()

    def left_behind(self, slot: Slot) -> None:
        """Take back what crashed the former instance of a worker as that was replaced anyway: its handler tells nothing any more."""
        cell = slot.cell
        if cell is None or not cell.reentrant:  # others are at nothing when they are replaced
            return
        at_work = [delivery.current for task, delivery in cell.extras().open.copy().items() if not task.done()]
        held = {id(entry[2]) for entry in at_work if type(entry) is Entry}
        former = [one for one in slot.held if one.begun and not one.handled and one.incarnation != cell.incarnation]
        gone = [one for one in former if id(one) not in held]
        if gone:
            self._take_back(gone, None)
            self._books.hand_out()

    def _take_back(self, parcels: list[Parcel], error: BaseException | None) -> int:
        """Let the jobs of `parcels`, in order, wait again in front, unless they were handed out too often. Return how many were begun."""
        books, accounts = self._books, self._accounts
        back: list[Job] = []
        begun = 0
        for parcel in parcels:
            slot = parcel.slot
            assert slot is not None  # somebody had it
            for job in parcel.jobs:
                if job.future is not None and job.future.done():  # its asker gave up a moment ago
                    accounts.cancel(job)
            jobs = [job for job in parcel.jobs if job.state is RUNNING]
            if parcel.begun:
                begun += len(jobs)
                jobs = accounts.count_deliveries(jobs, error)
            back += jobs
            for job in parcel.jobs:
                if job.state is OVER:
                    books.lanes.over(job)
            books.drop(parcel, slot)
        self._wait_again(back)
        return begun

    def _wait_again(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.state = WAITING
            self._accounts.running -= 1
            self._accounts.waiting += 1
        if jobs:
            self._books.lanes.back(jobs)


def _is_broken_off(cell: Cell) -> bool:
    """Tell whether a handler of a reentrant actor did not come to its end: it has stashed its message, or its actor dies."""
    died = cell.end is not None and cell.end[0] is not DownReason.STOPPED
    return died or type(current_entry(cell)) is Stashed or any(control.signal is Signal.KILL for control in cell.control)
