"""What is persistent about tasks: how they are declared anew, and what the store is told of them on their way.

All of it does nothing for tasks that are not persistent, so that the engine need not ask.
"""

from __future__ import annotations

import contextlib
import os
import traceback
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from actors._core.future import Future
from actors._core.mutex import Mutex
from actors._core.timers import TimerMode
from actors.errors import ActorDeadError, Timeout
from actors.scheduler.definition import Definition, RevivalError, define, revive
from actors.scheduler.errors import DuplicateTaskError, SchedulerClosedError, SchedulerFullError, StoreError, StoreLockedError
from actors.scheduler.events import RunInterrupted, ScheduleChanged, ScheduleLeft, StoreFailed
from actors.scheduler.execution import Claim
from actors.scheduler.jobs import Jobs
from actors.scheduler.ledger import Ledger
from actors.scheduler.messages import Claimed, Save
from actors.scheduler.recovery import Found, lost, recover, unseen
from actors.scheduler.recurrence import Every
from actors.scheduler.store import Store
from actors.scheduler.stored import AddRun, EndRun, RetryRun, RunRow, RunState, run_id
from actors.scheduler.task import Extra, RunOutcome, TaskState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from actors._core.ref import ActorRef
    from actors.scheduler.books import Books
    from actors.scheduler.execution import Execution
    from actors.scheduler.ledger import Page
    from actors.scheduler.recurrence import Due
    from actors.scheduler.stored import Operation, StoredSchedule
    from actors.scheduler.task import Task
    from actors.system import ActorSystem
    from actors.wire import Codec

__all__ = ["ADOPTED_AFTER", "Keeper"]

GIVEN_BACK_AFTER: Final = 5.0  # seconds that a scheduler waits for the file of one that was killed

_holders: dict[str, Keeper] = {}  # who has which file, by its real path
_holding = Mutex()  # guards it


def renew() -> None:
    """Forget who has which file, in a forked child: there nobody has any."""
    global _holding  # noqa: PLW0603
    _holding = Mutex()
    _holders.clear()


os.register_at_fork(after_in_child=renew)

ADOPTED_AFTER: Final = 1.0  # seconds that a program has to declare what it finds in its store; then that goes on as it is there


