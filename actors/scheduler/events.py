"""What a scheduler tells on `system.events`: frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from actors.scheduler.task import Run, Task
    from actors.scheduler.work import Missed

__all__ = [
    "ClockJumped",
    "RunInterrupted",
    "RunMissed",
    "RunSkipped",
    "ScheduleChanged",
    "ScheduleLeft",
    "StoreFailed",
    "TaskFailed",
    "ThreadAbandoned",
]


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """A run has failed for good."""

    task: Task[Any]
    run: Run[Any]


@dataclass(frozen=True, slots=True)
class RunMissed:
    """Runs could not begin in time, and will not.

    Attributes:
        task: the task.
        due: when the first of them was due.
        count: how many they are.
        policy: what has become of them; with ONCE and ALL, others were begun in their place.
    """

    task: Task[Any]
    due: datetime
    count: int
    policy: Missed


@dataclass(frozen=True, slots=True)
class RunSkipped:
    """A run was due while the last one was under way."""

    task: Task[Any]
    due: datetime


@dataclass(frozen=True, slots=True)
class RunInterrupted:
    """A run was under way when the program was killed."""

    name: str
    run_id: str


@dataclass(frozen=True, slots=True)
class ThreadAbandoned:
    """A function would not end; its thread is left behind.

    Attributes:
        task: whose function it is.
        seconds: how long it has run.
    """

    task: Task[Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class ClockJumped:
    """The wall clock was set, by `seconds` forward (or back, if negative)."""

    seconds: float


@dataclass(frozen=True, slots=True)
class StoreFailed:
    """The store could not write; what waits for it is tried again."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class ScheduleChanged:
    """A task of the store was declared in another way than before; that holds from now on.

    Attributes:
        name: of the task.
        missed: how many of its runs were due before and are not run, because it recurs in another way now.
    """

    name: str
    missed: int


@dataclass(frozen=True, slots=True)
class ScheduleLeft:
    """A task of the store was not declared by this program, and cannot go on without that. It stays in the store and is not run.

    Attributes:
        name: of the task.
        why: what is not known of it.
    """

    name: str
    why: str
