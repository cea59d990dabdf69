"""The handle of what was handed in, and the record of one run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from actors._core.future import Future
from actors._core.ref import ActorRef

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Generator
    from datetime import datetime

    from actors.scheduler.books import Books
    from actors.scheduler.context import Progress
    from actors.scheduler.execution import Execution
    from actors.scheduler.ledger import Page
    from actors.scheduler.work import Kind, Options

__all__ = ["OVER", "Extra", "Run", "RunOutcome", "Task", "TaskFuture", "TaskState"]

R = TypeVar("R")


class TaskState(Enum):
    """Where a task is in its life."""

    BLOCKED = "blocked"
    """It waits for tasks that it needs."""

    SCHEDULED = "scheduled"
    """It waits for its time."""

    READY = "ready"
    """It is due and waits for a place."""

    RUNNING = "running"

    WAITING = "waiting"
    """It waits for another attempt."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_NAMED = (FunctionType, MethodType, BuiltinFunctionType, type)
OVER = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED})


class RunOutcome(Enum):
    """What became of a run."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MISSED = "missed"
    """It could not begin in time."""

    SKIPPED = "skipped"
    """The last run was still under way."""

    INTERRUPTED = "interrupted"
    """The program was killed while it was under way."""


@dataclass(frozen=True, slots=True)
class Run(Generic[R]):
    """One run of a task, all attempts included.

    Attributes:
        task: whose run it is.
        number: from 1.
        attempt: the last one made, from 1; 0 if none was begun.
        due: when it was due.
        began: when the last attempt began, None if none was begun.
        seconds: how long that took.
        outcome: what became of it.
        value: what was returned or answered.
        error: what was raised.
        id: the same for all attempts, and with a store also across restarts.
    """

    task: Task[R]
    number: int
    attempt: int
    due: datetime
    began: datetime | None
    seconds: float | None
    outcome: RunOutcome
    value: R | None
    error: BaseException | None
    id: str


class Extra:
    """What only some tasks have. Guarded by the lock of the books, but for `progress`: whoever runs the task writes it, the last wins."""

    __slots__ = (
        "adopted",
        "begun",
        "dependents",
        "error",
        "future",
        "last",
        "made_up",
        "needs",
        "numbered",
        "page",
        "progress",
        "queued",
        "recurrence",
        "runs_left",
        "stored",
        "under_way",
        "value",
    )

    def __init__(self) -> None:
        self.future: TaskFuture[Any] | None = None
        self.stored: Future[None] | None = None
        self.page: Page | None = None  # of a persistent task: what the store knows of it
        self.adopted = False  # whether it came out of the store, and the program has not declared it
        self.last: Run[Any] | None = None
        self.progress: Progress | None = None
        self.needs: dict[Task[Any], None] | None = None  # those that have not succeeded yet
        self.dependents: dict[Task[Any], None] = {}
        self.recurrence: Any = None  # Every or Cron; None: a one-off
        self.runs_left: int | None = None  # of `times`
        self.numbered = 0  # runs that were due, but for those missed and skipped
        self.begun = 0  # those of them that were begun
        self.under_way: list[Execution] = []
        self.queued: float | None = None  # due time of the run that Overlap.QUEUE lets wait
        self.made_up: deque[float] | None = None  # due times of missed runs that Missed.ALL makes up for
        self.value: Any = None  # result of a one-off that has succeeded
        self.error: BaseException | None = None  # of one that has not


class TaskFuture(Future[R]):
    """The future of a task: cancelling it cancels the task."""

    _task: Task[Any]

    def cancel(self) -> bool:
        """Cancel the task; return False if it was over before."""
        return self._task.cancel()


class Task(Generic[R]):
    """A handle of what was handed in; made by a `Scheduler` only. Safe to use from any thread, handler and coroutine.

    Invariant: all fields are written under the lock of the books; `id`, `_work` and `_options` never change.
    """

    # Few and small: a million of them may wait. What only some have is in `_extra`.
    __slots__ = ("_books", "_due", "_extra", "_given", "_options", "_state", "_work", "id")

    def __init__(self, books: Books, number: int, work: Any, given: Any, options: Options, due: float | None) -> None:
        self._books = books
        self.id = number
        self._work = work
        self._given = given  # of a ref: the message; else the arguments
        self._options = options
        self._due = due  # when it is next due, by the clock or with options.wall by that on the wall; None: it is not in the agenda
        self._state = TaskState.SCHEDULED
        self._extra: Extra | None = None

    def __repr__(self) -> str:
        return f"<Task {self.name!r} {self._state.value}>"

    def __reduce__(self) -> Any:
        msg = f"{self!r} cannot be copied or pickled: pass on its result, or its name"
        raise TypeError(msg)

    @property
    def name(self) -> str:
        """Its name: the one given, else what it runs and its number."""
        name = self._options.name
        if name is not None:
            return name
        return f"{_called(self._work)}-{self.id}"

    @property
    def kind(self) -> Kind:
        """Where it runs."""
        return self._options.kind

    @property
    def priority(self) -> int:
        """Lowest first, of runs that wait for a place."""
        return self._options.priority

    @property
    def state(self) -> TaskState:
        """Where it is in its life, at this moment."""
        self._books.looks()
        return self._state

    @property
    def runs(self) -> int:
        """How many runs were begun."""
        return self._books.begun(self)

    @property
    def last(self) -> Run[R] | None:
        """The last run that has ended, or was missed or skipped; None if there is none, and of a plain TELL."""
        self._books.looks()
        return self._extra.last if self._extra is not None else None

    @property
    def progress(self) -> Progress | None:
        """What the run said of its progress last."""
        self._books.looks()
        return self._extra.progress if self._extra is not None else None

    @property
    def due_in(self) -> float | None:
        """Seconds until the next run is due, 0.0 if it is overdue; None if none waits for its time."""
        return self._books.due_in(self)

    @property
    def next_run(self) -> datetime | None:
        """When the next run is due, in UTC; None if none waits for its time."""
        return self._books.next_run(self)

    @property
    def future(self) -> Future[R]:
        """Of a one-off: its result, what it raised after the last retry, or AskCancelled. Of a recurring one: its runs, once it has ended.

        Cancelling the future cancels the task.
        """
        return self._books.future_of(self)

    @property
    def stored(self) -> Future[None]:
        """Of a persistent task: resolved when it is in the store, failed with a `StoreError` if it never will be. Else resolved at once."""
        return self._books.stored_of(self)

    def result(self, *, timeout: float | None = None) -> R:
        """Return the value of `future`, waiting for it at most `timeout` seconds; raises as `Future.get` does."""
        return self.future.get(timeout=timeout)

    def __await__(self) -> Generator[Any, None, R]:
        return self.future.__await__()

    def cancel(self) -> bool:
        """Let no run begin any more, and ask what is under way to end.

        Coroutines are cancelled, processes killed, asks given up; a function sees ``current_run().cancelled``, and its thread is left
        behind if it does not look. The task is over at once.

        Returns:
            True if this cancelled it; False if it was over before, or is a message that was told, or is being told at this very moment.
        """
        return self._books.cancel(self)


def _called(work: Any) -> str:
    """Return what people call `work`. Asks no attribute of an object of a user's class: it may be told of under the lock of the books."""
    while issubclass(type(work), partial):
        work = work.func
    if issubclass(type(work), ActorRef):
        return str(work.name)
    return str((work if issubclass(type(work), _NAMED) else type(work)).__qualname__)
