"""What a program finds in its store when it starts: schedules that go on, and runs that were under way when the last one ended."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from actors.errors import ActorError
from actors.scheduler.definition import recurrence_of
from actors.scheduler.stored import EndRun, RemoveSchedule, RunState
from actors.scheduler.work import Interrupted, Missed

if TYPE_CHECKING:
    from actors.scheduler.recurrence import Due, Recurrence
    from actors.scheduler.store import Store
    from actors.scheduler.stored import Operation, RunRow, StoredSchedule

__all__ = ["RERUNS", "Found", "lost", "recover", "unseen"]

RERUNS: Final = 10  # attempts of a run without a `Retry` that ends with its program each time: it may be what ends it
MOST_KNOWN: Final = 100_000  # times of one task that were seen to out of their order; of more, the counts of missed runs are too high


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
        known = frozenset() if schedule.due is None else _known(schedule, store.dues(name, schedule.due))
        found[name] = Found(schedule, tuple(again.get(name, ())), known)
    return found, interrupted


def _known(schedule: StoredSchedule, rows: list[tuple[float, int]]) -> frozenset[float]:
    """Return the times that rows stand for: their own, and of those that are counted the next ones that have none."""
    known = {due for due, _ in rows}
    recurrence = _recurrence(schedule)
    for due, count in rows:
        following: float | None = due
        left = count - 1 if recurrence is not None else 0
        while left and following is not None and len(known) < MOST_KNOWN:
            assert recurrence is not None
            following = recurrence.next_after(following)
            if following is not None and following not in known:
                known.add(following)
                left -= 1
    return frozenset(known)


def _recurrence(schedule: StoredSchedule) -> Recurrence | None:
    try:
        return recurrence_of(schedule)
    except (ActorError, KeyError, ValueError):  # a zone or a form that is not known here
        return None


def _attempts(schedule: StoredSchedule) -> int:
    """Return how many attempts a run may have if each ends with its program; 0: none of them is begun again."""
    try:
        options = json.loads(schedule.options)
        if options.get("interrupted") != Interrupted.RERUN.name:
            return 0
        return int(options["retry"]["attempts"]) if "retry" in options else RERUNS
    except (
        AttributeError,
        KeyError,
        OverflowError,
        RecursionError,
        TypeError,
        ValueError,
    ):  # by another version: whatever it was, it is told, not begun
        return 0


def lost(schedule: StoredSchedule, now: float) -> int:
    """Return how many runs of a schedule were due and will not be run, because another takes its place."""
    if schedule.due is None or schedule.due > now:
        return 0
    recurrence = _recurrence(schedule)
    return 1 + (0 if recurrence is None else recurrence.count(schedule.due, now))


def unseen(plan: Due, known: frozenset[float], recurrence: Recurrence, policy: Missed) -> Due:
    """Return what is to be done about a recurring task, without the runs that an earlier program has seen to.

    While one run waited for its place, those behind it were skipped, or overtook it. Killed then, it is due still, and they are not. With
    `Missed.ONCE` it begins itself if the one that would have stood for it is not to be run any more.

    Args:
        plan: what is to be done if none was seen to. The first time in it never was.
        known: the due times that were seen to.
        recurrence: of the task.
        policy: of the task.
    """
    first, last = plan.first_missed, plan.last_missed
    run = tuple(due for due in plan.run if due not in known)
    if first is None or last is None:
        return replace(plan, run=run)
    missed = plan.missed - sum(first < due <= last for due in known)
    if policy is Missed.ONCE and plan.run and not run:
        run, missed = (first,), missed - 1
        following: float | None = first
        while missed and following is not None and (following == first or following in known):
            following = recurrence.next_after(following)
        first = following
    return replace(plan, run=run, missed=missed, first_missed=first if missed else None, last_missed=last if missed else None)
