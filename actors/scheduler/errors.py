"""What goes wrong with tasks.

    SchedulerError
    ├── CronError (also ValueError)
    ├── CycleError (also ValueError)
    ├── UnknownNeedError (also ValueError)
    ├── DuplicateTaskError
    ├── SchedulerFullError
    ├── SchedulerClosedError
    ├── NeedFailedError
    ├── TaskTimeout (also Timeout)
    ├── TaskDeadlineExceeded (also DeadlineExceeded)
    ├── TaskMissedError
    ├── AlreadyRunError
    ├── WorkerDiedError
    ├── ResultNotPicklableError
    └── StoreError
        ├── StoreLockedError
        ├── StoreVersionError
        ├── StoreFullError
        └── StoreDamagedError

As in `actors.errors`, data is kept in attributes, the sentence is built from them, and all of them pickle.
"""

from __future__ import annotations

from actors.errors import ActorError, DeadlineExceeded, Timeout

__all__ = [
    "AlreadyRunError",
    "CronError",
    "CycleError",
    "DuplicateTaskError",
    "NeedFailedError",
    "ResultNotPicklableError",
    "SchedulerClosedError",
    "SchedulerError",
    "SchedulerFullError",
    "StoreDamagedError",
    "StoreError",
    "StoreFullError",
    "StoreLockedError",
    "StoreVersionError",
    "TaskDeadlineExceeded",
    "TaskMissedError",
    "TaskTimeout",
    "UnknownNeedError",
    "WorkerDiedError",
]


class SchedulerError(ActorError):
    """Root of the errors of `actors.scheduler`."""


class CronError(SchedulerError, ValueError):
    """The cron expression, or its zone, is none, or it never fires.

    Attributes:
        expression: what was given.
        why: what is wrong with it, and what to do about it.
    """

    def __init__(self, expression: str, why: str) -> None:
        super().__init__(expression, why)
        self.expression = expression
        self.why = why

    def __str__(self) -> str:
        return f"expression={self.expression!r} is not valid: {self.why}"


class CycleError(SchedulerError, ValueError):
    """Works need each other in a cycle, so that none of them could ever begin.

    Attributes:
        cycle: their names, each needing the next, the first one again at the end.
    """

    def __init__(self, cycle: tuple[str, ...]) -> None:
        super().__init__(cycle)
        self.cycle = cycle

    def __str__(self) -> str:
        return f"these works need each other in a cycle: {' -> '.join(self.cycle)}; take one of the needs away"


class UnknownNeedError(SchedulerError, ValueError):
    """A work of a graph needs one that is not in the graph.

    Attributes:
        name: the work that is not there.
        needed_by: the work that needs it.
    """

    def __init__(self, name: str, needed_by: str) -> None:
        super().__init__(name, needed_by)
        self.name = name
        self.needed_by = needed_by

    def __str__(self) -> str:
        return f"{self.needed_by!r} needs {self.name!r}, which is not in the graph: add it, or correct the name"


class DuplicateTaskError(SchedulerError):
    """A task that is not over has this name.

    Attributes:
        name: the name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"name={self.name!r} is taken by a task that is not over: choose another, or cancel that task first"


class SchedulerFullError(SchedulerError):
    """As many tasks as the scheduler holds are not over.

    Attributes:
        capacity: how many it holds.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.capacity = capacity

    def __str__(self) -> str:
        return f"the scheduler holds {self.capacity} tasks that are not over: wait until some are, or raise its capacity"


