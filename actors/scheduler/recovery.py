"""What a program finds in its store when it starts: schedules that go on, and runs that were under way when the last one ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actors.errors import ActorError
from actors.scheduler.definition import recurrence_of
from actors.scheduler.stored import EndRun, RemoveSchedule, RunState
from actors.scheduler.work import Interrupted

if TYPE_CHECKING:
    from actors.scheduler.store import Store
    from actors.scheduler.stored import Operation, RunRow, StoredSchedule

__all__ = ["RERUNS", "Found", "lost", "recover"]

RERUNS: Final = 10  # attempts of a run without a `Retry` that ends with its program each time: it may be what ends it


@dataclass(frozen=True, slots=True)
class Found:
    """A schedule that waits for its program to go on with it.

    Attributes:
        schedule: as it is in the store.
        again: runs of it that were under way, and are to begin again.
        known: when runs were due that have a row, though they came after the one that is due now: they were skipped, or overtook it.
    """

    schedule: StoredSchedule
    again: tuple[RunRow, ...] = ()
    known: frozenset[float] = frozenset()


def recover(store: Store, now: float) -> tuple[dict[str, Found], list[RunRow]]:
    """Say in the store what became of the runs that were under way.

    Args:
        store: just opened; nothing runs for it yet.
        now: seconds since the epoch.

    Returns:
        The schedules by name, and the runs that are told to be interrupted.

    Raises:
        StoreError: the store cannot be read or written.
    """
    schedules = {schedule.name: schedule for schedule in store.schedules()}
    again: dict[str, list[RunRow]] = {}
    interrupted: list[RunRow] = []
    for run in store.claimed():
        schedule = schedules.get(run.name)
        if schedule is not None and run.attempt < _attempts(schedule):
            again.setdefault(run.name, []).append(run)
        else:
            interrupted.append(run)
    operations: list[Operation] = [EndRun(run.id, RunState.INTERRUPTED, now) for run in interrupted]
    for name, schedule in list(schedules.items()):
        if schedule.due is None and name not in again and schedule.one_off:
            operations.append(RemoveSchedule(name))
            del schedules[name]
    if operations:
        store.apply(operations)
    found = {}
    for name, schedule in schedules.items():
        known = frozenset() if schedule.due is None else frozenset(store.dues(name, schedule.due))
        found[name] = Found(schedule, tuple(again.get(name, ())), known)
    return found, interrupted


def _attempts(schedule: StoredSchedule) -> int:
    """Return how many attempts a run may have if each ends with its program; 0: none of them is begun again."""
    try:
        options = json.loads(schedule.options)
        if options.get("interrupted") != Interrupted.RERUN.name:
            return 0
        return int(options["retry"]["attempts"]) if "retry" in options else RERUNS
    except (AttributeError, KeyError, TypeError, ValueError):  # by another version: whatever it was, it is told, not begun
        return 0


def lost(schedule: StoredSchedule, now: float) -> int:
    """Return how many runs of a schedule were due and will not be run, because another takes its place."""
    if schedule.due is None or schedule.due > now:
        return 0
    try:
        recurrence = recurrence_of(schedule)
    except (ActorError, ValueError):  # a zone or a form that is not known here
        recurrence = None
    return 1 + (0 if recurrence is None else recurrence.count(schedule.due, now))