class Keeper:
    """One for each scheduler. Handles call `declare` and `cancelled`, the scheduler's actor everything else.

    Args:
        books: of the scheduler.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._ledger: Ledger | None = None
        self._jobs = Jobs()
        self._codec: Codec | None = None
        self._system: ActorSystem | None = None
        # Guarded by the lock of the books.
        self._found: dict[str, Found] = {}  # what is in the store and was not declared yet
        self._again: list[tuple[Task[Any], RunRow]] = []  # runs that shall begin another time
        self._interrupted: list[RunRow] = []  # told when the actor starts
        self._lock = Mutex()  # guards the three below
        self._scribe: ActorRef[Any] | None = None  # who writes
        self._told_scribe = False  # whether it was told, and has not begun
        self.asked = 0  # claims that are not answered
        self.closed = False  # written once
        self._given_back: Future[None] = Future()  # resolved when the file is closed
        if books.ports.dispatcher is not None:
            books.ports.dispatcher.adopt(self._given_back)

    def open(self, system: ActorSystem, store: str | Path | Store | None, jobs: Jobs | None) -> None:
        """Take the store over, if there is one.

        Raises:
            StoreError: it cannot be used.
            TypeError: `store` or `jobs` is something else.
        """
        if jobs is not None and not isinstance(jobs, Jobs):
            msg = f"jobs={jobs!r} is not valid: a Jobs, or None"
            raise TypeError(msg)
        self._jobs = jobs or self._jobs
        if store is None:
            return
        opened = store if isinstance(store, Store) else self._opened(store)
        opened.take()
        try:
            self._found, self._interrupted = recover(opened, self._books.clock.wall())
        except BaseException:
            opened.close()
            raise
        with _holding:
            _holders[os.path.realpath(opened.path)] = self
        codec = opened.codec or system.codec
        self._codec = codec if codec.refs is not None else codec.with_refs(system.codec.refs)
        self._system = system
        self._ledger = Ledger(opened, self.wake)

    def _opened(self, path: str | Path) -> Store:
        """Open the file at `path`; if a scheduler of this program has it that was killed, wait until it is given back."""
        try:
            return Store(path)
        except StoreLockedError:
            with _holding:
                former = _holders.get(os.path.realpath(path))
            if former is None or former._books.alive():
                raise
        # One that is restarted by its supervisor comes here before the former one is done: that writes what waits, on another thread.
        with contextlib.suppress(Timeout):
            former._given_back.get(timeout=GIVEN_BACK_AFTER)
        return Store(path)

    # -- declaring ---------------------------------------------------------------------------------------------------------------

    def declare(self, definition: Definition, due: float, *, fixed: bool) -> Task[Any]:
        """Take a persistent task in, or go on with that of its name where it was.

        Args:
            definition: of the task, which recurs by the clock on the wall.
            due: when its first run is due, if it is new.
            fixed: whether a one-off is for that very time.

        Raises:
            ValueError: there is no store, or something of the definition cannot be kept.
            CodecError: the arguments cannot be kept.
            SchedulerClosedError, SchedulerFullError, DuplicateTaskError: it is not taken in.
        """
        name = definition.options.name
        if self._ledger is None or self._codec is None:
            msg = "persist=True is not valid without a store: Scheduler(system, store='schedules.db', jobs=jobs)"
            raise ValueError(msg)
        if name is None or not name.isprintable():
            msg = f"name={name!r} is not valid with persist=True: a text that can be printed; by it the task is found again"
            raise ValueError(msg)
        schedule = define(definition, due, fixed=fixed, jobs=self._jobs, codec=self._codec)
        return self._insert(definition, schedule, adopted=False)

    def adopt(self) -> None:
        """Go on with what the program has not declared, as far as that is possible."""
        if self._ledger is None or self._codec is None or self._system is None:
            return
        with self._books.lock:
            left = list(self._found.values())
        for found in left:
            try:
                definition = revive(found.schedule, jobs=self._jobs, codec=self._codec, find=self._system.lookup)
                with contextlib.suppress(DuplicateTaskError, SchedulerClosedError):  # it was declared just now
                    self._insert(definition, found.schedule, adopted=True)
            except (RevivalError, SchedulerFullError) as error:
                self._publish(ScheduleLeft(found.schedule.name, str(error)))

    def _insert(self, definition: Definition, schedule: StoredSchedule, *, adopted: bool) -> Task[Any]:
        books, ledger = self._books, self._ledger
        assert ledger is not None
        books.changes()
        replaced: Task[Any] | None = None
        wakes = False
        with books.lock:
            if books.closing or books.ended:  # before anything is replaced
                raise SchedulerClosedError(books.name)
            other = books.names.get(schedule.name)
            if other is not None and other._extra is not None and other._extra.adopted:
                assert other._extra.page is not None
                if other._extra.page.schedule.definition == schedule.definition:
                    # Invariant: these are the options it has, and who is told of its runs beside them.
                    other._options = definition.options
                    other._extra.adopted = False
                    return other
                self._found[schedule.name] = Found(ledger.current(other._extra.page))
                wakes = books.cancel_locked(other)
                replaced = other
            books.check_room_locked(schedule.name)
            found = self._found.pop(schedule.name, None)
            start = _start(found, schedule, books.clock.wall())
            task = self._new_locked(definition, start)
            assert task._extra is not None
            task._extra.adopted = adopted
            over = self._schedule_locked(task, start)
            wakes = books.wants_look_locked() or wakes
        if replaced is not None:
            books.resolve(replaced)
        if found is not None and start.new:
            self._tell_change(found, start)
        ledger.wake()
        if over:
            ledger.forget(self._page_of(task))
            books.resolve(task)
        if wakes:
            books.wake()
        return task

    def _new_locked(self, definition: Definition, start: _Start) -> Task[Any]:
        schedule, recurrence = start.schedule, definition.recurrence
        assert self._ledger is not None
        task = self._books.new_locked(definition.work, definition.given, definition.options, schedule.origin)
        task._due = None
        task._extra = extra = Extra()
        stored: Future[None] = Future()
        extra.stored = stored
        extra.page = self._ledger.put(
            schedule,
            write=start.new,
            beside=start.beside,
            done=lambda _: stored.try_set(None),
            lost=stored.try_fail,
            known=start.known,
        )
        if not start.new:
            stored.set(None)
        extra.recurrence = replace(recurrence, origin=schedule.origin) if isinstance(recurrence, Every) else recurrence
        extra.numbered = extra.begun = schedule.runs
        if definition.times is not None:
            extra.runs_left = max(0, definition.times - schedule.runs)
        if schedule.due is None and recurrence is not None:
            extra.runs_left = 0
        return task

    def _schedule_locked(self, task: Task[Any], start: _Start) -> bool:
        """Have the task wait for its time; return whether it is over already."""
        assert task._extra is not None
        self._again += [(task, row) for row in start.again]
        due = start.schedule.due
        if due is not None and task._extra.runs_left != 0:
            self._books.put_locked(task, due)
        elif not start.again:
            return self._books.over_locked(task, TaskState.SUCCEEDED)
        return False

    def _tell_change(self, found: Found, start: _Start) -> None:
        for run in found.again:
            self._publish(RunInterrupted(run.name, run.id))
        self._publish(ScheduleChanged(found.schedule.name, start.lost))

    # -- the way of a run ----------------------------------------------------------------------------------------------------------

    def forgotten(self) -> dict[str, float] | None:
        """Return until when the store does not know of each run whether it was, by name; None if it cannot be asked."""
        if self._ledger is None:
            return {}
        try:
            return self._ledger.store.forgotten()
        except StoreError as error:
            self._publish(StoreFailed(error))
            return None

    def take_again(self) -> list[tuple[Task[Any], RunRow]]:
        """Return the runs that an earlier program has begun, and that are to begin again; once."""
        with self._books.lock:
            again, self._again = self._again, []
        return again

    def opened(self, task: Task[Any], dues: Iterable[float], following: float | None) -> None:
        """Note that runs are due."""
        if (page := _page(task)) is not None and self._ledger is not None:
            self._ledger.opened(page, dues, following)

    def due(self, task: Task[Any], plan: Due) -> Due:
        """Note which runs of a recurring task are due, and which were missed; return the plan without those seen to before."""
        if (page := _page(task)) is None or self._ledger is None:
            return plan
        plan = unseen(plan, page.known, _recurrence(task), task._options.missed)
        first = plan.first_missed
        self._ledger.opened(page, plan.run if first is None else (first, *plan.run), plan.next)
        if first is not None:
            self._passed(task, first, RunState.MISSED, count=plan.missed)
        return plan

    def skipped(self, task: Task[Any], due: float) -> None:
        """Note a run that was skipped."""
        self._passed(task, due, RunState.SKIPPED)

    def _passed(self, task: Task[Any], due: float, state: RunState, *, error: str | None = None, count: int = 1) -> None:
        if (page := _page(task)) is not None and self._ledger is not None:
            name, now = page.schedule.name, self._books.clock.wall()
            self._ledger.passed(page, RunRow(run_id(name, due), name, 0, due, 0, state, ended=now, error=error, count=count))

    def claim(self, execution: Execution) -> None:
        """Ask the store for a run; it answers by `Claimed`."""
        ledger, page = self._ledger, self._page_of(execution.task)
        assert ledger is not None
        id_, attempt, now = execution.id, execution.attempts + 1, self._books.clock.wall()
        claimed = RunRow(id_, page.schedule.name, execution.number, execution.due_wall, attempt, RunState.CLAIMED, began=now)
        execution.noted = attempt
        with self._lock:
            self.asked += 1

        def done(answers: list[bool]) -> None:
            try:
                # Invariant: what was refused does not begin, though its row may have been forgotten since: then nobody knows how it ended.
                row = None if answers[0] else ledger.store.run(id_) or replace(claimed, state=RunState.INTERRUPTED)
            except StoreError as error:
                self._answer(Claimed(execution, error=error))
            else:
                self._answer(Claimed(execution, row))

        def failed(error: StoreError) -> None:
            self._answer(Claimed(execution, error=error))

        if execution.attempts:
            ledger.again(page, RetryRun(id_, attempt, now), done, failed)
        else:
            ledger.claim(page, claimed, done, failed)

    def _answer(self, answer: Claimed) -> None:
        ref = self._books.ref
        assert ref is not None
        with self._lock:
            self.asked -= 1
        if self.closed:  # the actor is at its end, and does not begin with the run
            if answer.row is None and answer.error is None:
                self._end(answer.execution, RunState.CANCELLED, None)
            return
        with contextlib.suppress(ActorDeadError):  # likewise, but it was too late to say so: the next program finds the claim
            ref.tell(answer)

    def begins(self, execution: Execution) -> None:
        """Note another attempt of a run that was claimed. Nothing waits for it."""
        if execution.claim is Claim.HELD and execution.noted < execution.attempts and self._ledger is not None:
            execution.noted = execution.attempts
            self._ledger.noted(self._page_of(execution.task), RetryRun(execution.id, execution.attempts, self._books.clock.wall()))

    def finished(self, execution: Execution, outcome: RunOutcome, error: BaseException | None) -> None:
        """Note the end of a run, whether it was begun or not."""
        if execution.claim is Claim.NONE:
            return
        state = _STATES[outcome]
        text = None if error is None else "".join(traceback.format_exception_only(error)).strip()
        if execution.claim is Claim.HELD:
            self._end(execution, state, text)
        elif execution.claim is Claim.ASKED:
            execution.left = (state, text)  # what becomes of it depends on the answer
        else:
            self._leave(execution, state, text)

    def answered(self, execution: Execution) -> None:
        """Note the end of a run that was over before the store had answered its claim."""
        state, text = execution.left or (RunState.CANCELLED, None)
        if execution.claim is Claim.HELD:
            self._end(execution, state, text)
        elif execution.claim is Claim.WANTED:
            self._leave(execution, state, text)

    def _end(self, execution: Execution, state: RunState, text: str | None) -> None:
        task, now = execution.task, self._books.clock.wall()
        page, recurrence = self._page_of(task), _recurrence(task)
        assert self._ledger is not None
        delayed = isinstance(recurrence, Every) and recurrence.mode is TimerMode.FIXED_DELAY and page.next is not None
        following = recurrence.next_after(now) if delayed else None
        self._ledger.ended(page, EndRun(execution.id, state, now, text), following=following, last=recurrence is None)

    def _leave(self, execution: Execution, state: RunState, text: str | None) -> None:
        """Note that a run will not begin; unless that is because the program ends: then it stays due."""
        page = self._page_of(execution.task)
        if self._books.closing and state is RunState.CANCELLED and not page.cancelled:
            return
        assert self._ledger is not None
        self._passed(execution.task, execution.due_wall, state, error=text)
        if _recurrence(execution.task) is None:
            self._ledger.remove(page)

    # -- the end of a task ---------------------------------------------------------------------------------------------------------

    def exhausted(self, task: Task[Any]) -> None:
        """Note that no further run of a recurring task is due; the store remembers that."""
        if (page := _page(task)) is not None and self._ledger is not None and not self._books.closing:
            self._ledger.opened(page, (), None)

    def over(self, task: Task[Any]) -> None:
        """Note that a task is over by itself."""
        if (page := _page(task)) is not None and self._ledger is not None:
            self._ledger.forget(page)

    def dropped(self, task: Task[Any]) -> None:
        """Note that a one-off is over because an earlier program has run it."""
        if (page := _page(task)) is not None and self._ledger is not None:
            self._ledger.remove(page)

    def cancelled(self, task: Task[Any]) -> None:
        """Note that somebody has cancelled a task: it does not come again. The runs under way are noted when they end."""
        if (page := _page(task)) is None or self._ledger is None:
            return
        assert task._extra is not None
        # Invariant: this is written before `under_way` is looked at; the actor empties that before it looks at this. So one of the two
        # notes the end of a run that was not begun. If both do, the store takes the first.
        page.cancelled = True
        recurs = task._extra.recurrence is not None
        if recurs or not task._extra.under_way:
            due = self._ledger.current(page).due
            if not recurs and due is not None:
                self._passed(task, due, RunState.CANCELLED)
            self._ledger.remove(page)

    # -- writing -------------------------------------------------------------------------------------------------------------------

    def begin(self, scribe: ActorRef[Any]) -> None:
        """Have `scribe` write; and tell what the last program was at when it ended."""
        with self._lock:
            self._scribe, self._told_scribe = scribe, False
        interrupted, self._interrupted = self._interrupted, []
        for run in interrupted:
            self._publish(RunInterrupted(run.name, run.id))
        self.wake()

    @property
    def writes(self) -> bool:
        """Whether there is a store."""
        return self._ledger is not None

    def wake(self) -> None:
        """Have what waits written."""
        with self._lock:
            if self._scribe is None or self._told_scribe or self.closed:
                return
            self._told_scribe, scribe = True, self._scribe
        try:
            scribe.tell(Save())
        except ActorDeadError:  # another one will begin, or the scheduler ends
            with self._lock:
                self._told_scribe = False

    def save(self) -> bool:
        """Write what waits; in the turn of the scribe. False: it has to be tried again."""
        self._books.changes()
        with self._lock:
            self._told_scribe = False
        assert self._ledger is not None
        failure = self._ledger.flush()
        if failure is not None:
            self._publish(StoreFailed(failure))
        return not self._ledger.waiting or failure is None

    def close(self) -> None:
        """Write what waits, and give the file back. Again: nothing."""
        with self._lock:
            if self.closed or self._ledger is None:
                return
            self.closed = True
            self._scribe = None
        try:
            failure = self._ledger.flush()
            failure = self._ledger.close() or failure  # once more: the answers of claims may have made more to write
        finally:
            with _holding:
                for path in [path for path, holder in _holders.items() if holder is self]:
                    del _holders[path]
            self._given_back.try_set(None)
        if failure is not None:
            self._publish(StoreFailed(failure))

    def _publish(self, event: object) -> None:
        assert self._system is not None
        self._system.events.publish(event)

    @staticmethod
    def _page_of(task: Task[Any]) -> Page:
        page = _page(task)
        assert page is not None  # the task is persistent
        return page


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a task that was declared begins.

    Attributes:
        schedule: with when it is due and how many runs it had.
        new: whether the store has to learn of it.
        lost: how many runs were due by its former definition and will not be run.
        beside: what the store has to learn with it: what became of what its former definition still owed.
        again: runs that begin another time.
        known: see `Found`.
    """

    schedule: StoredSchedule
    new: bool = True
    lost: int = 0
    beside: tuple[Operation, ...] = ()
    again: tuple[RunRow, ...] = ()
    known: frozenset[float] = frozenset()


