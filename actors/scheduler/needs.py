"""Tasks that need others: which they are, what becomes free when one succeeds, and what fails when one does not."""

from __future__ import annotations

import graphlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from actors.errors import AskCancelled
from actors.scheduler.errors import CycleError, NeedFailedError, UnknownNeedError
from actors.scheduler.task import Run, RunOutcome, Task, TaskState
from actors.scheduler.work import ResultOf, Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.scheduler.books import Books
    from actors.scheduler.engine import Engine

__all__ = ["all_needs", "follow", "in_order", "needs_of", "value_of"]


def all_needs(books: Books, args: tuple[Any, ...], needs: Sequence[Any]) -> tuple[Task[Any], ...]:
    """Return the tasks among `args` and those that `needs` names, each once; raise for what is none of this scheduler."""
    for arg in args:
        if type(arg) is ResultOf:
            msg = f"{arg!r} is not valid here: it stands in a Work of graph(); pass the task itself, and its result stands for it"
            raise TypeError(msg)
    for need in needs:
        if not isinstance(need, Task):
            msg = f"needs={needs!r} is not valid: a sequence of tasks, and {need!r} is none"
            raise TypeError(msg)
    found = dict.fromkeys([*(arg for arg in args if type(arg) is Task), *needs])
    for need in found:
        if need._books is not books:
            msg = f"{need!r} is not valid as a need: it belongs to another scheduler; await its result instead"
            raise ValueError(msg)
    return tuple(found)


def value_of(given: Any) -> Any:
    """Return the result of a task that has succeeded in its place, and anything else as it is."""
    if type(given) is not Task:  # not isinstance(), which may ask the argument for its class, under the lock
        return given
    extra = given._extra
    if extra is None:
        return None  # a message that was told
    return extra.begun if extra.recurrence is not None else extra.value


def follow(engine: Engine, task: Task[Any]) -> None:
    """See to those that need `task`, which is over: free them, or fail them and whoever needs them in turn."""
    books = engine.books
    over = [task]
    while over:
        need = over.pop()
        extra = need._extra
        if extra is None or not extra.dependents:
            continue
        wakes = False
        failed: list[Task[Any]] = []
        with books.lock:
            dependents, extra.dependents = extra.dependents, {}
            for one in dependents:
                if one._state is not TaskState.BLOCKED or one._extra is None or one._extra.needs is None:
                    continue
                if need._state is TaskState.SUCCEEDED:
                    wakes = _free_locked(books, one, need) or wakes
                elif books.over_locked(one, TaskState.FAILED):
                    books.unblock_locked(one)
                    one._extra.error = NeedFailedError(need.name, _error_of(need))
                    books.counts[RunOutcome.FAILED] += 1
                    failed.append(one)
        if wakes:
            books.wake()
        for one in failed:
            _tell_failed(engine, one)
        over += failed


def _free_locked(books: Books, task: Task[Any], need: Task[Any]) -> bool:
    """Take a need that has succeeded off `task`; tell whether the actor has to be woken, because that was the last and it is due."""
    assert task._extra is not None
    assert task._extra.needs is not None
    task._extra.needs.pop(need, None)
    if task._extra.needs:
        return False
    task._extra.needs = None
    del books.blocked[task]
    task._state = TaskState.SCHEDULED
    now = books.clock.wall() if task._options.wall else books.clock.now()
    return books.schedule_locked(task, max(now, task._due or 0.0))


def _error_of(need: Task[Any]) -> BaseException:
    if need._extra is not None and need._extra.error is not None:
        return need._extra.error
    return AskCancelled(f"the task {need.name!r} was cancelled")


def _tell_failed(engine: Engine, task: Task[Any]) -> None:
    assert task._extra is not None
    books = engine.books
    due = books.at_of(books.clock.now())
    run: Run[Any] = Run(task, 0, 0, due, None, None, RunOutcome.FAILED, None, task._extra.error, f"{task.id}-0")
    with books.lock:
        task._extra.last = run
    books.resolve(task)
    engine.tell(run)


# -- graphs ------------------------------------------------------------------------------------------------------------------


def needs_of(work: Work) -> tuple[str, ...]:
    """Return the names that `work` needs, those of results among its arguments first, each once."""
    return tuple(dict.fromkeys([*(arg.name for arg in work.args if isinstance(arg, ResultOf)), *work.needs]))


def in_order(works: Mapping[str, Work]) -> list[str]:
    """Return the names, each after those it needs.

    Raises:
        UnknownNeedError: a work needs one that is not there.
        CycleError: works need each other in a cycle.
    """
    if not isinstance(works, Mapping):
        msg = f"works={works!r} is not valid: a mapping of names to Work"
        raise TypeError(msg)
    for name, work in works.items():
        if not isinstance(name, str) or not isinstance(work, Work):
            msg = f"works[{name!r}]={work!r} is not valid: a Work under a name"
            raise TypeError(msg)
        for need in needs_of(work):
            if need not in works:
                raise UnknownNeedError(need, name)
    sorter = graphlib.TopologicalSorter({name: needs_of(work) for name, work in works.items()})
    try:
        return list(sorter.static_order())
    except graphlib.CycleError as error:
        # graphlib names each before the one that needs it; we say who needs whom.
        raise CycleError(tuple(reversed(error.args[1]))) from None
