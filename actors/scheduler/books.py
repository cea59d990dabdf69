"""The state of a scheduler: which tasks there are, when they are due, and how many of them are where.

The handles and the scheduler's actor share it. All of it is guarded by one lock, under which no user code runs and nobody waits: handles
insert and cancel directly, and the actor alone begins and ends runs. It outlives a restart of the actor.
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from actors._core.future import Future
from actors._core.mutex import Mutex
from actors._core.ports import touched
from actors.errors import ActorDeadError, AskCancelled
from actors.scheduler.agenda import Agenda
from actors.scheduler.errors import DuplicateTaskError, SchedulerClosedError, SchedulerFullError
from actors.scheduler.execution import Execution, Stage
from actors.scheduler.keeper import Keeper
from actors.scheduler.messages import LOOK
from actors.scheduler.task import OVER, Extra, Task, TaskFuture, TaskState
from actors.scheduler.walltime import from_wall
from actors.scheduler.work import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from actors._core.ports import Ports, TimerHandle
    from actors._core.ref import ActorRef
    from actors.scheduler.alarms import Alarm
    from actors.scheduler.limits import Limits
    from actors.scheduler.process_pool import ProcessPool
    from actors.scheduler.work import Options

__all__ = ["Books"]

LATENESSES = 1000  # of the last runs, for the median
_INFINITE = float("inf")


class Books:
    """See the module's docstring. A method whose name ends in ``_locked`` is called under the lock."""

    def __init__(self, name: str, ports: Ports, limits: Limits) -> None:
        self.name = name
        self.ports = ports
        self.clock = ports.clock
        self.limits = limits
        self.lock = Mutex()
        self.keeper = Keeper(self)
        self.ref: ActorRef[Any] | None = None  # set once, before the first handle is given out
        self.numbers = itertools.count(1)
        self.agenda: Agenda[Task[Any]] = Agenda(_is_scheduled)  # by the clock
        self.wall_agenda: Agenda[Task[Any]] = Agenda(_is_scheduled)  # by the clock on the wall
        self.ready: dict[Kind, Agenda[Execution]] = {kind: Agenda(_is_ready) for kind in Kind}  # by priority
        self.alarms: Agenda[Alarm] = Agenda(_is_live)
        self.running: Counter[Kind] = Counter()  # places taken
        self.under_way: dict[Execution, None] = {}  # runs that were due and are not over
        self.tried: dict[Execution, None] = {}  # those of them of which an attempt was begun: few, while very many may wait for a place
        self.taken: list[tuple[float, Task[Any]]] = []  # out of the agenda, and not begun yet; the actor's, and `end`'s
        self.blocked: dict[Task[Any], None] = {}
        self.names: dict[str, Task[Any]] = {}
        self.open = 0  # tasks that are not over
        self.counts: Counter[Any] = Counter()  # by RunOutcome; "tasks cancelled", "retried"
        self.late: deque[float] = deque(maxlen=LATENESSES)
        self.abandoned = 0
        self.paused = False
        self.held = 0  # graphs that are being handed in
        self.closing = False  # no task is taken any more
        self.ended = False  # the actor has ended
        self.gone: Future[None] = Future()  # set when all tasks have ended after that
        self.news: deque[Task[Any]] = deque()  # tasks of which the actor shall look what follows from their end
        self.drains: list[Future[bool]] = []
        self.processes: ProcessPool | None = None  # of the actor that there is, which may be killed; written by it
        # Invariant: the actor wakes at `armed`, or has a LOOK in its mailbox if `woken`. Both change under the lock only: whoever inserts
        # something that is due before that tells the actor.
        self.armed = _INFINITE
        self.woken = False
        self.timer: TimerHandle | None = None

    # -- a simulation --------------------------------------------------------------------------------------------------------

    def looks(self) -> None:
        """Note that the caller looks at the state."""
        touched(self.ports, self.name, changes=False)

    def changes(self) -> None:
        """Note that the caller changes the state."""
        touched(self.ports, self.name)

    def alive(self) -> bool:
        """Tell whether the actor takes messages."""
        return self.ref is not None and self.ref.is_alive()

    # -- waking the actor ----------------------------------------------------------------------------------------------------

    def wants_look_locked(self, due: float = -_INFINITE) -> bool:
        """Tell whether the caller has to `wake` the actor, for something that is due at `due`, after it has given the lock back."""
        if self.woken or due >= self.armed:
            return False
        self.woken = True
        return True

    def wake(self) -> None:
        """Tell the actor to look."""
        assert self.ref is not None
        try:
            self.ref.tell(LOOK)
        except ActorDeadError:
            self.end()  # it ended under our hands: what was inserted since is ended here

    def wake_again(self) -> None:
        """Wake the actor because time has passed, or something has become free. Runs on the clock's thread, too."""
        self.changes()
        with self.lock:
            wakes = self.wants_look_locked()
        if wakes:
            self.wake()

    # -- inserting -----------------------------------------------------------------------------------------------------------

    def insert(
        self,
        work: Any,
        given: Any,
        options: Options,
        due: float,
        *,
        needs: tuple[Task[Any], ...] = (),
        recurrence: Any = None,
        times: int | None = None,
    ) -> Task[Any]:
        """Take a new task in.

        Raises:
            SchedulerClosedError, SchedulerFullError, DuplicateTaskError, ForkedError: it is not taken in.
        """
        self.changes()
        assert self.ref is not None
        self.ref._target.system.check_here()  # in a forked process nobody would begin it
        try:
            with self.lock:
                self.check_room_locked(options.name)
                task = self.new_locked(work, given, options, due)
                if recurrence is not None:
                    task._extra = extra = Extra()
                    extra.recurrence, extra.runs_left = recurrence, times
                if needs and self._block_locked(task, needs):
                    wakes = bool(self.news) and self.wants_look_locked()
                else:
                    wakes = self.schedule_locked(task, due)
            if wakes:
                self.wake()
        except BaseException as error:
            self._wake_after(error)
            raise
        return task

    def _wake_after(self, error: BaseException) -> None:
        """Wake the actor if `error` is an interrupt, which may have come when it was noted that the actor is told, and before it was."""
        if not isinstance(error, Exception):
            self.wake()

    def new_locked(self, work: Any, given: Any, options: Options, due: float) -> Task[Any]:
        """Return a new task that is in no agenda yet. There has to be room for it."""
        task: Task[Any] = Task(self, next(self.numbers), work, given, options, due)
        self.open += 1
        if options.name is not None:
            self.names[options.name] = task
        return task

    def check_room_locked(self, name: str | None) -> None:
        """Raise unless a task of this name can be taken in."""
        if self.closing or self.ended:
            raise SchedulerClosedError(self.name)
        if self.open >= self.limits.capacity:
            raise SchedulerFullError(self.limits.capacity)
        if name is not None and name in self.names:
            raise DuplicateTaskError(name)

    def schedule_locked(self, task: Task[Any], due: float) -> bool:
        """Put `task` into the agenda; tell whether the actor has to be woken for it."""
        self.put_locked(task, due)
        if task._options.wall:
            due = self.clock.now() + (due - self.clock.wall())
        return self.wants_look_locked(due)

    def put_locked(self, task: Task[Any], due: float) -> None:
        """Put `task` into the agenda, for the actor itself, which arms the clock after all that it does."""
        task._due = due
        agenda = self.wall_agenda if task._options.wall else self.agenda
        agenda.insert(due, task.id if task._extra is None else next(self.numbers), task)

    def _block_locked(self, task: Task[Any], needs: Iterable[Task[Any]]) -> bool:
        """Let `task` wait for those of `needs` that have not succeeded; False if there are none."""
        open_needs = dict.fromkeys(need for need in needs if need._state is not TaskState.SUCCEEDED)
        if not open_needs:
            return False
        task._extra = task._extra or Extra()
        task._extra.needs = open_needs
        task._state = TaskState.BLOCKED
        self.blocked[task] = None
        for need in open_needs:
            need._extra = need._extra or Extra()
            need._extra.dependents[task] = None
            if need._state in OVER:  # it failed before
                self.news.append(need)
        return True

    def unblock_locked(self, task: Task[Any]) -> None:
        """Let `task` wait for no others any more, and these keep nothing of it."""
        self.blocked.pop(task, None)
        extra = task._extra
        if extra is None or extra.needs is None:
            return
        needs, extra.needs = extra.needs, None
        for need in needs:
            if need._extra is not None:
                need._extra.dependents.pop(task, None)

    # -- what is due ---------------------------------------------------------------------------------------------------------

    def take_due(self, now: float, wall: float, limit: int) -> list[tuple[float, Task[Any]]]:
        """Take at most `limit` tasks out of the agenda that are due, each with its due time by its own clock.

        They are in `taken` until they are begun. Nothing is taken while the scheduler is paused or closing.
        """
        with self.lock:
            if self.paused or self.held or self.closing:
                return []
            due = [(when, task) for when, _, task in self.agenda.pop_until(now, limit)]
            if len(due) < limit:
                due += [(when, task) for when, _, task in self.wall_agenda.pop_until(wall, limit - len(due))]
            for when, task in due:
                task._due = None
                if goes_short_way(task):
                    task._state = TaskState.RUNNING
                    self.late.append((wall if task._options.wall else now) - when)
            self.taken = due
        return due

    def next_wake_locked(self, now: float, wall: float) -> float:
        """Return when the actor has to look next, by the clock."""
        times = [self.alarms.first()]
        if not self.paused and not self.held and not self.closing:
            times.append(self.agenda.first())
            first = self.wall_agenda.first()
            if first is not None:
                times.append(min(now + (first - wall), now + self.limits.look))
        return min((time for time in times if time is not None), default=_INFINITE)

    # -- the end of a task ---------------------------------------------------------------------------------------------------

    def over_locked(self, task: Task[Any], state: TaskState) -> bool:
        """Note that `task` is over; return False if it was before."""
        if task._state in OVER:
            return False
        task._state = state
        task._given = None  # a handle that is kept keeps no message alive
        self.open -= 1
        name = task._options.name
        if name is not None and self.names.get(name) is task:
            del self.names[name]
        return True

    def cancel(self, task: Task[Any]) -> bool:
        """See `Task.cancel`."""
        self.changes()
        try:
            with self.lock:
                if task._state in OVER or _was_told_locked(task):
                    return False
                wakes = self.cancel_locked(task)
            self.keeper.cancelled(task)
            self.resolve(task)
            if wakes:
                self.wake()
        except BaseException as error:
            self._wake_after(error)
            raise
        return True

    def cancel_locked(self, task: Task[Any]) -> bool:
        """Cancel a task that is not over; tell whether the actor has to be woken."""
        self.leave_agenda_locked(task)
        self.unblock_locked(task)
        self.over_locked(task, TaskState.CANCELLED)
        self.counts["tasks cancelled"] += 1
        extra = task._extra
        if extra is None:
            return bool(self.drains) and self.wants_look_locked()
        extra.queued = extra.made_up = None
        for execution in extra.under_way:
            self.stop_locked(execution)
        if extra.under_way or extra.dependents:
            self.news.append(task)
            return self.wants_look_locked()
        return bool(self.drains) and self.wants_look_locked()  # it may have been what they wait for

    def stop_locked(self, execution: Execution) -> None:
        """Let no attempt of `execution` begin any more, and ask the one under way to end. What it holds is given back by the actor."""
        if execution.stage is Stage.READY:
            execution.stage = Stage.OVER
            self.ready[execution.task._options.kind].cancelled()
        elif execution.stage in (Stage.WAITING, Stage.CLAIMING):  # the place of one that is claimed is given back with the answer
            execution.stage = Stage.OVER
        elif execution.attempt is not None:
            execution.attempt.context.cancelled = True
            execution.attempt.prevent()

    def leave_agenda_locked(self, task: Task[Any]) -> None:
        """Take `task` out of the agenda if it is there."""
        if task._due is not None and task._state is not TaskState.BLOCKED:
            task._due = None
            (self.wall_agenda if task._options.wall else self.agenda).cancelled()

    def resolve(self, task: Task[Any]) -> None:
        """Resolve the future of a task that is over, if it was asked for."""
        extra = task._extra
        if extra is not None and extra.future is not None:
            _resolve(task, extra, extra.future)

    # -- what handles ask for --------------------------------------------------------------------------------------------------

    def future_of(self, task: Task[Any]) -> Future[Any]:
        """Return the future of `task`, making it if nobody asked for it before."""
        self.changes()
        with self.lock:
            task._extra = extra = task._extra or Extra()
            if extra.future is None:
                extra.future = TaskFuture()
                extra.future._task = task
                if task._state in OVER:
                    _resolve(task, extra, extra.future)
            return extra.future

    def stored_of(self, task: Task[Any]) -> Future[None]:
        """Return the future of being stored."""
        with self.lock:
            task._extra = extra = task._extra or Extra()
            if extra.stored is None:
                extra.stored = Future()
                extra.stored.set(None)
            return extra.stored

    def begun(self, task: Task[Any]) -> int:
        """Return how many runs of `task` were begun."""
        self.looks()
        with self.lock:
            if goes_short_way(task):
                return int(task._state in (TaskState.RUNNING, TaskState.SUCCEEDED, TaskState.FAILED))
            return task._extra.begun if task._extra is not None else 0

    def due_in(self, task: Task[Any]) -> float | None:
        """Return the seconds until the next run of `task`."""
        self.looks()
        with self.lock:
            due = None if task._state in OVER or task._state is TaskState.BLOCKED else task._due
        if due is None:
            return None
        return max(0.0, due - (self.clock.wall() if task._options.wall else self.clock.now()))

    def next_run(self, task: Task[Any]) -> datetime | None:
        """Return the time of day of the next run of `task`."""
        left = self.due_in(task)
        return None if left is None else from_wall(self.clock.wall() + left)

    def set_paused(self, *, paused: bool) -> None:
        """Begin no runs any more, or go on."""
        self.changes()
        with self.lock:
            self.paused = paused
            wakes = self.wants_look_locked()
        if wakes:
            self.wake()

    def hold(self) -> None:
        """Let nothing become due until `release`: several tasks are handed in together, or not at all."""
        with self.lock:
            self.held += 1

    def release(self) -> None:
        """Undo one `hold`."""
        with self.lock:
            self.held -= 1
            wakes = not self.held and self.wants_look_locked()
        if wakes:
            self.wake()

    # -- the end of all of them --------------------------------------------------------------------------------------------------

    def cancel_waiting(self, chunk: int = 1000) -> None:
        """Cancel all tasks of which no run is under way, and let those of which one is have no other. Needs `closing`."""
        while True:
            with self.lock:
                entries = self.agenda.pop_until(_INFINITE, chunk) or self.wall_agenda.pop_until(_INFINITE, chunk)
                tasks = [entry[2] for entry in entries] or list(self.blocked)
                for task in tasks:
                    task._due = None
                tasks = [task for task in tasks if not self._goes_on_locked(task)]
                for task in tasks:
                    self.cancel_locked(task)
            for task in tasks:
                self.resolve(task)
            if not tasks and not entries:
                break
        with self.lock:
            tasks = [one.task for one in self.under_way if one.stage is not Stage.RUNNING and not self._goes_on_locked(one.task)]
            tasks = [task for task in dict.fromkeys(tasks) if task._state not in OVER]
            for task in tasks:
                self.cancel_locked(task)
        for task in tasks:
            self.resolve(task)

    def _goes_on_locked(self, task: Task[Any]) -> bool:
        """Tell whether a run of `task` is running; it has no other after it then."""
        extra = task._extra
        if extra is None or not any(one.stage is Stage.RUNNING for one in extra.under_way):
            return False
        extra.queued = extra.made_up = None
        extra.runs_left = 0
        return True

    def end(self) -> None:
        """End all tasks because the actor has ended. Safe to call from anywhere, again too."""
        with self.lock:
            self.closing = self.ended = True
            timer, self.timer = self.timer, None
            drains, self.drains = self.drains, []
        if timer is not None:
            timer.cancel()
        if self.processes is not None:
            self.processes.close()
        self.cancel_waiting()
        over: list[Task[Any]] = []
        with self.lock:
            for execution in list(self.under_way):
                over += self._end_execution_locked(execution)
            over += [task for _, task in self.taken if self.over_locked(task, TaskState.CANCELLED)]
            self.taken = []
            self.news.clear()
        for task in over:
            self.resolve(task)
        for drain in drains:
            drain.try_set(True)
        if self.keeper.writes and not self.keeper.closed:  # the actor was killed
            self.ports.aside(self.keeper.close, "store")

    def _end_execution_locked(self, execution: Execution) -> list[Task[Any]]:
        task, attempt = execution.task, execution.attempt
        self.stop_locked(execution)
        execution.stage = Stage.OVER
        del self.under_way[execution]
        self.tried.pop(execution, None)
        extra = task._extra
        assert extra is not None  # made with the execution
        if execution in extra.under_way:
            extra.under_way.remove(execution)
        if (
            attempt is not None and attempt.outcome is not None and extra.recurrence is None
        ):  # it was done, and nobody was there to take note
            extra.value, extra.error = attempt.outcome
            state = TaskState.SUCCEEDED if extra.error is None else TaskState.FAILED
        else:
            state = TaskState.CANCELLED
        return [task] if self.over_locked(task, state) else []

    # -- times -----------------------------------------------------------------------------------------------------------------

    def times_of(self, task: Task[Any], own_due: float) -> tuple[float, float]:
        """Return a time of the task's own clock by the clock, and by the clock on the wall."""
        if task._options.wall:
            return own_due + (self.clock.now() - self.clock.wall()), own_due
        return own_due, self.wall_of(own_due)

    def wall_of(self, time: float) -> float:
        """Return what the clock on the wall shows at a clock time."""
        return self.clock.wall() + (time - self.clock.now())

    def at_of(self, time: float) -> datetime:
        """Return the time of day of a clock time."""
        return from_wall(self.wall_of(time))


