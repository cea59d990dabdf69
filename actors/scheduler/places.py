"""Which run gets the next place: runs that are ready wait by kind, the lowest priority first, until a place of that kind is free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.scheduler import needs
from actors.scheduler.alarms import Bell, set_alarm_locked
from actors.scheduler.context import Progress, RunContext, RunInfo
from actors.scheduler.execution import Attempt, Claim, Execution, Stage
from actors.scheduler.task import OVER, Task, TaskState
from actors.scheduler.work import Kind

if TYPE_CHECKING:
    from actors.scheduler.books import Books
    from actors.scheduler.task import Extra

_FIRST = float("-inf")  # of priorities

__all__ = ["leave_locked", "make_ready", "next_attempt", "pass_on", "summarise_locked"]


def make_ready(books: Books, execution: Execution, *, first: bool = False) -> None:
    """Let `execution` wait for a place, unless its task is over; `first`: before all others."""
    task = execution.task
    with books.lock:
        if execution.stage is Stage.OVER or task._state in OVER:
            return  # its end is among the news
        execution.stage = Stage.READY
        books.ready[task._options.kind].insert(_FIRST if first else task._options.priority, next(books.numbers), execution)
        summarise_locked(task)


def next_attempt(books: Books, kind: Kind) -> Attempt | Execution | None:
    """Give a free place to the run that is next.

    Returns:
        Its new attempt; the run itself, if the store has to have its claim first; None if no place is free, or nothing waits.
    """
    now = books.clock.now()
    with books.lock:
        if books.paused or books.closing or books.running[kind] >= books.limits.places[kind]:
            return None
        following = _next_locked(books, kind, now)
        if following is not None:
            books.running[kind] += 1
    return following


def pass_on(books: Books, attempt: Attempt, *, willing: bool) -> Attempt | None:
    """Note that the function of `attempt` has returned, and pass its place on to the run that is next; called by its worker.

    So a worker goes on at once, and the scheduler's actor learns of both, the end and the beginning, by one message.

    Args:
        books: of the scheduler.
        attempt: what has returned.
        willing: False to pass nothing on.
    """
    now = books.clock.now()
    with books.lock:
        attempt.returned = True
        if attempt.abandoned:
            books.abandoned -= 1
            return None
        if not willing or books.paused or books.closing:
            return None
        kind = attempt.execution.task._options.kind
        following = _next_locked(books, kind, now)
        if following is not None:
            attempt.passed_on = True
        if isinstance(following, Attempt):
            following.place = attempt.place
    if isinstance(following, Execution):  # it has the place, and begins in the actor's turn
        books.keeper.claim(following)
        return None
    if following is not None:
        books.keeper.begins(following.execution)
    return following


def leave_locked(books: Books, attempt: Attempt) -> None:
    """Free the place of `attempt`, unless that has gone to another run already. Once for each attempt."""
    if not attempt.passed_on:
        books.running[attempt.execution.task._options.kind] -= 1


def _next_locked(books: Books, kind: Kind, now: float) -> Attempt | Execution | None:
    while (execution := books.ready[kind].pop()) is not None and execution.expires is not None and execution.expires <= now:
        # Its time has passed, as it may while the scheduler is paused: it begins no more, and its alarm ends it at the next look.
        execution.stage = Stage.WAITING
        summarise_locked(execution.task)
    if execution is None:
        return None
    if execution.claim is Claim.WANTED:
        execution.stage, execution.claim = Stage.CLAIMING, Claim.ASKED
        return execution
    task, options, extra = execution.task, execution.task._options, execution.task._extra
    assert extra is not None  # made with the execution
    execution.stage = Stage.RUNNING
    execution.attempts += 1
    execution.began_wall = books.wall_of(now)
    if execution.attempts == 1:
        books.tried[execution] = None
        extra.begun += 1
        books.late.append(now - execution.due)
    # In the same step, so that whoever cancels the task from now on finds the attempt, and can keep it from beginning.
    execution.attempt = attempt = _new_attempt(books, execution, extra, now)
    summarise_locked(task)
    if options.timeout is not None:
        set_alarm_locked(books, Bell.TIMEOUT, execution, now + options.timeout)
    return attempt


def _new_attempt(books: Books, execution: Execution, extra: Extra, now: float) -> Attempt:
    task, clock = execution.task, books.clock
    left = None if execution.expires is None else execution.expires - now
    info = RunInfo(execution.id, task.name, execution.number, execution.attempts, execution.due_at, left)

    def report(progress: Progress) -> None:
        attempt = execution.attempt
        if attempt is not None and attempt.context is context:  # else it was given up, or what it has begun outlives it
            extra.progress = progress

    extra.progress = None  # what an earlier run or attempt has said does not count for this one
    context = RunContext(info, now=clock.now, expires=execution.expires, report=report)
    if task._options.kind in (Kind.TELL, Kind.ASK):
        return Attempt(execution, None, needs.value_of(task._given), context, now)
    return Attempt(execution, task._work, tuple(needs.value_of(one) for one in task._given), context, now)


_BY_STAGE = (
    (Stage.RUNNING, TaskState.RUNNING),
    (Stage.READY, TaskState.READY),
    (Stage.CLAIMING, TaskState.READY),
    (Stage.WAITING, TaskState.WAITING),
)

_STATE_AT = dict(_BY_STAGE)


def summarise_locked(task: Task[Any]) -> None:
    """Set the state of a task that is not over by where its runs are."""
    assert task._extra is not None
    under_way = task._extra.under_way
    if len(under_way) == 1:  # the short way for one-offs
        task._state = _STATE_AT.get(under_way[0].stage, TaskState.SCHEDULED)
        return
    stages = {execution.stage for execution in under_way}
    task._state = next((state for stage, state in _BY_STAGE if stage in stages), TaskState.SCHEDULED)
