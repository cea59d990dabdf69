"""Recurring tasks: which of their runs begin, wait, are skipped or were missed, and when the next is due."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core.timers import TimerMode
from actors.scheduler import needs
from actors.scheduler.events import RunMissed, RunSkipped
from actors.scheduler.recurrence import Every, due_runs
from actors.scheduler.task import OVER, Run, RunOutcome, Task, TaskState
from actors.scheduler.walltime import from_wall
from actors.scheduler.work import Overlap

if TYPE_CHECKING:
    from actors.scheduler.books import Books
    from actors.scheduler.engine import Engine
    from actors.scheduler.task import Extra

__all__ = ["REWIND", "after_run", "due", "rewind"]

REWIND = 3 * 3600.0  # seconds; as in Debian's cron, a clock that is set back by less is a correction, and by more a new time
MADE_UP = 1000  # missed runs of a task that wait to be made up for, and those beside each other that wait for a place


def due(engine: Engine, task: Task[Any], when: float, now: float, wall: float) -> None:
    """Begin what is to begin of a task that was due at `when`, by its own clock, and say when it is due next."""
    books, options, extra = engine.books, task._options, task._extra
    assert extra is not None
    own_now = wall if options.wall else now
    plan = due_runs(extra.recurrence, when, own_now, grace=options.grace, policy=options.missed)
    plan = engine.keeper.due(task, plan)
    if plan.missed:
        assert plan.first_missed is not None
        with books.lock:
            books.counts[RunOutcome.MISSED] += plan.missed
        engine.publish(RunMissed(task, from_wall(books.times_of(task, plan.first_missed)[1]), plan.missed, options.missed))
    begun = 0
    for at in plan.run:
        begun += _begin(engine, task, at, late=own_now - at > options.grace)
    with books.lock:
        if task._state in OVER:
            return
        if plan.next is None:
            extra.runs_left = 0
        elif extra.runs_left != 0 and not (begun and _counts_from_the_end(extra)):
            books.put_locked(task, plan.next)
        exhausted = extra.runs_left == 0
    if exhausted:
        engine.keeper.exhausted(task)
    _end_if_done(engine, task)


def _begin(engine: Engine, task: Task[Any], at: float, *, late: bool) -> bool:
    """Begin the run that was due at `at`, by the task's own clock, let it wait, or skip it; return whether it was begun."""
    books, overlap, extra = engine.books, task._options.overlap, task._extra
    assert extra is not None
    with books.lock:
        if task._state in OVER or extra.runs_left == 0:
            return False
        most = books.limits.places[task._options.kind] + MADE_UP if overlap is Overlap.ALLOW else 1
        busy = len(extra.under_way) >= most
        skipped = False
        if not busy:
            _count_locked(extra)
        elif late and overlap is not Overlap.ALLOW:
            extra.made_up = extra.made_up if extra.made_up is not None else deque()
            skipped = len(extra.made_up) >= MADE_UP
            if not skipped:
                extra.made_up.append(at)
        elif overlap is Overlap.QUEUE and extra.queued is None:
            extra.queued = at
        else:
            skipped = True
    if skipped:
        _skip(engine, task, at)
    if busy:
        return False
    return _start(engine, task, at)


def _count_locked(extra: Extra) -> None:
    if extra.runs_left is not None:
        extra.runs_left -= 1


def _start(engine: Engine, task: Task[Any], at: float) -> bool:
    execution = engine.new_execution(task, at)
    if execution is None:
        return False
    engine.begin(execution)
    return True


def _skip(engine: Engine, task: Task[Any], at: float) -> None:
    books, extra = engine.books, task._extra
    assert extra is not None
    due_at = from_wall(books.times_of(task, at)[1])
    with books.lock:
        books.counts[RunOutcome.SKIPPED] += 1
        extra.last = Run(task, 0, 0, due_at, None, None, RunOutcome.SKIPPED, None, None, f"{task.id}-0")
    engine.keeper.skipped(task, at)
    engine.publish(RunSkipped(task, due_at))


def after_run(engine: Engine, task: Task[Any]) -> None:
    """Go on after a run has ended: with one that waits for that, with the next delay, or with the end of the task."""
    books, extra = engine.books, task._extra
    assert extra is not None
    at: float | None = None
    with books.lock:
        if task._state in OVER:
            return
        if extra.runs_left != 0 and not books.closing and not extra.under_way:
            if extra.made_up:
                at = extra.made_up.popleft()
            else:
                at, extra.queued = extra.queued, None
            if at is not None:
                _count_locked(extra)
            elif _counts_from_the_end(extra) and task._due is None:
                following = extra.recurrence.next_after(books.clock.wall() if task._options.wall else books.clock.now())
                if following is None:
                    extra.runs_left = 0
                else:
                    books.put_locked(task, following)
    if extra.runs_left == 0:
        engine.keeper.exhausted(task)
    if at is not None:
        _start(engine, task, at)
    _end_if_done(engine, task)


def _counts_from_the_end(extra: Extra) -> bool:
    return isinstance(extra.recurrence, Every) and extra.recurrence.mode is TimerMode.FIXED_DELAY


def _end_if_done(engine: Engine, task: Task[Any]) -> None:
    """End a task of which no run is to come."""
    books, extra = engine.books, task._extra
    assert extra is not None
    with books.lock:
        if task._state in OVER or extra.runs_left != 0 or extra.under_way:
            return
        books.leave_agenda_locked(task)
        over = books.over_locked(task, TaskState.CANCELLED if books.closing else TaskState.SUCCEEDED)
    if over:
        engine.keeper.over(task)
        books.resolve(task)
        needs.follow(engine, task)


def rewind(books: Books, wall: float) -> None:
    """Have the tasks that recur by the clock on the wall due again from `wall` on: that was set back by far.

    Persistent ones only from where the store knows of each run whether it was: none is run a second time.
    """
    forgotten = books.keeper.forgotten()  # waits for the disk; clocks are set back by so much hardly ever
    with books.lock:
        entries = books.wall_agenda.pop_until(float("inf"), len(books.wall_agenda))
        for when, _, task in entries:
            extra = task._extra
            after = wall
            if task._options.persist:
                after = when if forgotten is None else max(wall, forgotten.get(task.name, wall))
            following = extra.recurrence.next_after(after) if extra is not None and extra.recurrence is not None else None
            books.put_locked(task, when if following is None else min(when, following))