def _start(found: Found | None, declared: StoredSchedule, now: float) -> _Start:
    if found is None:
        return _Start(declared)
    old = found.schedule
    if old.definition == declared.definition:
        return _Start(old, new=False, again=found.again, known=found.known)
    if (old.recurrence, old.zone) == (declared.recurrence, declared.zone) and not old.one_off and old.due is not None:
        goes_on = replace(declared, origin=old.origin, due=old.due, runs=old.runs)
        return _Start(goes_on, beside=_owed(found, 0, now), known=found.known)
    missed = lost(old, now)
    return _Start(declared, lost=missed, beside=_owed(found, missed, now))


def _owed(found: Found, missed: int, now: float) -> tuple[Operation, ...]:
    """Return what becomes of what a former definition still owed. Written with the new one, so that a kill comes before or after both."""
    old = found.schedule
    ends: list[Operation] = [EndRun(run.id, RunState.INTERRUPTED, now) for run in found.again]
    if missed:
        assert old.due is not None
        row = RunRow(run_id(old.name, old.due), old.name, 0, old.due, 0, RunState.MISSED, ended=now, count=missed)
        ends.append(AddRun(row, None, 0))
    return tuple(ends)


def _page(task: Task[Any]) -> Page | None:
    return task._extra.page if task._extra is not None else None


def _recurrence(task: Task[Any]) -> Any:
    assert task._extra is not None
    return task._extra.recurrence


_STATES = {
    RunOutcome.SUCCEEDED: RunState.SUCCEEDED,
    RunOutcome.FAILED: RunState.FAILED,
    RunOutcome.CANCELLED: RunState.CANCELLED,
    RunOutcome.MISSED: RunState.MISSED,
    RunOutcome.SKIPPED: RunState.SKIPPED,
    RunOutcome.INTERRUPTED: RunState.INTERRUPTED,
}