class SchedulerClosedError(SchedulerError):
    """The scheduler is closed, or its actor has ended; it takes no more tasks.

    Attributes:
        name: of the scheduler.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"the scheduler {self.name!r} is closed: use a new Scheduler"


class NeedFailedError(SchedulerError):
    """A task that this one needs has not succeeded; this one was not begun.

    Attributes:
        need: the name of the task that was needed.
        error: what became of it, None if it could not be told.
    """

    def __init__(self, need: str, error: BaseException | None = None) -> None:
        super().__init__(need, error)
        self.need = need
        self.error = error

    def __str__(self) -> str:
        first, error = self.need, self.error
        while isinstance(error, NeedFailedError):  # a chain may be longer than the stack is deep
            first, error = error.need, error.error
        as_first = "" if first == self.need else f", because {first!r} has not"
        why = f": {type(error).__name__}: {error}" if error is not None else ""
        return f"the task {self.need!r}, which this one needs, has not succeeded{as_first}{why}"


class TaskTimeout(SchedulerError, Timeout):
    """An attempt took longer than its `timeout`.

    Attributes:
        task: the name of the task.
        seconds: the timeout.
    """

    def __init__(self, task: str, seconds: float) -> None:
        super().__init__(task, seconds)
        self.task = task
        self.seconds = seconds

    def __str__(self) -> str:
        return f"an attempt of the task {self.task!r} took longer than its timeout={self.seconds}"


class TaskDeadlineExceeded(SchedulerError, DeadlineExceeded):
    """The deadline of a run passed before its result was there, retries included.

    Attributes:
        task: the name of the task.
        seconds: the deadline, counted from when the run was due.
    """

    def __init__(self, task: str, seconds: float) -> None:
        super().__init__(task)
        self.args = (task, seconds)
        self.task = task
        self.seconds = seconds

    def __str__(self) -> str:
        return f"the task {self.task!r} had no result within its deadline={self.seconds}"


class TaskMissedError(SchedulerError):
    """A one-off task with the policy `Missed.SKIP` could not begin in time.

    Attributes:
        task: the name of the task.
        late: seconds after its time.
    """

    def __init__(self, task: str, late: float) -> None:
        super().__init__(task, late)
        self.task = task
        self.late = late

    def __str__(self) -> str:
        return f"the task {self.task!r} was missed, {self.late:.3g} seconds late: raise its grace, or use Missed.ONCE"


class AlreadyRunError(SchedulerError):
    """The run of a persistent one-off was over before: an earlier program has done it, or seen to it.

    Attributes:
        run_id: of the run.
        state: what became of it, as text: failed, interrupted, missed, ...
        why: what it failed of, as text.
    """

    def __init__(self, run_id: str, state: str, why: str | None = None) -> None:
        super().__init__(run_id, state, why)
        self.run_id = run_id
        self.state = state
        self.why = why

    def __str__(self) -> str:
        why = f": {self.why}" if self.why else ""
        return f"the run {self.run_id!r} was {self.state} in an earlier program, and is not begun again{why}"


class WorkerDiedError(SchedulerError):
    """What ran the task ended before the task did.

    Attributes:
        task: the name of the task.
        code: the exit code of a process, negative for a signal; None if it is not known, or was no process.
        why: what is known beyond that.
    """

    def __init__(self, task: str, code: int | None = None, why: str = "") -> None:
        super().__init__(task, code, why)
        self.task = task
        self.code = code
        self.why = why

    def __str__(self) -> str:
        how = "" if self.code is None else f" (signal {-self.code})" if self.code < 0 else f" (exit code {self.code})"
        why = f": {self.why}" if self.why else ""
        return f"the worker of the task {self.task!r} died before the task was done{how}{why}"


class ResultNotPicklableError(SchedulerError):
    """What a task returned or raised in a process cannot be brought over.

    Attributes:
        task: the name of the task.
        why: what is wrong, and what to do about it.
    """

    def __init__(self, task: str, why: str) -> None:
        super().__init__(task, why)
        self.task = task
        self.why = why

    def __str__(self) -> str:
        return f"the result of the task {self.task!r} cannot leave its process: {self.why}"


class StoreError(SchedulerError):
    """The store cannot be read or written.

    Attributes:
        path: of the database.
        why: what is wrong, and what to do about it.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"the store {self.path!r} {self.why}"


class StoreLockedError(StoreError):
    """Another program, or another `Store` of this one, has the database. It is theirs until they close it or end."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "is in use: one program at a time. End the other one, close its Store, or take another file")
        self.args = (path,)


class StoreVersionError(StoreError):
    """The database is none of ours, or of a version that this one does not know. It has not been touched.

    Attributes:
        found: the version of the database; None if it is no store at all.
        supported: the version that this program writes.
    """

    def __init__(self, path: str, found: int | None, supported: int) -> None:
        if found is None:
            why = "is a database of another application: take another file"
        else:
            why = f"has version {found}, and this program knows those up to {supported}: update greenroom, or take another file"
        super().__init__(path, why)
        self.args = (path, found, supported)
        self.found = found
        self.supported = supported


class StoreFullError(StoreError):
    """There is no room for a change. Nothing of it was made: what was in the store before is still there."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "has no room to grow: make room on its disk, or call forget(); nothing that was in it is lost")
        self.args = (path,)


class StoreDamagedError(StoreError):
    """The file is no database, or is damaged.

    Attributes:
        found: what is wrong with it.
    """

    def __init__(self, path: str, found: str) -> None:
        super().__init__(path, f"is damaged ({found}): put it aside and take a new file, or bring back a copy")
        self.args = (path, found)
        self.found = found
