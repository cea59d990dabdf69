"""Delayed, recurring and dependent work: messages, functions, coroutines and processes, by the clock or by cron.

See `Scheduler`.
"""

from __future__ import annotations

from actors.scheduler.actor import SchedulerActor
from actors.scheduler.context import Progress, RunContext, current_run, report_progress
from actors.scheduler.cron import Cron
from actors.scheduler.errors import (
    CronError,
    CycleError,
    DuplicateTaskError,
    NeedFailedError,
    ResultNotPicklableError,
    SchedulerClosedError,
    SchedulerError,
    SchedulerFullError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreVersionError,
    TaskDeadlineExceeded,
    TaskMissedError,
    TaskTimeout,
    UnknownNeedError,
    WorkerDiedError,
)
from actors.scheduler.events import ClockJumped, RunInterrupted, RunMissed, RunSkipped, StoreFailed, TaskFailed, ThreadAbandoned
from actors.scheduler.progress import show_progress
from actors.scheduler.scheduler import Scheduler
from actors.scheduler.stats import SchedulerStats
from actors.scheduler.task import Run, RunOutcome, Task, TaskState
from actors.scheduler.work import Interrupted, Kind, Missed, Overlap, ResultOf, Retry, Work

__all__ = [
    "ClockJumped",
    "Cron",
    "CronError",
    "CycleError",
    "DuplicateTaskError",
    "Interrupted",
    "Kind",
    "Missed",
    "NeedFailedError",
    "Overlap",
    "Progress",
    "ResultNotPicklableError",
    "ResultOf",
    "Retry",
    "Run",
    "RunContext",
    "RunInterrupted",
    "RunMissed",
    "RunOutcome",
    "RunSkipped",
    "Scheduler",
    "SchedulerActor",
    "SchedulerClosedError",
    "SchedulerError",
    "SchedulerFullError",
    "SchedulerStats",
    "StoreDamagedError",
    "StoreError",
    "StoreFailed",
    "StoreFullError",
    "StoreLockedError",
    "StoreVersionError",
    "Task",
    "TaskDeadlineExceeded",
    "TaskFailed",
    "TaskMissedError",
    "TaskState",
    "TaskTimeout",
    "ThreadAbandoned",
    "UnknownNeedError",
    "Work",
    "WorkerDiedError",
    "current_run",
    "report_progress",
    "show_progress",
]
