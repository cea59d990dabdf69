"""Types of schedulers: what tasks give, of every kind of work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_type

from actors import Actor, ActorRef, ActorSystem, Future, TimerMode
from actors.scheduler import (
    Cron,
    Jobs,
    Kind,
    Missed,
    Overlap,
    Progress,
    ResultOf,
    Retry,
    Run,
    RunContext,
    RunOutcome,
    Scheduler,
    SchedulerActor,
    SchedulerStats,
    Store,
    StoredRun,
    Task,
    TaskState,
    Work,
    current_run,
    report_progress,
)


def add(one: int, other: int) -> int:
    return one + other


async def fetch(name: str) -> bytes:
    return name.encode()


def work_gives_its_result(scheduler: Scheduler, ref: ActorRef[Actor]) -> None:
    assert_type(scheduler.submit(add, 1, 2), Task[int])
    assert_type(scheduler.submit(add, 1, 2, kind=Kind.PROCESS, priority=-1, deadline=2.0), Task[int])
    assert_type(scheduler.submit(fetch, "news"), Task[bytes])
    assert_type(scheduler.after(1.0, fetch, "news", retry=Retry(attempts=5, on=(OSError, ValueError))), Task[bytes])
    assert_type(scheduler.at(datetime(2026, 1, 1, tzinfo=UTC), add, 1, 2, missed=Missed.SKIP), Task[int])
    assert_type(scheduler.submit(ref, "message"), Task[Any])
    assert_type(scheduler.submit(ref, "message", kind=Kind.ASK), Task[Any])
    scheduler.submit("text")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    scheduler.submit(ref, "one", "two")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    scheduler.after("1", add, 1, 2)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


def a_recurring_task_counts_its_runs(scheduler: Scheduler, ref: ActorRef[Actor]) -> None:
    assert_type(scheduler.every(10.0, fetch, "news", mode=TimerMode.FIXED_DELAY, times=3, overlap=Overlap.QUEUE), Task[int])
    assert_type(scheduler.every(10.0, ref, "tick"), Task[int])
    assert_type(scheduler.cron("30 2 * * *", add, 1, 2, zone="Europe/Berlin"), Task[int])
    assert_type(scheduler.cron("* * * * *", ref, "tick"), Task[int])


def what_a_task_tells(task: Task[bytes]) -> None:
    assert_type(task.result(timeout=1.0), bytes)
    assert_type(task.future, Future[bytes])
    assert_type(task.stored, Future[None])
    assert_type(task.last, Run[bytes] | None)
    assert_type(task.state, TaskState)
    assert_type(task.progress, Progress | None)
    assert_type(task.next_run, datetime | None)
    assert_type(task.due_in, float | None)
    assert_type(task.cancel(), bool)
    if task.last is not None:
        assert_type(task.last.value, bytes | None)
        assert_type(task.last.outcome, RunOutcome)


async def coroutines(system: ActorSystem) -> None:
    async with Scheduler(system) as scheduler:
        assert_type(scheduler, Scheduler)
        assert_type(await scheduler.submit(fetch, "news"), bytes)
        assert_type(await scheduler.submit(add, 1, 2), int)
        assert_type(await scheduler.drain_async(timeout=1.0), bool)
    await scheduler.close_async(timeout=None)


def what_a_scheduler_tells(scheduler: Scheduler) -> None:
    assert_type(scheduler.tasks(state=TaskState.READY), list[Task[Any]])
    assert_type(scheduler.get("nightly"), Task[Any] | None)
    assert_type(scheduler.stats(), SchedulerStats)
    assert_type(scheduler.ref, ActorRef[SchedulerActor])
    assert_type(Scheduler.of(scheduler.ref), Scheduler)
    assert_type(scheduler.graph({"a": Work(add, (1, 2)), "b": Work(add, (ResultOf("a"), 1), needs=("a",))}), dict[str, Task[Any]])
    with Scheduler.of(scheduler.ref) as same:
        assert_type(same, Scheduler)


def in_a_run() -> None:
    report_progress(1, 10, "the first")
    run = current_run()
    assert_type(run, RunContext | None)
    if run is not None:
        assert_type(run.deadline, float | None)
        assert_type(run.cancelled, bool)
    assert_type(Cron("* * * * *", "UTC").next_after(0.0), float | None)


jobs = Jobs()


@jobs.register
def plain(number: int) -> str:
    return str(number)


@jobs.register(name="shop.report")
async def named(number: int) -> str:
    return str(number)


def what_survives(scheduler: Scheduler) -> None:
    assert_type(plain(1), str)
    assert_type(scheduler.submit(plain, 1, name="plain", persist=True), Task[str])
    assert_type(scheduler.submit(named, 1, name="named", persist=True), Task[str])
    assert_type(jobs.get("shop.report"), Callable[..., Any] | None)
    with Store(Path("schedules.db"), synchronous=False) as store:
        assert_type(store.history("plain", limit=1), list[StoredRun])
        assert_type(store.forget(datetime.now(UTC)), int)
