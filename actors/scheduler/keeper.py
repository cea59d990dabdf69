"""What is persistent about tasks: how they are declared anew, and what the store is told of them on their way.

All of it does nothing for tasks that are not persistent, so that the engine need not ask.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from actors._core.future import Future
from actors._core.mutex import Mutex
from actors._core.timers import TimerMode
from actors.errors import ActorDeadError
from actors.scheduler.definition import Definition, RevivalError, define, revive
from actors.scheduler.errors import StoreError
from actors.scheduler.events import RunInterrupted, ScheduleChanged, ScheduleLeft, StoreFailed
from actors.scheduler.execution import Claim
from actors.scheduler.jobs import Jobs
from actors.scheduler.ledger import Ledger
from actors.scheduler.messages import Claimed, Save
from actors.scheduler.recovery import Found, lost, recover
from actors.scheduler.recurrence import Every
from actors.scheduler.store import Store
from actors.scheduler.stored import EndRun, RetryRun, RunRow, RunState, run_id
from actors.scheduler.task import Extra, RunOutcome, TaskState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actors._core.ref import ActorRef
    from actors.scheduler.books import Books
    from actors.scheduler.execution import Execution
    from actors.scheduler.ledger import Page
    from actors.scheduler.stored import StoredSchedule
    from actors.scheduler.task import Task
    from actors.system import ActorSystem
    from actors.wire import Codec

__all__ = ["ADOPTED_AFTER", "Keeper"]

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
        self._lock = Mutex()  # guards the two below
        self._scribe: ActorRef[Any] | None = None  # who writes
        self._asked = False  # whether it was told, and has not begun
        self.closed = False  # written once

    def open(self, system: ActorSystem, store: str | Path | Store, jobs: Jobs | None) -> None:
        """Take the store over.

        Raises:
            StoreError: it cannot be used.
            TypeError: `store` or `jobs` is something else.
        """
        if jobs is not None and not isinstance(jobs, Jobs):
            msg = f"jobs={jobs!r} is not valid: a Jobs, or None"
            raise TypeError(msg)
        opened = store if isinstance(store, Store) else Store(store)
        opened.take()
        try:
            self._found, self._interrupted = recover(opened, self._books.clock.wall())
        except BaseException:
            opened.close()
            raise
        self._jobs = jobs or self._jobs
        codec = opened.codec or system.codec
        self._codec = codec if codec.refs is not None else codec.with_refs(system.codec.refs)
        self._system = system
        self._ledger = Ledger(opened, self.wake)

    # -- declaring ---------------------------------------------------------------------------------------------------------------

    def declare(self, definition: Definition, due: float, *, fixed: bool) -> Task[Any]:
        """Take a persistent task in, or go on with that of its name where it was.

        Args:
            definition: of the task, with a recurrence by the clock on the wall.
            due: when its first run is due, if it is new.
            fixed: whether a one-off is for that very time.
        """
        if self._ledger is None:
            msg = "persist=True is not valid without a store: Scheduler(..., store='schedules.db', jobs=jobs)"
            raise ValueError(msg)
        if not (definition.options.name or "").isprintable() or not definition.options.name:
            msg = f"name={definition.options.name!r} is not valid with persist=True: a text that can be printed; the store finds the task by it"
            raise ValueError(msg)
        assert self._codec is not None
        schedule = define(definition, due, fixed=fixed, jobs=self._jobs, codec=self._codec)
        return self._insert(definition, schedule)

    def _insert(self, definition: Definition, schedule: StoredSchedule, *, adopted: bool = False) -> Task[Any]:
        books, options = self._books, definition.options
        assert options.name is not None
        assert self._ledger is not None
        books.changes()
        wakes = False
        with books.lock:
            other = books.names.get(options.name)
            if other is not None and other._extra is not None and other._extra.adopted:
                if other._extra.page.schedule.definition == schedule.definition:
                    other._options = options  # the same, with who is told of its runs
                    other._extra.adopted = False
                    return other
                wakes = self._give_up_locked(other)
            books.check_room_locked(options.name)
            found = self._found.pop(options.name, None)
            write, missed = True, None
            if found is not None:
                write, missed, schedule = _going_on(found, schedule, books.clock.wall())
            task = self._new_locked(definition, schedule, write=write)
            if found is not None and not write:
                self._again += [(task, run) for run in found.again]
            over = self._start_locked(task, definition, schedule)
            assert task._extra is not None
            task._extra.adopted = adopted
            wakes = books.wants_look_locked() or wakes
        if missed is not None:
            self._changed(found, schedule, missed)
        if write:
            self._ledger.wake()
        if wakes:
            books.wake()
        if over:
            books.resolve(task)
        return task

    def _new_locked(self, definition: Definition, schedule: StoredSchedule, *, write: bool) -> Task[Any]:
        books, recurrence = self._books, definition.recurrence
        assert self._ledger is not None
        due = schedule.due if schedule.due is not None else schedule.origin
        task: Task[Any] = books.new_locked(definition.work, definition.given, definition.options, due)
        task._extra = extra = Extra()
        stored: Future[None] = Future()
        extra.stored = stored
        extra.page = self._ledger.put(schedule, write=write, done=lambda _: stored.try_set(None))
        if not write:
            stored.set(None)
        extra.recurrence = replace(recurrence, origin=schedule.origin) if isinstance(recurrence, Every) else recurrence
        extra.numbered = extra.begun = schedule.runs
        return task
