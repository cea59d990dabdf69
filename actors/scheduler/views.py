"""What one can see of a scheduler: its tasks and its figures. Each look is at one moment, under the lock of the books."""

from __future__ import annotations

import heapq
import statistics
from typing import TYPE_CHECKING, Any

from actors.scheduler.stats import SchedulerStats
from actors.scheduler.task import OVER, RunOutcome, Task, TaskState
from actors.scheduler.work import Kind

if TYPE_CHECKING:
    from actors.scheduler.books import Books
    from actors.scheduler.context import RunContext

__all__ = ["idle", "runs", "stats", "tasks"]


def runs(books: Books, context: RunContext) -> bool:
    """Tell whether `context` is that of a run under way."""
    with books.lock:
        return any(one.attempt is not None and one.attempt.context is context for one in books.tried)


def tasks(books: Books, state: TaskState | None, limit: int) -> list[Task[Any]]:
    """Return tasks that are not over: those under way first, then by due time, then those that wait for others."""
    books.looks()
    with books.lock:
        found = list(dict.fromkeys(execution.task for execution in books.under_way))
        timed = books.agenda.entries()
        wall = books.wall_agenda.entries()
        blocked = list(books.blocked)
    if wall:
        offset = books.clock.now() - books.clock.wall()
        timed += [(due + offset, number, task) for due, number, task in wall]
    wanted = [entry for entry in timed if entry[2]._state not in OVER and entry[2]._due is not None]
    # One that is under way and due again shows once.
    found = list(dict.fromkeys(found + [task for _, _, task in heapq.nsmallest(limit + len(found), wanted)] + blocked))
    return [task for task in found if (task._state is state if state is not None else task._state not in OVER)][:limit]


def stats(books: Books) -> SchedulerStats:
    """Return the figures."""
    books.looks()
    with books.lock:
        late = list(books.late)
        counts = books.counts.copy()
        return SchedulerStats(
            scheduled=len(books.agenda) + len(books.wall_agenda) + len(books.blocked),
            ready=sum(len(ready) for ready in books.ready.values()),
            running={kind: books.running[kind] for kind in Kind},
            succeeded=counts[RunOutcome.SUCCEEDED],
            failed=counts[RunOutcome.FAILED],
            cancelled=counts["tasks cancelled"],
            retried=counts["retried"],
            missed=counts[RunOutcome.MISSED],
            skipped=counts[RunOutcome.SKIPPED],
            interrupted=counts[RunOutcome.INTERRUPTED],
            abandoned=books.abandoned,
            late=statistics.median(late) if late else 0.0,
        )


def idle(books: Books, now: float, wall: float) -> bool:
    """Tell whether no task is due or under way."""
    with books.lock:
        first, first_wall = books.agenda.first(), books.wall_agenda.first()
        due = (first is not None and first <= now) or (first_wall is not None and first_wall <= wall)
        return not due and not books.under_way and not books.news