def goes_short_way(task: Task[Any]) -> bool:
    """Tell whether a run of `task` is over once its message was told, and needs no record."""
    return task._options.plain and (task._extra is None or task._extra.recurrence is None)


def _was_told_locked(task: Task[Any]) -> bool:
    """Tell whether a one-off message was told, or is being told: there is nothing to take back then, and no other run to prevent."""
    if task._options.kind is not Kind.TELL:
        return False
    if goes_short_way(task):
        return task._state is TaskState.RUNNING
    extra = task._extra
    if extra is None or extra.recurrence is not None:
        return False
    return any(not one.attempt.prevent() for one in extra.under_way if one.attempt is not None)


def _resolve(task: Task[Any], extra: Extra, future: TaskFuture[Any]) -> None:
    if extra.recurrence is not None:
        future.try_set(extra.begun)
    elif task._state is TaskState.SUCCEEDED:
        future.try_set(extra.value)
    elif task._state is TaskState.FAILED and extra.error is not None:
        future.try_fail(extra.error)
    else:
        future.try_fail(AskCancelled(f"the task {task.name!r} was cancelled"))


def _is_scheduled(task: Task[Any]) -> bool:
    return task._due is not None


def _is_ready(execution: Execution) -> bool:
    return execution.stage is Stage.READY


def _is_live(alarm: Alarm) -> bool:
    return alarm.live
