"""What there is to see of a scheduler from look to look: the runs under way, and those that have ended since the last one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.scheduler.execution import Stage
from actors.scheduler.task import RunOutcome

if TYPE_CHECKING:
    from actors.scheduler.books import Books
    from actors.scheduler.context import Progress
    from actors.scheduler.events import TaskFailed
    from actors.scheduler.execution import Execution
    from actors.scheduler.task import Run, Task

__all__ = ["Board", "Row", "View"]

MOST_FAILURES = 1000  # that are kept from one look to the next; more of them show in the sums only
_SUMS = (
    RunOutcome.SUCCEEDED,
    RunOutcome.FAILED,
    "tasks cancelled",
    "retried",
    RunOutcome.MISSED,
    RunOutcome.SKIPPED,
    RunOutcome.INTERRUPTED,
)
_WORDS = ("succeeded", "failed", "cancelled", "retried", "missed", "skipped", "interrupted")


@dataclass(frozen=True, slots=True)
class Row:
    """One run at one moment.

    Attributes:
        key: the same for this run in every look: the task's id, and the number of the run.
        name: of the task.
        attempt: the last one that was begun, from 1.
        waiting: whether it waits for the next attempt, or for a place for that.
        progress: what the run said of its progress last.
        seconds: since it was first seen, or began.
        outcome: what became of it; None while it is under way.
        error: what it failed with.
    """

    key: tuple[int, int]
    name: str
    attempt: int
    waiting: bool
    progress: Progress | None
    seconds: float
    outcome: RunOutcome | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A look at a scheduler.

    Attributes:
        running: runs that have begun, longest first.
        ended: those that have ended since the last look. Short ones may begin and end unseen, unless they fail.
        ready: how many runs wait for a place.
    """

    running: tuple[Row, ...]
    ended: tuple[Row, ...]
    ready: int


class Board:
    """Looks at a scheduler. One thread at a time looks; `failed` may be called by any.

    What a run is at is read without the lock, one field after the other: it may have gone on in between, which the next look shows.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._since: dict[Execution, float] = {}  # clock time of the first sight of those under way
        self._failures: deque[Run[Any]] = deque(maxlen=MOST_FAILURES)  # appended to by any thread, popped by the one that looks
        self._began = books.clock.now()
        self._before = self._counts()

    def failed(self, event: TaskFailed) -> None:
        """Take note of a failure, also of a run that is over before anybody looks."""
        if event.task._books is self._books:
            self._failures.append(event.run)

    def look(self) -> View:
        """Return what there is to see now."""
        books = self._books
        books.looks()
        with books.lock:
            tried = list(books.tried)
            ready = sum(len(waiting) for waiting in books.ready.values())
        now = books.clock.now()
        since = {one: self._since.get(one, _began(one, now)) for one in tried}
        gone = {one: began for one, began in self._since.items() if one not in since}
        self._since = since
        running = sorted((self._row(one, now - began) for one, began in since.items()), key=lambda row: -row.seconds)
        return View(tuple(running), self._ended(gone, now), ready)

    def sums(self) -> str:
        """Return one line: what became of all runs since the board was made."""
        counts, seconds = self._counts(), self._books.clock.now() - self._began
        parts = [f"{count - before} {word}" for count, before, word in zip(counts, self._before, _WORDS, strict=True) if count > before]
        with self._books.lock:
            left = len(self._books.under_way)
        if left:
            parts.append(f"{left} still under way")
        return f"{', '.join(parts) or 'nothing was run'} in {seconds:.1f} s"

    def _counts(self) -> list[int]:
        with self._books.lock:
            return [self._books.counts[key] for key in _SUMS]

    def _ended(self, gone: dict[Execution, float], now: float) -> tuple[Row, ...]:
        failures: dict[tuple[int, int], Run[Any]] = {}
        while self._failures:  # nobody else pops
            run = self._failures.popleft()
            failures[run.task.id, run.number] = run
        rows = []
        for one, began in gone.items():
            row = self._row(one, now - began)
            failure = failures.pop(row.key, None)
            rows.append(_over(row, failure if failure is not None else _last(one), one))
        rows += [_over(_row_of(run), run, None) for run in failures.values()]
        return tuple(rows)

    @staticmethod
    def _row(execution: Execution, seconds: float) -> Row:
        task = execution.task
        return Row(
            (task.id, execution.number),
            task.name,
            max(1, execution.attempts),
            execution.stage is not Stage.RUNNING,
            _progress(task),
            max(0.0, seconds),
        )


def _began(execution: Execution, now: float) -> float:
    attempt = execution.attempt
    return now if attempt is None else attempt.began


def _progress(task: Task[Any]) -> Progress | None:
    return task._extra.progress if task._extra is not None else None


def _last(execution: Execution) -> Run[Any] | None:
    """Return the run that an execution has become; None if others of its task have ended since."""
    extra = execution.task._extra
    last = extra.last if extra is not None else None
    return last if last is not None and last.number == execution.number else None


def _row_of(run: Run[Any]) -> Row:
    return Row((run.task.id, run.number), run.task.name, max(1, run.attempt), waiting=False, progress=None, seconds=run.seconds or 0.0)


def _over(row: Row, run: Run[Any] | None, execution: Execution | None) -> Row:
    seconds = row.seconds
    if run is not None:
        outcome, error = run.outcome, run.error
        if run.attempt <= 1 and run.seconds is not None:
            seconds = run.seconds  # more precise than two looks
    else:
        error = execution.error if execution is not None else None
        outcome = RunOutcome.SUCCEEDED if error is None else RunOutcome.FAILED
    return Row(row.key, row.name, row.attempt, waiting=False, progress=row.progress, seconds=seconds, outcome=outcome, error=error)
