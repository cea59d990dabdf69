"""Delayed, recurring and dependent work: messages, functions, coroutines and processes, by the clock or by cron.

See `Scheduler`.
"""

from __future__ import annotations

from actors.scheduler.actor import SchedulerActor
from actors.scheduler.context import Progress, RunContext, current_run, report_progress
from actors.scheduler.cron import Cron
from actors.scheduler.errors import (
    AlreadyRunError,
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
from actors.scheduler.events import (
    ClockJumped,
    RunInterrupted,
    RunMissed,
    RunSkipped,
    ScheduleChanged,
    ScheduleLeft,
    StoreFailed,
    TaskFailed,
    ThreadAbandoned,
)
from actors.scheduler.jobs import Jobs
from actors.scheduler.progress import show_progress
from actors.scheduler.scheduler import Scheduler
from actors.scheduler.stats import SchedulerStats
from actors.scheduler.store import Store
from actors.scheduler.stored import RunState, StoredRun
from actors.scheduler.task import Run, RunOutcome, Task, TaskState
from actors.scheduler.work import Interrupted, Kind, Missed, Overlap, ResultOf, Retry, Work

__all__ = [
    "AlreadyRunError",
    "ClockJumped",
    "Cron",
    "CronError",
    "CycleError",
    "DuplicateTaskError",
    "Interrupted",
    "Jobs",
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
    "RunState",
    "ScheduleChanged",
    "ScheduleLeft",
    "Scheduler",
    "SchedulerActor",
    "SchedulerClosedError",
    "SchedulerError",
    "SchedulerFullError",
    "SchedulerStats",
    "Store",
    "StoreDamagedError",
    "StoreError",
    "StoreFailed",
    "StoreFullError",
    "StoreLockedError",
    "StoreVersionError",
    "StoredRun",
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
