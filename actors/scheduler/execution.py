"""One run of a task on its way, and one attempt of it. Internal: users see `Run` and `RunContext`."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from actors.scheduler.stored import run_id
from actors.scheduler.walltime import from_wall

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from actors.scheduler.alarms import Alarm, Bell
    from actors.scheduler.context import RunContext
    from actors.scheduler.stored import RunState
    from actors.scheduler.task import Task

__all__ = ["Attempt", "Claim", "Execution", "Stage"]


class Claim(Enum):
    """What the store knows of a run of a persistent task. Written by the scheduler's actor."""

    NONE = "none"  # the task is not persistent
    WANTED = "wanted"  # it has to be claimed before it begins
    AGAIN = "again"  # it was claimed by an earlier program, and has to be claimed for another attempt
    ASKED = "asked"
    HELD = "held"


class Stage(Enum):
    """Where a run is on its way. Written by the scheduler's actor."""

    READY = "ready"
    CLAIMING = "claiming"  # it has a place, and waits until the store has its claim
    RUNNING = "running"
    WAITING = "waiting"
    OVER = "over"


class Attempt:
    """One attempt of a run. Whoever pops the only item of `claim` decides: that it begins, or that it never will.

    Attributes:
        execution: the run.
        call: what is called, None for messages.
        given: its arguments, or the message, with results in place of tasks.
        context: what the code that is run sees.
        began: clock time.
        outcome: (value, error), written once by what runs it before it tells the actor; so an outcome whose notice is lost with the
            end of the actor can still be found.
        place: the ref, future or slot where it runs.
        task: of a coroutine, the asyncio.Task, on its loop.
        returned: of a function, whether it has returned. This and the next two are guarded by the lock of the books.
        abandoned: of a function, whether its thread was left behind.
        prevented: whether it was kept from beginning.
        passed_on: whether its place has gone to another run already.
    """

    __slots__ = (
        "abandoned",
        "began",
        "call",
        "claim",
        "context",
        "execution",
        "given",
        "outcome",
        "passed_on",
        "place",
        "prevented",
        "returned",
        "task",
    )

    def __init__(self, execution: Execution, call: Callable[..., Any] | None, given: Any, context: RunContext, began: float) -> None:
        self.execution = execution
        self.call = call
        self.given = given
        self.context = context
        self.began = began
        self.claim: list[None] = [None]
        self.outcome: tuple[Any, BaseException | None] | None = None
        self.place: Any = None
        self.task: Any = None
        self.abandoned = False
        self.returned = False
        self.passed_on = False
        self.prevented = False

    def take(self) -> bool:
        """Claim the beginning of the attempt; True for the first caller only, and for nobody once it was prevented."""
        try:
            self.claim.pop()
        except IndexError:
            return False
        return True

    def prevent(self) -> bool:
        """Keep the attempt from beginning; False if it has begun. Under the lock of the books, or in the turn of the actor."""
        if self.take():
            self.prevented = True
        return self.prevented


class Execution:
    """One run of a task, all of its attempts.

    Attributes:
        task: whose run it is.
        number: from 1.
        due: clock time when it was due.
        due_wall: the same by the clock on the wall, in seconds since the epoch.
        expires: clock time of its deadline.
        attempts: made so far.
        attempt: the one under way.
        stage: where it is.
        error: of the last attempt.
        began_wall: when the last attempt began, in seconds since the epoch.
        seconds: that the last attempt took.
        alarms: by what they are for; the actor's.
        claim: what the store knows of it.
        refusals: how often the store could not take its claim.
        noted: the last attempt that the store knows of, or is told of.
        left: what became of it, and its error, if that was before its claim was answered.
    """

    __slots__ = (
        "alarms",
        "attempt",
        "attempts",
        "began_wall",
        "claim",
        "due",
        "due_wall",
        "error",
        "expires",
        "left",
        "noted",
        "number",
        "refusals",
        "seconds",
        "stage",
        "task",
    )

    def __init__(self, task: Task[Any], number: int, due: float, due_wall: float, expires: float | None) -> None:
        self.task = task
        self.number = number
        self.due = due
        self.due_wall = due_wall
        self.expires = expires
        self.attempts = 0
        self.attempt: Attempt | None = None
        self.stage = Stage.READY
        self.error: BaseException | None = None
        self.began_wall: float | None = None
        self.seconds: float | None = None
        self.alarms: dict[Bell, Alarm] = {}
        self.claim = Claim.WANTED if task._options.persist else Claim.NONE
        self.refusals = 0
        self.noted = 0
        self.left: tuple[RunState, str | None] | None = None

    @property
    def due_at(self) -> datetime:
        """When it was due, as a time of day."""
        return from_wall(self.due_wall)

    @property
    def began_at(self) -> datetime | None:
        """When the last attempt began, as a time of day."""
        return None if self.began_wall is None else from_wall(self.began_wall)

    @property
    def id(self) -> str:
        """Names the run, all of its attempts; with a store also across restarts: made of the task's name and the due time."""
        options = self.task._options
        if options.persist:
            assert options.name is not None
            return run_id(options.name, self.due_wall)
        return f"{self.task.id}-{self.number}"
