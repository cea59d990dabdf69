"""The figures of a scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.scheduler.work import Kind

__all__ = ["SchedulerStats"]


@dataclass(frozen=True, slots=True)
class SchedulerStats:
    """Figures at one moment.

    Attributes:
        scheduled: tasks that wait for their time, or for other tasks.
        ready: runs that wait for a place.
        running: attempts under way, by kind.
        succeeded: runs that have succeeded.
        failed: runs that have failed for good.
        cancelled: tasks that were cancelled.
        retried: attempts that were made again.
        missed: runs that were not begun because they could not begin in time.
        skipped: runs that were not begun because the last one was under way.
        interrupted: runs that were under way when a program was killed.
        abandoned: threads that are stuck in runs that were given up.
        late: the median lateness of the last 1000 runs, in seconds.
    """

    scheduled: int
    ready: int
    running: Mapping[Kind, int]
    succeeded: int
    failed: int
    cancelled: int
    retried: int
    missed: int
    skipped: int
    interrupted: int
    abandoned: int
    late: float
